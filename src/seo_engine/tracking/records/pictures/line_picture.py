"""Lines as a picture, for a tool that shows no charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from seo_engine.tracking.records.forms import Picture
from seo_engine.tracking.records.pictures.axes import ENLARGED, NO_TITLES, Place, Titles, begin_plot, end_plot, ends
from seo_engine.tracking.records.pictures.drawing import COLOURS


class Line(NamedTuple):
    """A line: its name, and where it runs; None is a gap."""

    label: str
    x: Sequence[float | None]
    y: Sequence[float | None]


def line_picture(lines: Sequence[Line], titles: Titles = NO_TITLES, span: tuple[float, float] | None = None) -> Picture:
    """Draw lines.

    Args:
        lines (Sequence[Line]): The lines.
        titles (Titles): The titles.
        span (tuple[float, float] | None): The ends of both axes; None means those of the lines.

    Example:
        >>> line_picture([Line("", [0, 1, 2], [0.0, 1.0, 4.0])], Titles("squares")).data[:4]
        b'\\x89PNG'
    """
    points = [[(x, y) for x, y in zip(line.x, line.y, strict=True) if x is not None] for line in lines]
    across = span or ends([x for line in points for x, _ in line])
    up = span or ends([y for line in points for _, y in line if y is not None])
    names = [line.label for line in lines] if any(line.label for line in lines) else []
    image, draw, place = begin_plot(titles, across, up, names)
    for number, line in enumerate(points):
        for part in _unbroken(line):
            _draw_line(draw, [place(x, y) for x, y in part], COLOURS[number % len(COLOURS)])
    return end_plot(image)


def _unbroken(points: Sequence[tuple[float, float | None]]) -> list[list[Place]]:
    """Return the parts of a line between its gaps."""
    parts: list[list[Place]] = [[]]
    for x, y in points:
        if y is None:
            parts.append([])
        else:
            parts[-1].append((float(x), float(y)))
    return [part for part in parts if part]


def _draw_line(draw: Any, places: Sequence[Place], colour: str) -> None:
    if len(places) == 1:
        (x, y), size = places[0], 3 * ENLARGED
        draw.ellipse((x - size, y - size, x + size, y + size), fill=colour)
    else:
        draw.line(list(places), fill=colour, width=2 * ENLARGED, joint="curve")
