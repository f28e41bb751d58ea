"""W&B's online path, against a real local server that behaves and misbehaves."""

from __future__ import annotations

import logging
import re
import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.trackers.wandb import server
from seo_engine.tracking.trackers.wandb.wandb_tracker import WandBTracker
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.killing import training, wait_until
from tests.tracking.wandb_outage import KEY, Outage
from tests.tracking.wandb_server import WandBServer


@pytest.mark.parametrize("failure", [None, "nonsense"], ids=["healthy", "core_panics"])
def test_rows_reach_the_server_or_the_end_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failure: str | None
) -> None:
    with WandBServer(failure) as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        config = TrackingConfig(
            tensorboard_log_dir=str(tmp_path / "runs"), tensorboard_logging=False, **ONLY_WHAT_IS_LOGGED
        )
        with caplog.at_level("INFO"), ExperimentTracker(config) as tracker:
            for step in range(20):
                tracker.log_training_metrics(1, step, {"loss": 1 / (step + 1)})
        state = tracker.delivery["wandb"]
        succeeded = "✅ All experiment trackers closed" in caplog.messages
        if failure is not None:
            assert state.last_error is not None and not succeeded
            assert any(message.startswith("⚠️ wandb: ") for message in caplog.messages)
        else:
            assert succeeded and state.details["mode"] == "online"
            assert state.details["url"].startswith(f"{server.address}/entity/project/runs/")
            assert [(row["global_step"], row["training/loss"]) for row in server.rows] == [
                (step, 1 / (step + 1)) for step in range(20)
            ]


def test_a_server_that_never_answers_is_said_and_does_not_keep_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as closed:
        # A port that nobody listens on.
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
        monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
        config = TrackingConfig(tensorboard_log_dir=str(tmp_path), tensorboard_logging=False, experiment_name="r")
        with caplog.at_level(logging.INFO), ExperimentTracker(config) as tracker:
            tracker.log_training_metrics(1, 1, {"loss": 0.5})
            wait_until(lambda: any("does not answer" in message for message in caplog.messages))
    said = "\n".join(caplog.messages)
    assert "⚠️ Weights & Biases does not answer (127.0.0.1: Connection refused); the training goes on" in said
    # Not the minute of `close_timeout_seconds`.
    assert re.search(r"Waiting up to \d s for Weights & Biases; Ctrl-C leaves the rest to: seo-engine runs", said)
    assert "pending (no answer from 127.0.0.1: Connection refused)" in said
    assert tracker.delivery["wandb"].pending > 0


def test_the_reason_is_looked_for_without_anybody_waiting_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    is_resolved = threading.Event()
    found = server.Silence("no such host", may_end=False)
    answers = iter([lambda: is_resolved.wait() and found, lambda: int("not a port")])
    monkeypatch.setattr(server, "why_silent", lambda: next(answers)())
    slow, failing = server.ReachabilityProbe(), server.ReachabilityProbe()
    slow.start()
    slow.start()
    assert slow.found is None
    is_resolved.set()
    assert wait_until(lambda: slow.found) == found
    failing.start()
    assert "not a port" in wait_until(lambda: failing.found).reason


def test_a_server_is_called_silent_only_after_it_was_asked_and_a_slow_one_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, looked = [1000.0], []
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    found = server.Silence("it takes connections, but gives no answer", may_end=True)
    monkeypatch.setattr(server.ReachabilityProbe, "start", lambda probe: setattr(probe, "found", found))

    def init(**settings: object) -> None:
        for now[0] in (1060.0, 1066.0, 1081.0):
            looked.append(tracker.why_no_answer("setup", now[0] - 1000))
        raise RuntimeError("no answer")

    def importing(name: str, **words: str) -> None:
        # wandb itself took a minute to import.
        now[0] = 1060.0
        looked.append(tracker.why_no_answer("setup", 60))

    monkeypatch.setattr("wandb.init", init)
    monkeypatch.setattr("seo_engine.tracking.trackers.wandb.wandb_tracker.import_of_extra", importing)
    monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
    tracker = WandBTracker(TrackingConfig(wandb_mode="online"), tmp_path)
    tracker.setup()
    assert tracker.run is None and looked == [None, None, None, found.reason]


def test_a_stop_asked_for_by_the_server_is_said_and_does_not_stop(tmp_path: Path) -> None:
    with ExitStack() as stack:
        outage = Outage("stops", tmp_path / "stops", stack, limit=60)
        outage.server.stops_runs = True
        outage.train()
        for _ in range(3):
            outage.wait_until_logged()
            wait_until(lambda: outage.state.stop_requested)
            outage.go_on()
        said = outage.wait_for_end()
        assert "stop requested: True" in said and "asks to stop this run" in said
        assert outage.state.is_complete
        outage.assert_each_row_once()


def test_a_run_that_began_offline_is_uploaded_when_a_key_is_configured(tmp_path: Path) -> None:
    with ExitStack() as stack:
        outage = Outage("no key", tmp_path / "no_key", stack, limit=60)
        outage._environment.pop("WANDB_API_KEY")
        outage.train()
        for _ in range(3):
            outage.wait_until_logged()
            outage.go_on()
        said = outage.wait_for_end()
        assert said.count("because no API key is configured") == 1 and outage.state.is_complete
        directory = outage.folder / "runs" / "r"
        assert list(directory.glob("wandb/offline-run-*"))
        outage._environment["WANDB_API_KEY"] = KEY
        outage.start_recovery()
        outage.wait_for_end()
        outage.assert_each_row_once()
        # What was sent from the journal is not there for `wandb sync` to send once more.
        assert not list(directory.glob("wandb/offline-run-*"))
        assert list(directory.glob("wandb_superseded/offline-run-*"))


@pytest.mark.parametrize("mode", ["offline", "auto"])
def test_an_offline_run_asks_the_server_nothing(tmp_path: Path, mode: str) -> None:
    program = f"""
        from seo_engine import ExperimentTracker, TrackingConfig
        with ExperimentTracker(TrackingConfig(tensorboard_logging=False, wandb_mode="{mode}")) as tracker:
            for step in range(100):
                tracker.log_training_metrics(1, step, {{"loss": 1 / (step + 1)}})
        print(tracker.delivery["wandb"].delivered)
    """
    with WandBServer() as server, training(program, tmp_path, WANDB_BASE_URL=server.address) as process:
        said, errors = process.communicate(timeout=120)
    assert int(said) > 0, errors
    assert server.paths == []
