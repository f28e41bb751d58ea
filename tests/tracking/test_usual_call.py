"""What may go wrong within one call that logs metrics: the clock, the mapping, and the folder are not ours."""

from __future__ import annotations

import time
from collections import UserDict
from collections.abc import ItemsView
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking import logging_calls
from tests.tracking.read_views import read_journal


@pytest.fixture
def config(tmp_path: Path) -> TrackingConfig:
    return TrackingConfig(
        experiment_name="r", tensorboard_log_dir=str(tmp_path / "runs"), wandb_logging=False, tensorboard_logging=False
    )


def recorded(tracker: ExperimentTracker) -> list[tuple[int, dict[str, float]]]:
    assert tracker.run_directory is not None
    records = [record for _, record in read_journal(tracker.run_directory) if record["kind"] == "training"]
    return [(record["step"], record["metrics"]) for record in records]


class Twice(UserDict[str, float]):
    """Has two values of each name, as a form that was sent by a browser may."""

    def items(self) -> Any:
        return [*self.data.items(), *self.data.items()]

    def __len__(self) -> int:
        return 2 * len(self.data)


class Slow(dict[str, float]):
    """Takes a moment to say what it holds, and says so a number of times only."""

    def __init__(self, values: dict[str, float], seconds: float, times: int) -> None:
        super().__init__(values)
        self.seconds = seconds
        self.times = times

    def items(self) -> ItemsView[str, float]:
        time.sleep(self.seconds)
        self.times -= 1
        if self.times < 0:
            raise RuntimeError("no more")
        return super().items()


def test_a_clock_that_stands_still_has_each_call_recorded_once(
    config: TrackingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def standing() -> int:
        return 5

    monkeypatch.setattr(time, "perf_counter_ns", standing)
    monkeypatch.setattr(logging_calls, "_now", standing)
    with ExperimentTracker(config) as tracker:
        for step in (1, 2, 3):
            tracker.log_metrics({"loss": float(step)})
    assert recorded(tracker) == [(step, {"training/loss": float(step)}) for step in (1, 2, 3)]


def test_two_values_of_one_name_in_a_mapping_are_told(config: TrackingConfig, caplog: pytest.LogCaptureFixture) -> None:
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics({"loss": 0.5})
        tracker.log_metrics(Twice({"loss": 1.0}))
    assert recorded(tracker) == [(1, {"training/loss": 0.5}), (2, {"training/loss": 1.0})]
    assert "Metric training/loss has several values in one call" in caplog.text


def test_both_looks_at_the_metrics_count_as_time_of_the_call(
    config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    config = replace(config, slow_logging_threshold_seconds=0.15)
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics(Slow({"loss": 0.5, "accuracy": 1}, seconds=0.1, times=3))
    assert "Slow logging detected" in caplog.text


def test_a_slow_mapping_that_cannot_be_counted_ends_nothing(config: TrackingConfig) -> None:
    config = replace(config, slow_logging_threshold_seconds=0.001)
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics(Slow({"loss": 0.5}, seconds=0.01, times=2))
    assert recorded(tracker) == [(1, {"training/loss": 0.5})]


def test_an_attached_process_that_may_not_look_for_the_journal_still_writes_to_it(
    config: TrackingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(path: Path, **_: Any) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    with ExperimentTracker(config) as tracker:
        assert tracker.run_directory is not None
        attached = ExperimentTracker.attach(tracker.run_directory)
        with monkeypatch.context() as patched:
            patched.setattr(Path, "exists", refuses)
            for step in (1, 2):
                attached.log_metrics({"loss": float(step)})
        attached.close()
    assert recorded(tracker) == [(1, {"training/loss": 1.0}), (2, {"training/loss": 2.0})]
