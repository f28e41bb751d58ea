"""Runs one measurement in a process of its own, and counts the processor time of all its descendants."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.measurements import RESULT

ROOT = Path(__file__).parent.parent
# Measure the sources of this repository, whatever is installed.
SOURCES = os.pathsep.join((str(ROOT), str(ROOT / "src")))

_PR_SET_CHILD_SUBREAPER = 36
# What would lead a tracker elsewhere than into the folder that is read.
SETTINGS_OF_TRACKERS = ("WANDB_", "PLUTO_", "EXPMAN_")

LONGEST_SECONDS = 600.0
# Processes that a measurement leaves behind, such as a peer's server, have this long to finish before they are killed.
LONGEST_AFTERMATH_SECONDS = 30.0


@dataclass
class Measured:
    """The result that a process wrote, and what the process and its descendants cost."""

    result: dict[str, Any] = field(default_factory=dict)
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    disk_bytes: int = 0


class MeasurementError(Exception):
    """A measurement failed."""


@contextmanager
def measured(
    row: str, measurement: str, number: int, *further: object, module: str = "benchmarks.measurements"
) -> Iterator[tuple[Measured, Path]]:
    """Run a measurement, wait for all its processes, and yield the result with the folder of its files."""
    _adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="seo_engine_benchmark_") as name:
        folder = Path(name)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(SETTINGS_OF_TRACKERS)}
        environment |= {"HOME": name, "PYTHONPATH": SOURCES, "OMP_NUM_THREADS": "1"}
        with (folder / "stderr").open("wb") as errors:
            started = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-m", module, row, measurement, str(number), *map(str, further)],
                cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=errors,
            )  # fmt: skip
        said = Measured()
        # For memory only the peak counts: a million records need not be delivered.
        aftermath = 0.0 if measurement == "memory" else LONGEST_AFTERMATH_SECONDS
        status = _reap_all(process.pid, said, started, aftermath)
        process.returncode = status
        if status not in (0, -9):
            errors_said = (folder / "stderr").read_text(errors="replace").strip().splitlines()
            raise MeasurementError(f"{row} {measurement}: {errors_said[-1] if errors_said else status}")
        result = folder / RESULT
        said.result = json.loads(result.read_text()) if result.exists() else {}
        said.disk_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        yield said, folder


def _reap_all(process_id: int, said: Measured, started: float, aftermath_seconds: float) -> int:
    """Wait for a process and all its descendants, kill those that remain, and return the status of the process."""
    status, ended = 0, started
    deadline = time.perf_counter() + LONGEST_SECONDS
    while True:
        try:
            reaped, code, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if not reaped:
            if time.perf_counter() > deadline:
                for each in psutil.Process().children(recursive=True):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        each.kill()
            time.sleep(0.005)
            continue
        said.cpu_seconds += usage.ru_utime + usage.ru_stime
        if reaped == process_id:
            status, ended = os.waitstatus_to_exitcode(code), time.perf_counter()
            deadline = ended + aftermath_seconds
    said.wall_seconds = ended - started
    return status


def _adopt_orphans() -> None:
    """Make orphaned descendants children of this process, so that it can wait for them."""
    if platform.system() == "Linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
