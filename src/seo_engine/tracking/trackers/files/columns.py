"""The tables that a run has, and the rows that a record adds to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from seo_engine.foundation.texts import as_json_data
from seo_engine.tracking.records.forms import Audio, File, Html, Image, Medium, ObjectFile, PlotlyFigure, Video
from seo_engine.tracking.records.kind import Recorded, Shown
from seo_engine.tracking.records.marks.run_marks import RUN_MARKS

Row = tuple[Any, ...]

_MOMENT = {"number": int, "time": float, "epoch": float, "step": int}

# Each table and its columns. The number of the record comes first: by it a file that is opened again is gone on with.
TABLES: Mapping[str, Mapping[str, type]] = {
    "metrics": {**_MOMENT, "name": str, "value": float},
    "texts": {**_MOMENT, "name": str, "text": str},
    "hyperparameters": {**_MOMENT, "name": str, "value": str},
    "summary": {**_MOMENT, "name": str, "value": str},
    "media": {**_MOMENT, "name": str, "sort": str, "path": str},
}

_WITH_A_FILE = (Html, PlotlyFigure, Audio, Video, ObjectFile, File)


def rows_of(shown: Shown, recorded: Recorded) -> Iterator[tuple[str, Row]]:
    """Yield the rows that a record adds, each with the name of its table; but for its media.

    Args:
        shown (Shown): The record.
        recorded (Recorded): Where it is in the journal.
    """
    moment = _moment(shown, recorded)
    for name, number in shown.numbers.items():
        yield "metrics", (*moment, name, float(number))
    for name, text in shown.texts.items():
        yield "texts", (*moment, name, text)
    # The configuration of the run itself is in its journal.
    if shown.kind not in RUN_MARKS:
        for name, value in shown.settings.items():
            yield "hyperparameters", (*moment, name, _as_text(value))
    for name, value in shown.summary.items():
        yield "summary", (*moment, name, _as_text(value))


def media_rows_of(
    forms: tuple[Medium, ...], shown: Shown, recorded: Recorded, run_directory: Path
) -> Iterator[tuple[str, Row]]:
    """Yield the rows that a medium adds: where its files are. What is only drawn has none.

    Args:
        forms (tuple[Medium, ...]): The medium.
        shown (Shown): Its record.
        recorded (Recorded): Where that is in the journal.
        run_directory (Path): The run's folder, from which paths are said.

    Raises:
        Exception: If its files are damaged or gone.
    """
    for sort, path in _files_of(forms):
        yield "media", (*_moment(shown, recorded), forms[0].name, sort, path_in(run_directory, path))


def path_in(run_directory: Path, path: Path) -> str:
    """Return a path as it is said from the run's folder, which may be moved."""
    return path.relative_to(run_directory).as_posix() if path.is_relative_to(run_directory) else str(path)


def _moment(shown: Shown, recorded: Recorded) -> Row:
    return recorded.number, recorded.time, shown.epoch, shown.step


def _files_of(forms: tuple[Medium, ...]) -> Iterator[tuple[str, Path]]:
    for form in forms:
        if isinstance(form, _WITH_A_FILE):
            yield type(form).__name__.lower(), form.file()
            return
        if isinstance(form, Image):
            # What is only drawn has no file.
            yield from (("image", picture.file) for picture in form.draw() if picture.file is not None)
            return


def _as_text(value: Any) -> str:
    """Return a value as JSON, so that a text and a number stay apart."""
    return orjson.dumps(as_json_data(value), option=orjson.OPT_NON_STR_KEYS).decode()
