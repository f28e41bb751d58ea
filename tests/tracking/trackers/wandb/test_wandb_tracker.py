from __future__ import annotations

import logging
from pathlib import Path
from unittest.mock import MagicMock, patch

import pytest

from seo_engine import TrackingConfig, WandBTracker
from seo_engine.tracking.trackers.wandb import fragments as wandb_fragments
from seo_engine.tracking.trackers.wandb.fragments import Fragment, read_fragment
from tests.tracking.read_views import read_wandb, wandb_text
from tests.tracking.showing import show


@pytest.fixture
def config(tmp_path: Path) -> TrackingConfig:
    return TrackingConfig(tensorboard_log_dir=str(tmp_path / "runs"))


@patch("wandb.init", side_effect=RuntimeError("the server is down"))
def test_wandb_tracker_setup_failure_handling(
    mock_wandb_init: MagicMock, config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        tracker = WandBTracker(config)
        tracker.log_training_metrics(epoch=1, step=100, metrics={"loss": 0.5})
        tracker.close()
    mock_wandb_init.assert_called_once()
    assert tracker.run is None
    assert "❌ Weights & Biases setup failed: the server is down" in caplog.messages
    assert "Weights & Biases is not available, skipping training logging" in caplog.messages


@patch("wandb.init")
def test_wandb_tracker_logging_failure_handling(
    mock_wandb_init: MagicMock, config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = WandBTracker(config)
    mock_wandb_init.return_value.log.side_effect = ConnectionResetError("wandb-core is gone")
    with caplog.at_level(logging.DEBUG):
        tracker.log_training_metrics(epoch=1, step=100, metrics={"loss": 0.5})
    assert "❌ Weights & Biases training logging failed: wandb-core is gone" in caplog.messages


@patch("wandb.init")
def test_wandb_tracker_gives_the_configured_project(mock_wandb_init: MagicMock, tmp_path: Path) -> None:
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path), wandb_project="shop", wandb_entity="team", wandb_tags=["a"],
        wandb_mode="offline",
    )  # fmt: skip
    WandBTracker(config)
    given = mock_wandb_init.call_args.kwargs
    assert {name: given[name] for name in ("project", "entity", "tags", "mode")} == {
        "project": "shop", "entity": "team", "tags": ["a"], "mode": "offline",
    }  # fmt: skip


@patch("wandb.init")
def test_mode_auto_is_online_with_a_key_and_offline_without(
    mock_wandb_init: MagicMock, config: TrackingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    WandBTracker(config)
    assert mock_wandb_init.call_args.kwargs["mode"] == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
    WandBTracker(config)
    assert mock_wandb_init.call_args.kwargs["mode"] == "online"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    WandBTracker(config)
    assert mock_wandb_init.call_args.kwargs["mode"] == "disabled"


@patch("wandb.init")
def test_mode_online_without_a_key_is_an_error_and_never_a_prompt(
    mock_wandb_init: MagicMock, config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    config.wandb_mode = "online"
    assert WandBTracker(config).run is None
    mock_wandb_init.assert_not_called()
    assert any("no API key is configured" in message for message in caplog.messages)


def test_stand_alone_rows_stand_in_the_wandb_file(config: TrackingConfig) -> None:
    with WandBTracker(config) as tracker:
        tracker.log_hyperparameters({"learning_rate": 0.001})
        tracker.log_training_metrics(1, 5, {"loss": 0.5, "bad": None, "gone": float("nan")})
        tracker.log_training_metrics(1, 3, {"loss": 0.25})
        tracker.log_evaluation_metrics(1, 5, {"loss": 0.75})
        tracker.log_text("note", "hello")
        details = tracker.details()
    assert details["mode"] == "offline" and "url" not in details
    view = read_wandb(Path(details["directory"]))
    named = [{name: value for name, value in row.items() if not name.startswith("_")} for row in view.rows]
    assert named == [
        {"training/loss": 0.5, "epoch": 1, "global_step": 5},
        # A step that goes back is kept.
        {"training/loss": 0.25, "epoch": 1, "global_step": 3},
        {"evaluation/loss": 0.75, "epoch": 1, "global_step": 5},
        {"text/note": named[-1]["text/note"], "epoch": 1, "global_step": 5},
    ]
    assert wandb_text(Path(details["directory"]).parent, named[-1]["text/note"]) == "hello"
    assert view.config["learning_rate"] == 0.001 and view.exit_code == 0


def test_a_run_that_the_environment_disables_says_so_and_names_no_place(
    config: TrackingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    with WandBTracker(config) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
        assert tracker.details().keys() == {"mode", "name", "id"} and tracker.details()["mode"] == "disabled"


def test_a_run_that_failed_is_closed_as_failed(config: TrackingConfig) -> None:
    with pytest.raises(ValueError), WandBTracker(config) as tracker:
        directory = Path(tracker.details()["directory"])
        raise ValueError
    assert read_wandb(directory).exit_code == 1


def test_closing_waits_for_the_end_of_a_file_that_is_written_late(
    config: TrackingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Fragment] = []

    def read_too_early_at_first(path: Path) -> Fragment:
        # `finish` returned, but wandb-core has not written the end of its file yet.
        reads.append(read_fragment(path) if len(reads) > 2 else Fragment(7, 0, 0, ended=False))
        return reads[-1]

    monkeypatch.setattr(wandb_fragments, "read_fragment", read_too_early_at_first)
    tracker = WandBTracker(config, config_directory(config), run_id="1a2b3c4d")
    tracker.setup()
    show(tracker, 3, 1.0, kind="training", epoch=1, step=1, metrics={"loss": 0.5})
    tracker.close()
    assert reads[-1].ended and reads[-1].last_record == 3


def config_directory(config: TrackingConfig) -> Path:
    directory = Path(config.tensorboard_log_dir) / "r"
    directory.mkdir(parents=True)
    return directory


def test_rows_logged_through_the_run_itself_and_rows_of_a_run_before_are_all_kept(config: TrackingConfig) -> None:
    with WandBTracker(config, config_directory(config), run_id="1a2b3c4d") as tracker:
        tracker.setup()
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
        assert tracker.run is not None
        for value in range(3):
            tracker.run.log({"own": value})
        tracker.log_training_metrics(1, 2, {"loss": 0.25})
    with WandBTracker(config, Path(config.tensorboard_log_dir) / "r", run_id="1a2b3c4d") as tracker:
        tracker.setup()
        tracker.log_training_metrics(1, 3, {"loss": 0.125})
    rows = read_wandb(Path(config.tensorboard_log_dir) / "r" / "wandb").rows
    assert [row["training/loss"] for row in rows if "training/loss" in row] == [0.5, 0.25, 0.125]
    assert [row["own"] for row in rows if "own" in row] == [0, 1, 2]
