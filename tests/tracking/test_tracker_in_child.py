"""What a training sees of a tracker that a child process runs."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from seo_engine import ExperimentTracker, TrackingConfig, WandBTracker
from seo_engine.tracking.delivery.child.tracker_in_child import TrackerInChild


def test_the_wandb_tracker_of_an_asynchronous_run_says_where_it_is_and_how_it_fares(tmp_path: Path) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_mode="offline", experiment_name="r")
    with ExperimentTracker(config) as tracker:
        wandb = tracker.wandb_tracker
        assert isinstance(wandb, TrackerInChild) and wandb.run is None
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
        assert tracker.flush()
        assert wandb.available and wandb.last_error is None and not wandb.stop_requested
        details = wandb.details()
        assert details["mode"] == "offline" and Path(details["directory"]).is_relative_to(tmp_path / "r" / "wandb")
        assert "in a child process: open, mode offline" in repr(wandb) and details["directory"] in repr(wandb)
    assert not wandb.available and "closed" in repr(wandb)
    assert repr(wandb).count(f"{tracker.delivery['wandb'].delivered} of ") == 1


def test_what_keeps_it_from_opening_is_said(tmp_path: Path) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_mode="online", close_timeout_seconds=5)
    tracker = ExperimentTracker(config)
    assert not tracker.flush(timeout_seconds=5)
    wandb = tracker.wandb_tracker
    assert wandb is not None and not wandb.available
    assert "not open yet" in repr(wandb) and "set-up failed" in repr(wandb)
    tracker.close()


def test_a_call_on_it_is_answered_with_the_way_to_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_mode="offline", tensorboard_logging=False)
    with ExperimentTracker(config) as tracker, caplog.at_level(logging.WARNING):
        assert tracker.wandb_tracker is not None
        tracker.wandb_tracker.log_training_metrics(1, 1, {"loss": 0.5})
        tracker.wandb_tracker.log_text("note", "hello")
    said = [message for message in caplog.messages if "log through the ExperimentTracker" in message]
    assert len(said) == 1 and "wandb is open in a child process" in said[0]


def test_synchronous_logging_has_the_tracker_itself_and_no_tracker_is_none(tmp_path: Path) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_mode="offline", asynchronous_logging=False)
    with ExperimentTracker(config) as tracker:
        assert isinstance(tracker.wandb_tracker, WandBTracker) and tracker.wandb_tracker.run is not None
        assert tracker.tensorboard_tracker is not None and tracker.tensorboard_tracker.writer is not None
    off = TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_logging=False, tensorboard_logging=False)
    with ExperimentTracker(off) as tracker:
        assert tracker.wandb_tracker is None and tracker.tensorboard_tracker is None
    with ExperimentTracker(TrackingConfig(experiment_tracking_enabled=False)) as tracker:
        assert tracker.wandb_tracker is None and tracker.run_directory is None and tracker.delivery == {}
