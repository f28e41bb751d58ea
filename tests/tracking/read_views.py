"""Reads back what the views hold: event files with TensorBoard's own reader, `.wandb` files by their framing."""

from __future__ import annotations

import hashlib
import html
import json
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import NO_PAYLOADS
from seo_engine.tracking.records.kinds import decode_record
from seo_engine.tracking.records.metrics import METRIC_KINDS
from seo_engine.tracking.records.profiling.profiling import PROFILING

# Number of a record, step, name, and what was logged by that name.
Point = tuple[int, int, str, float | str]


@dataclass
class Scalar:
    step: int
    value: float
    wall_time: float
    record: int


@dataclass
class Picture:
    step: int
    record: int
    png: bytes
    width: int
    height: int


@dataclass
class Samples:
    step: int
    record: int
    width: int
    height: int
    pictures: list[bytes]


@dataclass
class CountedValues:
    step: int
    record: int
    limits: list[float]
    counts: list[float]


@dataclass
class TensorBoardView:
    points: list[Point] = field(default_factory=list)
    scalars: dict[str, list[Scalar]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    pictures: dict[str, list[Picture]] = field(default_factory=dict)
    samples: dict[str, list[Samples]] = field(default_factory=dict)
    histograms: dict[str, list[CountedValues]] = field(default_factory=dict)
    events: int = 0


def read_tensorboard(directory: Path) -> TensorBoardView:
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    view = TensorBoardView()
    for path in sorted(directory.glob("events.out.tfevents.*")):
        for event in LegacyEventFileLoader(str(path)).Load():
            if not event.HasField("summary"):
                continue
            view.events += 1
            number = int(event.source_metadata.writer.removeprefix("journal:") or 0)
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    scalar = Scalar(event.step, value.simple_value, event.wall_time, number)
                    view.points.append((number, event.step, value.tag, value.simple_value))
                    view.scalars.setdefault(value.tag, []).append(scalar)
                elif value.HasField("image"):
                    image = value.image
                    picture = Picture(event.step, number, image.encoded_image_string, image.width, image.height)
                    view.pictures.setdefault(value.tag, []).append(picture)
                elif value.HasField("histo"):
                    counted = CountedValues(
                        event.step, number, list(value.histo.bucket_limit), list(value.histo.bucket)
                    )
                    view.histograms.setdefault(value.tag, []).append(counted)
                elif value.metadata.plugin_data.plugin_name == "images":
                    width, height, *pictures = value.tensor.string_val
                    samples = Samples(event.step, number, int(width), int(height), pictures)
                    view.samples.setdefault(value.tag, []).append(samples)
                elif value.metadata.plugin_data.plugin_name == "text":
                    text = value.tensor.string_val[0].decode()
                    tag = value.tag.removesuffix("/text_summary")
                    view.points.append((number, event.step, tag, text))
                    view.texts.setdefault(tag, []).append(text)
    return view


@dataclass
class WandBView:
    rows: list[dict[str, Any]] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None


def read_wandb(directory: Path) -> WandBView:
    """Read every `.wandb` file below a folder, in the order of their names."""
    from wandb.proto import wandb_internal_pb2

    view = WandBView()
    for path in sorted(directory.rglob("*.wandb")):
        for data in framed_messages(path.read_bytes()):
            message = wandb_internal_pb2.Record()
            message.ParseFromString(data)
            if message.HasField("history"):
                row: dict[str, Any] = {}
                for item in message.history.item:
                    # What wandb says of a file, such as a table, is a dictionary of the row.
                    *parents, name = item.nested_key or [item.key]
                    place = row
                    for parent in parents:
                        place = place.setdefault(parent, {})
                    place[name] = json.loads(item.value_json)
                row["_step"] = message.history.step.num
                view.rows.append(row)
            elif message.HasField("run"):
                _update(view.config, message.run.config.update)
            elif message.HasField("config"):
                _update(view.config, message.config.update)
            elif message.HasField("summary"):
                _update(view.summary, message.summary.update)
                for item in message.summary.remove:
                    view.summary.pop(item.key, None)
            elif message.HasField("exit"):
                view.exit_code = message.exit.exit_code
    return view


def wandb_messages(directory: Path, field: str) -> list[Any]:
    """Return the messages of a kind, such as `alert`, in every `.wandb` file below a folder."""
    from wandb.proto.wandb_internal_pb2 import Record as Message

    messages = [
        Message.FromString(data)
        for path in sorted(directory.glob("*run-2*/*.wandb"))
        for data in framed_messages(path.read_bytes())
    ]
    return [getattr(message, field) for message in messages if message.HasField(field)]


def wandb_file(directory: Path, value: dict[str, Any]) -> Path:
    """Return the file of a run that a value of a row names, whose contents are what the row says."""
    # A row that a kill met is written again with its files, in a folder that begins later.
    paths = sorted(directory.glob(f"*run-2*/files/{value['path']}"))
    assert paths, value
    assert {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths} == {value["sha256"]}
    return paths[0]


def wandb_text(directory: Path, value: dict[str, Any]) -> str:
    """Return a text that a row shows as a page."""
    assert value["_type"] == "html-file"
    page = wandb_file(directory, value).read_text(encoding="utf-8")
    return html.unescape(page.removeprefix('<pre style="white-space: pre-wrap">').removesuffix("</pre>"))


def _update(config: dict[str, Any], items: Any) -> None:
    for item in items:
        config[item.key or "/".join(item.nested_key)] = json.loads(item.value_json)


def framed_messages(data: bytes) -> Iterator[bytes]:
    """Yield the messages of a LevelDB log, as W&B writes it: 7 bytes of its own, then 32 KiB blocks."""
    block_size, header = 32 * 1024, struct.Struct("<IHB")
    offset, parts = 7, []
    while offset + header.size <= len(data):
        left_in_block = block_size - offset % block_size
        if left_in_block < header.size:
            offset += left_in_block
            continue
        checksum, length, kind = header.unpack_from(data, offset)
        body = data[offset + header.size : offset + header.size + length]
        assert zlib.crc32(bytes([kind]) + body) == checksum, f"damaged at {offset}"
        offset += header.size + length
        parts.append(body)
        if kind in (1, 4):
            yield b"".join(parts)
            parts = []


def journal_values(run_directory: Path) -> list[tuple[int, int, str, float]]:
    """Return (record number, step, name, value) of the numbers that views show: metrics, and those of profiles.

    Of several ranks, the views show the first.
    """
    return sorted(
        (number, record["step"], name, value)
        for number, record in read_journal(run_directory)
        if not (run_directory / "order.jsonl").exists() or record["rank"] == 0
        for name, value in numbers_of(record).items()
    )


def numbers_of(record: Record) -> dict[str, float]:
    """Return the numbers that views show of a record."""
    if record["kind"] == "profiling":
        shown = PROFILING.shown(record, NO_PAYLOADS)
        return dict(shown.numbers) if shown is not None else {}
    return dict(record["metrics"]) if record["kind"] in METRIC_KINDS else {}


def is_automatic(record: Record) -> bool:
    """Whether a run has logged this by itself, such as the load of the machine, which no test here logs too."""
    return record["kind"] in ("profiling", "surroundings", "console") or (
        record["kind"] == "performance" and {"performance/memory_usage_mb"} <= record["metrics"].keys()
    )


def assert_each_value_once(run_directory: Path) -> int:
    """Compare both views with the journal of a run that was not thinned, also in what the run logged by itself.

    Returns the number of the values that the training logged.
    """
    expected = journal_values(run_directory)
    if list(run_directory.glob("events.out.tfevents.*")):
        assert tensorboard_values(run_directory) == sorted(
            points_of_tensorboard(expected, resumptions(read_journal(run_directory)))
        )
    if (run_directory / "wandb").exists():
        assert wandb_values(read_wandb(run_directory / "wandb").rows) == expected
    return sum(len(numbers_of(record)) for _, record in read_journal(run_directory) if not is_automatic(record))


def tensorboard_values(run_directory: Path) -> list[tuple[int, int, str, float]]:
    """Return (record number, step, name, value) of the numbers that TensorBoard shows of a run."""
    return sorted(
        (scalar.record, scalar.step, name, scalar.value)
        for folder in [run_directory, *sorted(run_directory.glob("late*"))]
        for name, scalars in read_tensorboard(folder).scalars.items()
        for scalar in scalars
    )


def resumptions(records: Iterable[tuple[int, Record]]) -> dict[int, int]:
    """Return the step at which a training was resumed, by the number of the record."""
    return {
        number: record["step"]
        for number, record in records
        if record["kind"] == "resume" and record["step"] is not None and record["rank"] == 0
    }


def points_of_tensorboard(
    values: Iterable[tuple[int, int, str, Any]], resumed_at: dict[int, int]
) -> Iterator[tuple[int, int, str, Any]]:
    """Yield (record number, step, name, value) as TensorBoard keeps it, but for numbers that it has at a step already.

    Args:
        values: All that was logged.
        resumed_at: As `resumptions` returns it.
    """
    # The newest points of each name: in the run's folder, and in those of late points.
    newest: dict[str, list[tuple[int, Any]]] = {}
    waiting = sorted(resumed_at.items())
    for number, step, name, value in sorted(values, key=lambda point: point[0]):
        while waiting and waiting[0][0] < number:
            _, first = waiting.pop(0)
            for points in newest.values():
                points[:] = [(first - 1, None) if kept >= first else (kept, old) for kept, old in points]
        is_number = not isinstance(value, str)
        shown = struct.unpack("f", struct.pack("f", value))[0] if is_number else value
        points = newest.setdefault(name, [])
        place = next((place for place, (kept, _) in enumerate(points) if kept <= step), len(points))
        # As texts, in which NaN equals NaN.
        if place < len(points) and is_number and repr(points[place]) == repr((step, shown)):
            continue
        points[place : place + 1] = [(step, shown)]
        yield number, step, name, shown


def wandb_values(rows: list[dict[str, Any]]) -> list[tuple[int, int, str, float]]:
    """Return (record number, step, name, value) of the rows of a run."""
    return sorted(
        (row["_step"], row["global_step"], name, value)
        for row in rows
        for name, value in row.items()
        if "/" in name and not isinstance(value, str | dict)
    )


def read_journal(run_directory: Path) -> list[tuple[int, Record]]:
    """Return the numbered records of a run: by line, or by their place in the order of several ranks."""
    order = run_directory / "order.jsonl"
    if not order.exists():
        lines = list(enumerate((run_directory / "journal.jsonl").read_bytes().split(b"\n"), start=1))
    else:
        by_rank: dict[int | None, list[bytes]] = {}
        lines = []
        for entry in order.read_bytes().splitlines():
            batch = json.loads(entry)
            if "kind" in batch:
                lines.append((len(lines) + 1, entry))
                continue
            rank = batch["rank"]
            name = "journal.jsonl" if rank is None else f"journal.rank-{rank:05}.jsonl"
            own = by_rank.setdefault(rank, (run_directory / name).read_bytes().split(b"\n"))
            for line in own[batch["first_line"] - 1 : batch["last_line"]]:
                lines.append((len(lines) + 1, line))
    decoded = [(number, decode_record(line)) for number, line in lines]
    return [(number, record) for number, record in decoded if record is not None]


def metric_records(run_directory: Path) -> list[tuple[int, Record]]:
    return [(number, record) for number, record in read_journal(run_directory) if record["kind"] in METRIC_KINDS]
