"""A run on a real MLflow server, which may be down, silent, or come back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("mlflow")

from seo_engine import ExperimentTracker
from seo_engine.tracking.delivery.recovery import recover_run
from tests.integrations.mlflow_runs import Gate, MLflowRuns, configuration, free_port, mlflow_server
from tests.tracking.killing import wait_until
from tests.tracking.logged_media import log_everything


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mlflow_server(tmp_path_factory.mktemp("server")) as address:
        yield address


@pytest.fixture
def gate(server: str) -> Iterator[Gate]:
    gate = Gate(server)
    yield gate
    gate.open()
    gate.close()


def test_a_server_holds_the_points_and_the_files(tmp_path: Path, server: str) -> None:
    with ExperimentTracker(configuration(tmp_path, server)) as tracker:
        for step in range(2_500):
            tracker.log_metrics({"loss": 1 / (step + 1)}, step=step)
        log_everything(tracker)
    state, runs = tracker.delivery["mlflow"], MLflowRuns(server, tmp_path.name)
    assert state.is_complete and not state.dropped and not state.media_not_shown, state
    assert runs.values("training/loss") == [(step, 1 / (step + 1)) for step in range(2_500)]
    files = runs.files()
    assert any(name.startswith("tables/answers/") for name in files)
    assert any(name.startswith("images/images~coloured+step+1+") for name in files)
    assert state.details["url"].startswith(f"{server}/#/experiments/")
    recover_run(tmp_path / "r", ["mlflow"])
    assert runs.files() == files and len(runs.values("training/loss")) == 2_500


def test_a_server_that_is_silent_keeps_no_training_and_gets_all_later(tmp_path: Path, server: str, gate: Gate) -> None:
    tracker = ExperimentTracker(configuration(tmp_path, gate.address, close_timeout_seconds=3))
    tracker.log_metrics({"loss": 1.0}, step=1)
    assert gate.asked.wait(120)
    tracker.close()
    assert tracker.delivery["mlflow"].pending > 0
    runs = MLflowRuns(server, tmp_path.name)
    assert runs.all == []
    gate.open()
    recover_run(tmp_path / "r")
    assert runs.values("training/loss") == [(1, 1.0)] and runs.only.info.status == "FINISHED"


def test_a_server_that_answers_during_the_training_gets_all_of_it(tmp_path: Path, server: str, gate: Gate) -> None:
    with ExperimentTracker(configuration(tmp_path, gate.address)) as tracker:
        tracker.log_metrics({"loss": 1.0}, step=1)
        assert gate.asked.wait(120)
        gate.open()
        tracker.log_metrics({"loss": 0.5}, step=2)
        wait_until(lambda: tracker.flush(timeout_seconds=5))
    runs = MLflowRuns(server, tmp_path.name)
    assert runs.values("training/loss") == [(1, 1.0), (2, 0.5)] and runs.only.info.status == "FINISHED"


def test_where_no_server_listens_the_training_ends_and_the_run_is_kept(tmp_path: Path, server: str) -> None:
    config = configuration(tmp_path, f"http://127.0.0.1:{free_port()}", close_timeout_seconds=3)
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics({"loss": 1.0}, step=1)
    assert tracker.delivery["mlflow"].pending > 0 and not tracker.delivery["mlflow"].dropped


def test_a_password_goes_to_the_server_and_into_no_file(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.replace("http://", "http://me:hunter2@"))
    config = configuration(tmp_path, tracker_settings={"mlflow": {"experiment_name": tmp_path.name}})
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics({"loss": 1.0}, step=1)
    assert MLflowRuns(server, tmp_path.name).values("training/loss") == [(1, 1.0)]
    files = [file for file in (tmp_path / "r").rglob("*") if file.is_file()]
    assert [file for file in files if b"hunter2" in file.read_bytes()] == []
