"""Real kills and stalls of every process of a run; afterwards each view holds each record once."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from seo_engine import MemoryTracker, TrackingConfig
from seo_engine.tracking.delivery.child.report_pipe import ReportPipe
from seo_engine.tracking.delivery.child.watchdog import Watchdog
from seo_engine.tracking.delivery.delivery_process import outlive
from seo_engine.tracking.delivery.logging_worker import LoggingWorker, TrackerCall
from seo_engine.tracking.history.summary import read_run
from seo_engine.tracking.journal.reader import JournalReader
from seo_engine.tracking.runs.lifecycle import read_configuration, read_lifecycle
from seo_engine.tracking.runs.run_lock import RunLock
from seo_engine.tracking.trackers.wandb.wandb_tracker import WandBTracker
from tests.tracking.killing import delivery_child, kill_tree, training, wait_until
from tests.tracking.read_views import assert_each_value_once, journal_values, read_wandb, wandb_values
from tests.tracking.wandb_server import WandBServer

# Logs until it is killed, or until a line comes on its standard input; some steps come late.
TRAINING = """
    import sys, threading, time
    from seo_engine import ExperimentTracker, TrackingConfig
    from seo_engine.tracking.delivery.child import supervised_child as process_worker
    process_worker.LONGEST_SILENCE_SECONDS = 3.0
    tracker = ExperimentTracker(TrackingConfig(selective_logging=False, experiment_name="r", close_timeout_seconds=60))
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
    step = 0
    while not stop.wait(0.002):
        step += 1
        late = 5 if step % 10 == 0 and step > 10 else 0
        tracker.log_training_metrics(1, step - late, {"loss": 1 / step, "accuracy": step / (step + 1)})
    tracker.close()
    print(step)
"""


def recover(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "seo_engine.cli", "runs", "recover", *arguments],
        cwd=folder,
        text=True,
        capture_output=True,
        check=False,
    )


def records(folder: Path) -> int:
    path = folder / "runs" / "r" / "journal.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def rows_delivered(folder: Path) -> int:
    path = folder / "runs" / "r" / "delivery.json"
    return json.loads(path.read_text()).get("wandb", {}).get("delivered", 0) if path.exists() else 0


def test_the_child_of_a_killed_training_completes_every_view_by_itself(tmp_path: Path) -> None:
    with training(TRAINING, tmp_path) as process:
        child = delivery_child(process.pid)
        wait_until(lambda: records(tmp_path) >= 500)
        process.kill()
        child.wait(timeout=120)
    directory = tmp_path / "runs" / "r"
    assert_each_value_once(directory)
    run = read_run(directory)
    assert run.status == "killed" and all(state.is_complete for state in run.delivery.values())
    assert set(run.delivery) == {"tensorboard", "wandb", "run_logs"}
    assert read_wandb(directory / "wandb").exit_code == 1


def test_the_child_ends_the_run_although_the_trainings_lock_ends_after_its_pipes(tmp_path: Path) -> None:
    program = """
        import os, signal
        from seo_engine import ExperimentTracker, TrackingConfig
        config = TrackingConfig(experiment_name="r", wandb_logging=False, selective_logging=False)
        tracker = ExperimentTracker(config)
        for step in range(20):
            tracker.log_training_metrics(1, step, {"loss": 0.5})
        os.kill(os.getpid(), signal.SIGKILL)
    """
    with training(program, tmp_path) as process:
        process.wait(timeout=120)
    directory = tmp_path / "runs" / "r"
    config = read_configuration(read_lifecycle(directory).configuration)
    lock = RunLock(directory, "run")
    assert lock.acquire()
    threading.Timer(0.3, lock.release).start()
    outlive(directory, config, LoggingWorker(MemoryTracker(), JournalReader(directory / "journal.jsonl"), config))
    assert read_run(directory).status == "killed"
    assert assert_each_value_once(directory) == 20


def test_recovered_fragments_are_sent_once_by_one_wandb_sync(tmp_path: Path) -> None:
    with training(TRAINING, tmp_path) as process:
        wait_until(lambda: rows_delivered(tmp_path) >= 300)
        kill_tree(process.pid)
    assert recover(tmp_path, "r").returncode == 0
    directory = tmp_path / "runs" / "r"
    with WandBServer() as server:
        synchronized = subprocess.run(
            [Path(sys.executable).parent / "wandb", "sync", directory / "wandb"],
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "WANDB_BASE_URL": server.address,
                 "WANDB_API_KEY": "0123456789" * 4},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert synchronized.returncode == 0, synchronized.stderr
        expected = sorted(point[1:] for point in journal_values(directory))
        # `wandb sync` numbers the rows anew where it joins fragments.
        assert sorted(point[1:] for point in wandb_values(server.rows)) == expected


class Exit(Exception):
    """Stands for the end of a process."""


def test_a_child_whose_core_did_not_start_ends_and_is_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def exit_(status: int) -> None:
        raise Exit

    monkeypatch.setattr(os, "_exit", exit_)
    # Not those of this process, which other tests use.
    kills: list[str] = []
    monkeypatch.setattr("seo_engine.tracking.trackers.wandb.core.kill_cores", lambda: kills.append("killed"))
    (tmp_path / "journal.jsonl").touch()
    config = TrackingConfig(wandb_mode="offline")
    worker = LoggingWorker(WandBTracker(config, tmp_path), JournalReader(tmp_path / "journal.jsonl"), config)
    watchdog = Watchdog(worker, ReportPipe(io.BytesIO(), tmp_path, "wandb"))
    # As long as wandb-core may take to start; then it is killed, which mends most; at last the process is given up.
    for seconds, exits in ((30, False), (45, False), (55, True)):
        if worker.call is None:
            worker.call = TrackerCall("setup", 0.0)
        monkeypatch.setattr("time.monotonic", lambda seconds=seconds: float(seconds))
        with pytest.raises(Exit) if exits else contextlib.nullcontext():
            watchdog._look()
    assert kills == ["killed"]
