"""Disks that are full or read only, and folders that are deleted under a run."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.faults.outcome import Outcome, examine
from tests.faults.training import Training
from tests.tracking.killing import delete_folder, wait_until


class CannotBeTriedHere(Exception):
    """This machine, or this user, has not what the fault needs."""


def files_cannot_grow(folder: Path, chance: random.Random) -> Outcome:
    """no file of the run can grow beyond a few kilobytes for a while (RLIMIT_FSIZE)"""
    first = chance.randint(50, 300)
    with Training(folder, partial(_limit_files, first, chance.randint(10_000, 40_000))) as training:
        training.wait_for_calls(first + 1500)
        training.finish()
        return examine(training)


def _limit_files(first: int, limit: int, record: int) -> None:
    if record == first:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    elif record == first + 1000:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def small_disk(folder: Path, chance: random.Random) -> Outcome:
    """the disk full (a small tmpfs), and larger after a while"""
    runs = folder / "runs"
    with _mounted(runs, "-t", "tmpfs", "-o", "size=1m", "tmpfs") as disk, Training(folder) as training:
        wait_until(lambda: "The journal cannot be written" in training.output())
        time.sleep(chance.uniform(0.0, 2.0))
        subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
        training.wait_for_calls(training.calls.returned + 200)
        training.finish()
        return examine(training)


def read_only_at_the_start(folder: Path, chance: random.Random) -> Outcome:
    """the folder of all runs read only: the training goes on without a run"""
    runs = folder / "runs"
    runs.mkdir(parents=True)
    with _read_only(runs, folder / "aside"), Training(folder) as training:
        training.wait_for_calls(chance.randint(100, 500))
        said = training.finish()
    faults = [] if "nothing in this run is recorded" in said else [f"it is not said; {folder}"]
    # No record is accepted, so none is lost.
    return Outcome(tries=1, worst_call_seconds=training.calls.worst_nanoseconds * 1e-9, faults=faults)


def read_only_for_a_while(folder: Path, chance: random.Random) -> Outcome:
    """the run's folder read only for a while: no file can be opened or made in it"""
    with Training(folder) as training:
        training.wait_for_calls(chance.randint(1, 500))
        with _read_only(training.directory, folder / "aside"):
            training.wait_for_calls(training.calls.returned + chance.randint(500, 1500))
        training.wait_for_calls(training.calls.returned + 200)
        training.finish()
        return examine(training)


def deleted_folder(folder: Path, chance: random.Random) -> Outcome:
    """the run's folder deleted, twice"""
    with Training(folder) as training:
        for _ in range(2):
            training.wait_for_calls(training.calls.returned + chance.randint(1, 1500))
            delete_folder(training.directory)
            wait_until(lambda: (training.directory / "journal.jsonl").exists())
            shutil.rmtree(training.directory.with_name("r.deleted"), ignore_errors=True)
        training.finish()
        return examine(training)


@contextlib.contextmanager
def _read_only(folder: Path, place: Path) -> Iterator[None]:
    """Have nothing opened for writing in a folder; `place` is for a mount beside it."""
    if os.getuid() != 0:
        # For the superuser modes mean nothing.
        mode = folder.stat().st_mode
        folder.chmod(0o555)
        try:
            yield
        finally:
            folder.chmod(mode)
        return
    # Made read only aside, where nothing opens a file for writing, which would keep it from becoming so.
    with _mounted(place, "--bind", str(folder)) as aside:
        subprocess.run(["mount", "-o", "remount,ro,bind", aside], check=True)
        with _mounted(folder, "--bind", str(aside)):
            yield


@contextlib.contextmanager
def _mounted(folder: Path, *arguments: str) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    try:
        mounted = subprocess.run(["mount", *arguments, folder], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        raise CannotBeTriedHere("it needs the right to mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=False)
