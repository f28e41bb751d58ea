"""One line of the journal: plain data to JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from seo_engine.foundation.texts import as_json_data

# A longer line is refused: bulky payloads belong in files that a record refers to.
MAXIMUM_RECORD_BYTES = 1_000_000

# Deeper data are refused: they exhaust the stack of those who read them.
MAXIMUM_NESTING = 100

# Every record that this package writes begins with this, and none contains it: quotes within texts are escaped.
LINE_BEGINNING = b'{"kind":'

# One record, as plain data.
Record = dict[str, Any]

_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def encode_record(record: Mapping[str, Any]) -> bytes:
    """Return the record as one line of the journal.

    Args:
        record (Mapping[str, Any]): Plain data. A value that JSON does not know is written as its `str`.

    Returns:
        bytes: JSON and a newline. A byte that is not valid Unicode is escaped, such as `\\udcff`.

    Raises:
        ValueError: If the line would be larger than `MAXIMUM_RECORD_BYTES`, or nested deeper than `MAXIMUM_NESTING`.
        TypeError: If the record holds something that cannot be encoded.
    """
    try:
        line = orjson.dumps(record, default=str, option=_OPTIONS)
    except orjson.JSONEncodeError:
        # A Python string may not be valid Unicode: a file name or argument in another encoding.
        line = orjson.dumps(as_json_data(record), default=_as_text, option=_OPTIONS)
    if len(line) > MAXIMUM_RECORD_BYTES:
        raise ValueError(f"a record of {len(line)} bytes is larger than the limit of {MAXIMUM_RECORD_BYTES}")
    if _may_be_deep(line) and _is_deep(orjson.loads(line)):
        raise ValueError(f"a record must not be nested deeper than {MAXIMUM_NESTING} levels")
    return line


def _may_be_deep(line: bytes) -> bool:
    return line.count(b"{") + line.count(b"[") > MAXIMUM_NESTING


def _is_deep(data: Any) -> bool:
    level = [data]
    for _ in range(MAXIMUM_NESTING + 1):
        below = [each for each in level if isinstance(each, dict | list)]
        level = [child for each in below for child in (each.values() if isinstance(each, dict) else each)]
    return bool(level)


def _as_text(value: object) -> str:
    try:
        text: str = as_json_data(str(value))
    except Exception:  # `str` of a user's object may raise anything
        text = type(value).__name__
    return text


def parse_line(line: bytes) -> Any:
    """Return what a line holds, or None if it is torn, blank, or nested too deep.

    A killed writer, or a full disk, leaves an incomplete line. A record that another process appended after it, on the
    same line, is still found.

    Args:
        line (bytes): One line of the journal.

    Returns:
        Any: Plain data.

    Example:
        >>> parse_line(b'{"kind":"tex{"kind":"end","time":1.0}')
        {'kind': 'end', 'time': 1.0}
    """
    try:
        data = orjson.loads(line)
    except orjson.JSONDecodeError:
        behind_torn_part = line.rfind(LINE_BEGINNING)
        return parse_line(line[behind_torn_part:]) if behind_torn_part > 0 else None
    return None if _may_be_deep(line) and _is_deep(data) else data
