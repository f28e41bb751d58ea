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

from seo_engine import ExperimentTracker, MemoryTracker, TrackingConfig
from tests.tracking.read_views import read_journal, read_tensorboard, read_wandb


@pytest.fixture
def config(tmp_path: Path) -> TrackingConfig:
    # Almost all is said of the journal, and a run costs much less without W&B's process.
    return TrackingConfig(
        experiment_name="r",
        tensorboard_log_dir=str(tmp_path / "runs"),
        wandb_logging=False,
        wandb_mode="offline",
        print_summary=False,
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
    config.wandb_logging = True
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
    assert numbers[2][2] == {"circle/loss": 1.0}
    assert "Skipping non-numeric metric optimizer/name: 'adam' (str) (step 2, epoch 1)" in caplog.text
    assert "a name must be a text, got ('a', 'b') (tuple) (step 2, epoch 1)" in caplog.text
    assert "Skipping non-numeric metric circle/again: a dict" in caplog.text


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
        tracker.log_metrics({"loss": 0.5}, step=torch.ones(2))  # type: ignore[arg-type]
        # Of the other calls, the step is part.
        tracker.log_training_metrics(1, None, {"loss": 0.5})  # type: ignore[arg-type]
        tracker.log_metrics({"loss": 0.5})
    assert "Skipping a call of log_metrics: metrics must be a dictionary, got 1 (int)" in caplog.text
    assert "Skipping a call of log_metrics: step must be a whole number, got 1.5 (float)" in caplog.text
    assert "Skipping a call of log_metrics: epoch must be a number, got 'one' (str)" in caplog.text
    assert "Skipping a call of log_training_metrics: step must be a whole number, got None" in caplog.text
    assert "Not recorded: 5 × misuse" in caplog.text
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


def test_an_epoch_that_is_not_finite_is_refused_and_the_last_one_stays(
    config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics({"loss": 0.5}, epoch=2)
        for epoch in (float("nan"), float("inf"), 10**30):
            tracker.log_metrics({"loss": 0.4}, epoch=epoch)
        tracker.log_text("note", "text", epoch=float("nan"))
        tracker.log_metrics({"loss": 0.3})
    assert [(epoch, metrics) for epoch, _, metrics in recorded(tracker.run_directory)] == [
        (2, {"training/loss": 0.5}),
        (2, {"training/loss": 0.3}),
    ]
    assert "log_metrics: epoch must be a finite number, got nan (float)" in caplog.text
    assert "log_text: epoch must be a finite number" in caplog.text and "Not recorded: 4 × misuse" in caplog.text


def test_a_dictionary_that_holds_itself_many_times_costs_little(config: TrackingConfig) -> None:
    circle: dict[str, Any] = {"loss": 1.0}
    circle |= {f"again_{number}": circle for number in range(10)}
    # Without a circle, but of ten to the tenth values.
    tower: dict[str, Any] = {"loss": 1.0}
    for _ in range(9):
        tower = {str(number): tower for number in range(10)}
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics(circle)
        tracker.log_metrics(tower)
        tracker.log_metrics({"loss": 0.5})
    assert [metrics for _, _, metrics in recorded(tracker.run_directory)] == [
        {"training/loss": 1.0},
        {"training/loss": 0.5},
    ]


def test_two_values_of_one_name_are_told_and_counted(config: TrackingConfig, caplog: pytest.LogCaptureFixture) -> None:
    with ExperimentTracker(config) as tracker:
        for _ in range(2):
            # The second time, the names are known.
            tracker.log_metrics({"loss": 1.0, "training/loss": 2.0})
        tracker.log_metrics({"val": {"acc": 1.0}, "val/acc": float("nan")})
        tracker.log_metrics({"0": 1.0, 0: 2.0})  # type: ignore[dict-item]
        tracker.log_metrics({"0": 1.0, 0: 2.0})  # type: ignore[dict-item]
    numbers = [metrics for _, _, metrics in recorded(tracker.run_directory)]
    assert numbers == [{"training/loss": 2.0}] * 2 + [{}] + [{"training/0": 1.0}] * 2
    assert caplog.text.count("Metric training/loss has several values in one call, the last one is kept (step 1") == 1
    assert "3 × given twice (training/loss, val/acc), 2 × invalid name (0)" in caplog.text


def test_two_values_of_one_name_are_told_if_each_spelling_is_known(
    config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with ExperimentTracker(config) as tracker:
        for metrics in ({"loss": 1.0}, {"training/loss": 2.0}, {"training/loss": 3.0}, {"loss": 4.0}):
            tracker.log_metrics(metrics)
        tracker.log_metrics({"loss": 5.0, "training/loss": 6.0})
    assert [metrics["training/loss"] for _, _, metrics in recorded(tracker.run_directory)] == [1.0, 2.0, 3.0, 4.0, 6.0]
    assert "Metric training/loss has several values in one call, the last one is kept (step 5" in caplog.text


def test_a_filter_by_priority_takes_nested_dictionaries_too(config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics_with_priority({"val": {"loss": 1.0, "reward": 2.0}}, priority="high")
    assert recorded(tracker.run_directory) == [(0, 0, {"val/loss": 1.0})]


def test_a_filter_by_priority_does_not_raise_at_a_dictionary_that_cannot_be_read(
    config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(UserDict[str, float]):
        def items(self) -> Any:
            raise RuntimeError("not now")

    with ExperimentTracker(config) as tracker:
        tracker.log_metrics_with_priority(Failing(loss=1.0), priority="high")
        tracker.log_metrics_with_priority({"layer": {str(number): 1.0 for number in range(100_001)}}, priority="low")
    assert "Skipping a call of log_metrics_with_priority: not now" in caplog.text
    assert "metrics must be at most 100,000" in caplog.text and "Not recorded: 2 × misuse" in caplog.text


def test_the_step_that_counts_follows_the_last_one_that_was_given(config: TrackingConfig) -> None:
    step = torch.tensor(5)
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics({"loss": 0.5}, step=2**62)
        tracker.log_metrics({"loss": 0.5}, step=10)
        tracker.log_metrics({"loss": 0.5})
        tracker.log_metrics({"loss": 0.5}, step=step)  # type: ignore[arg-type]
        tracker.log_metrics({"loss": 0.5})
    with ExperimentTracker(config, resume="r", step=0) as tracker:
        tracker.log_metrics({"loss": 0.5})
    assert [step for _, step, _ in recorded(tracker.run_directory)] == [2**62, 10, 11, 5, 6, 0]


def test_a_tracker_used_directly_counts_too_and_outlives_a_bad_step() -> None:
    tracker = MemoryTracker()
    tracker.log_metrics({"loss": 0.5}, step="x")  # type: ignore[arg-type]
    for _ in range(2):
        tracker.log_metrics({"loss": 0.5})
    assert [arguments["step"] for _, arguments in tracker.calls] == ["x", 1, 2]


@pytest.mark.parametrize("is_closed", [True, False])
def test_without_a_run_no_lock_is_taken_that_a_fork_could_inherit(config: TrackingConfig, is_closed: bool) -> None:
    tracker = ExperimentTracker(config if is_closed else TrackingConfig(experiment_tracking_enabled=False))
    tracker.close()
    with tracker._steps._lock:
        thread = threading.Thread(target=tracker.log_metrics, args=({"loss": 0.5},), daemon=True)
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
