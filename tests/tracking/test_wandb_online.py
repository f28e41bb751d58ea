"""W&B's online path, against a real local server."""

from __future__ import annotations

from pathlib import Path

import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from tests.tracking.wandb_server import WandBServer


def track(tmp_path: Path) -> ExperimentTracker:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path / "runs"), tensorboard_logging=False)
    with ExperimentTracker(config) as tracker:
        for step in range(20):
            tracker.log_training_metrics(1, step, {"loss": 1 / (step + 1)})
    return tracker


@pytest.mark.parametrize("answers_nonsense", [False, True], ids=["healthy", "core_panics"])
def test_rows_reach_the_server_or_the_end_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, answers_nonsense: bool
) -> None:
    with WandBServer("nonsense" if answers_nonsense else None) as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
        with caplog.at_level("INFO"):
            tracker = track(tmp_path)
        state = tracker.delivery["wandb"]
        succeeded = "✅ All experiment trackers closed" in caplog.messages
        if answers_nonsense:
            assert state.last_error is not None and not succeeded
            assert any(message.startswith("⚠️ wandb: ") for message in caplog.messages)
        else:
            assert succeeded and state.details["mode"] == "online"
            assert state.details["url"].startswith(f"{server.address}/entity/project/runs/")
            assert [(row["global_step"], row["training/loss"]) for row in server.rows] == [
                (step, 1 / (step + 1)) for step in range(20)
            ]
