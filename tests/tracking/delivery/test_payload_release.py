"""When payload files go, and when they stay."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import numpy
import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.delivery import payload_release
from seo_engine.tracking.delivery.payload_release import release_payloads, release_sealed
from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.history.summary import read_run
from seo_engine.tracking.journal import upkeep as journal_upkeep
from seo_engine.tracking.journal.lines import encode_record
from seo_engine.tracking.payloads import payload_file as payload_files
from seo_engine.tracking.payloads import run_payloads
from seo_engine.tracking.payloads.media_copy import copy_media
from seo_engine.tracking.payloads.media_index import MediaIndex
from seo_engine.tracking.payloads.payload import Payload, Reference
from seo_engine.tracking.payloads.payload_file import PayloadFile
from seo_engine.tracking.runs.ledger import DeliveryState
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED, ONLY_WHAT_IS_LOGGED_AS_TEXT
from tests.tracking.killing import training, wait_until
from tests.tracking.read_views import read_journal

PICTURE = numpy.zeros((4, 5, 3), dtype="uint8")


def config(folder: Path, **settings: Any) -> TrackingConfig:
    settings = {"wandb_logging": False, "tensorboard_logging": False, "print_summary": False, **settings}
    return TrackingConfig(tensorboard_log_dir=str(folder), experiment_name="r", **ONLY_WHAT_IS_LOGGED, **settings)


def payload_names(directory: Path) -> list[str]:
    return sorted(path.name for path in (directory / "media").glob("payloads-*.bin"))


def test_the_child_that_ends_last_after_a_kill_removes_the_payload_files(tmp_path: Path) -> None:
    program = f"""
        import os, signal
        import numpy
        from seo_engine import ExperimentTracker, TrackingConfig
        config = TrackingConfig(
            tensorboard_log_dir=".", experiment_name="r", wandb_mode="offline", tensorboard_logging=False,
            {ONLY_WHAT_IS_LOGGED_AS_TEXT}
        )
        tracker = ExperimentTracker(config)
        tracker.log_image("sample", numpy.zeros((4, 5, 3), dtype="uint8"))
        os.kill(os.getpid(), signal.SIGKILL)
    """
    with training(program, tmp_path) as process:
        assert process.wait() == -signal.SIGKILL
        wait_until(lambda: read_run(tmp_path / "r").status == "killed")
        # The views may be complete at any moment; what matters is that nothing is left in the end.
        wait_until(lambda: (tmp_path / "r" / "media" / "index.jsonl").exists() and not payload_names(tmp_path / "r"))


def test_what_cannot_be_encoded_stays_and_the_upkeep_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journal_upkeep, "UPKEEP_SECONDS", 0.02)
    monkeypatch.setattr(payload_files, "LARGE_BYTES", 50)

    def without_pillow(raw: bytes, reference: Reference) -> bytes:
        raise ImportError("no Pillow")

    encode = run_payloads.encoded
    monkeypatch.setattr(run_payloads, "encoded", without_pillow)
    with caplog.at_level(logging.WARNING), ExperimentTracker(config(tmp_path)) as tracker:
        tracker.log_image("sample", PICTURE)
        wait_until(lambda: "no Pillow" in caplog.text)
        assert any(each.name == "journal-upkeep-thread" for each in threading.enumerate())
    assert len(payload_names(tmp_path / "r")) == 1
    monkeypatch.setattr(run_payloads, "encoded", encode)
    recover_run(tmp_path / "r")
    assert not payload_names(tmp_path / "r") and len(list((tmp_path / "r" / "media").glob("*.png"))) == 1


def sealed_file(directory: Path, monkeypatch: pytest.MonkeyPatch) -> PayloadFile:
    """Return a payload file of a run, whose first file is sealed and has a record."""
    with ExperimentTracker(config(directory.parent)):
        pass
    appended = PayloadFile(directory)
    reference = appended.append(Payload(b"<p>one</p>", "html"))
    record = {"kind": "html", "time": 1.0, "rank": 0, "epoch": 1, "step": 1, "name": "html/page"}
    with (directory / "journal.jsonl").open("ab") as journal:
        journal.write(encode_record(record | {"payloads": [reference.as_dictionary()]}))
        size = journal.tell()
    monkeypatch.setattr(payload_files, "LARGE_BYTES", 1)
    appended.seal_if_large(lambda: size)
    assert len(appended.sealed) == 1
    return appended


def test_a_sealed_file_whose_folder_was_deleted_is_not_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appended = sealed_file(tmp_path / "r", monkeypatch)
    names = payload_names(tmp_path / "r")
    shutil.rmtree(tmp_path / "r" / "media")
    passed = [DeliveryState(offset=1 << 30)]
    release_sealed(tmp_path / "r", appended, passed)
    assert appended.restore() and payload_names(tmp_path / "r") == names
    release_sealed(tmp_path / "r", appended, passed)
    assert not appended.sealed and not payload_names(tmp_path / "r")


def test_a_view_that_lags_keeps_a_sealed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    appended = sealed_file(tmp_path / "r", monkeypatch)
    release_sealed(tmp_path / "r", appended, [DeliveryState(offset=1 << 30), DeliveryState(offset=10)])
    assert appended.sealed and payload_names(tmp_path / "r")


def test_a_file_that_is_closed_while_it_is_released_is_closed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appended = sealed_file(tmp_path / "r", monkeypatch)
    (sealed,) = appended.sealed
    appended.close()
    with (tmp_path / "other").open("w") as other:
        # It may have the number that was free.
        appended.release(sealed)
        other.write("still open")
    assert (tmp_path / "other").read_text() == "still open"


def test_only_one_process_writes_the_index_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    appended = sealed_file(tmp_path / "r", monkeypatch)
    with payload_release._turn(tmp_path / "r") as has_turn:
        assert has_turn
        release_sealed(tmp_path / "r", appended, [DeliveryState(offset=1 << 30)])
        assert appended.sealed and payload_names(tmp_path / "r")


def test_a_view_that_is_incomplete_and_a_lack_of_time_keep_the_payload_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config(tmp_path)
    sealed_file(tmp_path / "r", monkeypatch).close()
    # Its record is behind what the view holds.
    release_payloads(tmp_path / "r", settings, 60)
    assert len(payload_names(tmp_path / "r")) == 1
    recover_run(tmp_path / "r")
    assert not payload_names(tmp_path / "r")
    appended = PayloadFile(tmp_path / "r")
    appended.append(Payload(b"<p>two</p>", "html"))
    release_payloads(tmp_path / "r", settings, 60)
    # A process has it open.
    assert len(payload_names(tmp_path / "r")) == 1
    appended.close()
    name = payload_names(tmp_path / "r")[0]
    monkeypatch.setattr(payload_release, "_references", lambda *_: iter([Reference(name, 0, 10, "html")]))
    release_payloads(tmp_path / "r", settings, -1)
    assert len(payload_names(tmp_path / "r")) == 1
    release_payloads(tmp_path / "r", settings, 60)
    assert not payload_names(tmp_path / "r")


def test_a_signal_handler_may_log_pictures_while_the_training_logs_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload_files, "LARGE_BYTES", 5_000)
    monkeypatch.setattr(journal_upkeep, "UPKEEP_SECONDS", 0.01)
    handled = []

    def handle(*_: object) -> None:
        handled.append(len(handled))
        tracker.log_image("handler", numpy.full((4, 5, 3), 200, dtype="uint8"), epoch=1, step=len(handled))

    with ExperimentTracker(config(tmp_path)) as tracker:
        before = signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        try:
            for step in range(1, 501):
                tracker.log_image("training", numpy.full((4, 5, 3), 100, dtype="uint8"), epoch=1, step=step)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
    records = [record for _, record in read_journal(tmp_path / "r") if record["kind"] == "image"]
    steps: dict[str, list[int]] = {"images/training": [], "images/handler": []}
    for record in records:
        steps[record["name"]].append(record["step"])
    assert steps["images/training"] == list(range(1, 501)) and len(steps["images/handler"]) == len(handled) > 5
    # All pictures of one colour are one file, so none is mixed with another.
    assert len(list((tmp_path / "r" / "media").glob("*.png"))) == 2 and not payload_names(tmp_path / "r")


def test_links_and_odd_names_in_somebodys_media_are_not_copied(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    reference = PayloadFile(one).append(Payload(b"<p>one</p>", "html"))
    (tmp_path / "secret").write_text("secret")
    (one / "media" / ("0" * 64 + ".png")).symlink_to(tmp_path / "secret")
    (one / "media" / "payloads-link-1.bin").symlink_to(tmp_path / "secret")
    (one / "media" / "other.txt").write_text("odd")
    os.mkfifo(one / "media" / "payloads-pipe-1.bin")
    copy_media(one, other)
    assert [path.name for path in (other / "media").iterdir()] == [reference.file]


def test_damaged_lines_and_links_of_somebodys_index_lead_nowhere(tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    reference = Reference("payloads-h-1.bin", 0, 10, "html")
    line = '{"file":"payloads-h-1.bin","offset":0,"name":"../../etc/passwd"}'
    lines = [line, "no JSON", "[1]", '{"file":5}', "", "\\0"]
    (media / "index.jsonl").write_text("\n".join(lines))
    with pytest.raises(FileNotFoundError):
        MediaIndex(tmp_path).name_of(reference)
    (media / "index.jsonl").unlink()
    os.mkfifo(media / "index.jsonl")
    with pytest.raises(OSError, match="not a regular file"):
        MediaIndex(tmp_path).name_of(reference)
