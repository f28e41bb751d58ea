"""What became of the records of a run that something happened to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from seo_engine.tracking.delivery import read_delivery
from tests.faults.training import Training
from tests.tracking.views import metric_records, read_journal, read_tensorboard, read_wandb

RECORD = "training/record"


@dataclass
class Outcome:
    """Of one try or of several: `lost` and `doubled` are of records whose call had returned; `faults` says the rest."""

    tries: int = 0
    kills: int = 0
    records: int = 0
    lost: int = 0
    doubled: int = 0
    worst_call_seconds: float = 0.0
    remark: str = ""
    faults: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Take in another try."""
        self.tries += other.tries
        self.kills += other.kills
        self.records += other.records
        self.lost += other.lost
        self.doubled += other.doubled
        self.worst_call_seconds = max(self.worst_call_seconds, other.worst_call_seconds)
        self.remark = other.remark or self.remark
        self.faults += other.faults


def examine(training: Training, *, kills: int = 0, views: Iterable[str] = ("tensorboard", "wandb")) -> Outcome:
    """Read journal, views and ledgers of a run that has ended, and compare them with the calls that had returned.

    Args:
        training (Training): The training.
        kills (int): How often something was killed.
        views (Iterable[str]): Those that must hold each record.
    """
    returned = training.calls.returned
    outcome = Outcome(
        tries=1, kills=kills, records=returned, worst_call_seconds=training.calls.worst_nanoseconds * 1e-9
    )
    journal = training.directory / "journal.jsonl"
    if not journal.exists() or not read_journal(training.directory):
        outcome.lost = returned
        return outcome
    in_journal = [int(record["metrics"][RECORD]) for _, record in metric_records(training.directory)]
    given_out = set(range(1, returned + 1)) - training.left_out
    for name, held in {"journal": in_journal, **{view: held_by(view, training.directory) for view in views}}.items():
        expected = given_out if name == "journal" else set(in_journal)
        lost, doubled = len(expected - set(held)), len(held) - len(set(held))
        outcome.lost, outcome.doubled = max(outcome.lost, lost), max(outcome.doubled, doubled)
        if lost or doubled:
            outcome.faults.append(f"{name}: {lost} lost, {doubled} doubled; {training.folder}")
    outcome.faults += unbalanced(training.directory, views)
    return outcome


def held_by(view: str, directory: Path) -> list[int]:
    """Return the numbers of the records that a view shows."""
    if view == "wandb":
        return [int(row[RECORD]) for row in read_wandb(directory / "wandb").rows if RECORD in row]
    folders = [directory, *sorted(directory.glob("late*"))]
    return [int(scalar.value) for folder in folders for scalar in read_tensorboard(folder).scalars.get(RECORD, [])]


def unbalanced(directory: Path, views: Iterable[str]) -> list[str]:
    """Return what is wrong in the ledgers: each line of the journal is delivered, dropped or pending, once."""
    lines = (directory / "journal.jsonl").read_bytes().split(b"\n")
    accepted = sum(bool(line.strip()) for line in lines[:-1])
    found = []
    states = read_delivery(directory / "delivery.json")
    for view in views:
        state = states.get(view)
        if state is None:
            found.append(f"{view} has no ledger; {directory}")
        elif state.accepted != state.delivered + sum(state.dropped.values()) + state.pending:
            found.append(f"{view}: {state} does not add up; {directory}")
        elif state.accepted != accepted or state.pending or not state.closed:
            found.append(f"{view}: {accepted} lines, but {state}; {directory}")
    return found
