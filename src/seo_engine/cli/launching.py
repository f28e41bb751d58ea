"""Starts the processes of a training on this machine, for people who know no launcher."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import IO, Any

import click
import psutil

from seo_engine.foundation.settings import Configuration

# Tells a process of a training which command has started it.
LAUNCHER = "SEO_ENGINE_LAUNCHER"

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_SECONDS = 0.1

# How long the others have, when one has failed: they wait for it until they notice.
_LONGEST_ENDING_SECONDS = 30.0

# A second Ctrl-C asks them to stop at once. One that waits for another within torch does not notice.
_LONGEST_STOPPING_SECONDS = 10.0

# How long a process has to end by itself, after its step and with a checkpoint, when nobody waits for it any more.
_LONGEST_ALONE_SECONDS = 300.0


def launch(count: int, arguments: Sequence[str], config: Configuration) -> int:
    """Run this command in several processes that train together, and wait for them.

    If one fails, the others are ended. Ctrl-C and SIGTERM are passed on to all of them, which then stop by themselves.

    Args:
        count (int): How many.
        arguments (Sequence[str]): What was typed after the command.
        config (Configuration): The settings of all of them; they read none themselves.

    Returns:
        int: 0 if all of them have succeeded, else the exit status of the first that has failed.
    """
    from seo_engine.profiling import usable_processors

    sizes = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
    environment = {**os.environ, **sizes, "SEO_ENGINE_RUN": uuid.uuid4().hex, **_loopback()}
    # They meet in a file.
    environment.pop("MASTER_ADDR", None)
    environment.setdefault("OMP_NUM_THREADS", str(max(1, usable_processors() // count)))
    # Without the current folder, which may hold anything.
    command = [sys.executable, "-P", "-m", "seo_engine.cli", *arguments]
    started: list[psutil.Popen] = []
    stopped_by: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        stopped_by.append(number)
        for process in started:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    try:
        for rank in range(count):
            own = {"RANK": str(rank), "LOCAL_RANK": str(rank), LAUNCHER: str(os.getpid())}
            # Of a group of their own, so that the terminal does not tell them, too.
            with _as_input(config) as settings:
                started.append(psutil.Popen(command, stdin=settings, env=environment | own, process_group=0))
        return _wait_for_all(started, stopped_by)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for process in started:
            if process.poll() is None:
                process.kill()
                process.wait()


def settings_of_launcher() -> dict[str, Any] | None:
    """Return the settings that the command that started this process hands on; None if no such command did.

    They are not read again, because a file may have changed since that command read it.
    """
    if LAUNCHER not in os.environ or is_launcher_gone():
        return None
    settings: dict[str, Any] = json.load(sys.stdin)
    return settings


def is_launcher_gone() -> bool:
    """Return whether the command that has started this process, as one of several, has ended without a word."""
    launcher = os.environ.get(LAUNCHER)
    return launcher is not None and os.getppid() != int(launcher)


def end_without_launcher() -> None:
    """Have this process killed some time after the command that has started it; it may wait for others for ever."""
    if LAUNCHER in os.environ:
        threading.Thread(target=_end_without_launcher, name="end_without_launcher", daemon=True).start()


@contextlib.contextmanager
def _as_input(config: Configuration) -> Iterator[IO[str]]:
    """Write what is given of a configuration where only a child can read it; others see a command line."""
    names = [field.name for field in dataclasses.fields(config) if config.is_given(field.name)]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        json.dump({name: getattr(config, name) for name in names}, file)
        file.seek(0)
        yield file


def _end_without_launcher() -> None:
    while not is_launcher_gone():
        time.sleep(1.0)
    time.sleep(_LONGEST_ALONE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def _wait_for_all(processes: Sequence[Any], stopped_by: Sequence[int]) -> int:
    """Return the exit status; whoever stops the command adds to `stopped_by`."""
    alive, statuses = list(processes), list[int]()
    # When the rest of them is killed.
    deadline = math.inf
    while alive and time.monotonic() < deadline:
        gone, alive = psutil.wait_procs(alive, timeout=_LOOK_SECONDS)
        # Untyped: what `Popen` adds to a process. One that a signal has ended is what the others have noticed.
        failed = sorted((status, processes.index(each)) for each in gone if (status := getattr(each, "returncode", 0)))
        if failed and not statuses and not stopped_by:
            _say_what_failed(*failed[0])
            for each in alive:
                each.terminate()
        statuses += [status for status, _ in failed]
        if statuses:
            deadline = min(deadline, time.monotonic() + _LONGEST_ENDING_SECONDS)
        if len(stopped_by) > 1:
            deadline = min(deadline, time.monotonic() + _LONGEST_STOPPING_SECONDS)
    # As a shell says it of a process that a signal has ended.
    status = statuses[0] if statuses else -stopped_by[0] if alive else 0
    return status if status >= 0 else 128 - status


def _say_what_failed(status: int, rank: int) -> None:
    if status < 0:
        name = signal.strsignal(-status) or f"signal {-status}"
        click.echo(f"error: process {rank} ended by a signal ({name}), so the others are ended, too", err=True)


def _loopback() -> dict[str, str]:
    """Have the processes talk to each other on this machine alone."""
    for name, addresses in psutil.net_if_addrs().items():
        if any(each.address == "127.0.0.1" for each in addresses):
            return {"GLOO_SOCKET_IFNAME": name}
    return {}
