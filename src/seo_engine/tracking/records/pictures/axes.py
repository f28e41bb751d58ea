"""Axes, titles and names of a drawn plot."""

from __future__ import annotations

import importlib
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from seo_engine.tracking.records.forms import Picture
from seo_engine.tracking.records.pictures.drawing import (
    BACKGROUND,
    COLOURS,
    FAINT_TEXT,
    LINE,
    TEXT,
    drawable,
    drawn_picture,
    shortened,
)

WIDTH, HEIGHT = 600, 380

MOST_NAMED_LINES = 12

# Drawn larger and reduced, so that lines are smooth.
ENLARGED = 3
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 20, 52, 60
_NAMES, _NAME_HEIGHT = 130, 20
_TICKS = 5
_LARGEST = sys.float_info.max

Place = tuple[float, float]


class Titles(NamedTuple):
    """What stands above a plot, below it, and at the top of the vertical axis."""

    title: str = ""
    x_title: str = ""
    y_title: str = ""


NO_TITLES = Titles()


def begin_plot(
    titles: Titles, across: tuple[float, float] | None, up: tuple[float, float], names: Sequence[str] = ()
) -> tuple[Any, Any, Callable[[float, float], Place]]:
    """Draw axes, titles, and the names of lines in their colours.

    Args:
        titles (Titles): The titles.
        across (tuple[float, float] | None): The ends of the horizontal axis; None means without numbers, from 0 to 1.
        up (tuple[float, float]): The ends of the vertical axis.
        names (Sequence[str]): Of lines; empty if they have none.

    Returns:
        tuple[Any, Any, Callable[[float, float], Place]]: The image, what draws on it, and a function that turns two
        numbers into a place on it.
    """
    image = importlib.import_module("PIL.Image").new("RGB", (WIDTH * ENLARGED, HEIGHT * ENLARGED), BACKGROUND)
    draw = importlib.import_module("PIL.ImageDraw").Draw(image)
    end = WIDTH - _RIGHT - (_NAMES if names else 0)
    left, right, top, bottom = (side * ENLARGED for side in (_LEFT, end, _TOP, HEIGHT - _BOTTOM))
    (low_x, high_x), (low_y, high_y) = across or (0.0, 1.0), up

    def place(x: float, y: float) -> Place:
        # Divided first, so that no distance of two floats is infinite.
        share_x = (x / 2 - low_x / 2) / (high_x / 2 - low_x / 2)
        share_y = (y / 2 - low_y / 2) / (high_y / 2 - low_y / 2)
        return left + share_x * (right - left), bottom - share_y * (bottom - top)

    for tick in ticks(*up):
        height = place(low_x, tick)[1]
        draw.line((left, height, right, height), fill=LINE, width=ENLARGED)
        write(draw, (left - 8 * ENLARGED, height), f"{tick:.4g}", "rm", _LEFT - 14)
    for tick in ticks(*across) if across is not None else ():
        write(draw, (place(tick, low_y)[0], bottom + 6 * ENLARGED), f"{tick:.4g}", "ma", 120)
    draw.line((left, bottom, right, bottom), fill=FAINT_TEXT, width=ENLARGED)
    middle = (left + right) / 2
    write(draw, (middle, 8 * ENLARGED), titles.title, "ma", WIDTH - 20, TEXT)
    write(draw, (middle, (HEIGHT - 12) * ENLARGED), titles.x_title, "mb", WIDTH - 20)
    write(draw, (10 * ENLARGED, (_TOP - 16) * ENLARGED), titles.y_title, "lb", WIDTH // 2)
    _draw_names(draw, names)
    return image, draw, place


def end_plot(image: Any) -> Picture:
    """Return what was drawn as a picture."""
    return drawn_picture(image.resize((WIDTH, HEIGHT), importlib.import_module("PIL.Image").LANCZOS))


def write(draw: Any, place: Place, text: str, anchor: str, widest: float, colour: str = FAINT_TEXT) -> None:
    """Write a text on a plot.

    Args:
        draw (PIL.ImageDraw.ImageDraw): Draws on it.
        place (Place): Where.
        text (str): The text; it is shortened to what has room.
        anchor (str): Where of the text that is: https://pillow.readthedocs.io/en/stable/handbook/text-anchors.html
        widest (float): How wide it may be, in pixels of the picture.
        colour (str): Its colour.
    """
    font = importlib.import_module("PIL.ImageFont").load_default(15 * ENLARGED)
    shown = shortened(drawable(text), widest * ENLARGED, font.getlength)
    draw.text(place, shown, font=font, fill=colour, anchor=anchor)


def ticks(low: float, high: float) -> list[float]:
    """Return a few round numbers from one number to another.

    Example:
        >>> ticks(0.0, 1.0), ticks(3, 47)
        ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [10.0, 20.0, 30.0, 40.0])
    """
    # Divided first, so that no distance of two floats is infinite.
    raw = high / _TICKS - low / _TICKS
    magnitude = 10.0 ** math.floor(math.log10(raw))
    distance = next(factor for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= raw * 0.999) * magnitude
    first, last = math.ceil(low / distance - 1e-9), math.floor(high / distance + 1e-9)
    return [round(number * distance, 12 - math.floor(math.log10(distance))) for number in range(first, last + 1)]


def ends(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis on which some values are.

    Example:
        >>> ends([3, 1, 2]), ends([1000.0])
        ((1.0, 3.0), (999.999, 1000.001))
    """
    low, high = float(min(values)), float(max(values))
    # So far apart that a tick is more than the distance of two floats.
    least = max(abs(low), abs(high), 1e-9) * 1e-6
    if high - low >= least:
        return low, high
    return max(low - least, -_LARGEST), min(high + least, _LARGEST)


def _draw_names(draw: Any, labels: Sequence[str]) -> None:
    left, top = (WIDTH - _RIGHT - _NAMES + 10) * ENLARGED, _TOP * ENLARGED
    for number, label in enumerate(labels[:MOST_NAMED_LINES]):
        write(draw, (left, top), label, "la", _NAMES, COLOURS[number % len(COLOURS)])
        top += _NAME_HEIGHT * ENLARGED
    if len(labels) > MOST_NAMED_LINES:
        write(draw, (left, top), f"… {len(labels) - MOST_NAMED_LINES} more", "la", _NAMES)
