"""Kills of the processes of a job of several ranks, at random moments."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.runs.ledger import read_delivery
from tests.faults.outcome import VIEWS, Outcome, unbalanced
from tests.faults.training import RUN, Calls
from tests.tracking.job.launching import deliverer_of, ends, torchrun_variables
from tests.tracking.killing import kill_tree, wait_until
from tests.tracking.read_views import (
    journal_values,
    points_of_tensorboard,
    read_journal,
    read_wandb,
    resumptions,
    tensorboard_values,
    wandb_values,
)

RANKS = 3
LATEST_KILL_SECONDS = 5.0

# Logs numbered records until it is told to end; a later attempt goes on behind the record that a kill may have met.
PROGRAM = """
import os, sys, time
from pathlib import Path
from seo_engine import ExperimentTracker, TrackingConfig
from tests.faults.training import Calls

rank, folder = int(os.environ["RANK"]), Path.cwd()
calls = Calls(folder / f"calls_{rank}")
number = calls.returned
if os.environ["TORCHELASTIC_RESTART_COUNT"] != "0":
    number += 1
    with (folder / f"left_out_{rank}").open("a") as file:
        file.write(f"{number}\\n")
tracker = ExperimentTracker(
    TrackingConfig(
        experiment_name="r", wandb_mode="offline", selective_logging=False, close_timeout_seconds=60,
        enable_code_profiling=False, system_metrics_interval_seconds=0,
    )
)
while not (folder / "stop").exists():
    number += 1
    began = time.perf_counter_ns()
    tracker.log_training_metrics(0, number, {"record": rank * 1_000_000 + number})
    calls.note(number, time.perf_counter_ns() - began)
    time.sleep(0.002)
tracker.close()
"""


class Job:
    """Ranks of one attempt of a job, in one folder."""

    def __init__(self, folder: Path, attempt: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.directory = folder / "runs" / RUN
        self.calls = [Calls(folder / f"calls_{rank}") for rank in range(RANKS)]
        variables = {"TORCHELASTIC_RUN_ID": "job", "TORCHELASTIC_RESTART_COUNT": str(attempt), "HOME": str(folder)}
        path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
        with (folder / "output").open("ab") as output:
            self.ranks = [
                subprocess.Popen(
                    [sys.executable, "-c", PROGRAM],
                    cwd=folder,
                    env=os.environ | torchrun_variables(rank, RANKS, **variables) | {"PYTHONPATH": path},
                    stdout=output,
                    stderr=output,
                )
                for rank in range(RANKS)
            ]

    def wait_for_calls(self, more: int, ranks: Sequence[int] = range(RANKS)) -> None:
        """Wait until these ranks have logged so many more records."""
        before = [calls.returned for calls in self.calls]
        wait_until(lambda: all(self.calls[rank].returned >= before[rank] + more for rank in ranks))

    def kill(self, *ranks: int, by: signal.Signals = signal.SIGKILL) -> None:
        """End the processes of ranks, and nothing else."""
        for rank in ranks:
            self.ranks[rank].send_signal(by)
            self.ranks[rank].wait()

    def kill_everything(self) -> None:
        """Kill the ranks, the child of rank 0, and what that has started."""
        for process in self.ranks:
            kill_tree(process.pid)
            process.wait()

    def finish(self) -> None:
        """Have every rank end in order."""
        (self.folder / "stop").touch()
        for process in self.ranks:
            process.wait(timeout=120)


@contextmanager
def job(folder: Path, attempt: int = 0) -> Iterator[Job]:
    """Start a job; nothing of it is left."""
    started = Job(folder, attempt)
    try:
        yield started
    finally:
        started.kill_everything()


def one_rank(folder: Path, chance: random.Random) -> Outcome:
    """one of three ranks killed, and then the others, as torchrun does; the child of rank 0 ends the run"""
    with job(folder) as ranks:
        deliverer = deliverer_of(ranks.ranks[0].pid)
        ranks.wait_for_calls(chance.randint(1, 500))
        victim = chance.randrange(RANKS)
        ranks.kill(victim)
        others = [rank for rank in range(RANKS) if rank != victim]
        ranks.wait_for_calls(chance.randint(1, 200), others)
        ranks.kill(*others, by=signal.SIGTERM)
        deliverer.wait(timeout=120)
        return examine(ranks, kills=RANKS, status="killed")


def child_of_rank_0(folder: Path, chance: random.Random) -> Outcome:
    """the child of rank 0 killed twice, while the ranks go on"""
    killed: set[int] = set()
    with job(folder) as ranks:
        for _ in range(2):
            deliverer = deliverer_of(ranks.ranks[0].pid, killed)
            time.sleep(chance.uniform(0.0, 1.5))
            deliverer.kill()
            killed.add(deliverer.pid)
        last = deliverer_of(ranks.ranks[0].pid, killed)
        ranks.wait_for_calls(200)
        ranks.finish()
        last.wait(timeout=120)
        return examine(ranks, kills=2, status="finished")


def all_ranks(folder: Path, chance: random.Random) -> Outcome:
    """all ranks and the child of rank 0 killed, in two attempts of one job; then `runs recover`"""
    for attempt in range(2):
        with job(folder, attempt) as ranks:
            if attempt:
                ranks.wait_for_calls(1)
            time.sleep(chance.uniform(0.5, LATEST_KILL_SECONDS))
            ranks.kill_everything()
    recover_run(ranks.directory)
    return examine(ranks, kills=2 * RANKS, status="killed")


def examine(ranks: Job, *, kills: int, status: str) -> Outcome:
    """Read the journals and views of a run that has ended."""
    directory = ranks.directory
    outcome = Outcome(
        tries=1,
        kills=kills,
        records=sum(calls.returned for calls in ranks.calls),
        worst_call_seconds=max(calls.worst_nanoseconds for calls in ranks.calls) * 1e-9,
    )
    records = read_journal(directory)
    for rank, calls in enumerate(ranks.calls):
        path = ranks.folder / f"left_out_{rank}"
        uncertain = {calls.returned + 1, *map(int, path.read_text().split() if path.exists() else ())}
        in_journal = Counter(
            (record["step"], record["metrics"]["training/record"])
            for _, record in records
            if record["kind"] == "training" and record["rank"] == rank
        )
        given = [(number, rank * 1_000_000 + number) for number in range(1, calls.returned + 1)]
        certain = Counter(each for each in given if each[0] not in uncertain)
        may_be = Counter((number, rank * 1_000_000 + number) for number in uncertain)
        outcome.compare(f"journal of rank {rank}, {directory}", certain, in_journal, uncertain=may_be)
    # The views show the first rank.
    values = journal_values(directory)
    expected = Counter(points_of_tensorboard(values, resumptions(records)))
    outcome.compare(f"tensorboard, {directory}", expected, Counter(tensorboard_values(directory)))
    outcome.compare(f"wandb, {directory}", Counter(values), Counter(wandb_values(read_wandb(directory / "wandb").rows)))
    statuses = [end["status"] for end in ends(directory)]
    if statuses[-1:] != [status]:
        outcome.faults.append(f"journal: its ends are {statuses}, not {status}; {directory}")
    outcome.faults += unbalanced(directory, VIEWS)
    assert read_delivery(directory / "delivery.json").keys() >= set(VIEWS)
    return outcome
