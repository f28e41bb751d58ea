"""What is too large for one line of the journal: cut where it is largest, or spread over several records."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from seo_engine.foundation.redaction import redact_text
from seo_engine.tracking.journal.lines import MAXIMUM_RECORD_BYTES, Record

# What is spread over several records has at most this many bytes in total.
MOST_BYTES_IN_PARTS = 3 * MAXIMUM_RECORD_BYTES

# A value that is cut keeps at least this much, and enough of it if there is room.
_LEAST_BYTES, _ENOUGH_BYTES = 100, 1_000

# As plain data have them, with room to spare.
_LONGEST_KEY_BYTES = 1_000

# Room for what says how much is left out.
_MARK_BYTES = 60

# Searched for secrets in addition to what is kept, so that the cut does not leave half of one.
_MARGIN_CHARACTERS = 2_000

_MARK = re.compile(r"… \(([\d,]+) bytes left out\)\Z")


def size_of(data: Any) -> int:
    """Return how many bytes plain data have as JSON."""
    return len(orjson.dumps(data))


def cut_text(text: str, most_bytes: int) -> str:
    """Return a text that has at most a number of bytes as JSON; a longer one loses its end, and says how much.

    Args:
        text (str): Valid Unicode.
        most_bytes (int): How long it may be; at least 100.

    Returns:
        str: The text; of a longer one the beginning, without secrets.

    Example:
        >>> cut_text("x" * 1_000_000, 100)[65:]
        'xxxxx… (999,930 bytes left out)'
    """
    # Shorter in characters is not always shorter in bytes, but no longer than six of them.
    if len(text) * 6 + 2 <= most_bytes or size_of(text) <= most_bytes:
        return text
    earlier = 0
    if (mark := _MARK.search(text, max(0, len(text) - _MARK_BYTES))) is not None:
        # It was cut before.
        text, earlier = text[: mark.start()], int(mark[1].replace(",", ""))
    whole = len(text.encode()) + earlier
    kept = redact_text(text[: most_bytes + _MARGIN_CHARACTERS])
    kept = (kept[:-_MARGIN_CHARACTERS] if len(text) > most_bytes + _MARGIN_CHARACTERS else kept)[:most_bytes]
    while (size := size_of(shown := f"{kept}… ({whole - len(kept.encode()):,} bytes left out)")) > most_bytes and kept:
        kept = kept[: min(len(kept) - 1, len(kept) * most_bytes // size)]
    return shown


def fitted(data: Any, most_bytes: int, left_out: dict[str, str], path: str = "") -> Any:
    """Return plain data that have at most a number of bytes as JSON: the largest values are cut, the others stay whole.

    Args:
        data (Any): Plain data.
        most_bytes (int): How large they may be; at least 1,000.
        left_out (dict[str, str]): Takes the names of what is cut, and how much of it is left out.
        path (str): The name of the data.

    Returns:
        Any: The same data, if they are small enough.

    Example:
        >>> cut = {}
        >>> fitted({"prompt": "x" * 5_000, "learning_rate": 0.1}, 2_000, cut)["learning_rate"], list(cut)
        (0.1, ['prompt'])
    """
    if size_of(data) <= most_bytes or not isinstance(data, str | list | dict):
        return data
    if isinstance(data, str):
        shown = cut_text(data, most_bytes)
        left_out[path] = shown.rpartition("… (")[2].rstrip(")")
        return shown
    keys = list(data) if isinstance(data, dict) else [""] * len(data)
    values = list(data.values()) if isinstance(data, dict) else data
    # With colon, comma and brackets.
    key_sizes = [size_of(key) + 2 for key in keys]
    sizes = [size_of(value) for value in values]
    room = most_bytes - _MARK_BYTES
    least = max(_LEAST_BYTES, min(_ENOUGH_BYTES, (room - sum(key_sizes)) // len(keys)))
    kept = number_that_fits([key + min(size, least) for key, size in zip(key_sizes, sizes, strict=True)], room)
    share = fair_share(sizes[:kept], room - sum(key_sizes[:kept]))
    names = [f"{path}.{key}".strip(".") for key in keys]
    cut = [
        fitted(value, share, left_out, name) if size > share else value
        for value, size, name in zip(values[:kept], sizes, names, strict=False)
    ]
    if not (rest := sum(key_sizes[kept:]) + sum(sizes[kept:])):
        return dict(zip(keys, cut, strict=True)) if isinstance(data, dict) else cut
    left_out[path] = f"{rest:,} bytes left out"
    if isinstance(data, list):
        return [*cut, f"… ({left_out[path]})"]
    return dict(zip(keys[:kept], cut, strict=True)) | {"…": f"({left_out[path]})"}


def fair_share(sizes: Sequence[int], room: int) -> int:
    """Return the most that each of several may take, so that all fit into a room and it is used well.

    Example:
        >>> fair_share([10, 10, 500, 900], 420), fair_share([10, 20], 420)
        (200, 420)
    """
    left = room
    for position, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - position)
        if size > share:
            return share
        left -= size
    return room


def number_that_fits(sizes: Sequence[int], room: int) -> int:
    """Return how many of the first of several fit into a room.

    Example:
        >>> number_that_fits([10, 10, 500, 10], 420)
        2
    """
    for number, size in enumerate(sizes):
        room -= size
        if room < 0:
            return number
    return len(sizes)


def in_parts(record: Record, field: str, left_out: dict[str, str]) -> list[Record]:
    """Return a record whole, or its largest values cut; what is in one field may be spread over several records.

    Args:
        record (Record): Plain data.
        field (str): A dictionary of the record to which a later record adds; empty if there is none.
        left_out (dict[str, str]): As for `fitted`.

    Returns:
        list[Record]: Records, each of which fits into a line.
    """
    # With the newline.
    room = MAXIMUM_RECORD_BYTES - 1
    if size_of(record) <= room:
        return [record]
    if not field:
        return [fitted(record, room, left_out)]
    room -= size_of({**record, field: {}})
    values = fitted(record[field], MOST_BYTES_IN_PARTS, left_out, field)
    longest = room - _LONGEST_KEY_BYTES
    values = {name: fitted(value, longest, left_out, f"{field}.{name}") for name, value in values.items()}
    return [{**record, field: part} for part in _packed(values, room)]


def _packed(values: Mapping[str, Any], room: int) -> Iterator[dict[str, Any]]:
    """Yield the values in groups, each of which fits into a room."""
    part: dict[str, Any] = {}
    used = 0
    for name, value in values.items():
        size = size_of(name) + size_of(value) + 2
        if part and used + size > room:
            yield part
            part, used = {}, 0
        part[name] = value
        used += size
    yield part
