"""Parquet files, in parts: such a file cannot be appended to.

A part is written whole or not at all, and named by the records that it holds: so it is known, without reading one,
which records are there. To write one file anew each time would take the square of a run's length.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seo_engine.foundation.extras import import_of_extra
from seo_engine.foundation.whole_files import PRIVATE_FOLDER, write_whole
from seo_engine.tracking.trackers.files.columns import TABLES, Row

# The longest time that a row waits for its part, at the beginning of a run ...
FIRST_INTERVAL_SECONDS = 60.0

# ... and as a share of the run's age, so that a week has about a hundred and fifty parts rather than ten thousand.
INTERVAL_SHARE = 0.05

# About 10 MB in memory.
MOST_WAITING_ROWS = 100_000

_PART = re.compile(r"part-(?P<first>\d+)-(?P<last>\d+)\.parquet")


class ParquetTables:
    """The tables of a run, each a folder of parts.

    Args:
        folder (Path): The folder of these folders.
        now (Callable[[], float]): The clock.
    """

    def __init__(self, folder: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._now = now
        self._began = self._written = now()
        self._waiting: dict[str, list[Row]] = {table: [] for table in TABLES}
        self._held = {table: _newest_held(folder / table) for table in TABLES}
        self._newest = 0
        self.confirmed_record: int | None = 0

    def append(self, table: str, row: Row) -> None:
        """Append a row to a table, unless its parts hold its record."""
        if row[0] > self._held[table]:
            self._waiting[table].append(row)
        self._newest = max(self._newest, row[0])

    def flush(self) -> None:
        """Write parts if it is time; called between records, so that each is within one part."""
        interval = max(FIRST_INTERVAL_SECONDS, (self._now() - self._began) * INTERVAL_SHARE)
        rows = sum(len(rows) for rows in self._waiting.values())
        if self._now() - self._written >= interval or rows >= MOST_WAITING_ROWS:
            self._write()

    def close(self) -> None:
        """Write the last parts."""
        self._write()

    def _write(self) -> None:
        for table, rows in self._waiting.items():
            if rows:
                folder = self._folder / table
                folder.mkdir(PRIVATE_FOLDER, exist_ok=True)
                first, last = rows[0][0], rows[-1][0]
                write_whole(
                    folder / f"part-{first:010d}-{last:010d}.parquet", [as_parquet(list(TABLES[table]), rows, table)]
                )
                self._held[table] = last
                self._waiting[table] = []
        self._written = self._now()
        self.confirmed_record = self._newest


def as_parquet(columns: Sequence[str], rows: Sequence[Sequence[Any]], table: str | None = None) -> bytes:
    """Return a table as the contents of a file.

    Args:
        columns (Sequence[str]): The names of its columns.
        rows (Sequence[Sequence[Any]]): Its rows.
        table (str | None): Its name in `TABLES`, which says the types of its columns; None if the cells say them.

    Raises:
        MissingExtraError: If polars is not installed.
    """
    polars = import_of_extra("polars", extra="parquet", needed_by="a Parquet file")
    types = {int: polars.Int64, float: polars.Float64, str: polars.String}
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    kept = {
        name: polars.Series(name, values, dtype=types[TABLES[table][name] if table is not None else _type_of(values)])
        for name, values in zip(columns, map(_plain, cells) if table is None else cells, strict=True)
    }
    file = io.BytesIO()
    polars.DataFrame(kept).write_parquet(file)
    return file.getvalue()


def _newest_held(folder: Path) -> int:
    names = (_PART.fullmatch(path.name) for path in folder.glob("part-*.parquet"))
    return max((int(name["last"]) for name in names if name is not None), default=0)


def _plain(cells: Sequence[Any]) -> list[Any]:
    """Return the cells of a column as numbers, or as texts where one of them is no number."""
    if all(cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool)) for cell in cells):
        return list(cells)
    return [None if cell is None else str(cell) for cell in cells]


def _type_of(cells: Sequence[Any]) -> type:
    there = [cell for cell in cells if cell is not None]
    if any(isinstance(cell, str) for cell in there):
        return str
    return int if there and all(isinstance(cell, int) and -(2**63) <= cell < 2**63 for cell in there) else float
