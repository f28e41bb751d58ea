"""The few forms in which anything can be shown. Every destination knows some of them, and skips the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple


class Recorded(NamedTuple):
    """Where a record is in the journal: its number, and its time in seconds since 1970."""

    number: int
    time: float


class Picture(NamedTuple):
    """A picture as PNG, and its size in pixels."""

    png: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Image:
    """A named picture; it is drawn only where it is shown.

    Args:
        name (str): Hierarchical, such as `profiling/bottlenecks/chart`.
        draw (Callable[[], Picture | None]): Returns the picture, or None if there is nothing to draw.
    """

    name: str
    draw: Callable[[], Picture | None]


@dataclass(frozen=True, slots=True)
class Table:
    """A named table; its rows are made only where it is shown.

    Args:
        name (str): Hierarchical, such as `profiling/operations`.
        columns (tuple[str, ...]): Names of the columns.
        rows (Callable[[], list[list[Any]]]): Returns the rows: numbers, texts and None.
    """

    name: str
    columns: tuple[str, ...]
    rows: Callable[[], list[list[Any]]]


Medium = Image | Table
