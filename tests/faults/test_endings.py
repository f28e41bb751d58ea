"""Every way in which a training ends: its tail is delivered, and both tools say how it ended."""

from __future__ import annotations

import os
import signal
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from seo_engine.tracking.history.summary import read_run
from tests.tracking.killing import children, delivery_child, training, wait_until
from tests.tracking.read_views import assert_each_value_once, read_tensorboard, read_wandb

BEGINNING = """
import asyncio, os, signal, sys, threading, time
from seo_engine import ExperimentTracker, TrackingConfig
config = TrackingConfig(experiment_name="r", wandb_mode="offline", selective_logging=False)
def train(tracker):
    for step in range(1, 301):
        tracker.log_training_metrics(1, step, {"loss": 1 / step})
def interrupt_twice(tracker):
    # The second Ctrl-C comes while the tracker closes.
    from seo_engine.tracking.delivery.deliveries import Deliveries
    close = Deliveries.close
    def close_and_interrupt(*arguments):
        os.kill(os.getpid(), signal.SIGINT)
        close(*arguments)
    Deliveries.close = close_and_interrupt
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)
def in_the_midst_of_closing(happens):
    # The end is in the journal, and the child was asked to close.
    from seo_engine.tracking.delivery.deliveries import Deliveries
    Deliveries._wait_for = lambda *arguments: happens()
def steps(tracker):
    with tracker:
        train(tracker)
        yield
        yield
class NotesThatFail(RuntimeError):
    @property
    def __notes__(self):
        raise ValueError("no notes")
"""


@dataclass
class Ending:
    """The lines behind the beginning of a program, and what the run then says."""

    program: str
    status: str
    exit_code: int
    error: str = ""
    traceback: str = 'File "<string>", line'
    says: str = ""


ENDINGS = {
    "close": Ending("tracker = ExperimentTracker(config); train(tracker); tracker.close()", "finished", 0),
    "with": Ending("with ExperimentTracker(config) as tracker: train(tracker)", "finished", 0),
    "interpreter_exit": Ending("tracker = ExperimentTracker(config); train(tracker)", "finished", 0),
    "sys_exit_in_a_thread": Ending(
        """
        tracker = ExperimentTracker(config)
        thread = threading.Thread(target=lambda: (train(tracker), sys.exit(3)))
        thread.start(); thread.join()
        """,
        "finished",
        0,
    ),
    "sys_exit_within_with": Ending(
        """
        with ExperimentTracker(config) as tracker:
            train(tracker); sys.exit("the loss is no number")
        """,
        "failed",
        1,
        error="SystemExit: the loss is no number",
    ),
    "exception_within_with": Ending(
        """
        with ExperimentTracker(config) as tracker:
            train(tracker); raise RuntimeError("out of tulips, password='hunter2'")
        """,
        "failed",
        1,
        error="RuntimeError: out of tulips, password='[redacted]'",
    ),
    "exception_without_close": Ending(
        'tracker = ExperimentTracker(config); train(tracker); {}["tulip"]', "failed", 1, error="KeyError: 'tulip'"
    ),
    "sigint": Ending(
        """
        with ExperimentTracker(config) as tracker:
            train(tracker); os.kill(os.getpid(), signal.SIGINT); time.sleep(60)
        """,
        "interrupted",
        -signal.SIGINT,
        error="KeyboardInterrupt",
    ),
    "sigint_twice": Ending(
        """
        with ExperimentTracker(config) as tracker:
            train(tracker); interrupt_twice(tracker)
        """,
        "interrupted",
        -signal.SIGINT,
        error="KeyboardInterrupt",
        says="Closing was interrupted",
    ),
    "sigint_within_a_coroutine": Ending(
        """
        async def main():
            with ExperimentTracker(config) as tracker:
                train(tracker); os.kill(os.getpid(), signal.SIGINT); await asyncio.sleep(60)
        asyncio.run(main())
        """,
        "interrupted",
        -signal.SIGINT,
        error="CancelledError",
    ),
    "generator_that_is_left": Ending(
        "for _ in steps(ExperimentTracker(config)): break",
        "finished",
        0,
    ),
    "handler_that_closes_within_close": Ending(
        """
        tracker = ExperimentTracker(config); train(tracker)
        signal.signal(signal.SIGTERM, lambda *_: (tracker.close("interrupted"), sys.exit(143)))
        in_the_midst_of_closing(lambda: os.kill(os.getpid(), signal.SIGTERM)); tracker.close()
        """,
        "finished",
        143,
        says="Closing was interrupted",
    ),
    "sigkill_within_close": Ending(
        """
        tracker = ExperimentTracker(config); train(tracker)
        in_the_midst_of_closing(lambda: os.kill(os.getpid(), signal.SIGKILL)); tracker.close()
        """,
        "finished",
        -signal.SIGKILL,
    ),
    "sigint_within_the_last_profile": Ending(
        """
        tracker = ExperimentTracker(config); train(tracker)
        config.code_profiler.profiling_data = lambda: (os.kill(os.getpid(), signal.SIGINT), time.sleep(60))
        tracker.close()
        """,
        "finished",
        -signal.SIGINT,
        says="Closing was interrupted",
    ),
    "exception_in_another_encoding": Ending(
        """
        with ExperimentTracker(config) as tracker:
            train(tracker); raise RuntimeError("no file caf\\udce9")
        """,
        "failed",
        1,
        error="RuntimeError: no file caf",
    ),
    "exception_that_cannot_be_described": Ending(
        "with ExperimentTracker(config) as tracker: train(tracker); raise NotesThatFail()",
        "failed",
        1,
        error="NotesThatFail",
        traceback="",
    ),
    "folder_that_is_left": Ending(
        """
        tracker = ExperimentTracker(config); os.mkdir("elsewhere"); os.chdir("elsewhere")
        tracker._run.upkeep.once(); train(tracker); tracker.close()
        """,
        "finished",
        0,
    ),
    "sigterm": Ending(
        "tracker = ExperimentTracker(config); train(tracker); os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)",
        "killed",
        -signal.SIGTERM,
    ),
    "os_exit": Ending("tracker = ExperimentTracker(config); train(tracker); os._exit(7)", "killed", 7),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_each_ending_is_recorded_and_shown_by_both_tools(name: str, tmp_path: Path) -> None:
    ending = ENDINGS[name]
    program = BEGINNING + textwrap.dedent(ending.program)
    with training(program, tmp_path, HF_TOKEN="secret-of-the-environment") as process:
        at_work = wait_until(lambda: children(process.pid) or process.poll() is not None)
        _, messages = process.communicate(timeout=200)
        # A child that outlives its training completes the run.
        for child in at_work if isinstance(at_work, list) else []:
            child.wait(timeout=200)
    directory = tmp_path / "runs" / "r"
    assert process.returncode == ending.exit_code, messages
    assert "Exception in thread" not in messages
    # On a busy machine a run also says, with the same command, that it waits.
    said = [line for line in messages.splitlines() if "Waiting up to" not in line]
    assert ending.says in messages and bool(ending.says) == any("seo-engine runs recover" in line for line in said)
    # The child writes its last ledger after its process has ended the views.
    run = wait_until(lambda: (r := read_run(directory)) and all(s.closed for s in r.delivery.values()) and r)
    assert run.status == ending.status
    assert all(state.is_complete for state in run.delivery.values()), run.delivery
    assert assert_each_value_once(directory) == 300
    (text,) = read_tensorboard(directory).texts["experiment/status"]
    assert text.startswith(ending.status) and ending.error in text
    wandb = read_wandb(directory / "wandb")
    assert wandb.exit_code == (0 if ending.status == "finished" else 1)
    assert wandb.summary["experiment/status"] == ending.status
    assert ending.error in wandb.summary.get("experiment/error", "")
    if ending.error:
        assert run.error is not None and ending.error in run.error["message"]
        assert ending.traceback in run.error["traceback"]
        assert ending.traceback in wandb.summary["experiment/traceback"]
    else:
        assert run.error is None


def test_signals_of_a_scheduler_to_every_process_leave_the_run_to_its_child(tmp_path: Path) -> None:
    program = BEGINNING + "tracker = ExperimentTracker(config); train(tracker); sys.stdin.readline()"
    with training(program, tmp_path) as process:
        child = delivery_child(process.pid)
        directory = tmp_path / "runs" / "r"
        wait_until(lambda: "wandb" in read_run(directory).delivery and read_run(directory).delivery["wandb"].delivered)
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            for each in [*children(child.pid), child]:
                each.send_signal(number)
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT, signal.SIGXCPU):
            child.send_signal(number)
        process.terminate()
        child.wait(timeout=200)
    assert read_run(directory).status == "killed"
    assert_each_value_once(directory)


MEMORY = Path("/sys/fs/cgroup/memory")


def test_a_training_that_the_kernel_kills_for_its_memory_is_completed(tmp_path: Path) -> None:
    group = MEMORY / f"seo_engine_test_{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text("300M")
    except OSError:
        pytest.skip("needs the right to limit the memory of a process")
    program = BEGINNING + textwrap.dedent(f"""
        tracker = ExperimentTracker(config); train(tracker); tracker.flush()
        # Alone in its group, so that the kernel chooses no other process.
        open("{group}/cgroup.procs", "w").write(str(os.getpid()))
        for step in range(301, 10_000):
            tracker.log_training_metrics(1, step, {{"loss": 1 / step}})
            kept = globals().setdefault("kept", []); kept.append(b"x" * 1_000_000)
        """)
    try:
        with training(program, tmp_path) as process:
            child = delivery_child(process.pid)
            process.wait(timeout=200)
            child.wait(timeout=200)
    finally:
        group.rmdir()
    assert process.returncode == -signal.SIGKILL
    directory = tmp_path / "runs" / "r"
    assert read_run(directory).status == "killed"
    assert assert_each_value_once(directory) > 300
