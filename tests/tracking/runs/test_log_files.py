from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.runs.console import plain_message


def test_each_run_has_its_log_files_with_what_belongs_in_them(tmp_path: Path) -> None:
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path), wandb_logging=False, tensorboard_logging=False, experiment_name="r"
    )
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 5, {"loss": 0.5, "bad": "x"})
        tracker.log_evaluation_metrics(1, 5, {"loss": 0.25})
        tracker.log_performance_metrics({"cpu_usage_percent": 40.0})
        logging.getLogger("seo_engine.test").error("❌ something failed")
    texts = {path.name.rsplit("_", 1)[0]: path.read_text() for path in (tmp_path / "r" / "logs").iterdir()}
    assert set(texts) == {"seo_engine", "errors", "training_progress", "performance_metrics"}
    assert "✅ All experiment trackers closed" in texts["seo_engine"]
    assert "⚠️ Skipping non-numeric metric training/bad: 'x' (str) (step 5, epoch 1)" in texts["seo_engine"]
    assert re.search(r"ERROR .*❌ something failed", texts["errors"]) and texts["errors"].count("\n") == 1
    assert "epoch 1 step 5 training/loss=0.5\n" in texts["training_progress"]
    assert "evaluation/loss=0.25" in texts["training_progress"]
    assert "performance/cpu_usage_percent=40" in texts["performance_metrics"]
    assert all(path.name.endswith(".log") for path in (tmp_path / "r" / "logs").iterdir())


def test_logging_is_left_as_it_was(tmp_path: Path) -> None:
    package_logger = logging.getLogger("seo_engine")
    before = (list(package_logger.handlers), package_logger.level)
    with ExperimentTracker(
        TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_logging=False, tensorboard_logging=False)
    ):
        assert package_logger.handlers
    assert (list(package_logger.handlers), package_logger.level) == before


@pytest.mark.parametrize(
    ("message", "plain"),
    [
        ("✅ ready", "ready"),
        ("⚠️ careful", "warning: careful"),
        ("❌ broken", "error: broken"),
        ("as it is", "as it is"),
    ],
)
def test_messages_are_plain_where_there_is_no_terminal(message: str, plain: str) -> None:
    assert plain_message(message) == plain
