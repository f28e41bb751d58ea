"""Tables: rows, columns or data frames; their cells are numbers, texts and pictures."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import orjson

from seo_engine.foundation.redaction import is_secret_name, redact, redact_text
from seo_engine.foundation.texts import as_json_data, fits_64_bits
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.encodings import TABLE as TABLE_ENCODING
from seo_engine.tracking.payloads.payload import Payload, Payloads
from seo_engine.tracking.records.forms import Markdown, Picture, Table
from seo_engine.tracking.records.kind import MOMENT, PAYLOADS, Kind, Shown, described, plain_text
from seo_engine.tracking.records.media.image import image_payload, read_picture
from seo_engine.tracking.records.metrics import metric_name
from seo_engine.tracking.records.pictures.table_picture import cell_text, table_picture
from seo_engine.tracking.records.plain_values import nonfinite_word, plain_value

MOST_COLUMNS = 1_000

# What a tool without tables shows of one.
MOST_MARKDOWN_ROWS = 100
_MOST_CELL_CHARACTERS = 200

_PLAIN_TYPES = {int, float, bool, str, type(None)}

# No pattern of redaction goes beyond it.
_BETWEEN_CELLS = "\n\0\n"


class _Columns(NamedTuple):
    names: tuple[str, ...]
    values: list[Sequence[Any]]


class _Pictures(NamedTuple):
    """The pictures of a table, and the row and column of each."""

    payloads: list[Payload]
    places: list[tuple[int, int]]


def _contents(
    name: str, table: Any, epoch: float, step: int, columns: Sequence[str] | None = None, *, most_bytes: int
) -> Record:
    given = _columns_of(table, columns)
    if not given.names or not given.values[0]:
        raise ValueError("table must have at least one column and one row")
    if len(given.names) > MOST_COLUMNS:
        raise ValueError(f"table must have at most {MOST_COLUMNS:,} columns, got {len(given.names):,}")
    pictures = _Pictures([], [])
    plain = [_plain_cells(values, number, pictures, most_bytes) for number, values in enumerate(given.values)]
    names, cells = without_secrets(given.names, plain)
    if len(set(names)) < len(names):
        raise ValueError("the columns of a table must have different names")
    return {
        "name": metric_name("tables", name),
        "epoch": epoch,
        "step": step,
        "columns": names,
        "rows": len(given.values[0]),
        "pictures": pictures.places,
        PAYLOADS: [Payload(cells_as_json(cells), TABLE_ENCODING), *pictures.payloads],
    }


def cells_as_json(columns: list[Sequence[Any]]) -> bytes:
    """Return the cells of a table, column by column, as JSON."""
    try:
        return orjson.dumps(columns)
    except orjson.JSONEncodeError:
        # A Python text may not be valid Unicode.
        return orjson.dumps(as_json_data(columns))


def _columns_of(table: Any, names: Sequence[str] | None) -> _Columns:
    """Return a table column by column."""
    if names is not None and (isinstance(names, str) or not isinstance(names, Sequence)):
        raise TypeError(f"columns must be a list of names, got {described(names)}")
    if isinstance(table, list | tuple):
        return _columns_of_rows(table, names)
    if names is not None:
        raise ValueError("columns must be given only for rows: this table has names of its own")
    if hasattr(table, "get_columns"):
        # Of polars.
        return _Columns(tuple(table.columns), [column.to_list() for column in table.get_columns()])
    if hasattr(table, "columns") and hasattr(table, "iloc"):
        # Of pandas.
        places = range(len(table.columns))
        return _Columns(tuple(map(str, table.columns)), [table.iloc[:, place].tolist() for place in places])
    if not isinstance(table, Mapping):
        raise TypeError(f"table must be rows, columns by name, or a data frame, got {described(table)}")
    values = [column.tolist() if hasattr(column, "tolist") else column for column in table.values()]
    if not all(isinstance(column, list | tuple) for column in values):
        raise TypeError("every column of a table must be a list or an array")
    if len({len(column) for column in values}) > 1:
        raise ValueError("the columns of a table must be of equal length")
    return _Columns(tuple(map(str, table)), values)


def _columns_of_rows(rows: Sequence[Any], names: Sequence[str] | None) -> _Columns:
    if all(isinstance(row, Mapping) for row in rows):
        found = names if names is not None else list(dict.fromkeys(key for row in rows for key in row))
        return _Columns(tuple(map(str, found)), [[row.get(name) for row in rows] for name in found])
    if not all(isinstance(row, list | tuple) for row in rows):
        raise TypeError("the rows of a table must be lists or dictionaries")
    widths = {len(row) for row in rows}
    if len(widths) > 1 or (names is not None and widths != {len(names)}):
        raise ValueError(f"every row of a table must have one cell per column, got {sorted(widths)[:5]} cells")
    values: list[Sequence[Any]] = list(zip(*rows, strict=True))
    found = names if names is not None else [f"column_{number}" for number in range(1, len(values) + 1)]
    return _Columns(tuple(map(str, found)), values)


def _plain_cells(cells: Sequence[Any], column: int, pictures: _Pictures, most_bytes: int) -> Sequence[Any]:
    """Return cells that JSON can hold; a picture leaves its cell empty."""
    types = set(map(type, cells))
    if types <= _PLAIN_TYPES and _are_storable(cells, types):
        return cells
    plain = list(cells)
    for row, cell in enumerate(cells):
        if _is_picture(cell):
            pictures.payloads.append(image_payload(cell, most_bytes))
            pictures.places.append((row, column))
            plain[row] = None
        else:
            plain[row] = _plain_cell(cell)
    return plain


def plain_cells(cells: Sequence[Any], column: str) -> Sequence[Any]:
    """Return numbers and texts that JSON can hold.

    Args:
        cells (Sequence[Any]): The cells of a column.
        column (str): Its name.

    Raises:
        TypeError: If one is a picture.
    """
    if any(map(_is_picture, cells)):
        raise TypeError(f"{plain_text(column)} must hold numbers and texts, and no pictures")
    return _plain_cells(cells, 0, _Pictures([], []), 0)


def _are_storable(cells: Sequence[Any], types: set[type]) -> bool:
    if float in types and not all(math.isfinite(cell) for cell in cells if type(cell) is float):
        return False
    return int not in types or all(fits_64_bits(cell) for cell in cells if type(cell) is int)


def _is_picture(cell: Any) -> bool:
    return getattr(cell, "ndim", 0) in (2, 3) or (hasattr(cell, "tobytes") and hasattr(cell, "mode"))


def _plain_cell(cell: Any) -> Any:
    return nonfinite_word(cell) if isinstance(cell, float) and not math.isfinite(cell) else plain_value(cell, {})


def without_secrets(names: Sequence[str], columns: list[Sequence[Any]]) -> tuple[list[str], list[Sequence[Any]]]:
    """Return a table without secrets. Usually it has none, and one look at all its texts shows that."""
    shown = [redact_text(name) for name in names]
    if not any(map(is_secret_name, names)) and _are_harmless(columns):
        return shown, columns
    return shown, [[redact(cell, name) for cell in cells] for name, cells in zip(names, columns, strict=True)]


def _are_harmless(columns: Iterable[Sequence[Any]]) -> bool:
    texts: set[str] = set()
    for cells in columns:
        types = set(map(type, cells))
        if not types <= _PLAIN_TYPES:
            return False
        if types == {str}:
            texts.update(cells)
        elif str in types:
            texts.update(cell for cell in cells if type(cell) is str)
    joined = _BETWEEN_CELLS.join(texts)
    return joined.count("\0") == max(0, len(texts) - 1) and redact_text(joined) == joined


def _shown(record: Record, payloads: Payloads) -> Shown:
    name, columns = record["name"], tuple(map(str, record["columns"]))
    # Only one of the forms is shown, and that may ask for them twice.
    rows = functools.cache(partial(_rows, record, payloads))
    forms = (
        Table(name, columns, rows),
        Markdown(name, partial(_as_markdown, columns, rows), partial(_picture, columns, rows)),
    )
    return Shown(TABLE, record, record["epoch"], record["step"], media=(forms,))


def _rows(record: Record, payloads: Payloads) -> list[list[Any]]:
    cells, *pictures = record[PAYLOADS]
    columns = orjson.loads(payloads.file(cells).read_bytes())
    for (row, column), picture in zip(record["pictures"], pictures, strict=True):
        columns[column][row] = read_picture(payloads.file(picture))
    return [list(row) for row in zip(*columns, strict=True)]


def _as_markdown(columns: Sequence[str], rows: Any) -> str:
    made = rows()
    lines = [
        f"| {' | '.join(map(_in_markdown, columns))} |",
        f"|{'---|' * len(columns)}",
        *(f"| {' | '.join(map(_in_markdown, row))} |" for row in made[:MOST_MARKDOWN_ROWS]),
    ]
    if left_out := len(made) - MOST_MARKDOWN_ROWS:
        lines += ["", f"… and {left_out:,} more rows"] if left_out > 0 else []
    return "\n".join(lines)


def _in_markdown(cell: Any) -> str:
    if isinstance(cell, Picture):
        return f"({cell.width} × {cell.height} pixels)"
    text = cell_text(cell)
    text = text if len(text) <= _MOST_CELL_CHARACTERS else text[:_MOST_CELL_CHARACTERS] + "…"
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("\r", " ").replace("<", "&lt;")


def _picture(columns: Sequence[str], rows: Any) -> list[Picture]:
    return [table_picture(columns, rows())]


TABLE = Kind(
    "table",
    "log_table",
    {**MOMENT, "name": str, "columns": list, "rows": int, "pictures": list, PAYLOADS: list},
    _shown,
    _contents,
)
