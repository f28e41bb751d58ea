"""Line and bar plots of data that the training has at hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.arrays import as_host_array
from seo_engine.tracking.payloads.encodings import PLOT
from seo_engine.tracking.payloads.payload import Payload, Payloads
from seo_engine.tracking.records.forms import MOST_CHART_ROWS, Chart, Image, Picture
from seo_engine.tracking.records.kind import MOMENT, PAYLOADS, Kind, Shown, described, plain_text
from seo_engine.tracking.records.metrics import metric_name
from seo_engine.tracking.records.pictures.axes import Titles
from seo_engine.tracking.records.pictures.bar_picture import bar_picture
from seo_engine.tracking.records.pictures.line_picture import Line, line_picture

MOST_LINES = 100
MOST_BARS = 1_000
MOST_POINTS = 1_000_000

_FIELDS: dict[str, Any] = {**MOMENT, "name": str, "title": str, "x_title": str, "y_title": str, PAYLOADS: list}


def _line_contents(
    name: str,
    y: Any,
    epoch: float,
    step: int,
    x: Any = None,
    title: str = "",
    x_title: str = "",
    y_title: str = "",
    *,
    most_bytes: int,
) -> Record:
    lines = y if isinstance(y, Mapping) else {"": y}
    if not 0 < len(lines) <= MOST_LINES:
        raise ValueError(f"a plot must have 1 to {MOST_LINES} lines, got {len(lines)}")
    together = None if x is None or isinstance(x, Mapping) else _numbers(x, "x", most_bytes)
    data, points = [], 0
    for label, values in lines.items():
        ys = _numbers(values, "y", most_bytes)
        if isinstance(x, Mapping):
            if label not in x:
                raise ValueError(f"x must have the same lines as y, and lacks {described(label)}")
            xs = _numbers(x[label], "x", most_bytes)
        else:
            xs = list(range(len(ys))) if together is None else together
        if len(xs) != len(ys) or not any(x is not None and y is not None for x, y in zip(xs, ys, strict=False)):
            raise ValueError(
                f"a line must have as many numbers in x as in y, at least one, got {len(xs)} and {len(ys)}"
            )
        points += len(ys)
        if points > MOST_POINTS:
            raise ValueError(f"a plot must have at most {MOST_POINTS:,} points: leave out some")
        data.append({"label": plain_text(label), "x": xs, "y": ys})
    return _record(name, epoch, step, (title, x_title, y_title), data)


def _bar_contents(
    name: str,
    values: Any,
    epoch: float,
    step: int,
    labels: Any = None,
    title: str = "",
    x_title: str = "",
    y_title: str = "",
    *,
    most_bytes: int,
) -> Record:
    if isinstance(values, Mapping):
        if labels is not None:
            raise ValueError("labels must be given only for values without names")
        labels, values = list(values), list(values.values())
    heights = _numbers(values, "values", most_bytes)
    labels = [str(number) for number in range(len(heights))] if labels is None else list(labels)
    if len(labels) != len(heights):
        raise ValueError(f"labels must have one for each of {len(heights)} values, got {len(labels)}")
    if not 0 < len(heights) <= MOST_BARS:
        raise ValueError(f"a plot must have 1 to {MOST_BARS:,} bars, got {len(heights):,}")
    if count := sum(height is None for height in heights):
        raise ValueError(f"the values of bars must be finite, got {count} that are NaN or infinite")
    data = {"labels": [plain_text(label) for label in labels], "values": heights}
    return _record(name, epoch, step, (title, x_title, y_title), data)


def _record(name: str, epoch: float, step: int, titles: Sequence[str], data: Any) -> Record:
    title, x_title, y_title = map(plain_text, titles)
    return {
        "name": metric_name("plots", name),
        "epoch": epoch,
        "step": step,
        "title": title,
        "x_title": x_title,
        "y_title": y_title,
        PAYLOADS: [Payload(orjson.dumps(data), PLOT)],
    }


def _numbers(values: Any, what: str, most_bytes: int) -> list[float | None]:
    """Return numbers; one that is not finite is a gap."""
    if isinstance(values, list | tuple) and any(value is None for value in values):
        values = [math.nan if value is None else value for value in values]
    array = as_host_array(values, what, most_bytes)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(
            f"{what} must be one number after the other, or several lines by name, got {array.ndim} dimensions"
        )
    numbers: list[float | None] = array.tolist()
    if array.dtype.kind == "f":
        return [number if number is not None and math.isfinite(number) else None for number in numbers]
    return numbers


def _lines_shown(record: Record, payloads: Payloads) -> Shown:
    read = partial(_read, record[PAYLOADS][0], payloads)
    name, titles = record["name"], _titles(record)
    columns = _columns(record["x_title"] or "x", "line", record["y_title"] or "y")
    forms = (
        Chart(name, "lines", columns, partial(_line_rows, read), *titles),
        Image(name, partial(_draw_lines, read, titles)),
    )
    return Shown(LINE_PLOT, record, record["epoch"], record["step"], media=(forms,))


def _bars_shown(record: Record, payloads: Payloads) -> Shown:
    read = partial(_read, record[PAYLOADS][0], payloads)
    name, titles = record["name"], _titles(record)
    columns = _columns(record["x_title"] or "label", record["y_title"] or "value")
    forms = (
        Chart(name, "bars", columns, partial(_bar_rows, read), *titles),
        Image(name, partial(_draw_bars, read, titles)),
    )
    return Shown(BAR_PLOT, record, record["epoch"], record["step"], media=(forms,))


def _columns(*titles: str) -> tuple[str, ...]:
    """Return names of columns that all differ; W&B writes them beside the axes."""
    return titles if len(set(titles)) == len(titles) else tuple(f"{title} {n}" for n, title in enumerate(titles, 1))


def _titles(record: Record) -> Titles:
    return Titles(*(str(record[title]) for title in Titles._fields))


def _read(reference: Any, payloads: Payloads) -> Any:
    return orjson.loads(payloads.file(reference).read_bytes())


def _shown_lines(read: Callable[[], Any]) -> list[Line]:
    """Return lines of which there is room for all points: of long ones every second or third."""
    data = read()
    # Less what rounding adds.
    apart = -(-sum(len(line["y"]) for line in data) // (MOST_CHART_ROWS - len(data)))
    return [Line(str(line["label"]), line["x"][::apart], line["y"][::apart]) for line in data]


def _line_rows(read: Callable[[], Any]) -> list[list[Any]]:
    return [
        [x, line.label, y]
        for line in _shown_lines(read)
        for x, y in zip(line.x, line.y, strict=True)
        if x is not None and y is not None
    ]


def _bar_rows(read: Callable[[], Any]) -> list[list[Any]]:
    data = read()
    return [list(row) for row in zip(data["labels"], data["values"], strict=True)]


def _draw_lines(read: Callable[[], Any], titles: Titles) -> list[Picture]:
    return [line_picture(_shown_lines(read), titles)]


def _draw_bars(read: Callable[[], Any], titles: Titles) -> list[Picture]:
    data = read()
    return [bar_picture(data["labels"], data["values"], titles)]


LINE_PLOT = Kind("line_plot", "log_line_plot", _FIELDS, _lines_shown, _line_contents)
BAR_PLOT = Kind("bar_plot", "log_bar_plot", _FIELDS, _bars_shown, _bar_contents)
