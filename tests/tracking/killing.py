"""Programs that train, and what kills or stalls their processes or takes their folder away."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil

Seen = TypeVar("Seen")

# Longest wait for something that a loaded machine does late; nothing is claimed of the time it takes.
PATIENCE_SECONDS = 120


@contextmanager
def training(program: str, folder: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program that trains; it and all that it started are gone afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=folder,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
    )
    try:
        yield process
    finally:
        kill_tree(process.pid)
        with contextlib.suppress(ValueError):
            process.communicate()


def delivery_child(process_id: int, run_directory: Path | None = None) -> psutil.Process:
    """Return the child that delivers to W&B, of one run if the process has several, once it is there."""
    words = ("delivery_process", str(run_directory or ""))
    return wait_until(
        lambda: next((p for p in children(process_id) if all(word in " ".join(cmdline(p)) for word in words)), None)
    )


def core(process_id: int) -> psutil.Process:
    """Return the wandb-core of a process or of its children, once it is there."""
    return wait_until(lambda: next((p for p in children(process_id) if "wandb-core" in " ".join(cmdline(p)[:1])), None))


def children(process_id: int) -> list[psutil.Process]:
    try:
        return psutil.Process(process_id).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def kill_tree(process_id: int) -> None:
    """Kill a process and all that it started, at once."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(process_id)
        for each in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGKILL)


def delete_folder(directory: Path) -> None:
    """Delete a folder that other processes write into; at once, so that none of them finds a half of it."""
    shutil.rmtree(directory.rename(directory.with_name(f"{directory.name}.deleted")))


def wait_until(look: Callable[[], Seen | None]) -> Seen:
    """Wait until a look at the world sees something, and return it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (seen := look()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
    return seen
