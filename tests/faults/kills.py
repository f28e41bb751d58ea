"""Kills and stalls of every process of a run, at random moments."""

from __future__ import annotations

import contextlib
import random
import signal
import time
from pathlib import Path

import psutil

from tests.faults.outcome import Outcome, examine
from tests.faults.training import Training
from tests.tracking.killing import core, delivery_child, wait_until

# From the start of the process: within its set-up, while its trackers open, and in the midst of the work.
LATEST_KILL_SECONDS = 4.0
LATEST_KILL_WHILE_CLOSING_SECONDS = 1.0


def everything(folder: Path, chance: random.Random) -> Outcome:
    """training, child and wandb-core killed at once; then `runs recover`"""
    with Training(folder) as training:
        time.sleep(chance.uniform(0.0, LATEST_KILL_SECONDS))
        training.kill_everything()
        return _recovered(training, kills=1)


def again_and_again(folder: Path, chance: random.Random) -> Outcome:
    """everything killed, the training resumed, and killed again, three times; then `runs recover`"""
    training = Training(folder)
    for stretch in range(3):
        with training:
            if stretch == 2 and training.has_begun:
                # However early the others were killed: one must be seen to go on.
                training.wait_for_calls(training.calls.returned + 1)
            time.sleep(chance.uniform(0.3, LATEST_KILL_SECONDS))
            training.kill_everything()
    return _recovered(training, kills=3)


def recovery(folder: Path, chance: random.Random) -> Outcome:
    """everything killed, and `runs recover` killed too; then `runs recover`"""
    with Training(folder) as training:
        training.wait_for_calls(chance.randint(1, 2000))
        training.kill_everything()
    training.start_recovery()
    time.sleep(chance.uniform(0.0, LATEST_KILL_SECONDS))
    training.kill_everything()
    return _recovered(training, kills=2)


def training_alone(folder: Path, chance: random.Random) -> Outcome:
    """the training killed; its child completes the run by itself"""
    with Training(folder) as training:
        child = delivery_child(training.process_id)
        training.wait_for_calls(chance.randint(1, 2000))
        training.kill()
        child.wait(timeout=120)
        return examine(training, kills=1, status="killed")


def closing(folder: Path, chance: random.Random) -> Outcome:
    """the training killed while it closes; its child completes the run by itself"""
    # Without a pause, so that much is undelivered when it closes.
    with Training(folder, pause_seconds=0) as training:
        child = delivery_child(training.process_id)
        training.wait_for_calls(chance.randint(3000, 6000))
        training.ask_to_stop()
        time.sleep(chance.uniform(0.0, LATEST_KILL_WHILE_CLOSING_SECONDS))
        training.kill()
        child.wait(timeout=120)
        return examine(training, kills=1, status=None)


def child(folder: Path, chance: random.Random) -> Outcome:
    """the child killed twice, while the training goes on"""
    return _while_training(folder, chance, "child", signal.SIGKILL, times=2)


def wandb_core(folder: Path, chance: random.Random) -> Outcome:
    """wandb-core killed twice, while the training goes on"""
    return _while_training(folder, chance, "core", signal.SIGKILL, times=2)


def stalled_child(folder: Path, chance: random.Random) -> Outcome:
    """the child stopped, while the training goes on"""
    return _while_training(folder, chance, "child", signal.SIGSTOP, times=1)


def stalled_core(folder: Path, chance: random.Random) -> Outcome:
    """wandb-core stopped, while the training goes on"""
    return _while_training(folder, chance, "core", signal.SIGSTOP, times=1)


def _while_training(folder: Path, chance: random.Random, victim: str, number: signal.Signals, times: int) -> Outcome:
    find = delivery_child if victim == "child" else core
    killed: set[int] = set()
    with Training(folder) as training:
        for _ in range(times):
            found = _another(find, training.process_id, killed)
            time.sleep(chance.uniform(0.0, 1.5))
            # One that ended meanwhile need not be killed: the next try meets its successor.
            with contextlib.suppress(psutil.NoSuchProcess):
                found.send_signal(number)
        # Whatever the victim does not do: the training goes on.
        training.wait_for_calls(training.calls.returned + 200)
        if number == signal.SIGSTOP:
            # It is replaced.
            found.wait(timeout=120)
        training.finish()
        return examine(training, kills=times if number == signal.SIGKILL else 0)


def _another(find: object, process_id: int, before: set[int]) -> psutil.Process:
    """Return a process that was not found before."""
    assert callable(find)

    def look() -> psutil.Process | None:
        found: psutil.Process = find(process_id)
        return found if found.pid not in before else None

    found = wait_until(look)
    before.add(found.pid)
    return found


def _recovered(training: Training, kills: int) -> Outcome:
    if training.calls.returned == 0 and not training.has_begun:
        # Killed before there was a run: nothing was tried.
        return Outcome(kills=kills, faults=training.failures)
    training.recover()
    return examine(training, kills=kills, status="killed")
