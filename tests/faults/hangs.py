"""A tracker that hangs, and a million records."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from pathlib import Path

import psutil

from seo_engine import ExperimentTracker, MemoryTracker, TrackingConfig
from seo_engine.tracking.records.kind import Recorded, Shown
from tests.faults.outcome import Outcome
from tests.tracking.read_views import is_automatic, read_journal

# Until here caches fill; from here on memory must be flat.
WARM_UP_SHARE = 0.1
MOST_GROWTH_BYTES = 16_000_000


class HangingTracker(MemoryTracker):
    """Hangs at the first metrics that it is given."""

    def __init__(self) -> None:
        super().__init__("hanging")
        self.released = threading.Event()

    def show(self, shown: Shown, recorded: Recorded) -> None:
        """Hang."""
        if shown.kind.name == "training":
            self.released.wait()


def hanging_tracker(folder: Path, chance: random.Random, records: int = 1_000_000) -> Outcome:
    """a million records while a tracker hangs, memory flat"""
    hanging = HangingTracker()
    config = TrackingConfig(
        tensorboard_log_dir=str(folder), experiment_name="r", tensorboard_logging=False, wandb_logging=False,
        selective_logging=False, close_timeout_seconds=2,
    )  # fmt: skip
    tracker = ExperimentTracker(config, extra_trackers=[hanging])
    process = psutil.Process()
    worst, before = 0, 0
    for number in range(1, records + 1):
        started = time.perf_counter_ns()
        tracker.log_training_metrics(1, number, {"record": float(number), "loss": 0.5})
        worst = max(worst, time.perf_counter_ns() - started)
        if number == records * WARM_UP_SHARE:
            before = process.memory_info().rss
    growth = process.memory_info().rss - before
    tracker.close()
    state = tracker.delivery["hanging"]
    directory = tracker.run_directory
    assert directory is not None
    kept: list[int] = []
    automatic = 0
    for _, record in read_journal(directory):
        if is_automatic(record):
            automatic += 1
        elif "metrics" in record:
            kept.append(int(record["metrics"]["training/record"]))
    # Its thread would read at the same time.
    hanging.released.set()
    outcome = Outcome(
        tries=1,
        records=records,
        worst_call_seconds=worst * 1e-9,
        remark=f"{growth / 1e6:+.1f} MB from record {int(records * WARM_UP_SHARE):,} to {records:,}",
    )
    outcome.compare("journal", Counter(range(1, records + 1)), Counter(kept))
    # The run's beginning and its end are records too, and so is what it logs by itself.
    if not state.accepted == state.pending + state.delivered == records + 2 + automatic:
        outcome.faults.append(f"{state} does not add up; {folder}")
    if growth > MOST_GROWTH_BYTES:
        outcome.faults.append(f"memory grew: {outcome.remark}")
    return outcome
