"""What checks do with a run: deliver it again, kill it, and wait for what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from seo_engine.foundation.interpreter import child_command, import_line
from seo_engine.tracking.conformance.killed_training import READY
from seo_engine.tracking.trackers.bounded_calls import ForeignCallError, call_within
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker

# The longest that a training is waited for that should not wait for its tracker.
PATIENCE_SECONDS = 20.0

# Imports may take long on a loaded machine.
_LONGEST_START_SECONDS = 120.0


def changed(tracker: DestinationTracker, call: str, instead: Callable[..., None]) -> DestinationTracker:
    """Return a tracker with one of its calls replaced.

    Args:
        tracker (DestinationTracker): The tracker.
        call (str): `setup`, `show`, `flush` or `close`.
        instead (Callable[..., None]): Is called with the tracker's own call, and its arguments.
    """
    own = getattr(tracker, call)

    def replaced(*arguments: Any) -> None:
        instead(own, *arguments)

    setattr(tracker, call, replaced)
    return tracker


def kill_while_training(folder: Path, tracker: str, settings: dict[str, Any]) -> None:
    """Start a training in a process of its own, and kill it, and all that it started, by SIGKILL.

    Args:
        folder (Path): Gets the run.
        tracker (str): Its name, or `module:name` of what makes it.
        settings (dict[str, Any]): The tracker's own settings.

    Raises:
        AssertionError: If the training does not come so far.
    """
    command = [*child_command("seo_engine.tracking.conformance.killed_training")]
    process = subprocess.Popen(
        [*command, json.dumps([str(folder), tracker, settings])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(import_line())
        process.stdin.flush()
        said = call_within(_LONGEST_START_SECONDS, process.stdout.readline)
    except (ForeignCallError, OSError) as error:
        said = str(error).encode()
    finally:
        _kill_with_all_it_started(process.pid)
        _, errors = process.communicate()
    if said.strip() != READY.encode():
        last_words = errors.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise AssertionError(f"a training with the tracker should log 160 values, but: {last_words[0]}")


def _kill_with_all_it_started(process_id: int) -> None:
    try:
        parent = psutil.Process(process_id)
        all_of_them = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for each in all_of_them:
        # Before any of them can complete the run.
        _signal(each.suspend)
    for each in all_of_them:
        _signal(each.kill)
    psutil.wait_procs(all_of_them, timeout=PATIENCE_SECONDS)


def _signal(send: Callable[[], None]) -> None:
    try:
        send()
    except psutil.NoSuchProcess:
        return


@contextmanager
def nothing_left_running() -> Iterator[None]:
    """Check that what is done within leaves no thread and no process behind.

    Raises:
        AssertionError: If it does.
    """
    threads = set(threading.enumerate())
    processes = set(psutil.Process().children(recursive=True))
    yield
    for thread in set(threading.enumerate()) - threads:
        # One that has nothing more to do ends in a moment.
        thread.join(PATIENCE_SECONDS / 4)
    if left := sorted(each.name for each in set(threading.enumerate()) - threads):
        raise AssertionError(f"no thread should be left after the tracker was closed, got {', '.join(left)}")
    new = set(psutil.Process().children(recursive=True)) - processes
    _, alive = psutil.wait_procs(new, timeout=PATIENCE_SECONDS / 4)
    if alive:
        names = ", ".join(sorted(" ".join(each.cmdline()[:3]) for each in alive))
        raise AssertionError(f"no process should be left after the tracker was closed, got {names}")
