"""Without W&B, a process stands by: it completes the run of a training that is killed, and otherwise does nothing."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from seo_engine.tracking.history.summary import RunSummary, read_run
from tests.tracking.killing import children, training, wait_until
from tests.tracking.read_views import assert_each_value_once, read_tensorboard

BEGINNING = """
import os, signal, sys, time
from seo_engine import ExperimentTracker, TrackingConfig
config = TrackingConfig(experiment_name="r", wandb_logging=False, selective_logging=False, record_surroundings=False)
tracker = ExperimentTracker(config)
for step in range(1, 301):
    tracker.log_training_metrics(1, step, {"loss": 1 / step})
"""

ENDS = {
    "sigterm": "os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)",
    "sigkill": "os.kill(os.getpid(), signal.SIGKILL)",
    "os_exit": "os._exit(7)",
    # A forked process must not keep the pipe open.
    "sigkill_of_a_parent": "os.fork() or (os.read(0, 1), os._exit(0)); os.kill(os.getpid(), signal.SIGKILL)",
    "sigkill_within_close": """
from seo_engine.tracking.delivery.deliveries import Deliveries
Deliveries._wait_for = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
tracker.close()
""",
}


def ended_run(directory: Path) -> RunSummary:
    """Return the run once its views are closed."""
    return wait_until(
        lambda: (r := read_run(directory)) and len(r.delivery) == 2 and all(s.closed for s in r.delivery.values()) and r
    )


@pytest.mark.parametrize("name", ENDS)
def test_the_standby_process_completes_the_run_of_a_killed_training(name: str, tmp_path: Path) -> None:
    with training(BEGINNING + ENDS[name], tmp_path) as process:
        process.wait(timeout=200)
        run = ended_run(tmp_path / "runs" / "r")
    assert run.status == ("finished" if name == "sigkill_within_close" else "killed")
    assert all(state.is_complete for state in run.delivery.values()), run.delivery
    assert assert_each_value_once(tmp_path / "runs" / "r") == 300
    (text,) = read_tensorboard(tmp_path / "runs" / "r").texts["experiment/status"]
    assert text.startswith(run.status)


def test_a_training_that_ends_by_itself_dismisses_its_standby_process(tmp_path: Path) -> None:
    program = BEGINNING + "print('ready', flush=True); sys.stdin.readline(); tracker.close(); sys.stdin.readline()"
    with training(program, tmp_path) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        (standby,) = children(process.pid)
        # It imports nothing of what it may need one day.
        assert not [each for each in standby.memory_maps() if "torch" in each.path or "orjson" in each.path]
        process.stdin.write("\n")
        process.stdin.flush()
        # It has ended, and the training has taken note of it.
        wait_until(lambda: not children(process.pid))
    directory = tmp_path / "runs" / "r"
    assert read_run(directory).status == "finished" and not list(directory.glob("logs/standby*"))


def test_there_is_none_beside_the_child_of_wandb_or_without_a_background(tmp_path: Path) -> None:
    for settings, expected in (("wandb_mode='offline'", 1), ("wandb_logging=False, asynchronous_logging=False", 0)):
        program = f"""
            import sys
            from seo_engine import ExperimentTracker, TrackingConfig
            config = TrackingConfig(tensorboard_logging=False, record_surroundings=False, {settings})
            tracker = ExperimentTracker(config)
            print("ready", flush=True)
            sys.stdin.readline()
        """
        with training(program, tmp_path) as process:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            assert len(psutil.Process(process.pid).children()) == expected
