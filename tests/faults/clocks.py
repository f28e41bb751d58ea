"""Clocks that are set back."""

from __future__ import annotations

import random
import time
from functools import partial
from pathlib import Path

from tests.faults.outcome import Outcome, examine
from tests.faults.training import Training

HOUR = 3600.0

_true_time = time.time


def set_back(folder: Path, chance: random.Random) -> Outcome:
    """the clock set back by an hour in the midst, everything killed, then `runs recover` by the clock that is behind"""
    first = chance.randint(100, 500)
    training = Training(folder, partial(_clock_ahead_until, first))
    with training:
        training.wait_for_calls(first + chance.randint(10, 500))
        training.kill_everything()
    training.recover()
    outcome = examine(training, kills=1, status="killed")
    outcome.faults += _misnamed(training.directory)
    return outcome


def _clock_ahead_until(first: int, record: int) -> None:
    # The machine's own clock is not ours to set: the training is told another time.
    time.time = _true_time if record >= first else lambda: _true_time() + HOUR


def _misnamed(directory: Path) -> list[str]:
    """Return the event files whose name is before that of one with earlier records: readers go by the names."""
    from seo_engine.tracking.trackers.tensorboard.event_files import newest_record

    found, newest = [], 0
    for path in sorted(directory.glob("events.out.tfevents.*")):
        record = newest_record(path)
        if record and record < newest:
            found.append(f"{path} is read too late")
        newest = max(newest, record)
    return found
