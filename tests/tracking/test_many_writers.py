"""Threads, forked and spawned processes log into one run, and nothing is lost."""

from __future__ import annotations

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
from pathlib import Path

import pytest

from seo_engine import ExperimentTracker, TensorBoardTracker, TrackingConfig
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
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
    assert any("Nothing from this process is recorded" in message for message in caplog.messages)


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


def test_attaching_to_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no run"):
        ExperimentTracker.attach(tmp_path)


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
