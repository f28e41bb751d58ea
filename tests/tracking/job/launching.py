"""Starts the processes of a job, as a launcher does, and reads what they logged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED_AS_TEXT
from tests.tracking.killing import children, cmdline, wait_until
from tests.tracking.read_views import read_journal

# What every rank runs: its number, its first step and the one after its last are its arguments. Behind them are the
# views that it is to have, which take long to open, and `rank_metrics` unless it is `first`.
TRAINING = f"""
import sys, time
from seo_engine import ExperimentTracker, TrackingConfig

rank, first, behind = map(int, sys.argv[1:4])
config = TrackingConfig(
    experiment_name="r", selective_logging=False, wandb_mode="offline", wandb_logging="wandb" in sys.argv,
    tensorboard_logging="tensorboard" in sys.argv,
    rank_metrics=next((each for each in ("all", "reduced") if each in sys.argv), "first"),
    close_timeout_seconds=60,
    {ONLY_WHAT_IS_LOGGED_AS_TEXT}
)
with ExperimentTracker(config) as tracker:
    for step in range(first, behind):
        tracker.log_training_metrics(0, step, {{"loss": rank * 1000 + step}})
    if "fail" in sys.argv:
        raise ValueError(f"rank {{rank}} cannot go on")
    if "wait" in sys.argv:
        print("ready", flush=True)
        sys.stdin.readline()
"""

# Starts processes after a delay each, and waits for them.
_LAUNCHER = """
import json, os, subprocess, sys, time
began = time.monotonic()
processes = []
for delay, command, environment in json.loads(sys.stdin.readline()):
    time.sleep(max(0.0, delay + began - time.monotonic()))
    processes.append(subprocess.Popen(command, env={**os.environ, **environment}))
sys.exit(max(abs(process.wait()) for process in processes))
"""


class Rank(NamedTuple):
    """One process of a job, and when it starts."""

    rank: int
    environment: Mapping[str, str]
    arguments: Sequence[str] = ("1", "21")
    delay: float = 0.0
    program: str | Path = TRAINING


def torchrun_variables(rank: int, processes: int, **others: str) -> dict[str, str]:
    """Return what torchrun sets, of what matters here."""
    counts = {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    return {"RANK": str(rank), "LOCAL_RANK": str(rank), **counts, **others}


def launch(folder: Path, *ranks: Rank, timeout: float = 180) -> subprocess.CompletedProcess[str]:
    """Run a job to its end."""
    processes = [
        (each.delay, [sys.executable, *_how(each.program), str(each.rank), *each.arguments], dict(each.environment))
        for each in ranks
    ]
    return subprocess.run(
        [sys.executable, "-c", _LAUNCHER],
        input=json.dumps(processes) + "\n",
        cwd=folder,
        text=True,
        capture_output=True,
        check=False,
        timeout=timeout,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
    )


def _how(program: str | Path) -> list[str]:
    return [str(program)] if isinstance(program, Path) else ["-c", program]


def deliverer_of(first_rank: int, others: Collection[int] = ()) -> psutil.Process:
    """Return the child of rank 0 that delivers, once it is there.

    Args:
        first_rank: The process id of rank 0.
        others: Children that were there before.
    """
    return wait_until(
        lambda: next(
            (
                each
                for each in children(first_rank)
                if "deliverer_process" in " ".join(cmdline(each)) and each.pid not in others
            ),
            None,
        )
    )


def runs_in(folder: Path) -> list[str]:
    """Return the names of the runs in a folder."""
    return sorted(path.name for path in (folder / "runs").iterdir() if not path.name.startswith("."))


def losses(run_directory: Path) -> dict[int, list[tuple[int, float]]]:
    """Return step and loss of every record, by its rank, in the order of the journal."""
    found: dict[int, list[tuple[int, float]]] = {}
    for _, record in read_journal(run_directory):
        if record["kind"] == "training":
            found.setdefault(record["rank"], []).append((record["step"], record["metrics"]["training/loss"]))
    return found


def ends(run_directory: Path) -> list[dict[str, Any]]:
    """Return the ends of the run itself."""
    records = [record for _, record in read_journal(run_directory)]
    return [record for record in records if record["kind"] == "end" and "ends" not in record]


def logged(rank: int, steps: range = range(1, 21)) -> list[tuple[int, float]]:
    """Return what `TRAINING` logs."""
    return [(step, float(rank * 1000 + step)) for step in steps]
