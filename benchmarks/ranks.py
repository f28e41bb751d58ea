"""Measures what many ranks cost: `python -m benchmarks.ranks`, twenty minutes.

A call on a rank is compared with one of a process that trains alone. Then real processes log at a pace, as the ranks of
a job, while the child of rank 0 delivers to TensorBoard and W&B (offline). Its figures stand in docs/scale.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.machine import describe_machine
from benchmarks.processes import SOURCES, measured
from benchmarks.rank_capacity import measure_capacity
from benchmarks.rank_tables import capacity_table, delivery_table, rank_calls_table
from benchmarks.report import OURS, RESULTS, as_markdown, origin_line
from benchmarks.rounds import Figures, measure_in_turn, note, small_step_milliseconds
from benchmarks.rows import versions

# Processes alternate, because a machine differs by more than this from minute to minute.
ROUNDS = 5
CALLS = {"back_to_back": 2000, "steps_2ms": 700}

# Figures of the start are left out: imports, and the first event files.
WARM_SECONDS = 20.0

LONGEST_DELIVERY_SECONDS = 120.0

# What each rank runs: its folder, `rank_metrics`, records a second, and how many records.
RANK = """
import sys, time
from seo_engine import ExperimentTracker, TrackingConfig

folder, rank_metrics, rate, records = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
config = TrackingConfig(
    experiment_name="job", tensorboard_log_dir=folder, rank_metrics=rank_metrics, wandb_mode="offline",
    selective_logging=False,
    close_timeout_seconds=300,
)
with ExperimentTracker(config) as tracker:
    began = time.monotonic()
    for step in range(1, records + 1):
        time.sleep(max(0.0, began + step / rate - time.monotonic()))
        metrics = {"loss": 1 / step, "accuracy": 0.5, "learning_rate": 1e-4, "gradient_norm": 1.5, "tokens": step}
        tracker.log_training_metrics(0, step, metrics)
"""


class Delivery(NamedTuple):
    """Ranks that log at a pace."""

    ranks: int
    rate: float
    seconds: float
    rank_metrics: str


class Caller(NamedTuple):
    """A process whose calls are timed; without a rank, it trains alone."""

    name: str
    environment: dict[str, str]
    distribution: str | None = None
    is_installed: bool = True


DELIVERIES = (
    Delivery(8, 50, 60, "first"),
    Delivery(8, 50, 60, "all"),
    Delivery(8, 50, 60, "reduced"),
    Delivery(64, 10, 600, "reduced"),
)

CALLERS = (
    Caller("alone", {}),
    Caller("rank_0", {"RANK": "0", "WORLD_SIZE": "2", "SEO_ENGINE_RUN": "job"}),
    Caller("rank_1", {"RANK": "1", "WORLD_SIZE": "2", "SEO_ENGINE_RUN": "job"}),
)


def main() -> None:
    """Measure, print, and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a fifth of the time, and the results are not saved")
    arguments = parser.parse_args()
    share = 0.2 if arguments.short else 1.0
    figures: Figures = {"machine": describe_machine(), "versions": versions(), "rounds": ROUNDS}
    figures["calls"] = measure_calls(1 if arguments.short else ROUNDS)
    figures["capacity"] = measure_capacity()
    figures["deliveries"] = []
    for delivery in DELIVERIES:
        shorter = delivery._replace(seconds=delivery.seconds * share)
        print(f"{shorter.ranks} ranks, {shorter.rate:g} records/s each, {shorter.seconds:g} s ...", file=sys.stderr)
        figures["deliveries"].append(measure_delivery(shorter))
    if not arguments.short:
        results = json.loads(RESULTS.read_text(encoding="utf-8"))
        RESULTS.write_text(json.dumps(results | {"ranks": figures}, indent=2) + "\n", encoding="utf-8")
    print(f"{origin_line(figures)}\n\n{as_markdown(rank_calls_table(figures))}\n")
    print(f"{as_markdown(delivery_table(figures))}\n\n{as_markdown(capacity_table(figures))}")


def measure_calls(rounds: int) -> dict[str, Figures]:
    """Return what a call costs in each process, in microseconds."""
    repeats = max(1, round(2.0 / small_step_milliseconds()))

    def measure_round(caller: Caller, figures: Figures) -> None:
        for situation, calls in CALLS.items():
            further = (repeats,) if situation == "steps_2ms" else ()
            how = "between_steps" if further else "back_to_back"
            with _environment(caller.environment), measured(OURS, how, calls, *further) as (said, _):
                note(figures.setdefault(situation, {}), **said.result)

    return measure_in_turn(CALLERS, rounds, measure_round, lambda caller, figures: None)


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


def measure_delivery(delivery: Delivery) -> Figures:
    """Return what became of the records of some ranks, and what the child of rank 0 took for them."""
    records = round(delivery.rate * delivery.seconds)
    with tempfile.TemporaryDirectory(prefix="seo_engine_benchmark_") as folder:
        ranks = [_start_rank(folder, rank, delivery, records) for rank in range(delivery.ranks)]
        try:
            figures = _watch(ranks, delivery)
            figures["lost"] = _count_lost(Path(folder) / "job", delivery, records)
        finally:
            for rank in ranks:
                rank.kill()
                rank.wait()
    return {**delivery._asdict(), "records": delivery.ranks * records, **figures}


def _start_rank(folder: str, rank: int, delivery: Delivery, records: int) -> subprocess.Popen[bytes]:
    variables = {"RANK": str(rank), "WORLD_SIZE": str(delivery.ranks), "SEO_ENGINE_RUN": "job"}
    arguments = [folder, delivery.rank_metrics, str(delivery.rate), str(records)]
    return subprocess.Popen(
        [sys.executable, "-c", RANK, *arguments],
        env=os.environ | variables | {"PYTHONPATH": SOURCES, "OMP_NUM_THREADS": "1", "HOME": folder},
        cwd=folder,
        stderr=subprocess.DEVNULL,
    )


def _watch(ranks: list[subprocess.Popen[bytes]], delivery: Delivery) -> Figures:
    """Look once a second at what delivers, until every rank has ended."""
    began = time.monotonic()
    warm_seconds = min(WARM_SECONDS, delivery.seconds / 2)
    looks: list[tuple[float, float, float]] = []
    while any(rank.poll() is None for rank in ranks):
        time.sleep(1.0)
        if time.monotonic() - began > delivery.seconds + delivery.ranks * 3 + LONGEST_DELIVERY_SECONDS:
            break
        looks.append((time.monotonic(), *_use(ranks[0].pid)))
    middle = [look for look in looks if look[0] - began > warm_seconds and look[1]]
    # The last seconds are those of closing.
    middle = middle[: max(2, len(middle) - 5)]
    tenth = max(1, len(middle) // 10)
    processor_seconds = middle[-1][1] - middle[0][1]
    return {
        "processor_percent": 100 * processor_seconds / (middle[-1][0] - middle[0][0]),
        "memory_mb_early": max(look[2] for look in middle[:tenth]),
        "memory_mb_late": max(look[2] for look in middle[-tenth:]),
    }


def _use(first_rank: int) -> tuple[float, float]:
    """Return processor seconds, and megabytes of memory, of what rank 0 has started."""
    seconds = megabytes = 0.0
    with contextlib.suppress(psutil.Error):
        for each in psutil.Process(first_rank).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                times = each.cpu_times()
                seconds += times.user + times.system
                megabytes += each.memory_info().rss / 1e6
    return seconds, megabytes


def _count_lost(run: Path, delivery: Delivery, records: int) -> int:
    """Return how many records of the training the journals lack, and how many points TensorBoard's view."""
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    journals = run.glob("journal.rank-*.jsonl")
    written = sum(1 for path in journals for line in path.open("rb") if b'"training/loss"' in line)
    events = (event for path in run.glob("events.out.*") for event in LegacyEventFileLoader(str(path)).Load())
    points = sum(value.tag.endswith("training/loss") for event in events for value in event.summary.value)
    curves = delivery.ranks if delivery.rank_metrics == "all" else 1
    return delivery.ranks * records - written + curves * records - points


if __name__ == "__main__":
    main()
