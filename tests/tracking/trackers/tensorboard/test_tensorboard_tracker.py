from __future__ import annotations

import logging
import shutil
import time
from pathlib import Path
from unittest.mock import MagicMock, patch

import pytest

from seo_engine import TensorBoardTracker, TrackingConfig
from tests.tracking.killing import delete_folder
from tests.tracking.read_views import read_tensorboard
from tests.tracking.showing import show


@pytest.fixture
def config(tmp_path: Path) -> TrackingConfig:
    return TrackingConfig(tensorboard_log_dir=str(tmp_path / "runs"))


def test_tensorboard_tracker_setup_success(config: TrackingConfig, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        tracker = TensorBoardTracker(config)
    assert tracker.writer is not None
    assert f"✅ TensorBoard initialized: {tracker.run_directory}" in caplog.messages
    tracker.close()


@patch("torch.utils.tensorboard.SummaryWriter", side_effect=OSError("disk full"))
def test_tensorboard_tracker_setup_failure_handling(
    mock_summary_writer: MagicMock, config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        tracker = TensorBoardTracker(config)
        tracker.log_training_metrics(epoch=1, step=100, metrics={"loss": 0.5})
        tracker.flush()
        tracker.close()
    mock_summary_writer.assert_called_once()
    assert tracker.writer is None
    assert "❌ TensorBoard setup failed: disk full" in caplog.messages
    assert "TensorBoard is not available, skipping training logging" in caplog.messages


@patch("torch.utils.tensorboard.SummaryWriter")
def test_tensorboard_tracker_logging_failure_handling(
    mock_summary_writer: MagicMock, config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = TensorBoardTracker(config)
    mock_summary_writer.return_value.file_writer.add_event.side_effect = OSError("disk full")
    with caplog.at_level(logging.DEBUG):
        tracker.log_training_metrics(epoch=1, step=100, metrics={"loss": 0.5})
    assert "❌ TensorBoard training logging failed: disk full" in caplog.messages
    assert "Failed at epoch 1, step 100" in caplog.messages


@patch("torch.utils.tensorboard.SummaryWriter")
def test_tensorboard_tracker_gives_the_configured_queue_and_flush(
    mock_summary_writer: MagicMock, tmp_path: Path
) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), tensorboard_flush_secs=7, tensorboard_max_queue=3)
    TensorBoardTracker(config)
    assert mock_summary_writer.call_args.kwargs["flush_secs"] == 7
    assert mock_summary_writer.call_args.kwargs["max_queue"] == 3


def test_setup_tensorboard_tries_again_after_a_failure(config: TrackingConfig) -> None:
    with patch("torch.utils.tensorboard.SummaryWriter", side_effect=OSError("disk full")):
        tracker = TensorBoardTracker(config)
    tracker.setup_tensorboard()
    assert tracker.writer is not None
    tracker.close()


def test_stand_alone_metrics_are_validated_and_written_at_once(
    config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with TensorBoardTracker(config) as tracker:
        tracker.log_training_metrics(1, 5, {"loss": 0.5, "bad": "text", "gone": float("nan")})
        tracker.log_performance_metrics({"cpu_usage_percent": 40.0})
        tracker.log_profiling_data({"timings": {"forward_pass": 0.25}})
        tracker.flush()
        assert tracker.run_directory is not None
        view = read_tensorboard(tracker.run_directory)
    assert {tag: (each[0].step, each[0].value) for tag, each in view.scalars.items()} == {
        "training/loss": (5, 0.5),
        "performance/cpu_usage_percent": (5, 40.0),
        "profiling/timing/forward_pass": (5, 0.25),
    }
    assert "⚠️ Skipping non-numeric metric training/bad: 'text' (str) (step 5, epoch 1)" in caplog.messages
    assert "⚠️ Skipping invalid metric training/gone: nan (step 5, epoch 1)" in caplog.messages


def test_the_same_mistake_at_every_step_is_said_once(config: TrackingConfig, caplog: pytest.LogCaptureFixture) -> None:
    with TensorBoardTracker(config) as tracker:
        for step in range(5):
            tracker.log_training_metrics(epoch=float("nan"), step=step, metrics={"loss": 0.5})
            tracker.log_training_metrics(epoch=1, step=step + 0.5, metrics={"loss": 0.5})  # type: ignore[arg-type]
    said = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert len(said) == 2 and "epoch must be a finite number" in said[0] and "step must be a whole number" in said[1]


def test_slow_logging_is_warned_of(config: TrackingConfig, caplog: pytest.LogCaptureFixture) -> None:
    config.slow_logging_threshold_seconds = 0.01
    with (
        TensorBoardTracker(config) as tracker,
        patch.object(tracker, "_write", side_effect=lambda *arguments: time.sleep(0.02)),
    ):
        tracker.log_training_metrics(1, 1, {"loss": 0.5, "accuracy": 0.5})
    assert any("⚠️ Slow logging detected" in message and "2 training values" in message for message in caplog.messages)


def test_records_written_into_a_deleted_folder_that_is_there_again_do_not_hide_those_before(tmp_path: Path) -> None:
    tracker = TensorBoardTracker(TrackingConfig(), tmp_path / "r")

    def log(number: int) -> None:
        show(tracker, number, float(number), kind="training", epoch=1, step=number, metrics={"training/loss": 0.5})

    tracker.setup()
    log(1)
    tracker.flush()
    # A batch is under way while the journal's upkeep makes the folder anew.
    delete_folder(tmp_path / "r")
    (tmp_path / "r").mkdir()
    log(2)
    tracker.flush()
    tracker.abandon()
    tracker.setup()
    for number in (1, 2, 3):
        log(number)
    tracker.close()
    assert [point.step for point in read_tensorboard(tmp_path / "r").scalars["training/loss"]] == [1, 2, 3]


def test_a_file_of_another_program_is_left_where_it_is(tmp_path: Path) -> None:
    foreign = tmp_path / "r" / "events.out.tfevents.1000000000.elsewhere"
    foreign.parent.mkdir()
    foreign.write_bytes(b"not what an event file holds")
    TensorBoardTracker(TrackingConfig(), tmp_path / "r").setup()
    assert foreign.exists()


def test_a_folder_that_is_deleted_before_a_late_point_is_written_does_not_count_as_the_view(tmp_path: Path) -> None:
    steps = {1: 1, 2: 10, 3: 4, 4: 20, 5: 15}

    def deliver(tracker: TensorBoardTracker, *numbers: int) -> None:
        for number in numbers:
            metrics = {"training/loss": float(number)}
            show(tracker, number, 1.0, kind="training", epoch=1, step=steps[number], metrics=metrics)

    config = TrackingConfig(tensorboard_log_dir=str(tmp_path))
    first = TensorBoardTracker(config, tmp_path / "r")
    first.setup()
    deliver(first, 1, 2, 3)
    first.close()
    second = TensorBoardTracker(config, tmp_path / "r")
    second.setup()
    # The worker begins anew; the view holds all of these.
    deliver(second, 1, 2, 3, 4)
    shutil.rmtree(tmp_path / "r" / "late")
    with pytest.raises(FileNotFoundError):
        deliver(second, 5)
    third = TensorBoardTracker(config, tmp_path / "r")
    third.setup()
    deliver(third, *steps)
    third.close()
    late = read_tensorboard(tmp_path / "r" / "late").scalars["training/loss"]
    assert [scalar.record for scalar in late] == [3, 5]
