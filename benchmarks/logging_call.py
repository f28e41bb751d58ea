"""What one logging call of five floats costs the caller: `python benchmarks/logging_call.py`.

Back to back, and between steps of a training, which leave the caches cold and the other threads busy. Every row is
measured in a process of its own, the rows in turn over several rounds; the figure is the median of the rounds'
medians. Compare the ratios: the microseconds depend on the machine.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

ROUNDS = 5
CALLS = {"back to back": 2000, "between steps": 300}
METRICS = {"loss": 0.5, "accuracy": 0.25, "learning_rate": 1e-4, "gradient_norm": 1.5, "weight_norm": 10.0}


def floor() -> Callable[[int], Any]:
    """A copy of the dictionary appended to a deque: all lost with the process."""
    from collections import deque

    kept: deque[Any] = deque()
    return lambda step: kept.append((step, METRICS.copy()))


def seo_engine_tracker() -> Callable[[int], Any]:
    """ExperimentTracker with TensorBoard, W&B and profiler on."""
    from seo_engine import ExperimentTracker, SEOConfig

    tracker = ExperimentTracker(SEOConfig(wandb_mode="offline"))
    # The trackers' imports are over, so that they are not measured as part of a call.
    tracker.log_training_metrics(0, 0, METRICS)
    tracker.flush()
    return lambda step: tracker.log_training_metrics(1, step, METRICS)


def summary_writer() -> Callable[[int], Any]:
    """SummaryWriter.add_scalar, five times."""
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter("direct")

    def log(step: int) -> None:
        for name, value in METRICS.items():
            writer.add_scalar(f"training/{name}", value, global_step=step)

    return log


def wandb_log() -> Callable[[int], Any]:
    """wandb.log, offline."""
    import wandb

    run = wandb.init(mode="offline", settings=wandb.Settings(silent=True, console="off"))
    return lambda step: run.log({f"training/{name}": value for name, value in METRICS.items()}, step=step)


def both_directly() -> Callable[[int], Any]:
    """SummaryWriter and wandb.log, one after the other."""
    writer, run = summary_writer(), wandb_log()

    def log(step: int) -> None:
        writer(step)
        run(step)

    return log


ROWS = (floor, seo_engine_tracker, summary_writer, wandb_log, both_directly)


def training_step() -> Callable[[], Any]:
    """Return a step of a small training, of about two milliseconds."""
    import torch

    torch.set_num_threads(1)
    model = torch.nn.Sequential(torch.nn.Linear(256, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10))
    optimizer = torch.optim.AdamW(model.parameters())
    inputs, targets = torch.randn(64, 256), torch.randint(0, 10, (64,))

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()

    return step


def measure(name: str, situation: str) -> float:
    """Return the median of one row's calls, in microseconds."""
    before = training_step() if situation == "between steps" else lambda: None
    log = {row.__name__: row for row in ROWS}[name]()
    durations = []
    for step in range(1, CALLS[situation] + 1):
        before()
        started = time.perf_counter_ns()
        log(step)
        durations.append(time.perf_counter_ns() - started)
    return statistics.median(durations) / 1000


def measure_in_processes(situation: str) -> dict[str, float]:
    """Return the median of each row, in microseconds, by its name."""
    medians: dict[str, list[float]] = {row.__name__: [] for row in ROWS}
    for _ in range(ROUNDS):
        for row in ROWS:
            with tempfile.TemporaryDirectory() as folder:
                finished = subprocess.run(
                    [sys.executable, __file__, row.__name__, situation],
                    cwd=folder, capture_output=True, text=True, check=True,
                )  # fmt: skip
            medians[row.__name__].append(json.loads(finished.stdout.splitlines()[-1]))
    return {name: statistics.median(values) for name, values in medians.items()}


def main() -> None:
    """Measure every row and print the table."""
    for situation in CALLS:
        medians = measure_in_processes(situation)
        ours = medians[seo_engine_tracker.__name__]
        print(f"{'median of five floats, ' + situation:68} {'µs':>8} {'times ours':>11}")
        for row in ROWS:
            median = medians[row.__name__]
            print(f"{str(row.__doc__).rstrip('.'):68} {median:8.1f} {median / ours:11.1f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(*sys.argv[1:])))
    else:
        main()
