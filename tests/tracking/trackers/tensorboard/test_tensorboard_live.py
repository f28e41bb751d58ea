"""What TensorBoard's live server shows of a run, while it grows and afterwards."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from seo_engine import ExperimentTracker, TensorBoardTracker, TrackingConfig
from seo_engine.tracking.trackers.tensorboard.late_points import MOST_LATE_DIRECTORIES
from tests.tracking.read_views import assert_each_value_once, read_tensorboard
from tests.tracking.tensorboard_server import TensorBoardServer


def config(tmp_path: Path) -> TrackingConfig:
    return TrackingConfig(
        tensorboard_log_dir=str(tmp_path / "runs"), wandb_logging=False, selective_logging=False, experiment_name="r"
    )


def test_a_view_is_live_while_the_run_goes_on(tmp_path: Path) -> None:
    with TensorBoardServer(tmp_path / "runs") as server, ExperimentTracker(config(tmp_path)) as tracker:
        for step in range(1, 4):
            tracker.log_training_metrics(1, step, {"loss": step / 2})
            # Nothing is flushed or closed: it comes by itself.
            server.wait_for_scalars("r", "training/loss", [(each, each / 2) for each in range(1, step + 1)])


def test_late_steps_are_all_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    steps = [1, 2, 3, 10, 4, 5, 11, 2, 1]
    with ExperimentTracker(config(tmp_path)) as tracker:
        for step in steps:
            tracker.log_training_metrics(1, step, {"loss": step / 2, "accuracy": 0.5})
    with TensorBoardServer(tmp_path / "runs") as server:
        shown = {
            "r": [1, 2, 3, 10, 11],
            "r/late": [4, 5],
            "r/late_2": [2],
            "r/late_3": [1],
        }
        assert sorted(step for each in shown.values() for step in each) == sorted(steps)
        for run, expected in shown.items():
            server.wait_for_scalars(run, "training/loss", [(step, step / 2) for step in expected])
    (said,) = [message for message in caplog.messages if "r/late" in message]
    assert "training/loss was logged at step 4 after step 10" in said


def test_the_same_step_again_replaces_its_point_and_makes_no_run(tmp_path: Path) -> None:
    with TensorBoardServer(tmp_path / "runs") as server, ExperimentTracker(config(tmp_path)) as tracker:
        for step, loss in ((1, 1.0), (2, 0.5), (2, 0.25)):
            tracker.log_training_metrics(1, step, {"loss": loss})
            # Live, while the point that is replaced is shown already.
            server.wait_for_scalars("r", "training/loss", [(1, 1.0), (step, loss)][step == 1 :])
        tracker.log_evaluation_metrics(1, 2, {"loss": 0.75})
        tracker.log_evaluation_metrics(1, 2, {"loss": 0.75, "accuracy": 0.5})
        server.wait_for_scalars("r", "evaluation/accuracy", [(2, 0.5)])
    with TensorBoardServer(tmp_path / "runs") as server:
        server.wait_for_scalars("r", "training/loss", [(1, 1.0), (2, 0.25)])
        server.wait_for_scalars("r", "evaluation/loss", [(2, 0.75)])
    assert not list((tmp_path / "runs" / "r").glob("late*"))
    # An equal value is not written again; its record counts as delivered all the same.
    written = read_tensorboard(tmp_path / "runs" / "r").scalars
    assert [(each.step, each.value) for each in written["evaluation/loss"]] == [(2, 0.75)]
    assert tracker.delivery["tensorboard"].pending == 0 and not tracker.delivery["tensorboard"].dropped
    assert_each_value_once(tmp_path / "runs" / "r")


def test_a_resumed_training_writes_an_equal_value_of_a_superseded_point(tmp_path: Path) -> None:
    with ExperimentTracker(config(tmp_path)) as tracker:
        tracker.log_training_metrics(1, 5, {"loss": 0.5})
    with ExperimentTracker(config(tmp_path), resume="r", step=5) as tracker:
        tracker.log_training_metrics(1, 5, {"loss": 0.5})
    with TensorBoardServer(tmp_path / "runs") as server:
        server.wait_for_scalars("r", "training/loss", [(5, 0.5)])


def test_a_resumed_training_shows_no_doubled_stretch(tmp_path: Path) -> None:
    with ExperimentTracker(config(tmp_path)) as tracker:
        for step in range(1, 11):
            tracker.log_training_metrics(1, step, {"loss": float(step), "forgotten": 1.0})
    with TensorBoardServer(tmp_path / "runs") as server:
        server.wait_for_scalars("r", "training/loss", [(step, float(step)) for step in range(1, 11)])
        with ExperimentTracker(config(tmp_path), resume="r", step=6) as tracker:
            for step in range(6, 13):
                tracker.log_training_metrics(1, step, {"loss": step / 10})
        expected = [(step, float(step)) for step in range(1, 6)]
        expected += [(step, float(numpy.float32(step / 10))) for step in range(6, 13)]
        server.wait_for_scalars("r", "training/loss", expected)
    # A server that is started now shows the same.
    with TensorBoardServer(tmp_path / "runs") as server:
        server.wait_for_scalars("r", "training/loss", expected)
    # And the slow loader, which looks for what SummaryWriter writes for `purge_step`.
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(tmp_path / "runs" / "r"))
    accumulator.Reload()
    assert [(event.step, event.value) for event in accumulator.Scalars("training/loss")] == expected
    assert [event.step for event in accumulator.Scalars("training/forgotten")] == [1, 2, 3, 4, 5]


def test_steps_that_go_back_again_and_again_stay_in_bounds_and_in_the_files(tmp_path: Path) -> None:
    times = MOST_LATE_DIRECTORIES + 10
    with TensorBoardTracker(config(tmp_path)) as tracker:
        for step in range(times, 0, -1):
            tracker.log_training_metrics(1, step, {"loss": 0.5})
    folders = sorted((tmp_path / "runs" / "r").glob("late*"))
    assert len(folders) == MOST_LATE_DIRECTORIES
    files = [tmp_path / "runs" / "r", *folders]
    assert sum(len(read_tensorboard(folder).scalars["training/loss"]) for folder in files) == times
