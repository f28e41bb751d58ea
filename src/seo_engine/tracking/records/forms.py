"""The forms of media. A tracker shows those that it knows, and skips the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypedDict


class Box(TypedDict, total=False):
    """A rectangle in a picture, in pixels from its top left corner, and what is in it.

    `x_minimum`, `y_minimum`, `x_maximum` and `y_maximum` are needed. `class_number` is a key in `class_labels`; without
    it each `label` has a number of its own. `label` and `score` are shown beside the rectangle.
    """

    x_minimum: float
    y_minimum: float
    x_maximum: float
    y_maximum: float
    class_number: int
    label: str
    score: float


class Picture(NamedTuple):
    """A picture as a browser shows it, its size in pixels, and what is said of it.

    Args:
        drawn (bytes): PNG, JPEG, GIF or WebP; empty if there is a file.
        width (int): In pixels.
        height (int): In pixels.
        file (Path | None): The file that holds it, if there is one.
        caption (str): What it shows, in words; empty if nobody said it.
        masks (Mapping[str, Path]): By name, pictures with the number of a class at each pixel.
        boxes (Mapping[str, Sequence[Box]]): By name, rectangles.
        class_labels (Mapping[int, str]): What the numbers of classes mean.
    """

    drawn: bytes
    width: int
    height: int
    file: Path | None = None
    caption: str = ""
    masks: Mapping[str, Path] = {}
    boxes: Mapping[str, Sequence[Box]] = {}
    class_labels: Mapping[int, str] = {}

    @property
    def data(self) -> bytes:
        """bytes: PNG, JPEG, GIF or WebP."""
        return self.drawn if self.file is None else self.file.read_bytes()


class Image(NamedTuple):
    """Named pictures; they are drawn only where they are shown.

    Args:
        name (str): Hierarchical, such as `profiling/bottlenecks/chart`.
        draw (Callable[[], Sequence[Picture]]): Returns the pictures, none if there is nothing to draw.
    """

    name: str
    draw: Callable[[], Sequence[Picture]]


class Table(NamedTuple):
    """A named table; its rows are made only where it is shown.

    Args:
        name (str): Hierarchical, such as `profiling/operations`.
        columns (tuple[str, ...]): Names of the columns.
        rows (Callable[[], list[list[Any]]]): Returns the rows: numbers, texts, None, and pictures.
    """

    name: str
    columns: tuple[str, ...]
    rows: Callable[[], list[list[Any]]]


class Histogram(NamedTuple):
    """A named histogram.

    Args:
        name (str): Hierarchical, such as `weights/layer_1`.
        read (Callable[[], tuple[list[float], list[float]]]): Returns the edges of the bins in ascending order, and the
            counts, of which there is one fewer.
    """

    name: str
    read: Callable[[], tuple[list[float], list[float]]]


class Html(NamedTuple):
    """A named page.

    Args:
        name (str): Hierarchical, such as `html/report`.
        file (Callable[[], Path]): Returns the file that holds it.
    """

    name: str
    file: Callable[[], Path]


class PlotlyFigure(NamedTuple):
    """A named figure of Plotly.

    Args:
        name (str): Hierarchical, such as `figures/roc`.
        file (Callable[[], Path]): Returns the file that holds it as JSON.
        caption (str): What it shows, in words; empty if nobody said it.
    """

    name: str
    file: Callable[[], Path]
    caption: str = ""


class Markdown(NamedTuple):
    """A text, and pictures: also what a tool shows in place of a medium that it does not know.

    Args:
        name (str): Hierarchical, such as `tables/samples`.
        write (Callable[[], str]): Returns the text.
        draw (Callable[[], Sequence[Picture]]): Returns the pictures, none if the text is enough.
    """

    name: str
    write: Callable[[], str]
    draw: Callable[[], Sequence[Picture]] = tuple


Medium = Image | Table | Histogram | Html | PlotlyFigure | Markdown
