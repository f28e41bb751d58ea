"""Threads, forked and spawned processes log into one run, and nothing is lost."""

from __future__ import annotations

import errno
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from seo_engine import ExperimentTracker, TensorBoardTracker, TrackingConfig
from seo_engine.tracking.history.summary import read_run
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.killing import wait_until
from tests.tracking.read_views import metric_records, read_journal, read_tensorboard


@pytest.fixture
def config(tmp_path: Path) -> TrackingConfig:
    return TrackingConfig(
        tensorboard_log_dir=str(tmp_path / "runs"), tensorboard_logging=False, wandb_logging=False, experiment_name="r",
        **ONLY_WHAT_IS_LOGGED,
    )  # fmt: skip


def steps_by_writer(directory: Path) -> dict[str, list[int]]:
    """Return the steps in the journal of each metric, in the journal's order."""
    steps: dict[str, list[int]] = {}
    for _, record in metric_records(directory):
        for name in record["metrics"]:
            steps.setdefault(name, []).append(record["step"])
    return steps


def log_steps(tracker: ExperimentTracker, name: str, count: int) -> None:
    for step in range(count):
        tracker.log_training_metrics(1, step, {name: step / 2})


def test_eight_threads_lose_nothing(config: TrackingConfig, tmp_path: Path) -> None:
    count = 20_000
    with ExperimentTracker(config) as tracker:
        threads = [threading.Thread(target=log_steps, args=(tracker, f"thread{n}", count)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    steps = steps_by_writer(tmp_path / "runs" / "r")
    assert steps == {f"training/thread{n}": list(range(count)) for n in range(8)}
    state = tracker.delivery["run_logs"]
    assert state.is_complete and state.accepted == len(read_journal(tmp_path / "runs" / "r"))


def attach_and_log(directory: Path, name: str, count: int) -> None:
    with ExperimentTracker.attach(directory) as tracker:
        log_steps(tracker, name, count)


def test_four_spawned_processes_lose_nothing(config: TrackingConfig, tmp_path: Path) -> None:
    count = 5_000
    directory = tmp_path / "runs" / "r"
    spawn = multiprocessing.get_context("spawn")
    with ExperimentTracker(config) as tracker:
        processes = [spawn.Process(target=attach_and_log, args=(directory, f"process{n}", count)) for n in range(3)]
        # A tracker that is pickled attaches to its run as well.
        processes.append(spawn.Process(target=log_steps, args=(tracker, "process3", count)))
        for process in processes:
            process.start()
        for process in processes:
            process.join()
            assert process.exitcode == 0
    assert steps_by_writer(directory) == {f"training/process{n}": list(range(count)) for n in range(4)}
    # They wrote no end: the run is its owner's.
    assert Counter(record["kind"] for _, record in read_journal(directory))["end"] == 1


def test_a_pickled_tracker_of_no_run_stays_one(config: TrackingConfig) -> None:
    config.experiment_tracking_enabled = False
    copied = pickle.loads(pickle.dumps(ExperimentTracker(config)))
    assert copied.run_directory is None
    copied.log_training_metrics(1, 1, {"loss": 0.5})


def test_a_pickled_tracker_whose_run_is_gone_ends_nothing(
    config: TrackingConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ExperimentTracker(config) as tracker:
        pickled = pickle.dumps(tracker)
    shutil.rmtree(tmp_path / "runs" / "r")
    copied = pickle.loads(pickled)
    copied.log_training_metrics(1, 1, {"loss": 0.5})
    copied.close()
    assert any("There is no run in" in message for message in caplog.messages)


def test_an_attached_tracker_waits_for_the_owners_workers(tmp_path: Path) -> None:
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path / "runs"), wandb_logging=False, experiment_name="r", selective_logging=False
    )
    with ExperimentTracker(config) as owner, ExperimentTracker.attach(tmp_path / "runs" / "r") as attached:
        attached.log_training_metrics(1, 7, {"loss": 0.5})
        assert attached.flush()
        (scalar,) = read_tensorboard(tmp_path / "runs" / "r").scalars["training/loss"]
        assert scalar.step == 7
        assert owner.run_directory == attached.run_directory


def attach_to(path: Path, caplog: pytest.LogCaptureFixture) -> ExperimentTracker:
    tracker = ExperimentTracker.attach(path)
    said = [message for message in caplog.messages if message.startswith("⚠️ There is no run in")]
    assert len(said) == 1 and str(path) in said[0]
    return tracker


def test_what_is_logged_before_there_is_a_run_waits_in_memory_until_there_is_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    early = attach_to(tmp_path / "runs" / "r", caplog)
    for step in range(3):
        early.log_training_metrics(1, step, {"loss": step})
    assert not early.flush(0) and not (tmp_path / "runs").exists()
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path / "runs"), wandb_logging=False, experiment_name="r", selective_logging=False
    )
    with ExperimentTracker(config) as owner:
        # Written without a further call.
        wait_until(lambda: owner.logging_queue is not None and b'"step":2' in owner.logging_queue.path.read_bytes())
        early.log_training_metrics(1, 3, {"loss": 3})
        assert early.flush()
        early.close()
    assert [point.step for point in read_tensorboard(tmp_path / "runs" / "r").scalars["training/loss"]] == [0, 1, 2, 3]


@pytest.mark.parametrize("journal", [None, "", "no journal\n", "{}\n"])
def test_a_folder_that_is_no_run_gets_nothing_and_what_waits_for_it_is_counted(
    tmp_path: Path, journal: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    if journal is not None:
        (tmp_path / "journal.jsonl").write_text(journal)
    tracker = attach_to(tmp_path, caplog)
    tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert tracker.logging_queue is not None
    tracker.logging_queue.write_waiting()
    tracker.close()
    if journal is None:
        assert not list(tmp_path.iterdir())
    else:
        assert (tmp_path / "journal.jsonl").read_text() == journal
    assert any("1 waiting records are lost" in message for message in caplog.messages)


def open_within(folder: Path) -> list[str]:
    """Return what is open of a folder; of all else, other threads and earlier tests may close something meanwhile."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # that of the list itself is closed
            found.append(str(descriptor.readlink()))
    return sorted(path for path in found if path.startswith(str(folder)))


def test_a_journal_that_cannot_be_read_stops_no_training_and_leaks_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: object) -> bytes:
        raise OSError(errno.EIO, "input/output error")

    (tmp_path / "journal.jsonl").write_text("")
    tracker = attach_to(tmp_path, caplog)
    monkeypatch.setattr(os, "pread", fails)
    before = open_within(tmp_path)
    assert tracker.logging_queue is not None
    for step in range(3):
        tracker.log_training_metrics(1, step, {"loss": 0.5})
        tracker.logging_queue.write_waiting()
    assert len(tracker.logging_queue.waiting) == 3 and open_within(tmp_path) == before
    tracker.close()


def test_what_is_logged_into_a_run_that_was_deleted_waits_and_is_said_to_be_lost(
    config: TrackingConfig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExperimentTracker(config) as owner:
        assert owner.run_directory is not None
        attached = ExperimentTracker.attach(owner.run_directory)
    shutil.rmtree(owner.run_directory)
    assert attached.logging_queue is not None
    # At once, instead of once a second.
    monkeypatch.setattr(attached.logging_queue, "_follow_at", 0.0)
    for step in range(3):
        attached.log_training_metrics(1, step, {"loss": 0.5})
    assert len(attached.logging_queue.waiting) == 3 and not owner.run_directory.exists()
    attached.close()
    assert any("3 waiting records are lost" in message for message in caplog.messages)


def test_a_forked_process_that_logs_before_there_is_a_run_says_what_is_lost(tmp_path: Path) -> None:
    program = """
        import os, sys
        from seo_engine import ExperimentTracker
        attached = ExperimentTracker.attach("runs/none")
        if os.fork() == 0:
            attached.log_metrics({"loss": 1.0})
            attached.close()
            sys.exit(0)
        os.wait()
    """
    assert "1 waiting records are lost" in run_program(program, tmp_path).stderr


def test_memory_for_a_run_that_never_comes_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = ExperimentTracker.attach(tmp_path / "never")
    assert tracker.logging_queue is not None
    waiting = tracker.logging_queue.waiting
    monkeypatch.setattr(waiting, "_maximum_bytes", 10_000)
    for step in range(1_000):
        tracker.log_training_metrics(1, step, {"loss": 0.5})
    assert 0 < len(waiting) < 1_000 and len(waiting) + waiting.overflowed == 1_000
    tracker.close()
    assert any("1000 waiting records are lost" in message for message in caplog.messages)


def test_a_tracker_that_is_left_with_an_exception_records_it_in_the_run_it_is_attached_to(tmp_path: Path) -> None:
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path), wandb_logging=False, experiment_name="r", tensorboard_logging=False
    )
    with ExperimentTracker(config) as owner:
        assert owner.run_directory is not None
        with pytest.raises(ValueError), ExperimentTracker.attach(owner.run_directory):
            raise ValueError("the shard is broken, token=hunter2hunter2")
    run = read_run(tmp_path / "r")
    (text,) = [text for name, text in run.texts.items() if name.startswith("errors/process_")]
    assert "ValueError: the shard is broken" in text and 'test_many_writers.py", line' in text
    assert "hunter2hunter2" not in text and run.status == "finished"


def run_program(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=folder, text=True, capture_output=True, timeout=120, check=False,
    )  # fmt: skip


def test_forked_data_loader_workers_simply_log(tmp_path: Path) -> None:
    program = """
        import torch
        from torch.utils.data import DataLoader, Dataset, get_worker_info
        from seo_engine import ExperimentTracker, TrackingConfig

        class Numbers(Dataset):
            def __len__(self):
                return 40
            def __getitem__(self, index):
                tracker.log_performance_metrics({f"worker{get_worker_info().id}": float(index)}, step=index)
                return index

        config = TrackingConfig(experiment_name="r", wandb_logging=False, selective_logging=False)
        with ExperimentTracker(config) as tracker:
            for batch in DataLoader(Numbers(), batch_size=4, num_workers=2, multiprocessing_context="fork"):
                tracker.log_training_metrics(1, int(batch[0]), {"loss": 0.5})
    """
    finished = run_program(program, tmp_path)
    assert finished.returncode == 0, finished.stderr
    directory = tmp_path / "runs" / "r"
    by_writer = steps_by_writer(directory)
    assert sorted(by_writer["performance/worker0"] + by_writer["performance/worker1"]) == list(range(40))
    shown = [scalar.step for name, each in read_all_scalars(directory).items() if "worker" in name for scalar in each]
    assert sorted(shown) == list(range(40))


def read_all_scalars(directory: Path) -> dict[str, list]:  # type: ignore[type-arg]
    scalars: dict[str, list] = {}  # type: ignore[type-arg]
    for folder in (directory, *directory.glob("late*")):
        for name, each in read_tensorboard(folder).scalars.items():
            scalars.setdefault(name, []).extend(each)
    return scalars


def test_a_tensorboard_tracker_in_a_forked_child_does_not_hang(tmp_path: Path) -> None:
    program = """
        import os
        from seo_engine import TensorBoardTracker, TrackingConfig
        tracker = TensorBoardTracker(TrackingConfig(experiment_name="r"))
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
        child = os.fork()
        for step in range(2, 52):
            tracker.log_training_metrics(1, step, {"loss": 0.5})
        tracker.flush()
        if child == 0:
            tracker.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        tracker.close()
    """
    finished = run_program(program, tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr.count("does not log in a forked process") == 1
    scalars = read_tensorboard(tmp_path / "runs" / "r").scalars["training/loss"]
    assert [scalar.step for scalar in scalars] == list(range(1, 52))


def test_a_killed_training_frees_its_run_although_a_forked_child_lives_on(tmp_path: Path) -> None:
    program = """
        import os, signal, time
        from seo_engine import ExperimentTracker, TrackingConfig
        tracker = ExperimentTracker(
            TrackingConfig(experiment_name="r", wandb_logging=False, tensorboard_logging=False)
        )
        child = os.fork()
        if child == 0:
            time.sleep(600)
        print(child, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, text=True, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.wait()
    try:
        recovered = subprocess.run(
            [sys.executable, "-m", "seo_engine.cli", "runs", "recover", "r"],
            cwd=tmp_path, text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert recovered.returncode == 0, recovered.stderr
    finally:
        os.kill(child, signal.SIGKILL)
        process.stdout.close()


def test_a_tracker_by_itself_stays_silent_after_a_failed_setup(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    tracker = TensorBoardTracker(TrackingConfig(tensorboard_log_dir=str(tmp_path / "file")))
    tracker.log_training_metrics(1, 1, {"loss": 0.5})
    tracker.flush()
    tracker.close()
    assert tracker.writer is None
