"""The summary of a run: what the training says, and what the rules make of its metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.views import summary_values
from seo_engine.tracking.views.summary_values import SummaryValues
from tests.tracking.logged_media import config
from tests.tracking.read_views import read_tensorboard, read_wandb

RULES = {
    "summary_best_metrics": ["val/*"],
    "summary_last_metrics": ["training/*"],
    "summary_mean_metrics": ["loss"],
    "summary_minimum_metrics": ["training/rate"],
    "summary_maximum_metrics": ["training/rate"],
}


def log(tracker: Any) -> None:
    for step, (loss, accuracy) in enumerate([(4.0, 0.5), (1.0, 0.9), (2.0, 0.6)], start=1):
        metrics = {"loss": loss, "rate": step * 10, "val/acc": accuracy, "val/loss": loss, "val/color": 7}
        tracker.log_metrics(metrics, step=step)


EXPECTED = {
    "best/val/acc": 0.9, "best/val/loss": 1.0, "mean/val/loss": 7 / 3, "last/training/loss": 2.0,
    "mean/training/loss": 7 / 3, "last/training/rate": 30, "minimum/training/rate": 10, "maximum/training/rate": 30,
}  # fmt: skip


def test_both_views_have_what_the_training_says_and_what_the_rules_make_of_all_values(tmp_path: Path) -> None:
    # Thinned metrics are summarised as they were logged.
    settings = config(
        tmp_path, wandb_mode="offline", low_priority_metrics=["rate"], experiment_logging_interval=5, **RULES
    )
    with ExperimentTracker(settings) as tracker:
        log(tracker)
        tracker.log_summary({"test_accuracy": 0.5, "verdict": "https://me:hunter2@h"})
        tracker.log_summary({"test_accuracy": 0.75})
    run = tmp_path / "r"
    summary = read_wandb(run / "wandb").summary
    said = {"test_accuracy": 0.75, "verdict": "https://[redacted]@h"}
    assert {name: summary[name] for name in (*EXPECTED, *said)} == pytest.approx(EXPECTED | said)
    assert "best/val/color" not in summary
    tables = read_tensorboard(run).texts["experiment/summary"]
    assert "| test_accuracy | 0.5 |" in tables[0] and "| test_accuracy | 0.75 |" in tables[1]
    # At the end with all that the rules make of the metrics.
    assert {"| test_accuracy | 0.75 |", "| best/val/acc | 0.9 |", "| last/training/loss | 2.0 |"} <= {
        *tables[-1].splitlines()
    }
    (log_file,) = (run / "logs").glob("training_progress_*.log")
    assert "best/val/acc=0.9" in log_file.read_text() and "summary test_accuracy=0.75" in log_file.read_text()


def test_what_a_resumed_run_logs_again_does_not_count(tmp_path: Path) -> None:
    with ExperimentTracker(config(tmp_path, wandb_logging=False, **RULES)) as tracker:
        log(tracker)
    with ExperimentTracker(config(tmp_path, wandb_logging=False, **RULES), resume="r", step=2) as tracker:
        tracker.log_metrics({"loss": 6.0, "val/acc": 0.25}, step=2)
    newest = read_tensorboard(tmp_path / "r").texts["experiment/summary"][-1].splitlines()
    assert "| mean/training/loss | 5.0 |" in newest and "| best/val/acc | 0.5 |" in newest


def test_without_a_rule_nothing_is_summarised(tmp_path: Path) -> None:
    with ExperimentTracker(config(tmp_path, wandb_logging=False)) as tracker:
        log(tracker)
    assert "experiment/summary" not in read_tensorboard(tmp_path / "r").texts


def test_of_many_values_the_older_ones_are_kept_as_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary_values, "MOST_KEPT_VALUES", 10)
    rules = {f"summary_{rule}_metrics": ["loss"] for rule in ("best", "last", "mean", "minimum", "maximum")}
    summary = SummaryValues(TrackingConfig(**rules))
    values = [float((7 * step) % 101) for step in range(1, 101)]
    for step, value in enumerate(values, start=1):
        summary.take(step, {"training/loss": value, "training/other": 1.0})
    expected = {
        "best": 0,
        "last": values[-1],
        "mean": sum(values) / 100,
        "minimum": min(values),
        "maximum": max(values),
    }
    expected["best"] = min(values)
    assert summary.values() == {f"{rule}/training/loss": value for rule, value in expected.items()}
    summary.rewind(99)
    assert summary.values()["mean/training/loss"] == pytest.approx(sum(values[:98]) / 98)
    # Nobody knows any more what came before.
    summary.rewind(5)
    assert summary.values() == {}


def test_values_that_are_not_finite_are_left_out() -> None:
    summary = SummaryValues(TrackingConfig(summary_mean_metrics=["loss"]))
    for step, value in enumerate([float("nan"), 1.0, float("inf"), 3.0]):
        summary.take(step, {"training/loss": value})
    assert summary.values() == {"mean/training/loss": 2.0}
