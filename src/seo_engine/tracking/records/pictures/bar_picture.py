"""Bars as a picture, for a tool that shows no charts."""

from __future__ import annotations

from collections.abc import Sequence

from seo_engine.tracking.records.forms import Picture
from seo_engine.tracking.records.pictures.axes import (
    NO_TITLES,
    WIDTH,
    Titles,
    begin_plot,
    end_plot,
    ends,
    write,
)
from seo_engine.tracking.records.pictures.drawing import COLOURS, TEXT

# With more bars there is no room for their names.
MOST_NAMED_BARS = 30

_GAP = 0.15


def bar_picture(labels: Sequence[str], values: Sequence[float], titles: Titles = NO_TITLES) -> Picture:
    """Draw bars.

    Args:
        labels (Sequence[str]): Their names.
        values (Sequence[float]): How high each is.
        titles (Titles): The titles.

    Example:
        >>> bar_picture(["cat", "dog"], [3, 5], Titles("samples")).data[:4]
        b'\\x89PNG'
    """
    low, high = ends([0.0, *values])
    image, draw, place = begin_plot(titles, None, (low, high))
    width = 1 / len(values)
    for number, (label, value) in enumerate(zip(labels, values, strict=True)):
        left, top = place((number + _GAP) * width, max(value, 0.0))
        right, bottom = place((number + 1 - _GAP) * width, min(value, 0.0))
        draw.rectangle((left, top, max(right, left + 1), bottom), fill=COLOURS[0])
        if len(values) <= MOST_NAMED_BARS:
            middle, end = place((number + 0.5) * width, low)
            write(draw, (middle, end + 12), label, "ma", WIDTH * 0.8 * width, TEXT)
    return end_plot(image)
