"""What one call costs that logs a picture or a table, in a process of its own."""

from __future__ import annotations

import itertools
import os
import random
import statistics
import string
import sys
import time
from collections.abc import Callable

import numpy

from benchmarks.measurements import write_result

# Between two bursts, what is done in the background comes to its end: on two cores it would be measured, too.
PAUSE_SECONDS = 2.0
CALLS_IN_A_BURST = 12

# Calls of a burst before those that count: the first ones open files, import libraries, and find cold caches.
WARM_UP = 2

PIXELS = numpy.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype="uint8")
COLUMNS = ["loss", "class", "prompt", "score", "label"]

Call = Callable[[int], object]


def table_rows() -> list[list[object]]:
    """Return 1,000 rows of five cells: numbers and texts."""
    chance = random.Random(0)
    letters = string.ascii_lowercase + " "
    return [
        [chance.random(), chance.randrange(10), "".join(chance.choices(letters, k=20)), chance.random(), "cat"]
        for _ in range(1_000)
    ]


ROWS = table_rows()


def one_write() -> Call:
    """Write the bytes of the picture to a file, and nothing else."""
    descriptor = os.open("pixels", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    data = memoryview(PIXELS)
    return lambda step: os.write(descriptor, data)


def our_image() -> Call:
    """Log the picture with both trackers on."""
    tracker = _tracker()
    return lambda step: tracker.log_image("sample", PIXELS, step=step)


def our_table() -> Call:
    """Log the table with both trackers on."""
    tracker = _tracker()
    return lambda step: tracker.log_table("rows", ROWS, step=step, columns=COLUMNS)


def _tracker():  # type: ignore[no-untyped-def]
    from seo_engine import ExperimentTracker, TrackingConfig

    tracker = ExperimentTracker(TrackingConfig(wandb_mode="offline", print_summary=False))
    tracker.flush()
    return tracker


def both_sdks_image() -> Call:
    """Log the picture to W&B and to TensorBoard, one after the other."""
    run, writer, wandb = _sdks()

    def call(step: int) -> None:
        run.log({"sample": wandb.Image(PIXELS)})
        writer.add_image("sample", PIXELS, step, dataformats="HWC")

    return call


def both_sdks_table() -> Call:
    """Log the table to W&B and, as Markdown, to TensorBoard, one after the other."""
    run, writer, wandb = _sdks()

    def call(step: int) -> None:
        run.log({"rows": wandb.Table(columns=COLUMNS, data=ROWS)})
        lines = [f"| {' | '.join(map(str, row))} |" for row in [COLUMNS, ["---"] * len(COLUMNS), *ROWS]]
        writer.add_text("rows", "\n".join(lines), step)

    return call


def _sdks():  # type: ignore[no-untyped-def]
    os.environ["WANDB_SILENT"] = "true"
    import wandb
    from torch.utils.tensorboard import SummaryWriter

    return wandb.init(mode="offline", dir="."), SummaryWriter("tensorboard"), wandb


CALLS = {call.__name__: call for call in (one_write, our_image, our_table, both_sdks_image, both_sdks_table)}


def main(name: str, number: int) -> None:
    """Measure bursts of calls, and write the median and the 99th percentile of a call in microseconds."""
    call = CALLS[name]()
    microseconds: list[float] = []
    for step in itertools.count():
        started = time.perf_counter_ns()
        call(step)
        taken = (time.perf_counter_ns() - started) / 1_000
        place = step % (WARM_UP + CALLS_IN_A_BURST)
        if place >= WARM_UP:
            microseconds.append(taken)
        if len(microseconds) == number:
            break
        if place == WARM_UP + CALLS_IN_A_BURST - 1:
            time.sleep(PAUSE_SECONDS)
    write_result({"median": statistics.median(microseconds), "p99": statistics.quantiles(microseconds, n=100)[98]})
    # What is in the background need not be delivered.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[3]))
