"""A disk that fails under a run, and lines that no writer of ours wrote."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seo_engine import ExperimentTracker, MemoryTracker, TrackingConfig
from seo_engine.tracking.history.summary import read_run
from seo_engine.tracking.journal import logging_queue, waiting_lines
from seo_engine.tracking.journal import upkeep as journal_upkeep
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.journal.upkeep import JournalUpkeep
from seo_engine.tracking.runs.lifecycle import read_lifecycle
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED, ONLY_WHAT_IS_LOGGED_AS_TEXT
from tests.tracking.killing import delete_folder, training, wait_until
from tests.tracking.read_views import assert_each_value_once, metric_records, read_journal


@pytest.fixture
def config(tmp_path: Path) -> TrackingConfig:
    return TrackingConfig(
        tensorboard_log_dir=str(tmp_path / "runs"), wandb_logging=False, experiment_name="r", selective_logging=False
    )


@pytest.fixture(autouse=True)
def quick_upkeep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_upkeep, "UPKEEP_SECONDS", 0.05)
    monkeypatch.setattr(logging_queue, "RETRY_SECONDS", 0.0)


class FailingDisk:
    """Makes every write to a journal fail, as long as `error` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: int | None = None
        self.short = False
        self._write = os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, descriptor: int, data: bytes) -> int:
        if self.error is None or b'"kind"' not in data:
            return self._write(descriptor, data)
        if self.short:
            return self._write(descriptor, data[: len(data) // 2])
        raise OSError(self.error, os.strerror(self.error))


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("short", [False, True], ids=["refused", "short"])
def test_records_wait_in_memory_while_the_disk_refuses_them(
    config: TrackingConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: int, short: bool
) -> None:
    config = replace(config, **ONLY_WHAT_IS_LOGGED)
    disk = FailingDisk(monkeypatch)
    with caplog.at_level("INFO"), ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 1.0})
        disk.error, disk.short = error, short
        for step in range(2, 50):
            tracker.log_training_metrics(1, step, {"loss": 1 / step})
        assert tracker.logging_queue is not None and len(tracker.logging_queue.waiting) == 48
        disk.error = None
        # Written by the upkeep, without any call.
        wait_until(lambda: not tracker.logging_queue.waiting)
        tracker.log_training_metrics(1, 50, {"loss": 1 / 50})
    assert tracker.run_directory is not None
    assert [record["step"] for _, record in metric_records(tracker.run_directory)] == list(range(1, 51))
    assert_each_value_once(tracker.run_directory)
    assert [message for message in caplog.messages if "The journal cannot be written" in message] != []
    written = re.findall(r"✅ The journal can be written again; it now holds (\d+) records", caplog.text)
    # In one go or, on a busy machine, in several.
    assert sum(map(int, written)) == 48


def test_what_overflows_the_memory_is_counted_and_said(
    config: TrackingConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = replace(config, **ONLY_WHAT_IS_LOGGED)
    monkeypatch.setattr(waiting_lines.WaitingLines.__init__, "__defaults__", (2_000,))
    disk = FailingDisk(monkeypatch)
    with ExperimentTracker(config) as tracker:
        disk.error = errno.ENOSPC
        for step in range(1, 1001):
            tracker.log_training_metrics(1, step, {"loss": 0.5})
        disk.error = None
    assert tracker.run_directory is not None
    kept = [record["step"] for _, record in metric_records(tracker.run_directory)]
    # The newest are kept, and every other one is counted.
    assert 0 < len(kept) < 50 and kept == list(range(1001 - len(kept), 1001))
    assert read_journal(tracker.run_directory)[-1][1]["dropped"] == {"journal not writable": 1000 - len(kept)}
    assert f"⚠️ Not recorded: {1000 - len(kept)} × journal not writable" in caplog.messages


def test_a_disk_that_never_comes_back_ends_nothing_and_is_said(
    config: TrackingConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Closing hopes for the disk as long as it may, half a minute unless it is told.
    config = replace(config, close_timeout_seconds=2)
    disk = FailingDisk(monkeypatch)
    with ExperimentTracker(config) as tracker:
        disk.error = errno.EIO
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert any("waiting records are lost" in message for message in caplog.messages)


def test_a_real_limit_of_the_disk_is_survived_and_caught_up(tmp_path: Path) -> None:
    # Files of this process, and of its children, cannot grow beyond the limit until it is lifted.
    program = f"""
        import resource, sys
        from seo_engine import ExperimentTracker, TrackingConfig
        config = TrackingConfig(
            experiment_name="r", selective_logging=False, wandb_logging=False, {ONLY_WHAT_IS_LOGGED_AS_TEXT}
        )
        with ExperimentTracker(config) as tracker:
            tracker.log_training_metrics(1, 1, {{"loss": 0.5}})
            tracker.flush()
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
            for step in range(2, 1001):
                tracker.log_training_metrics(1, step, {{"loss": 1 / step}})
            assert tracker.logging_queue.waiting and tracker.logging_queue.size() == 20_000
            tracker.flush(2.0)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    """
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, text=True, capture_output=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    directory = tmp_path / "runs" / "r"
    assert [record["step"] for _, record in metric_records(directory)] == list(range(1, 1001))
    assert_each_value_once(directory)
    assert all(state.is_complete for state in read_run(directory).delivery.values())


def test_a_folder_that_is_deleted_is_written_anew_with_all_its_views(
    config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    config = replace(config, **ONLY_WHAT_IS_LOGGED)
    with ExperimentTracker(config) as tracker:
        directory = tracker.run_directory
        assert directory is not None
        for step in range(1, 11):
            tracker.log_training_metrics(1, step, {"loss": 1 / step})
        tracker.flush()
        delete_folder(directory)
        for step in range(11, 21):
            tracker.log_training_metrics(1, step, {"loss": 1 / step})
        wait_until(lambda: (directory / "journal.jsonl").exists())
        for step in range(21, 31):
            tracker.log_training_metrics(1, step, {"loss": 1 / step})
    assert [record["step"] for _, record in metric_records(directory)] == list(range(1, 31))
    assert list(directory.glob("events.out.tfevents.*"))
    assert_each_value_once(directory)
    assert any("was deleted and has been recreated" in message for message in caplog.messages)


def test_a_folder_that_is_deleted_gets_its_wandb_run_again(tmp_path: Path) -> None:
    program = """
        import sys
        from seo_engine import ExperimentTracker, TrackingConfig
        config = TrackingConfig(experiment_name="r", selective_logging=False, tensorboard_logging=False)
        with ExperimentTracker(config) as tracker:
            for part in range(2):
                for step in range(10 * part, 10 * part + 10):
                    tracker.log_training_metrics(1, step, {"loss": 0.5})
                tracker.flush()
                print("flushed", flush=True)
                sys.stdin.readline()
    """
    directory = tmp_path / "runs" / "r"
    with training(program, tmp_path) as process:
        assert process.stdout is not None and process.stdin is not None
        process.stdout.readline()
        delete_folder(directory)
        wait_until(lambda: (directory / "journal.jsonl").exists())
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        messages = process.communicate("\n", timeout=120)[1]
        assert process.returncode == 0, messages
    assert assert_each_value_once(directory) == 20


def test_the_disk_is_asked_to_keep_what_is_new_and_not_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(os, "fsync", asked.append)
    queue = LoggingQueue(tmp_path / "journal.jsonl")
    upkeep = JournalUpkeep(queue)
    queue.append(b"first\n")
    assert asked == []
    upkeep.once()
    upkeep.once()
    assert len(asked) == 1
    queue.append(b"second\n")
    upkeep.once()
    assert len(asked) == 2


def test_a_disk_that_cannot_keep_the_journal_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    queue = LoggingQueue(tmp_path / "journal.jsonl")
    upkeep = JournalUpkeep(queue)
    queue.append(b"first\n")
    monkeypatch.setattr(os, "fsync", refuse)
    for _ in range(3):
        upkeep.once()
    assert len([message for message in caplog.messages if "not safely on disk" in message]) == 1


class FullFile(io.StringIO):
    """A file on a disk that is full."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_console_and_log_files_on_a_full_disk_end_nothing(
    config: TrackingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full_disk:
        # As with `python train.py 2> log` on the disk that is full; nobody else has set up a console.
        full_disk.setattr(logging.getLogger(), "handlers", [])
        full_disk.setattr(sys, "stderr", FullFile())
        with ExperimentTracker(config) as tracker:
            for handler in logging.getLogger("seo_engine").handlers:
                if isinstance(handler, logging.FileHandler):
                    handler.setStream(FullFile())
            tracker.log_training_metrics(1, 1, {"loss": 0.5, "note": "no number"})
    assert tracker.delivery["tensorboard"].is_complete


HOSTILE_LINES: list[bytes] = [
    b"",
    b'{"kind":"train',
    b"\x00" * 5000,
    b"x" * 100_000_000,
    b"[" * 100_000,
    b'{"kind":"training","time":1,"metrics":' + b'{"a":' * 5000,
    b"\xff\xfe\x00",
    b"null",
    b'{"kind":["training"],"time":1}',
    b'{"kind":"training","time":"x","epoch":1,"step":1,"metrics":{}}',
    b'{"kind":"training","time":1,"epoch":1,"step":1.5,"metrics":{"training/loss":1}}',
    b'{"kind":"training","time":1,"epoch":{},"step":1,"metrics":{"training/loss":1}}',
    b'{"kind":"training","time":1,"epoch":1,"step":1,"metrics":{"training/loss":"high"}}',
    b'{"kind":"training","time":1,"epoch":1,"step":1,"metrics":[1]}',
    b'{"kind":"training","time":1,"epoch":1,"step":1,"metrics":{},"nonfinite":{"training/loss":"worst"}}',
    b'{"kind":"text","time":1,"epoch":1,"step":1,"name":7,"text":"x"}',
    b'{"kind":"profiling","time":1,"epoch":1,"step":1,"profiling_data":[]}',
    b'{"kind":"resume","time":1,"step":"x","configuration":{}}',
    b'{"kind":"end","time":1}',
]
# Odd, but records: they are shown.
ODD_LINES: list[bytes] = [
    b'{"kind":"training","time":1,"epoch":1,"step":1,"metrics":{"../x":1,"/etc/passwd":2,"a/../../b":3}}',
    b'{"kind":"training","time":1,"epoch":1,"step":-5,"metrics":{"training/negative":1}}',
    b'{"kind":"text","time":1,"epoch":1,"step":1,"name":"../../x","text":"<script>"}',
]


def test_damaged_and_hostile_lines_are_counted_and_stop_nothing(tmp_path: Path, config: TrackingConfig) -> None:
    config.wandb_logging = True
    with ExperimentTracker(config) as tracker:
        assert tracker.run_directory is not None
        journal = tracker.run_directory / "journal.jsonl"
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
        with journal.open("ab") as file:
            for line in HOSTILE_LINES + ODD_LINES:
                file.write(line + b"\n")
        tracker.log_training_metrics(1, 2, {"loss": 0.25})
    blank = 1
    for state in tracker.delivery.values():
        assert state.is_complete and state.dropped == {"unreadable": len(HOSTILE_LINES) - blank}
        assert state.accepted == state.delivered + sum(state.dropped.values()) + state.pending
    run = read_run(tracker.run_directory)
    assert run.unreadable_lines == len(HOSTILE_LINES) - blank and run.metrics["training/loss"].count == 2
    # Nothing was written but within the run's folder.
    assert {path.name for path in tmp_path.iterdir()} <= {"runs", "home"}
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["r"]


def test_a_record_behind_a_torn_part_is_found(tmp_path: Path) -> None:
    queue = LoggingQueue(tmp_path / "journal.jsonl")
    memory = MemoryTracker()
    from seo_engine.tracking.delivery.logging_worker import LoggingWorker

    worker = LoggingWorker(memory, queue, TrackingConfig())
    record = {"kind": "training", "time": 1, "epoch": 1, "step": 7, "metrics": {"training/loss": 1.0}}
    whole = json.dumps(record, separators=(",", ":")).encode()
    # A writer that was killed within its line, a disk that filled up with zeros, then another process's line.
    for torn in (whole[:40], b"\x00" * 100):
        queue.append(torn + whole + b"\n")
    worker.deliver_available()
    assert [arguments["step"] for _, arguments in memory.calls] == [7, 7] and not worker.state.dropped


def test_what_a_torn_line_of_metrics_hides_of_a_runs_life_is_found(tmp_path: Path, config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:
        for step in (1, 2, 7):
            tracker.log_training_metrics(2, step, {"loss": 0.5})
    directory = tracker.run_directory
    assert directory is not None
    journal = directory / "journal.jsonl"
    torn = b'{"kind":"training","epoch":2,"ste'
    lines = journal.read_bytes().splitlines()
    assert lines[-1].startswith(b'{"kind":"end"')
    # The writer of metrics was killed within its line, and the next line is another process's: the run's end.
    journal.write_bytes(b"\n".join([*lines[:-1], torn + lines[-1], b""]))
    assert read_lifecycle(directory).status == "finished" == read_run(directory).status
    # The newest line of metrics is torn: the run came as far as the one before says.
    journal.write_bytes(b"\n".join([*lines[:-1], torn, lines[-1], b""]))
    life = read_lifecycle(directory)
    assert (life.status, life.epoch, life.step) == ("finished", 2, 7)
    # Resumed at an earlier step, behind a torn line.
    with ExperimentTracker(config, resume=directory, step=2) as tracker:
        tracker.log_training_metrics(2, 2, {"loss": 0.25})
    data = journal.read_bytes()
    journal.write_bytes(data.replace(b'{"kind":"resume"', torn + b'{"kind":"resume"'))
    assert read_run(directory).metrics["training/loss"].count == 2


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a file system that is full soon, where this is allowed."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=False)


@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount")
def test_a_full_disk_is_noticed_by_every_view_and_caught_up(tmp_path: Path) -> None:
    program = """
        import sys, threading
        from seo_engine import ExperimentTracker, TrackingConfig
        tracker = ExperimentTracker(TrackingConfig(experiment_name="r", selective_logging=False))
        tracker.log_training_metrics(1, 0, {"loss": 0.5})
        tracker.flush()
        stop = threading.Event()
        threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
        step, noticed = 0, False
        while not stop.wait(0.001):
            step += 1
            tracker.log_training_metrics(1, step, {"loss": 1 / step})
            if not noticed and tracker.logging_queue.waiting:
                noticed = True
                print("noticed", flush=True)
        tracker.close()
    """
    with small_disk(tmp_path / "disk", "1m") as disk, training(program, disk) as process:
        assert process.stdout is not None and process.stdout.readline() == "noticed\n"
        subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
        messages = process.communicate("\n", timeout=200)[1]
        assert process.returncode == 0, messages
        directory = disk / "runs" / "r"
        assert assert_each_value_once(directory) > 1000
        run = read_run(directory)
        assert run.status == "finished" and all(state.is_complete for state in run.delivery.values()), messages
        assert "The journal cannot be written" in messages and "can be written again" in messages


def test_an_unwritable_wandb_folder_is_noticed_and_said(tmp_path: Path) -> None:
    # wandb itself would go on in a temporary folder.
    program = """
        from pathlib import Path
        from seo_engine import ExperimentTracker, TrackingConfig
        runs = Path("runs/r").absolute()
        real = Path.mkdir
        def mkdir(self, *arguments, **options):
            real(self, *arguments, **options)
            if self == runs:
                (self / "wandb").write_text("a file, no folder")
        Path.mkdir = mkdir
        config = TrackingConfig(experiment_name="r", tensorboard_logging=False, close_timeout_seconds=20)
        with ExperimentTracker(config) as tracker:
            tracker.log_training_metrics(1, 1, {"loss": 0.5})
    """
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, text=True, capture_output=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert "Weights & Biases setup failed" in finished.stderr and "runs recover" in finished.stderr
    state: Any = read_run(tmp_path / "runs" / "r").delivery["wandb"]
    assert state.pending == state.accepted > 0
    (tmp_path / "runs" / "r" / "wandb").unlink()
    recovered = subprocess.run(
        [sys.executable, "-m", "seo_engine.cli", "runs", "recover"],
        cwd=tmp_path, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert recovered.returncode == 0, recovered.stderr
    assert assert_each_value_once(tmp_path / "runs" / "r") == 1
