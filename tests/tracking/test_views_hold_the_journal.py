"""Each value of the journal stands in the event files and in the `.wandb` file, and with thinning what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest

from seo_engine.tracking import ExperimentTracker, TrackingConfig
from seo_engine.tracking.records.metrics import nonfinite_numbers
from seo_engine.tracking.records.profiling.profiling_metrics import profiling_metrics
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.read_views import metric_records, read_journal, read_tensorboard, read_wandb, wandb_text


def track_a_run(config: TrackingConfig, steps: int = 130) -> Path:
    with ExperimentTracker(config) as tracker:
        tracker.log_hyperparameters({"learning_rate": 0.001, "optimizer": "adamw"})
        for step in range(1, steps + 1):
            metrics = {
                "loss": 1 / step,
                "accuracy": step / (step + 1),
                "gradient_norm": step * 0.1,
                "weight_norm": 10.0 + step,
                "tokens_per_second": 100.0 + step,
                "teacher/loss": numpy.float64(step) / 3,
            }
            if step == 7:
                metrics["loss"] = float("nan")
            tracker.log_training_metrics(epoch=1 + step // 50, step=step, metrics=metrics)
            if step % 3 == 0:
                tracker.log_performance_metrics({"cpu_usage": step / 2, "memory_usage": step * 3})
            if step % 40 == 0:
                tracker.log_evaluation_metrics(epoch=1, step=step, metrics={"loss": 2 / step, "pages": step})
        tracker.log_text("note", "the last words")
        tracker.log_profiling_data(
            {"timings": {"forward_pass": 0.25}, "memory": {"forward_pass": 1.5}, "bottlenecks": []}
        )
        directory = tracker.run_directory
    assert directory is not None
    for state in tracker.delivery.values():
        assert state.accepted == state.delivered + sum(state.dropped.values()) + state.pending
        assert state.pending == 0 and not state.dropped
    return directory


def expected_points(
    run_directory: Path, shown: Any = lambda record, name: True
) -> dict[str, list[tuple[int, int, float]]]:
    """Name -> (record number, step, value) of every value of the journal that a view should show."""
    points: dict[str, list[tuple[int, int, float]]] = {}
    for number, record in read_journal(run_directory):
        if record["kind"] == "profiling":
            values, _ = profiling_metrics(record["profiling_data"])
        else:
            values = {**record.get("metrics", {}), **nonfinite_numbers(record.get("nonfinite", {}))}
        for name, value in values.items():
            if shown(record, name):
                points.setdefault(name, []).append((number, record["step"], value))
    return points


@pytest.mark.parametrize("asynchronous", [True, False], ids=["asynchronous", "synchronous"])
def test_views_hold_each_value_of_the_journal_exactly(tmp_path: Path, asynchronous: bool) -> None:
    directory = track_a_run(
        TrackingConfig(
            tensorboard_log_dir=str(tmp_path / "runs"),
            asynchronous_logging=asynchronous,
            selective_logging=False,
            skip_nonfinite_metrics=False,
        )
    )
    expected = expected_points(directory)
    assert len(expected["training/loss"]) == 130 and len(expected["evaluation/loss"]) == 3
    times = {number: record["time"] for number, record in read_journal(directory)}

    tensorboard = read_tensorboard(directory)
    in_tensorboard = {
        tag: [(scalar.record, scalar.step, scalar.value) for scalar in scalars]
        for tag, scalars in tensorboard.scalars.items()
    }
    rounded = {
        name: [(number, step, float(numpy.float32(value))) for number, step, value in points]
        for name, points in expected.items()
    }
    numpy.testing.assert_equal(in_tensorboard, rounded)
    assert all(scalar.wall_time == times[scalar.record] for each in tensorboard.scalars.values() for scalar in each)

    wandb = read_wandb(directory / "wandb")
    in_wandb: dict[str, list[tuple[int, int, float]]] = {}
    for row in wandb.rows:
        for name, value in row.items():
            if ("/" in name and not isinstance(value, str | dict)) or value in ("NaN", "Infinity", "-Infinity"):
                in_wandb.setdefault(name, []).append((row["_step"], row["global_step"], float(value)))
    numpy.testing.assert_equal(in_wandb, expected)
    assert all(row["_timestamp"] == times[row["_step"]] for row in wandb.rows)
    assert {row["epoch"] for row in wandb.rows} == {1, 2, 3}
    assert wandb.exit_code == 0


def test_one_record_is_one_event(tmp_path: Path) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path / "runs"), wandb_logging=False, selective_logging=False)
    directory = track_a_run(config)
    shown = sum(bool(record["metrics"]) for _, record in metric_records(directory))
    # Beside the metrics: configuration, surroundings, hyperparameters, text, profiling, status.
    assert read_tensorboard(directory).events == shown + 6


def test_views_show_by_default_what_the_selection_says(tmp_path: Path) -> None:
    directory = track_a_run(TrackingConfig(tensorboard_log_dir=str(tmp_path / "runs"), **ONLY_WHAT_IS_LOGGED))
    high = {"training/loss", "training/accuracy", "teacher/loss", "training/tokens_per_second"}
    medium = {"training/gradient_norm", "training/weight_norm"}
    training_steps = {
        **{name: list(range(1, 131)) for name in high},
        # First, every tenth step after it, and the last.
        **{name: [*range(1, 130, 10), 130] for name in medium},
        # Logged at every third step: first, a hundred steps later, and the last.
        "performance/cpu_usage": [3, 105, 129],
        "performance/memory_usage": [3, 105, 129],
        "evaluation/loss": [40, 80, 120],
        "evaluation/pages": [40, 80, 120],
        "profiling/timing/forward_pass": [130],
        "profiling/memory/forward_pass": [130],
    }
    # The value that is not finite is left out of the views.
    training_steps["training/loss"].remove(7)

    tensorboard = read_tensorboard(directory)
    assert {tag: [scalar.step for scalar in each] for tag, each in tensorboard.scalars.items()} == training_steps
    wandb_steps: dict[str, list[int]] = {}
    for row in read_wandb(directory / "wandb").rows:
        for name, value in row.items():
            if "/" in name and not isinstance(value, str | dict):
                wandb_steps.setdefault(name, []).append(row["global_step"])
    assert wandb_steps == training_steps

    # The journal keeps every value all the same.
    journal = [name for _, record in metric_records(directory) for name in record["metrics"]]
    assert journal.count("training/gradient_norm") == 130
    assert [r["nonfinite"] for _, r in metric_records(directory) if "nonfinite" in r] == [{"training/loss": "NaN"}]


def test_texts_hyperparameters_and_configuration_reach_both_views(tmp_path: Path) -> None:
    directory = track_a_run(TrackingConfig(tensorboard_log_dir=str(tmp_path / "runs")), steps=3)
    tensorboard = read_tensorboard(directory)
    assert tensorboard.texts["text/note"] == ["the last words"]
    assert "| learning_rate | 0.001 |" in tensorboard.texts["experiment/hyperparameters"][0]
    assert "| seo_engine.wandb_project | seo-engine-experiments |" in tensorboard.texts["experiment/configuration"][0]
    wandb = read_wandb(directory / "wandb")
    texts = [wandb_text(directory / "wandb", row["text/note"]) for row in wandb.rows if "text/note" in row]
    assert texts == ["the last words"]
    assert wandb.config["seo_engine"]["experiment_logging_interval"] == 10
    # Beside wandb's own part, what the user logged and nothing else.
    assert {name: value for name, value in wandb.config.items() if name not in ("seo_engine", "_wandb")} == {
        "learning_rate": 0.001, "optimizer": "adamw",
    }  # fmt: skip
