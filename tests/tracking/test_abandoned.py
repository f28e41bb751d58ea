"""A tracker that nothing refers to any more ends; two that are both referred to are two runs."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.history.summary import read_run
from tests.tracking.killing import wait_until


@pytest.fixture
def config(tmp_path: Path) -> TrackingConfig:
    return TrackingConfig(
        tensorboard_log_dir=str(tmp_path / "runs"), wandb_logging=False, tensorboard_logging=False, experiment_name="r"
    )


def test_a_tracker_that_a_function_leaves_ends_with_its_last_step(config: TrackingConfig, tmp_path: Path) -> None:
    def fold() -> None:
        tracker = ExperimentTracker(config)
        for step in range(1, 8):
            tracker.log_training_metrics(2, step, {"loss": 1 / step})

    fold()
    wait_until(lambda: read_run(tmp_path / "runs" / "r").status == "finished")
    assert read_run(tmp_path / "runs" / "r").step == 7


def test_a_tracker_within_a_circle_ends_when_it_is_collected(config: TrackingConfig, tmp_path: Path) -> None:
    class Trainer:
        def __init__(self) -> None:
            self.tracker = ExperimentTracker(config)
            self.myself = self

    Trainer().tracker.log_training_metrics(1, 5, {"loss": 0.5})
    gc.collect()
    wait_until(lambda: read_run(tmp_path / "runs" / "r").status == "finished")
    assert read_run(tmp_path / "runs" / "r").step == 5


@pytest.mark.parametrize("mode", ["", ", asynchronous_logging=False"])
def test_a_circle_that_is_collected_closes_no_file_of_the_run(tmp_path: Path, mode: str) -> None:
    program = f"""
        import gc, threading, time
        from seo_engine import ExperimentTracker, TrackingConfig
        config = TrackingConfig(experiment_name="r", wandb_logging=False{mode})
        class Trainer:
            def __init__(self):
                self.tracker = ExperimentTracker(config)
                self.myself = self
        Trainer().tracker.log_metrics({{"loss": 1.0}})
        gc.collect()
        while [each for each in threading.enumerate() if each is not threading.main_thread()]:
            time.sleep(0.05)
        with ExperimentTracker(config, resume="r") as tracker:
            tracker.log_metrics({{"loss": 0.5}})
    """
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stderr
    run = read_run(tmp_path / "runs" / "r")
    assert run.status == "finished" and all(state.is_complete for state in run.delivery.values()), said
    assert "Traceback" not in said and "error" not in said and not list(run.directory.glob("logs/standby*")), said


def test_a_constructor_that_refuses_says_only_why(tmp_path: Path) -> None:
    program = """
        from seo_engine import ExperimentTracker, TrackingConfig
        for arguments in ({"step": 3}, {"extra_trackers": [1]}, {"config": 5}):
            try:
                ExperimentTracker(**arguments)
            except ValueError as error:
                print(error)
        ExperimentTracker.__new__(ExperimentTracker)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) == 3 and done.stderr == ""


def test_a_tracker_that_is_collected_while_the_interpreter_exits_is_whole(tmp_path: Path) -> None:
    program = """
        from seo_engine import ExperimentTracker, TrackingConfig
        tracker = ExperimentTracker(TrackingConfig(experiment_name="r", wandb_logging=False))
        for step in range(100):
            tracker.log_training_metrics(1, step, {"loss": 0.5})
        tracker = None
    """
    said = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stderr
    run = read_run(tmp_path / "runs" / "r")
    assert run.status == "finished" and all(state.is_complete for state in run.delivery.values()), said
    assert said.count("The tracker of runs/r is no longer used, so its run ends here") == 1


def test_a_bound_method_keeps_its_tracker_open(config: TrackingConfig, tmp_path: Path) -> None:
    log = ExperimentTracker(config).log_training_metrics
    gc.collect()
    log(1, 1, {"loss": 0.5})
    assert read_run(tmp_path / "runs" / "r").status == "running"
    del log
    wait_until(lambda: read_run(tmp_path / "runs" / "r").status == "finished")


def test_a_cell_that_runs_again_leaves_no_run_behind(tmp_path: Path) -> None:
    program = """
        import time
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        cell = (
            "from seo_engine import ExperimentTracker, TrackingConfig\\n"
            "config = TrackingConfig(experiment_name='cell', wandb_logging=False, tensorboard_logging=False)\\n"
            "tracker = ExperimentTracker(config)\\n"
            "tracker.log_metrics({'loss': 1.0})\\n"
            # Its output, of which IPython keeps a memory.
            "tracker"
        )
        shell.run_cell("import seo_engine; other = seo_engine.ExperimentTracker("
                       "seo_engine.TrackingConfig(experiment_name='other', wandb_logging=False,"
                       "tensorboard_logging=False))", store_history=True)
        for _ in range(4):
            shell.run_cell(cell, store_history=True)
        from seo_engine.tracking.experiment_tracker import _open_trackers
        while len(_open_trackers) > 2:
            time.sleep(0.05)
        print("open:", sorted(tracker.run_directory.name for tracker in _open_trackers))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "open: ['cell_4', 'other']", done.stderr
    assert done.stderr.count("so its run ends here") == 3
    assert {path.name: read_run(path).status for path in (tmp_path / "runs").iterdir()} == dict.fromkeys(
        ("other", "cell", "cell_2", "cell_3", "cell_4"), "finished"
    )


def test_a_forked_process_that_leaves_the_tracker_of_its_parent_does_not_end_the_run(config: TrackingConfig) -> None:
    import multiprocessing

    tracker = ExperimentTracker(config)

    def leave() -> None:
        nonlocal tracker
        del tracker
        gc.collect()

    process = multiprocessing.get_context("fork").Process(target=leave)
    process.start()
    process.join()
    assert tracker.run_directory is not None and read_run(tracker.run_directory).status == "running"
    assert not [thread for thread in threading.enumerate() if thread.name == "closing-thread"]
    tracker.close()
