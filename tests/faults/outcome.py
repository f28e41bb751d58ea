"""What became of the records of a run that something happened to."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.journal.rank_files import JOURNAL
from seo_engine.tracking.observers.run_profile import DATA_FILE, TRACE_FILE
from seo_engine.tracking.payloads.payload import MEDIA, NO_PAYLOADS, Payloads
from seo_engine.tracking.payloads.run_payloads import RunPayloads
from seo_engine.tracking.records.marks.surroundings import SURROUNDINGS
from seo_engine.tracking.records.metrics import METRIC_KINDS
from seo_engine.tracking.records.profiling.profiling import CHART_NAME, PROFILING, TABLE_NAME
from seo_engine.tracking.runs.ledger import read_delivery
from seo_engine.tracking.runs.places import PROFILE
from seo_engine.tracking.runs.record_writer import NOT_WRITTEN
from tests.faults.artifacts import artifacts_not_in_wandb, version_in_words, wrong_artifacts
from tests.faults.files_and_alerts import doubled_alerts, wrong_files
from tests.faults.training import BATCH_SIZE, Training, colour_in_words, file_in_words, given, table_in_words
from tests.tracking.read_views import (
    Point,
    is_automatic,
    points_of_tensorboard,
    read_journal,
    read_tensorboard,
    read_wandb,
    resumptions,
    wandb_file,
    wandb_text,
)

VIEWS = ("tensorboard", "wandb")

# What stands before the slash in a name without one, where it is not the kind.
GROUPS = {"image": "images", "table": "tables", "file": "files", "alert": "experiment", "artifact": "artifacts"}

# A full disk does not take their data.
WITH_DATA = {"image", "table", "file", "artifact"}

# W&B shows them beside their rows.
WITHOUT_VALUES_IN_ROWS = {"file", "alert", "artifact"}

NumberedRecords = Sequence[tuple[int, Record]]


@dataclass
class Outcome:
    """Of one try or of several.

    `lost` counts values that are not there as they were given, `doubled` those that are there once too often or that
    nobody gave, both of calls that had returned; `faults` says all that is wrong.
    """

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

    def compare(
        self, where: str, expected: Counter[Any], shown: Counter[Any], uncertain: Counter[Any] | None = None
    ) -> None:
        """Count what is lost and what is doubled; either is a fault.

        Args:
            where (str): Where it is shown.
            expected (Counter[Any]): What must be there.
            shown (Counter[Any]): What is there.
            uncertain (Counter[Any] | None): What may be there beside it.
        """
        lost, doubled = expected - shown, shown - expected - (uncertain or Counter())
        self.lost, self.doubled = max(self.lost, lost.total()), max(self.doubled, doubled.total())
        for word, found in (("lost", lost), ("doubled or wrong", doubled)):
            if found:
                self.faults.append(f"{where}: {found.total()} {word}, such as {next(iter(found))}")


def examine(
    training: Training,
    *,
    kills: int = 0,
    status: str | None = "finished",
    rows_on_server: list[dict[str, Any]] | None = None,
) -> Outcome:
    """Read journal, views and ledgers of a run that has ended: the journal beside the calls, the views beside it.

    Args:
        training (Training): The training.
        kills (int): How often something was killed.
        status (str | None): How the run must have ended; None if it may be either way, but the same everywhere.
        rows_on_server (list[dict[str, Any]] | None): What the W&B server holds of a run that is not offline.
    """
    directory, returned = training.directory, training.calls.returned
    outcome = Outcome(
        tries=1,
        kills=kills,
        records=returned,
        worst_call_seconds=training.calls.worst_nanoseconds * 1e-9,
        faults=training.failures,
    )
    records = read_journal(directory) if (directory / JOURNAL).exists() else []
    left_out = training.left_out
    certain = _given(set(range(1, returned + 1)) - left_out)
    # The last call may have been met by a kill.
    found = _in_journal(records, RunPayloads(directory))
    dropped = _dropped_for_the_disk(records, certain - found)
    outcome.compare(f"journal, {directory}", certain - dropped, found, uncertain=_given(left_out | {returned + 1}))
    if not records:
        outcome.faults.append(f"there is no journal; {directory}")
        return outcome
    outcome.compare(
        f"tensorboard, {directory}", expected_in_tensorboard(records, directory), shown_by_tensorboard(directory)
    )
    rows = read_wandb(directory / "wandb").rows if rows_on_server is None else rows_on_server
    outcome.compare(f"wandb, {directory}", _expected_in_wandb(records, directory), _shown_by_wandb(rows, directory))
    outcome.faults += _wrong_media(directory)
    outcome.faults += _wrong_ends(directory, records, status)
    outcome.faults += _wrong_automatic_records(directory, records)
    outcome.faults += _wrong_files_of_the_profile(directory, records, kills)
    if returned and not any(record["kind"] == "hyperparameters" for _, record in records):
        outcome.faults.append(f"journal: the hyperparameters are lost; {directory}")
    if rows_on_server is None:
        outcome.faults += _wrong_in_wandb_run(directory, records)
        outcome.faults += wrong_files(directory, records)
        outcome.faults += doubled_alerts(directory)
        outcome.faults += artifacts_not_in_wandb(directory, records)
    outcome.faults += wrong_artifacts(training.folder / "artifacts", records)
    outcome.faults += unbalanced(directory, VIEWS)
    return outcome


def _given(numbers: Iterable[int]) -> Counter[tuple[str, float, Point]]:
    """Return what was logged with these numbers, with its kind and epoch; a point's record is unknown, thus 0."""
    return Counter(
        (kind, epoch, (0, step, f"{GROUPS.get(kind, kind)}/{name}", value))
        for number in numbers
        for kind, epoch, step, contents in given(number)
        for name, value in contents.items()
    )


def _in_journal(records: NumberedRecords, payloads: Payloads) -> Counter[tuple[str, float, Point]]:
    """Return what the training logged; what the run logs by itself no call has given."""
    return Counter(
        (record["kind"], record["epoch"], (0, record["step"], name, value))
        for _, record in records
        if not is_automatic(record)
        for name, value in _contents(record, payloads).items()
        for value in [_described(value) if record["kind"] == "artifact" else value]
    )


def _described(text: float | str) -> str:
    """Return what a version was described with: its number follows from what was logged before it."""
    return str(text).split("\n\n")[1]


def _dropped_for_the_disk(records: NumberedRecords, missing: Counter[Any]) -> Counter[Any]:
    """Return the missing calls with data, if the end of the run says that so many were dropped: a full disk."""
    media = Counter({call: count for call, count in missing.items() if call[0] in WITH_DATA})
    said = sum(record.get("dropped", {}).get(NOT_WRITTEN, 0) for _, record in records)
    return media if media.total() == said else Counter()


def _contents(record: Record, payloads: Payloads = NO_PAYLOADS) -> dict[str, float | str]:
    """Return the values of a record of metrics, and in words what one of another kind shows."""
    if record["kind"] == "image":
        (reference,) = record["payloads"]
        return {record["name"]: _picture_in_words(payloads.file(reference).read_bytes())}
    if record["kind"] == "table":
        (column,) = json.loads(payloads.file(record["payloads"][0]).read_bytes())
        return {record["name"]: table_in_words([[number] for number in column])}
    if record["kind"] == "file":
        return {record["name"]: file_in_words(payloads.file(record["payloads"][0]).read_bytes())}
    if record["kind"] == "artifact":
        return {f"artifacts/{record['name']}": version_in_words(record)}
    if record["kind"] == "surroundings":
        return dict(SURROUNDINGS.shown(record, NO_PAYLOADS).texts)  # type: ignore[union-attr]
    if record["kind"] == "alert":
        return {"experiment/alerts": f"**{record['title']}** ({record['level']})"}
    if record["kind"] == "text":
        return {record["name"]: record["text"]}
    if record["kind"] == "profiling":
        shown = PROFILING.shown(record, NO_PAYLOADS)
        return {**shown.numbers, **shown.texts} if shown is not None else {}
    return dict(record["metrics"]) if record["kind"] in METRIC_KINDS else {}


def _picture_in_words(data: bytes) -> str:
    (colour,) = {*Image.open(io.BytesIO(data)).getdata()}
    return colour_in_words(colour[0])


def _wrong_media(directory: Path) -> list[str]:
    """Return what is wrong in `media/`: a payload file that every view has passed, or a file that nothing refers to."""
    found = [f"{path} was left behind" for path in (directory / MEDIA).glob("payloads-*")]
    return found + [f"{path} was left behind" for path in (directory / MEDIA).glob(".*")]


def expected_in_tensorboard(records: NumberedRecords, directory: Path) -> Counter[Point]:
    """Return what TensorBoard must show: values as it keeps them, hyperparameters, and how the run ended."""
    payloads = RunPayloads(directory)
    logged = [
        (number, record["step"], name, value)
        for number, record in records
        for name, value in _contents(record, payloads).items()
    ]
    points: Counter[Point] = Counter(points_of_tensorboard(logged, resumptions(records)))
    newest_step = 0
    for number, record in records:
        if record["kind"] in METRIC_KINDS:
            newest_step = record["step"]
        elif record["kind"] == "hyperparameters":
            table = f"| name | value |\n|---|---|\n| batch_size | {BATCH_SIZE} |"
            points[number, 0, "experiment/hyperparameters", table] += 1
        elif record["kind"] == "end":
            points[number, newest_step, "experiment/status", record["status"]] += 1
    return points


def shown_by_tensorboard(directory: Path) -> Counter[Point]:
    """Return what the event files of a run hold, but its configuration."""
    points: Counter[Point] = Counter()
    for folder in [directory, *sorted(directory.glob("late*"))]:
        view = read_tensorboard(folder)
        points.update(point for point in view.points if point[2] != "experiment/configuration")
        pictures = view.pictures.get("images/record", [])
        points.update((each.record, each.step, "images/record", _picture_in_words(each.png)) for each in pictures)
    return points


def charts_in_tensorboard(directory: Path) -> Counter[tuple[int, int]]:
    """Return the record and step of each chart of bottlenecks in the event files of a run."""
    folders = [directory, *sorted(directory.glob("late*"))]
    return Counter(
        (picture.record, picture.step)
        for folder in folders
        for picture in read_tensorboard(folder).pictures.get(CHART_NAME, [])
    )


def _expected_in_wandb(records: NumberedRecords, directory: Path) -> Counter[Point]:
    payloads = RunPayloads(directory)
    return Counter(
        (number, record["step"], name, value)
        for number, record in records
        if (contents := _contents(record, payloads))
        for name, value in {**_as_wandb_shows(record, contents), "epoch": record["epoch"]}.items()
    )


def _as_wandb_shows(record: Record, contents: dict[str, float | str]) -> dict[str, float | str]:
    """Return the contents of a record with the texts of a profile on one page."""
    if record["kind"] in WITHOUT_VALUES_IN_ROWS:
        return {}
    texts = {name: text for name, text in contents.items() if isinstance(text, str)}
    if record["kind"] != "profiling" or len(texts) < 2:
        return contents
    page = "\n\n".join(f"{name}\n{text}" for name, text in texts.items())
    return {name: value for name, value in contents.items() if name not in texts} | {"profiling/texts": page}


def _shown_by_wandb(rows: Iterable[dict[str, Any]], directory: Path) -> Counter[Point]:
    return Counter(
        (row["_step"], row["global_step"], name, _in_words(value, directory / "wandb"))
        for row in rows
        for name, value in row.items()
        if ("/" in name and name != TABLE_NAME) or name == "epoch"
    )


def _in_words(value: Any, wandb_directory: Path) -> float | str:
    """Return a value of a row; of a file, what it shows, in words."""
    match value:
        case {"_type": "image-file"}:
            return _picture_in_words(wandb_file(wandb_directory, value).read_bytes())
        case {"_type": "table-file"}:
            return table_in_words(json.loads(wandb_file(wandb_directory, value).read_bytes())["data"])
        case {"_type": "html-file"}:
            return wandb_text(wandb_directory, value)
    number: float | str = value
    return number


def _wrong_ends(directory: Path, records: NumberedRecords, status: str | None) -> list[str]:
    ends = [record["status"] for _, record in records if record["kind"] == "end"]
    if len(ends) == 1 and status in (None, *ends):
        return []
    return [f"journal: its ends are {ends}, not {status}; {directory}"]


def _wrong_automatic_records(directory: Path, records: NumberedRecords) -> list[str]:
    """Return what is wrong in what the run logged by itself: once a step but at the end, not behind it, and in view."""
    found: list[str] = []
    seen: set[tuple[str, float, int]] = set()
    for (number, record), (_, before) in zip(records[1:], records, strict=False):
        if record["kind"] == "resume":
            # Another process, at a step that the one before may have come to.
            seen.clear()
        if not is_automatic(record) or record["kind"] == "console":
            continue
        moment = (record["kind"], record["epoch"], record["step"])
        # The last profile is logged at the end, wherever the one before was.
        follows = next((later["kind"] for at, later in records if at > number and later["kind"] != "last_values"), "")
        if moment in seen and not (record["kind"] == "profiling" and follows == "end"):
            found.append(f"journal: {moment} is logged twice, again in line {number}; {directory}")
        seen.add(moment)
        if before["kind"] == "end":
            found.append(f"journal: {moment} stands behind the end, in line {number}; {directory}")
    kinds = {(record["kind"], record.get("status")) for _, record in records}
    if ("end", "finished") in kinds and ("profiling", None) not in kinds:
        found.append(f"journal: a run that finished has no profile; {directory}")
    charts = Counter((number, record["step"]) for number, record in records if _has_chart(record))
    if (shown := charts_in_tensorboard(directory)) != charts:
        found.append(f"tensorboard: the charts are those of {shown}, not of {charts}; {directory}")
    return found


def _has_chart(record: Record) -> bool:
    return record["kind"] == "profiling" and bool(record["profiling_data"]["operations"])


def _wrong_files_of_the_profile(directory: Path, records: NumberedRecords, kills: int) -> list[str]:
    """Return what is wrong in `profile/`: its files are whole, and those of a run that finished are there."""
    found: list[str] = []
    finished = any(record["kind"] == "end" and record["status"] == "finished" for _, record in records)
    names = {TRACE_FILE: "traceEvents", DATA_FILE: "operations"}
    for name, part in names.items():
        path = directory / PROFILE / name
        try:
            if not json.loads(path.read_bytes())[part]:
                found.append(f"{path} holds no {part}")
        except FileNotFoundError:
            # A kill within the end may come before the files.
            if finished and not kills:
                found.append(f"{path} is not there")
        except (ValueError, KeyError) as error:
            found.append(f"{path} is not whole: {error}")
    if not kills:
        found += [f"{path} was left behind" for path in (directory / PROFILE).glob("*") if path.name not in names]
    return found


def _wrong_in_wandb_run(directory: Path, records: NumberedRecords) -> list[str]:
    """Return what is wrong in the `.wandb` files beside their rows: how the run ended, and its hyperparameters."""
    view = read_wandb(directory / "wandb")
    kinds = {record["kind"]: record for _, record in records}
    ended = kinds["end"]["status"] if "end" in kinds else None
    expected = {
        "status": ended,
        "exit code": 0 if ended == "finished" else 1,
        "batch size": BATCH_SIZE if "hyperparameters" in kinds else None,
    }
    shown = {
        "status": view.summary.get("experiment/status"),
        "exit code": view.exit_code,
        "batch size": view.config.get("batch_size"),
    }
    return [
        f"wandb: {name} is {shown[name]}, not {value}; {directory}"
        for name, value in expected.items()
        if shown[name] != value
    ]


def unbalanced(directory: Path, views: Iterable[str]) -> list[str]:
    """Return what is wrong in the ledgers: each line of the journal is delivered, dropped or pending, once."""
    lines = [line for path in directory.glob("journal*.jsonl") for line in path.read_bytes().split(b"\n")[:-1]]
    accepted = sum(bool(line.strip()) for line in lines)
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
