"""Dated knowledge of the search engines: tables in files, each with the day of its last review."""

from __future__ import annotations

import datetime
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class DatedTable:
    """What a file says.

    Args:
        name (str): The name of the file without its ending.
        reviewed (datetime.date): When somebody last compared it with its source.
        source (str): Where that is.
        values (dict[str, Any]): What it says.
    """

    name: str
    reviewed: datetime.date
    source: str
    values: dict[str, Any]


@cache
def dated_table(name: str) -> DatedTable:
    """Read a table.

    Args:
        name (str): The name of its file without the ending.

    Example:
        >>> "noindex" in dated_table("robots_values").values["plain"]
        True
    """
    values = tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    return DatedTable(name, values.pop("reviewed"), values.pop("source"), values)


def all_tables() -> tuple[DatedTable, ...]:
    """Return every table."""
    return tuple(dated_table(file.stem) for file in sorted(_FOLDER.glob("*.toml")))
