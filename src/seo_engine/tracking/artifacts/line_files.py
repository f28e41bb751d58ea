"""Small facts, a line of JSON each, in a file that only grows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson

from seo_engine.foundation.whole_files import PRIVATE_FILE, open_regular

_LARGEST_FILE_BYTES = 16_000_000


def append_line(path: Path, facts: dict[str, Any]) -> None:
    """Append a line with one write, and have the disk keep it.

    Args:
        path (Path): The file; it is made.
        facts (dict[str, Any]): Plain data.

    Raises:
        OSError: If it cannot be written, or the file is full.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "uses.jsonl"
        >>> append_line(path, {"number": 3})
        >>> read_lines(path)
        [{'number': 3}]
    """
    line = orjson.dumps(facts) + b"\n"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE_FILE)
    try:
        size = os.fstat(descriptor).st_size
        if size + len(line) > _LARGEST_FILE_BYTES:
            raise OSError(f"{path} is full: it has {size:,} bytes")
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            # A torn line spoils only itself.
            line = b"\n" + line
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the readable lines of a file that may come from anybody.

    Args:
        path (Path): The file; without it there are none.

    Raises:
        OSError: If it cannot be read.
    """
    try:
        descriptor = open_regular(path)
    except FileNotFoundError:
        return []
    with os.fdopen(descriptor, "rb") as file:
        contents = file.read(_LARGEST_FILE_BYTES)
    return [plain for line in contents.splitlines() if isinstance(plain := _parsed(line), dict)]


def _parsed(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except ValueError:
        return None
