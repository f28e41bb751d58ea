"""How a run began, was resumed and ended, read from its journal; also ends a run whose process was killed."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.lines import Record, encode_record
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.journal.reader import JournalReader
from seo_engine.tracking.records.kind import new_record
from seo_engine.tracking.records.kinds import decode_record
from seo_engine.tracking.records.metrics import METRIC_KINDS, is_metric_line
from seo_engine.tracking.records.run_marks import END, LAST_VALUES, RESUME, START, ErrorDescription
from seo_engine.tracking.runs.places import JOURNAL
from seo_engine.tracking.runs.run_lock import MOMENT_SECONDS, RUN_LOCK, RunLock
from seo_engine.tracking.views.journal_selection import JournalSelection
from seo_engine.tracking.wandb_rules import is_plain_run_id

# The end of a run leaves room in the journal for at most this many records of values not shown yet.
MOST_LAST_VALUES = 1_000

# The last intact one of these gives the run's progress: each kill tears at most one line.
_NEWEST_METRIC_LINES = 100


class RunStillOpenError(ValueError):
    """The run is still being written by a live process."""


class Program(NamedTuple):
    """The program of the training, as W&B shows it: without secrets, and empty where it is not known."""

    name: str = ""
    code_path: str = ""
    arguments: tuple[str, ...] = ()
    folder: str = ""


@dataclass
class Lifecycle:
    """The life of a run according to its journal; `status` is None while its last part has no end."""

    wandb_run_id: str = ""
    started: float = 0.0
    host: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    program: Program = Program()
    began_with: dict[str, Any] = field(default_factory=dict)
    configuration: dict[str, Any] = field(default_factory=dict)
    has_begun: bool = False
    status: str | None = None
    error: ErrorDescription | None = None
    epoch: float = 0
    step: int = 0

    def take_in(self, record: Record) -> None:
        """Process the next record of the run; only its start, resumptions and end matter."""
        match record["kind"]:
            case START.name | RESUME.name:
                if record["kind"] == START.name and not self.started:
                    self.started = float(record["time"])
                    self.wandb_run_id = str(record.get("wandb_run_id", ""))
                    self.environment = _texts(record.get("environment"))
                    self.began_with = record["configuration"]
                self.has_begun = True
                self.configuration = record["configuration"]
                self.host = str(record.get("host", ""))
                self.program = program_of(record)
                self.status = self.error = None
            case END.name:
                self.status, self.error = record["status"], record.get("error")

    @property
    def timestamp(self) -> int:
        """int: The unix time in the names of the run's log files."""
        return int(self.started)


def program_of(record: Mapping[str, Any]) -> Program:
    """Return the program that a `start` or `resume` record names; one that somebody sent may hold anything."""
    arguments = record.get("arguments")
    return Program(
        name=str(record.get("program", "")),
        code_path=str(record.get("code_path", "")),
        arguments=tuple(map(str, arguments)) if isinstance(arguments, list) else (),
        folder=str(record.get("folder", "")),
    )


def read_lifecycle(run_directory: Path) -> Lifecycle:
    """Read how a run began, was resumed and ended.

    Args:
        run_directory (Path): The run's folder.

    Returns:
        Lifecycle: Identity and configuration, and the last epoch and step.

    Raises:
        OSError: If the journal cannot be read.
        ValueError: If it does not say how the run began.
    """
    life = Lifecycle()
    newest_metrics: deque[bytes] = deque(maxlen=_NEWEST_METRIC_LINES)
    with JournalReader(run_directory / JOURNAL) as journal:
        for line in journal.lines():
            if is_metric_line(line.content):
                newest_metrics.append(line.content)
            elif record := decode_record(line.content):
                life.take_in(record)
    if not life.started or not is_plain_run_id(life.wandb_run_id):
        raise ValueError(f"{run_directory / JOURNAL} does not say how the run began")
    for content in reversed(newest_metrics):
        record = decode_record(content)
        if record is not None and record["kind"] in METRIC_KINDS:
            life.epoch, life.step = record["epoch"], record["step"]
            break
    return life


def read_configuration(values: Mapping[str, Any]) -> TrackingConfig:
    """Return the tracking configuration from a journal's values; names of a later version are left out.

    The run's name is its folder's name, whatever was configured.

    Args:
        values (Mapping[str, Any]): The configuration in a `start` or `resume` record.

    Raises:
        ValueError: If they are not a valid configuration.
    """
    known = {each.name for each in fields(TrackingConfig)} - {"experiment_name"}
    given = values.get("given_fields", known)
    try:
        # First, so that what follows does not count as given.
        return TrackingConfig(
            given_fields=frozenset(given), **{name: value for name, value in values.items() if name in known}
        )
    except TypeError as error:
        raise ValueError(str(error)) from None


def end_lines(status: str, withheld: int, *, rank: int = 0, **contents: Any) -> list[bytes]:
    """Return the last lines of a run's journal.

    Args:
        status (str): How it ended.
        withheld (int): How many `last_values` records the views may need.
        rank (int): Rank of the process in distributed training.
        **contents (Any): Other fields of its `end` record.
    """
    room = [encode_record(new_record(LAST_VALUES.name, rank=rank))] * min(withheld, MOST_LAST_VALUES)
    return [*room, encode_record(new_record(END.name, rank=rank, status=status, **contents))]


def conclude(run_directory: Path, status: str) -> Lifecycle:
    """Write the end of a run that has none, because its process was killed.

    Args:
        run_directory (Path): The run's folder.
        status (str): How it ended.

    Returns:
        Lifecycle: The run's life, which now has a status.

    Raises:
        RunStillOpenError: If its process is alive, or another process has resumed it.
        OSError: If the journal cannot be read or written.
        ValueError: If the journal does not say how the run began.
    """
    lock = RunLock(run_directory, RUN_LOCK)
    if not lock.acquire(MOMENT_SECONDS):
        raise RunStillOpenError(f"{run_directory} is still running")
    try:
        life = read_lifecycle(run_directory)
        if life.status is None:
            config = read_configuration(life.configuration)
            with LoggingQueue(run_directory / JOURNAL) as journal:
                for line in end_lines(status, _withheld(journal, config), dropped={}, nonfinite_counts={}):
                    journal.append(line)
                if journal.waiting:
                    raise OSError(f"{run_directory / JOURNAL} cannot be written")
            life.status = status
        return life
    finally:
        lock.release()


def _texts(values: Any) -> dict[str, str]:
    """Return what is a text in a field that a foreign journal may fill with anything."""
    return {name: value for name, value in values.items() if isinstance(value, str)} if isinstance(values, dict) else {}


def _withheld(journal: JournalReader, config: TrackingConfig) -> int:
    selection = JournalSelection(config)
    for line in journal.lines():
        selection.take(line)
    return selection.withheld
