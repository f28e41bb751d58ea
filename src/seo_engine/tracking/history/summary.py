"""One run, read back from its journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from seo_engine.tracking.history.rank_summary import WRITTEN_FOR_VIEWS, RankSummaries, RankSummary
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.journal.rank_files import has_ranks, main_journal
from seo_engine.tracking.journal.rank_journals import every_line
from seo_engine.tracking.journal.reader import JournalReader
from seo_engine.tracking.records.hyperparameters import HYPERPARAMETERS
from seo_engine.tracking.records.kinds import KINDS, decode_record
from seo_engine.tracking.records.marks.note import NOTE
from seo_engine.tracking.records.marks.run_marks import INCOMPLETE_STEP, RESUME, START, ErrorDescription, rank_of
from seo_engine.tracking.records.marks.summary import SUMMARY
from seo_engine.tracking.records.marks.surroundings import SECTIONS, SURROUNDINGS
from seo_engine.tracking.records.marks.tags import TAGS
from seo_engine.tracking.records.metrics import METRIC_KINDS, finite_number, is_metric_line
from seo_engine.tracking.records.profiling.profiling import PROFILING
from seo_engine.tracking.records.profiling.profiling_metrics import profiling_metrics
from seo_engine.tracking.records.settings import SETTINGS, merged_settings
from seo_engine.tracking.records.text import TEXT
from seo_engine.tracking.runs.ledger import DeliveryState, read_delivery
from seo_engine.tracking.runs.lifecycle import Lifecycle, is_open
from seo_engine.tracking.runs.places import DELIVERY
from seo_engine.tracking.runs.rank_presence import present_ranks

# Somebody may name each text by its step, and a text may be a book.
MOST_TEXTS = 1_000
MOST_TEXT_CHARACTERS = 10_000

# They may come a week after the end.
_LATE_KINDS = (NOTE.name, TAGS.name)


@dataclass
class MetricSummary:
    """One metric in figures: count of finite values, first, last, smallest and largest, and when those two came."""

    count: int = 0
    first: float = 0.0
    last: float = 0.0
    minimum: float = 0.0
    minimum_step: int = 0
    maximum: float = 0.0
    maximum_step: int = 0

    def add(self, value: float, step: int) -> None:
        """Add the next value, and its step."""
        if not self.count:
            self.first = value
        if not self.count or value < self.minimum:
            self.minimum, self.minimum_step = value, step
        if not self.count or value > self.maximum:
            self.maximum, self.maximum_step = value, step
        self.count += 1
        self.last = value


@dataclass
class RunSummary:
    """One run, as recorded in its journal."""

    name: str
    directory: Path
    status: str = "unknown"
    error: ErrorDescription | None = None
    command: list[str] = field(default_factory=list)
    git: dict[str, str] = field(default_factory=dict)
    # What it ran in, except git: the other `SECTIONS` of its records.
    surroundings: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: float = 0.0
    ended: float = 0.0
    epoch: float = 0
    step: int = 0
    records: int = 0
    unreadable_lines: int = 0
    # Records of kinds that this version does not know.
    unknown_records: int = 0
    metrics: dict[str, MetricSummary] = field(default_factory=dict)
    nonfinite: dict[str, int] = field(default_factory=dict)
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    configuration: dict[str, Any] = field(default_factory=dict)
    # The last text of each name, its beginning.
    texts: dict[str, str] = field(default_factory=dict)
    # What was said of the run as a whole.
    values: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    # The newest profile, and the mean seconds of its operations.
    profiling_data: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    # Sentences from the profile: the bottlenecks, and what to do about them.
    findings: list[str] = field(default_factory=list)
    delivery: dict[str, DeliveryState] = field(default_factory=dict)
    # How long the run was worked on: without the pauses between its parts.
    seconds: float = 0.0
    # Of several ranks, each; and how many steps the views show without the values of some of them.
    ranks: list[RankSummary] = field(default_factory=list)
    incomplete_steps: int = 0


def read_run(directory: Path) -> RunSummary:
    """Read one run from its journal; torn and foreign lines are counted and skipped.

    Args:
        directory (Path): The run's folder.

    Returns:
        RunSummary: What the journal holds.

    Raises:
        OSError: If the journal cannot be read.
    """
    run = RunSummary(name=directory.resolve().name, directory=directory, delivery=read_delivery(directory / DELIVERY))
    life, work, ranks = Lifecycle(), _WorkingTime(), RankSummaries()
    outline = _read_outline(directory)
    first, rewinds = outline.first_rank, outline.rewinds
    for line in every_line(directory):
        record = decode_record(line.content)
        if record is None:
            run.unreadable_lines += bool(line.content.strip())
            continue
        run.records += 1
        run.unknown_records += record["kind"] not in KINDS
        is_decision = record["kind"] == INCOMPLETE_STEP.name
        is_shown = not is_decision and (first is None or rank_of(record) == first)
        if is_shown:
            work.take_in(record)
        is_superseded = _is_superseded(record, line.end.number, rewinds)
        run.incomplete_steps += is_decision and not is_superseded
        ranks.take_in(record, is_superseded=is_superseded)
        if not is_superseded:
            try:
                life.take_in(record)
                if is_shown:
                    _take_in(run, record)
            except (KeyError, TypeError, ValueError, AttributeError):
                # The right fields with wrong contents: a foreign or damaged line.
                run.records, run.unreadable_lines = run.records - 1, run.unreadable_lines + 1
    run.started, run.configuration, run.error = life.started, life.configuration, life.error
    run.seconds = work.seconds
    if life.has_begun:
        run.status = life.status or ("running" if is_open(directory) else "killed")
    if life.world_size:
        run.ranks = ranks.of(life, present_ranks(directory))
    return run


def read_newest_metrics(directory: Path) -> dict[str, MetricSummary]:
    """Read only the newest metrics of a run, whose journal may be long.

    Args:
        directory (Path): The run's folder.

    Returns:
        dict[str, MetricSummary]: In the order in which they first appear in the end of the journal.

    Raises:
        OSError: If the journal cannot be read.
    """
    with JournalReader(main_journal(directory)) as journal:
        lines = journal.newest_lines()
    metrics: dict[str, MetricSummary] = {}
    for line in lines:
        record = decode_record(line) if is_metric_line(line) else None
        if record is None:
            continue
        for name, value in record["metrics"].items():
            metrics.setdefault(name, MetricSummary()).add(float(value), record["step"])
    return metrics


class _WorkingTime:
    """Adds up the parts of a run, each from its start or resumption to its last record."""

    def __init__(self) -> None:
        self._earlier = 0.0
        self._began = self._last = 0.0

    @property
    def seconds(self) -> float:
        """float: The seconds of all parts."""
        return self._earlier + max(0.0, self._last - self._began)

    def take_in(self, record: Record) -> None:
        """Process the next record of the run."""
        moment = float(record["time"])
        if record["kind"] in (START.name, RESUME.name) and not record.get("goes_on"):
            self._earlier = self.seconds
            self._began = self._last = moment
        # The end of a run that was killed, or that has several ranks, is written later, by somebody else.
        elif (
            record["kind"] not in (*WRITTEN_FOR_VIEWS, *_LATE_KINDS)
            and record.get("status") != "killed"
            and "rank_status" not in record
        ):
            self._last = max(self._last, moment)


class _Rewind(NamedTuple):
    """Where a run, or one of its ranks, was resumed at an earlier step: the record's number, the step, the rank."""

    number: int
    step: int
    rank: int | None


class _Outline(NamedTuple):
    """What decides how a journal is read; of several ranks, the first one that came stands for the run."""

    rewinds: list[_Rewind]
    first_rank: int | None


def _read_outline(directory: Path) -> _Outline:
    rewinds: list[_Rewind] = []
    ranks: set[int] = set()
    is_of_ranks = has_ranks(directory)
    for line in every_line(directory):
        record = None if is_metric_line(line.content) else decode_record(line.content)
        if record is None or record["kind"] not in (START.name, RESUME.name):
            continue
        rank = rank_of(record) if is_of_ranks else None
        if "world_size" in record and rank is not None:
            ranks.add(rank)
        if record.get("step") is not None:
            rewinds.append(_Rewind(line.end.number, record["step"], rank))
    return _Outline(rewinds, min(ranks, default=None))


def _is_superseded(record: Record, number: int, rewinds: list[_Rewind]) -> bool:
    """Return whether the run was later resumed at or before the step of these metrics, or of this decision."""
    is_decision = record["kind"] == INCOMPLETE_STEP.name
    return (is_decision or record["kind"] in METRIC_KINDS) and any(
        number < each.number and record["step"] >= each.step and (is_decision or each.rank in (None, rank_of(record)))
        for each in rewinds
    )


def _take_in(run: RunSummary, record: Record) -> None:
    moment = float(record["time"])
    match record["kind"]:
        case START.name | RESUME.name:
            run.command = [str(part) for part in record.get("command", [])]
            run.git = {str(name): str(value) for name, value in record.get("git", {}).items()}
        case SURROUNDINGS.name:
            run.git |= {str(name): str(value) for name, value in record["git"].items()}
            for name in SECTIONS:
                # Many packages are in several records.
                if name != "git":
                    run.surroundings[name] = run.surroundings.get(name, {}) | record[name]
        case HYPERPARAMETERS.name:
            run.hyperparameters = merged_settings(run.hyperparameters, record["hyperparameters"])
        case SETTINGS.name:
            run.settings = merged_settings(run.settings, record["settings"])
        case TEXT.name:
            _add_text(run, record)
        case SUMMARY.name:
            run.values |= record["values"]
        case NOTE.name:
            run.notes.append(record["text"])
        case TAGS.name:
            run.tags += [tag for tag in map(str, record["tags"]) if tag not in run.tags]
        case PROFILING.name:
            timings = record["profiling_data"].get("timings")
            values = timings.items() if isinstance(timings, dict) else ()
            run.profiling_data = record["profiling_data"]
            run.timings = {name: float(value) for name, value in values if finite_number(value) is not None}
            run.findings = list(profiling_metrics(record["profiling_data"])[1].values())
        case kind if kind in METRIC_KINDS:
            _add_metrics(run, record)
    if record["kind"] not in _LATE_KINDS:
        run.ended = max(run.ended, moment)


def _add_metrics(run: RunSummary, record: Record) -> None:
    for name, value in record["metrics"].items():
        run.metrics.setdefault(name, MetricSummary()).add(float(value), record["step"])
    for name in record.get("nonfinite", {}):
        run.nonfinite[name] = run.nonfinite.get(name, 0) + 1
    run.epoch, run.step = record["epoch"], max(run.step, int(record["step"]))


def _add_text(run: RunSummary, record: Record) -> None:
    if record["name"] in run.texts or len(run.texts) < MOST_TEXTS:
        # Again, so that the newest come last.
        run.texts.pop(record["name"], None)
        run.texts[record["name"]] = record["text"][:MOST_TEXT_CHARACTERS]
