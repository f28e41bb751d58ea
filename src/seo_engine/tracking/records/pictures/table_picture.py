"""A table as a picture, for a tool that shows no tables."""

from __future__ import annotations

import importlib
import io
from collections.abc import Sequence
from typing import Any

from seo_engine.tracking.records.forms import Picture
from seo_engine.tracking.records.pictures.drawing import (
    BACKGROUND,
    FAINT_TEXT,
    LINE,
    TEXT,
    drawable,
    drawn_picture,
    shortened,
)

MOST_COLUMNS = 8
MOST_ROWS = 20

_MARGIN = 10
_PADDING = 8
_WIDEST = 220
_TEXT_HEIGHT = 24
_THUMBNAIL = 72


def table_picture(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Picture:
    """Draw the beginning of a table.

    Args:
        columns (Sequence[str]): Names of the columns.
        rows (Sequence[Sequence[Any]]): Numbers, texts, None and pictures.

    Returns:
        Picture: At most `MOST_COLUMNS` columns and `MOST_ROWS` rows; what is left out is said below them.

    Example:
        >>> table_picture(["prompt", "loss"], [["How much?", 0.5]]).data[:4]
        b'\\x89PNG'
    """
    image_module: Any = importlib.import_module("PIL.Image")
    draw_module: Any = importlib.import_module("PIL.ImageDraw")
    font = importlib.import_module("PIL.ImageFont").load_default(15)
    shown: list[list[Picture | str]] = [[_as_drawn(cell) for cell in row[:MOST_COLUMNS]] for row in rows[:MOST_ROWS]]
    names: list[Picture | str] = [drawable(name) for name in columns[:MOST_COLUMNS]]
    lines = [names, *shown]
    widths = [
        2 * _PADDING + min(_WIDEST, max(_width(line[place], font) for line in lines)) for place in range(len(names))
    ]
    heights = [
        _THUMBNAIL + _PADDING if any(isinstance(cell, Picture) for cell in line) else _TEXT_HEIGHT for line in lines
    ]
    left_out = _left_out_in_words(columns, rows)
    size = (
        int(2 * _MARGIN + max(sum(widths), font.getlength(left_out))),
        2 * _MARGIN + sum(heights) + (_TEXT_HEIGHT if left_out else 0),
    )
    image = image_module.new("RGB", size, BACKGROUND)
    draw = draw_module.Draw(image)
    top = _MARGIN
    for number, (line, height) in enumerate(zip(lines, heights, strict=True)):
        left = float(_MARGIN)
        for cell, width in zip(line, widths, strict=True):
            if isinstance(cell, Picture):
                thumbnail = image_module.open(io.BytesIO(cell.data)).convert("RGB")
                thumbnail.thumbnail((int(width - 2 * _PADDING), _THUMBNAIL))
                image.paste(thumbnail, (int(left + _PADDING), int(top + _PADDING / 2)))
            else:
                text = shortened(cell, width - 2 * _PADDING, font.getlength)
                middle = (left + _PADDING, top + height / 2)
                draw.text(middle, text, font=font, fill=FAINT_TEXT if number == 0 else TEXT, anchor="lm")
            left += width
        top += height
        draw.line((_MARGIN, top, left, top), fill=LINE)
    draw.text((_MARGIN + _PADDING, top + _TEXT_HEIGHT / 2), left_out, font=font, fill=FAINT_TEXT, anchor="lm")
    return drawn_picture(image)


def _as_drawn(cell: Any) -> Picture | str:
    if isinstance(cell, Picture):
        return cell
    return drawable(cell_text(cell))


def cell_text(cell: Any) -> str:
    """Return a number, a text or None as people read it in a table."""
    return "" if cell is None else f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _width(cell: Picture | str, font: Any) -> float:
    if isinstance(cell, Picture):
        return float(_THUMBNAIL)
    # No letter is narrower than a pixel or two.
    return float(font.getlength(cell[:_WIDEST]))


def _left_out_in_words(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    more = {"rows": len(rows) - MOST_ROWS, "columns": len(columns) - MOST_COLUMNS}
    words = " and ".join(f"{count:,} more {what}" for what, count in more.items() if count > 0)
    return f"… {words}" if words else ""
