"""Pictures and tables of runs that are killed, deleted and resumed, in both views."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

from seo_engine import ExperimentTracker
from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.delivery.replay import replay_run
from seo_engine.tracking.history.summary import read_run
from seo_engine.tracking.journal import upkeep as journal_upkeep
from seo_engine.tracking.payloads import payload_file as payload_files
from seo_engine.tracking.run_states import owned_run
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED_AS_TEXT
from tests.tracking.killing import delete_folder, wait_until
from tests.tracking.logged_media import config, pixels
from tests.tracking.read_views import read_tensorboard, read_wandb, wandb_file
from tests.tracking.wandb_server import WandBServer, use_server

PROGRAM = f"""
import os, signal, sys
import numpy
from seo_engine import ExperimentTracker, TrackingConfig
config = TrackingConfig(
    tensorboard_log_dir=".", experiment_name="r", wandb_mode="offline", print_summary=False,
    {ONLY_WHAT_IS_LOGGED_AS_TEXT}
)
tracker = ExperimentTracker(config)
for step in range(1, 21):
    tracker.log_image("sample", numpy.full((6, 10, 3), step, dtype="uint8"), epoch=1, step=step)
    tracker.log_table("rows", [[step, "text"]], epoch=1, step=step)
os.kill(os.getpid(), signal.SIGKILL)
"""


def assert_twenty_of_each(directory: Path) -> None:
    """Check that both views show the pictures and tables of steps 1 to 20, each once and with its own pixels."""
    view = read_tensorboard(directory)
    pictures = view.pictures["images/sample"]
    assert [picture.step for picture in pictures] == list(range(1, 21))
    assert [int(pixels(picture.png).max()) for picture in pictures] == list(range(1, 21))
    assert len(view.texts["tables/rows"]) == 20
    shown = [row for row in read_wandb(directory / "wandb").rows if "images/sample" in row]
    assert [row["global_step"] for row in shown] == list(range(1, 21))
    files = [wandb_file(directory / "wandb", row["images/sample"]) for row in shown]
    assert [int(pixels(file.read_bytes()).max()) for file in files] == list(range(1, 21))
    tables = [row for row in read_wandb(directory / "wandb").rows if "tables/rows" in row]
    data = [json.loads(wandb_file(directory / "wandb", row["tables/rows"]).read_text())["data"] for row in tables]
    assert data == [[[step, "text"]] for step in range(1, 21)]


def log_step(tracker: ExperimentTracker, step: int) -> None:
    tracker.log_image("sample", numpy.full((6, 10, 3), step, dtype="uint8"), epoch=1, step=step)
    tracker.log_table("rows", [[step, "text"]], epoch=1, step=step)


def payload_files_of(directory: Path) -> set[str]:
    return {path.name for path in (directory / "media").glob("payloads-*.bin")}


def test_a_kill_right_after_the_last_call_loses_and_doubles_nothing(tmp_path: Path) -> None:
    process = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr
    directory = tmp_path / "r"
    # The child completes the run; whatever it leaves, recovery does.
    wait_until(lambda: read_run(directory).status != "running")
    wait_until(lambda: not list((directory / "media").glob("payloads-*")))
    recover_run(directory)
    assert_twenty_of_each(directory)


def test_a_folder_that_is_deleted_during_the_run_comes_back_with_its_media(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_upkeep, "UPKEEP_SECONDS", 0.05)
    with ExperimentTracker(config(tmp_path / "runs", wandb_mode="offline")) as tracker:
        directory = tmp_path / "runs" / "r"
        for step in range(1, 21):
            if step == 11:
                assert tracker.flush()
                delete_folder(directory)
                wait_until(lambda: (directory / "journal.jsonl").exists())
            tracker.log_image("sample", numpy.full((6, 10, 3), step, dtype="uint8"), epoch=1, step=step)
            tracker.log_table("rows", [[step, "text"]], epoch=1, step=step)
    assert_twenty_of_each(directory)


def test_large_files_of_payloads_go_during_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_upkeep, "UPKEEP_SECONDS", 0.02)
    # Whatever the upkeep finds is large: it may come in the midst of the five steps.
    monkeypatch.setattr(payload_files, "LARGE_BYTES", 1)
    with ExperimentTracker(config(tmp_path, wandb_mode="offline")) as tracker:
        for step in range(1, 21):
            log_step(tracker, step)
            if step % 5 == 0:
                # What was logged is in every view, and then the file goes.
                wait_until(lambda: not payload_files_of(tmp_path / "r"))
    assert_twenty_of_each(tmp_path / "r")
    assert len((tmp_path / "r" / "media" / "index.jsonl").read_text().splitlines()) == 40


def test_a_sealed_file_of_payloads_that_is_deleted_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_upkeep, "UPKEEP_SECONDS", 0.02)
    monkeypatch.setattr(payload_files, "LARGE_BYTES", 500)
    # As if a view lagged behind: files are sealed, but stay.
    monkeypatch.setattr(owned_run, "release_sealed", lambda *_: None)
    directory = tmp_path / "r"
    with ExperimentTracker(config(tmp_path, wandb_mode="offline")) as tracker:
        for step in range(1, 21):
            log_step(tracker, step)
            if step % 5 == 0 and step < 20:
                number = step // 5
                wait_until(lambda number=number: len(tracker._run.record_writer.payload_file.sealed) == number)
        names = payload_files_of(directory)
        assert len(names) >= 4
        delete_folder(directory)
        wait_until(lambda: (directory / "journal.jsonl").exists())
        assert payload_files_of(directory) == names
    assert_twenty_of_each(directory)
    assert not payload_files_of(directory)


def test_a_run_that_is_resumed_by_a_process_of_the_same_number_keeps_its_first_pictures(tmp_path: Path) -> None:
    for first in (1, 11):
        resumed = {"resume": "r", "step": first} if first > 1 else {}
        with ExperimentTracker(config(tmp_path, wandb_mode="offline"), **resumed) as tracker:
            for step in range(first, first + 10):
                tracker.log_image("sample", numpy.full((6, 10, 3), step, dtype="uint8"), epoch=1, step=step)
                tracker.log_table("rows", [[step, "text"]], epoch=1, step=step)
    assert_twenty_of_each(tmp_path / "r")
    copy, _ = replay_run(tmp_path / "r", "wandb", show_all=True)
    shown = [row["images/sample"] for row in read_wandb(copy / "wandb").rows if "images/sample" in row]
    colours = [int(pixels(wandb_file(copy / "wandb", each).read_bytes()).max()) for each in shown]
    assert colours == list(range(1, 21))


def test_a_kept_file_that_the_server_lacks_is_not_delivered_and_recovery_sends_it_and_no_alert_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WandBServer() as server:
        use_server(monkeypatch, server)
        server.refuses_files = True
        settings = config(tmp_path, wandb_mode="online", tensorboard_logging=False, close_timeout_seconds=20)
        with ExperimentTracker(settings) as tracker:
            tracker.log_metrics({"loss": 0.5}, step=1)
            tracker.log_alert("The loss diverges", "It is 0.5.", step=1)
            tracker.log_file("labels.txt", b"cat dog", step=2)
        state = tracker.delivery["wandb"]
        assert not state.is_complete and "the server lacks the file files/labels.txt" in str(state.last_error)
        server.refuses_files = False
        assert recover_run(tmp_path / "r")["wandb"].is_complete
        (files,) = server.files.values()
        assert files["files/labels.txt"] == b"cat dog"
        assert [row["global_step"] for row in server.rows] == [1, 1, 2]
        assert len((tmp_path / "r" / "sent_alerts.jsonl").read_text().splitlines()) == 1


def test_a_newer_file_of_the_same_name_is_sent_also_by_a_resumed_run_or_after_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WandBServer() as server:
        use_server(monkeypatch, server)
        settings = config(tmp_path, wandb_mode="online", tensorboard_logging=False, close_timeout_seconds=20)
        with ExperimentTracker(settings) as tracker:
            tracker.log_file("checkpoint.txt", b"v1", step=1)
        with ExperimentTracker(settings, resume="r", step=2) as tracker:
            tracker.log_file("checkpoint.txt", b"v2", step=2)
        (files,) = server.files.values()
        assert files["files/checkpoint.txt"] == b"v2" and tracker.delivery["wandb"].is_complete
        server.refuses_files = True
        with ExperimentTracker(settings, resume="r", step=3) as tracker:
            tracker.log_file("checkpoint.txt", b"v3", step=3)
        assert not tracker.delivery["wandb"].is_complete
        server.refuses_files = False
        assert recover_run(tmp_path / "r")["wandb"].is_complete
        assert files["files/checkpoint.txt"] == b"v3"
