"""A confusion matrix as a picture."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

from seo_engine.tracking.records.forms import Picture
from seo_engine.tracking.records.pictures.drawing import (
    BACKGROUND,
    FAINT_TEXT,
    TEXT,
    drawable,
    drawn_picture,
    shortened,
)

# In a cell of a larger matrix there is no room for a number, nor for a name beside it.
MOST_NUMBERED = 24

_MARGIN = 12
_LARGEST_SIDE, _CELL = 720, 56
_WIDEST_NAME = 150
_TEXT_HEIGHT = 22

# The colour of the fullest cell; an empty one is white.
_FULL = (33, 82, 138)


def matrix_picture(names: Sequence[str], counts: Sequence[Sequence[float]]) -> Picture:
    """Draw a confusion matrix: the true classes down, the predicted ones across.

    Args:
        names (Sequence[str]): Of the classes.
        counts (Sequence[Sequence[float]]): How many samples of each class were taken for each.

    Example:
        >>> matrix_picture(["cat", "dog"], [[9, 1], [0, 12]]).data[:4]
        b'\\x89PNG'
    """
    image_module: Any = importlib.import_module("PIL.Image")
    draw_module: Any = importlib.import_module("PIL.ImageDraw")
    font = importlib.import_module("PIL.ImageFont").load_default(14)
    is_numbered = len(names) <= MOST_NUMBERED
    cell = _CELL if is_numbered and len(names) * _CELL <= _LARGEST_SIDE else max(1, _LARGEST_SIDE // len(names))
    shown = [shortened(drawable(name), _WIDEST_NAME, font.getlength) for name in names] if is_numbered else []
    left = _MARGIN + _TEXT_HEIGHT + int(max((font.getlength(name) for name in shown), default=0)) + 8
    top = _MARGIN + 2 * _TEXT_HEIGHT
    side = cell * len(names)
    image = image_module.new("RGB", (max(left + side, left + 160) + _MARGIN, top + side + _MARGIN), BACKGROUND)
    draw = draw_module.Draw(image)
    fullest = max((count for row in counts for count in row), default=0) or 1
    for row, of_class in enumerate(counts):
        for column, count in enumerate(of_class):
            place = (left + column * cell, top + row * cell)
            # The root, so that a few mistakes among thousands are seen.
            share = (count / fullest) ** 0.5
            colour = tuple(round(255 + (full - 255) * share) for full in _FULL)
            draw.rectangle((*place, place[0] + cell - 1, place[1] + cell - 1), fill=colour)
            if is_numbered:
                middle = (place[0] + cell / 2, place[1] + cell / 2)
                text = shortened(f"{count:,.6g}" if count < 1e6 else f"{count:.2g}", cell - 2, font.getlength)
                draw.text(middle, text, font=font, fill="white" if share > 0.6 else TEXT, anchor="mm")
    for number, name in enumerate(shown):
        draw.text((left - 8, top + (number + 0.5) * cell), name, font=font, fill=TEXT, anchor="rm")
        narrow = shortened(name, cell - 4, font.getlength)
        draw.text((left + (number + 0.5) * cell, top - _TEXT_HEIGHT / 2), narrow, font=font, fill=TEXT, anchor="mm")
    draw.text((left, _MARGIN + _TEXT_HEIGHT / 2), "predicted", font=font, fill=FAINT_TEXT, anchor="lm")
    _draw_upwards(image, "true", (_MARGIN, top), font)
    return drawn_picture(image)


def _draw_upwards(image: Any, text: str, place: tuple[int, int], font: Any) -> None:
    image_module: Any = importlib.import_module("PIL.Image")
    draw_module: Any = importlib.import_module("PIL.ImageDraw")
    written = image_module.new("RGB", (int(font.getlength(text)) + 2, _TEXT_HEIGHT), BACKGROUND)
    draw_module.Draw(written).text((0, _TEXT_HEIGHT / 2), text, font=font, fill=FAINT_TEXT, anchor="lm")
    image.paste(written.rotate(90, expand=True), place)
