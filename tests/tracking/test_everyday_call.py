"""`log_metrics`: names as given, nested dictionaries, and steps that count themselves."""

from __future__ import annotations

import multiprocessing
import threading
from collections import UserDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seo_engine import ExperimentTracker, TrackingConfig
from tests.tracking.read_views import read_journal, read_tensorboard, read_wandb


@pytest.fixture
def config(tmp_path: Path) -> TrackingConfig:
    return TrackingConfig(
        experiment_name="r", tensorboard_log_dir=str(tmp_path / "runs"), wandb_mode="offline", print_summary=False
    )


def recorded(folder: Path) -> list[tuple[float, int, dict[str, float]]]:
    """Return epoch, step and metrics of each record of training metrics."""
    records = [record for _, record in read_journal(folder) if record["kind"] == "training"]
    return [(record["epoch"], record["step"], record["metrics"]) for record in records]


def test_names_are_those_that_are_given_and_a_bare_one_gets_the_group_of_training(config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics({"loss": 0.5, "val/acc": 0.9, "reward": np.float32(2)}, step=7, epoch=3)
    assert recorded(tracker.run_directory) == [(3, 7, {"training/loss": 0.5, "val/acc": 0.9, "training/reward": 2.0})]


def test_the_step_counts_itself_from_one_and_goes_on_behind_a_given_one(config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics({"loss": 0.5})
        tracker.log_metrics({"loss": 0.4})
        tracker.log_metrics({"loss": 0.3}, step=10, epoch=2)
        tracker.log_metrics({"loss": 0.2})
        tracker.log_training_metrics(3, 20, {"loss": 0.1})
        tracker.log_metrics({"loss": 0.0})
    assert [(epoch, step) for epoch, step, _ in recorded(tracker.run_directory)] == [
        (0, 1), (0, 2), (2, 10), (2, 11), (3, 20), (3, 21),
    ]  # fmt: skip


def test_the_step_goes_on_in_a_resumed_run(config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:
        for _ in range(5):
            tracker.log_metrics({"loss": 0.5})
    with ExperimentTracker(config, resume="r") as tracker:
        tracker.log_metrics({"loss": 0.4})
    with ExperimentTracker(config, resume="r", step=3) as tracker:
        tracker.log_metrics({"loss": 0.3})
        tracker.log_metrics({"loss": 0.2})
    assert [step for _, step, _ in recorded(tracker.run_directory)] == [1, 2, 3, 4, 5, 6, 3, 4]
    rows = read_wandb(tracker.run_directory).rows
    assert [row["global_step"] for row in rows if "training/loss" in row] == [1, 2, 3, 4, 5, 6, 3, 4]


def test_nested_dictionaries_get_names_with_slashes(config: TrackingConfig, caplog: pytest.LogCaptureFixture) -> None:
    circle: dict[str, Any] = {"loss": 1.0}
    circle["again"] = circle
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics(
            {"val": {"acc": 0.9, "recall": {0: 0.8, 1: torch.tensor(0.7)}}, "train": UserDict(loss=0.5)}
        )
        tracker.log_training_metrics(1, 2, {"optimizer": {"groups": {"0": 0.1}, "name": "adam"}, "empty": {}})
        tracker.log_evaluation_metrics(1, 2, {"bleu": {"en": 0.3}, "odd": {("a", "b"): 1.0}})
        tracker.log_metrics({"circle": circle}, step=3)
    numbers = recorded(tracker.run_directory)
    assert [{name: round(value, 3) for name, value in metrics.items()} for _, _, metrics in numbers[:2]] == [
        {"val/acc": 0.9, "val/recall/0": 0.8, "val/recall/1": 0.7, "train/loss": 0.5},
        {"optimizer/groups/0": 0.1},
    ]
    assert [
        record["metrics"] for _, record in read_journal(tracker.run_directory) if record["kind"] == "evaluation"
    ] == [{"bleu/en": 0.3}]
    assert "circle/again/again/loss" in numbers[2][2]
    assert "Skipping non-numeric metric optimizer/name: 'adam' (str) (step 2, epoch 1)" in caplog.text
    assert "a name must be a text, got ('a', 'b') (tuple) (step 2, epoch 1)" in caplog.text
    assert "circle/again/again" in caplog.text


def test_the_last_value_of_a_thinned_metric_in_a_dictionary_is_shown(config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:
        for step in range(15):
            tracker.log_metrics({"layer": {"weight_norm": float(step)}}, step=step)
    points = read_tensorboard(tracker.run_directory).scalars["layer/weight_norm"]
    assert [point.step for point in points] == [0, 10, 14]


def test_a_mistake_names_the_call_and_does_not_raise(config: TrackingConfig, caplog: pytest.LogCaptureFixture) -> None:
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics(1, 100)  # type: ignore[arg-type]
        tracker.log_metrics({"loss": 0.5}, step=1.5)  # type: ignore[arg-type]
        tracker.log_metrics({"loss": 0.5}, epoch="one")  # type: ignore[arg-type]
        tracker.log_metrics({"loss": 0.5})
    assert "Skipping a call of log_metrics: metrics must be a dictionary, got 1 (int)" in caplog.text
    assert "Skipping a call of log_metrics: step must be a whole number, got 1.5 (float)" in caplog.text
    assert "Skipping a call of log_metrics: epoch must be a number, got 'one' (str)" in caplog.text
    assert "Not recorded: 3 × misuse" in caplog.text
    assert len(recorded(tracker.run_directory)) == 1


def test_threads_that_log_at_the_same_time_get_a_step_each(config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:

        def log() -> None:
            for _ in range(200):
                tracker.log_metrics({"loss": 0.5})

        threads = [threading.Thread(target=log) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(step for _, step, _ in recorded(tracker.run_directory)) == list(range(1, 1601))


def test_a_fork_while_a_thread_counts_does_not_hang_the_child(config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:
        with tracker._steps._lock:
            child = multiprocessing.get_context("fork").Process(target=tracker.log_metrics, args=({"child/loss": 0.5},))
            # A fork in another thread, which does not own the lock.
            starting = threading.Thread(target=child.start)
            starting.start()
            starting.join()
        child.join(30)
        assert child.exitcode == 0
    assert [metrics for _, _, metrics in recorded(tracker.run_directory)] == [{"child/loss": 0.5}]


def test_without_a_run_nothing_is_counted_and_nothing_raised(tmp_path: Path) -> None:
    tracker = ExperimentTracker(TrackingConfig(experiment_tracking_enabled=False))
    tracker.log_metrics({"loss": 0.5})
    assert tracker.global_step == 0 and not list(tmp_path.iterdir())
