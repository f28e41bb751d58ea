"""The forms of media. A tracker shows those that it knows, and skips the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Picture(NamedTuple):
    """A picture as PNG, and its size in pixels."""

    png: bytes
    width: int
    height: int


class Image(NamedTuple):
    """A named picture; it is drawn only where it is shown.

    Args:
        name (str): Hierarchical, such as `profiling/bottlenecks/chart`.
        draw (Callable[[], Picture | None]): Returns the picture, or None if there is nothing to draw.
    """

    name: str
    draw: Callable[[], Picture | None]


class Table(NamedTuple):
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
