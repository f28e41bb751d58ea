"""CSV files that grow, and that are gone on with where a kill has left them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from seo_engine.tracking.trackers.files.columns import TABLES, Row


class GrowingCsv:
    """Appends rows that begin with the number of their record, each record once.

    A record is there whole or not at all: when the file is opened again, the rows of its last record, which a kill may
    have cut, are removed, and come again.

    Args:
        path (Path): The file; it is made if need be.
        columns (Iterable[str]): The names of its columns.

    Raises:
        OSError: If it cannot be opened.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "metrics.csv"
        >>> for _ in range(2):
        ...     file = GrowingCsv(path, ["number", "value"])
        ...     for number in (1, 2, 3):
        ...         file.append((number, 0.5))
        ...     file.close()
        >>> path.read_text().splitlines()
        ['number,value', '1,0.5', '2,0.5', '3,0.5']
    """

    def __init__(self, path: Path, columns: Iterable[str]) -> None:
        with path.open("ab+") as file:
            end, self._held = _end_of_what_is_held(file)
            file.truncate(end)
        self._file = path.open("a", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        if not end:
            self._writer.writerow(columns)

    def append(self, row: Sequence[Any]) -> None:
        """Append a row, unless the file holds its record."""
        if row[0] > self._held:
            self._writer.writerow(row)

    def flush(self) -> None:
        """Make what was appended visible."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class CsvTables:
    """The tables of a run, each in a file that is made with its first row.

    Args:
        folder (Path): The folder of the files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, GrowingCsv] = {}
        # All that was appended is in the files, or comes again.
        self.confirmed_record: int | None = None

    def append(self, table: str, row: Row) -> None:
        """Append a row to a table, unless the file holds its record."""
        if table not in self._files:
            self._files[table] = GrowingCsv(self._folder / f"{table}.csv", TABLES[table])
        self._files[table].append(row)

    def flush(self) -> None:
        """Make what was appended visible."""
        for file in self._files.values():
            file.flush()

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return a table as the contents of a file.

    Example:
        >>> as_csv(["prompt", "score"], [["How much?", 0.5]]).splitlines()
        [b'prompt,score', b'How much?,0.5']
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return file.getvalue().encode()


def _end_of_what_is_held(file: BinaryIO) -> tuple[int, int]:
    """Return where the rows of the last record begin, and the number of the record before it.

    Both are 0 if there is no whole header.
    """
    file.seek(0)
    offset = row = end = held = newest = 0
    first_line, is_quoted = b"", False
    for line in file:
        offset += len(line)
        first_line = first_line or line
        is_quoted ^= line.count(b'"') % 2 == 1
        if is_quoted or not line.endswith(b"\n"):
            # A cell may hold line breaks; a row that a kill has cut has no end.
            continue
        if row == 0:
            end = offset
        else:
            digits = first_line.partition(b",")[0]
            if not digits.isdigit():
                # Somebody has changed it.
                break
            if int(digits) > newest:
                end, held, newest = row, newest, int(digits)
        row, first_line = offset, b""
    return end, held
