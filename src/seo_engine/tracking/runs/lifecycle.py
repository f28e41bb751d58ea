"""How a run began, was resumed and ended, read from its journal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.lines import Record, encode_record
from seo_engine.tracking.journal.rank_files import journal_name, main_journal
from seo_engine.tracking.journal.rank_journals import every_line
from seo_engine.tracking.journal.reader import JournalLine, JournalReader
from seo_engine.tracking.records.kind import new_record
from seo_engine.tracking.records.kinds import decode_record
from seo_engine.tracking.records.marks.run_marks import (
    END,
    FIRST_ATTEMPT,
    LAST_VALUES,
    RANK,
    RESUME,
    START,
    Attempt,
    ErrorDescription,
    attempt_of,
    rank_of,
    world_size_of,
)
from seo_engine.tracking.records.metrics import METRIC_KINDS, is_metric_line
from seo_engine.tracking.runs.rank_ends import RankLife
from seo_engine.tracking.runs.rank_presence import present_ranks, signature_of
from seo_engine.tracking.runs.run_lock import RUN_LOCK, is_locked
from seo_engine.tracking.wandb_rules import is_plain_run_id

# The end of a run leaves room in the journal for at most this many records of values not shown yet.
MOST_LAST_VALUES = 10_000

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
    # How many processes train together, and the part of each that has come; none in a run of one process.
    world_size: int = 0
    # Whether a rank has ended after the run had: it was taken for dead, or merged later.
    has_changed_after_end: bool = False
    ranks: dict[int, RankLife] = field(default_factory=dict)

    def take_in(self, record: Record) -> None:
        """Process the next record of the run; only its start, resumptions and end matter."""
        match record["kind"]:
            case START.name | RESUME.name if not record.get("goes_on"):
                self._begin(record)
            case END.name if record.get("ends") == RANK:
                life = self.ranks.setdefault(rank_of(record), RankLife())
                life.status, life.error, life.ended = record["status"], record.get("error"), float(record["time"])
                self.has_changed_after_end = self.status is not None
            # The end of an attempt may be written, by somebody else, when the next one has begun.
            case END.name if "attempt" not in record or attempt_of(record) >= self.newest_attempt:
                self.status, self.error = record["status"], record.get("error")
                self.has_changed_after_end = False

    def _begin(self, record: Record) -> None:
        rank = rank_of(record)
        is_newer = attempt_of(record) > self.newest_attempt
        if "world_size" in record:
            self.ranks[rank] = RankLife(attempt_of(record), float(record["time"]))
        if record["kind"] == START.name:
            # Each rank notes it, so that the file of none is the only one that has it.
            self.wandb_run_id = self.wandb_run_id or str(record.get("wandb_run_id", ""))
            if not self.started:
                self.started = float(record["time"])
                self.began_with = record["configuration"]
                self.environment = _texts(record.get("environment"))
        self.status = self.error = None
        # Of several ranks, the first one decides; until it comes, any other.
        if rank == 0 or not self.has_begun or is_newer or not self.world_size:
            self.world_size = world_size_of(record)
        if rank == 0 or not self.has_begun:
            self.configuration = record["configuration"]
            self.host = str(record.get("host", ""))
            self.program = program_of(record)
        self.has_begun = True

    @property
    def newest_ranks(self) -> dict[int, RankLife]:
        """dict[int, RankLife]: The part of each rank in the newest attempt."""
        newest = self.newest_attempt
        return {rank: each for rank, each in self.ranks.items() if each.attempt == newest and rank < self.world_size}

    @property
    def newest_attempt(self) -> Attempt:
        """Attempt: The newest attempt that any rank belongs to."""
        return max((each.attempt for each in self.ranks.values()), default=FIRST_ATTEMPT)

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
    life = _live(every_line(run_directory))
    if not life.started or not is_plain_run_id(life.wandb_run_id):
        raise ValueError(f"{run_directory} does not say how the run began")
    return life


def read_part(journal: Path) -> Lifecycle:
    """Read what one file of a run's journal says of its life.

    Args:
        journal (Path): The file.

    Returns:
        Lifecycle: As for `read_lifecycle`; without the W&B id where the run was one process's before.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it does not say how it began.
    """
    with JournalReader(journal) as reader:
        life = _live(reader.lines())
    if not life.has_begun:
        raise ValueError(f"{journal} does not say how the run began")
    # A part that resumes the run of one process has no start of its own.
    life.started = life.started or min((each.began for each in life.ranks.values()), default=0.0)
    return life


def _live(lines: Iterable[JournalLine]) -> Lifecycle:
    life = Lifecycle()
    newest_metrics: deque[bytes] = deque(maxlen=_NEWEST_METRIC_LINES)
    for line in lines:
        if is_metric_line(line.content):
            newest_metrics.append(line.content)
        elif record := decode_record(line.content):
            life.take_in(record)
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


def is_open(run_directory: Path) -> bool:
    """Return whether a live process trains or completes a run.

    Args:
        run_directory (Path): The run's folder.
    """
    return is_locked(run_directory, RUN_LOCK) or bool(present_ranks(run_directory))


def still_written(run_directory: Path) -> set[int]:
    """Return the ranks of a run that may write it yet: those that are there, and have not said how they ended.

    A folder that was just copied from another host looks as if its ranks were alive.

    Args:
        run_directory (Path): The run's folder.

    Raises:
        OSError: If a journal cannot be read.
    """
    return {rank for rank in present_ranks(run_directory) if not _has_ended(run_directory, rank)}


def _has_ended(run_directory: Path, rank: int) -> bool:
    signature, path = signature_of(run_directory, rank), run_directory / journal_name(rank)
    if signature is None or not path.is_file():
        return False
    try:
        life = read_part(path).ranks.get(rank)
    except ValueError:
        return False
    return life is not None and life.status is not None and life.attempt == signature.attempt


def read_end(run_directory: Path) -> Record | None:
    """Return the last record of a run that has ended; None if it is open, was resumed, or was killed.

    Args:
        run_directory (Path): The run's folder.

    Raises:
        OSError: If the journal cannot be read.
    """
    path = main_journal(run_directory)
    # Rank 0 may not have come yet.
    if not path.exists():
        return None
    with JournalReader(path) as journal:
        lines = journal.newest_lines()
    end: Record | None = None
    for line in reversed(lines):
        record = None if is_metric_line(line) else decode_record(line)
        if record is not None and record["kind"] in (START.name, RESUME.name) and not record.get("goes_on"):
            # The end of an earlier attempt may be written after a later one has begun.
            return end if end is not None and attempt_of(record) <= attempt_of(end) else None
        if end is None and record is not None and record["kind"] == END.name and record.get("ends") != RANK:
            end = record
    return end


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


def _texts(values: Any) -> dict[str, str]:
    """Return what is a text in a field that a foreign journal may fill with anything."""
    return {name: value for name, value in values.items() if isinstance(value, str)} if isinstance(values, dict) else {}
