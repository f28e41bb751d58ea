"""Masks and boxes drawn on a picture."""

from __future__ import annotations

import importlib
import io
import itertools
from typing import Any

from seo_engine.tracking.records.forms import Box, Picture
from seo_engine.tracking.records.pictures.drawing import COLOURS, drawable

# On a larger picture no masks and boxes are drawn, and no more boxes than this on any.
MOST_MARKED_PIXELS = 50_000_000
MOST_BOXES = 1_000

# How much of a mask covers the picture.
_MASK_OPACITY = 0.45


def with_marks(picture: Picture) -> Picture:
    """Return a picture with its masks and boxes drawn on it, for a tool that does not draw them itself.

    Args:
        picture (Picture): A very large one stays as it is.
    """
    if not (picture.masks or picture.boxes) or picture.width * picture.height > MOST_MARKED_PIXELS:
        return picture
    image_module: Any = importlib.import_module("PIL.Image")
    image = image_module.open(io.BytesIO(picture.data)).convert("RGB")
    for mask in picture.masks.values():
        image = _with_mask(image, image_module.open(mask).convert("L"), image_module)
    draw: Any = importlib.import_module("PIL.ImageDraw").Draw(image)
    boxes = itertools.islice(itertools.chain.from_iterable(picture.boxes.values()), MOST_BOXES)
    for box in boxes:
        _draw_box(draw, box, picture)
    file = io.BytesIO()
    image.save(file, "PNG")
    return picture._replace(drawn=file.getvalue(), file=None)


def _with_mask(image: Any, mask: Any, image_module: Any) -> Any:
    """Return a picture with a colour for each class of a mask; class 0 is the background."""
    colours = [0, 0, 0] + [part for number in range(1, 256) for part in _colour_of(number)]
    coloured = mask.copy()
    coloured.putpalette(colours)
    covered = mask.point([0] + [round(255 * _MASK_OPACITY)] * 255)
    return image_module.composite(coloured.convert("RGB").resize(image.size, 0), image, covered.resize(image.size, 0))


def _draw_box(draw: Any, box: Box, picture: Picture) -> None:
    number = box["class_number"]
    red, green, blue = _colour_of(number)
    # Pillow walks along every pixel of a line, also of one that is far outside.
    left, right = (min(max(side, -2.0), picture.width + 2.0) for side in (box["x_minimum"], box["x_maximum"]))
    top, bottom = (min(max(side, -2.0), picture.height + 2.0) for side in (box["y_minimum"], box["y_maximum"]))
    draw.rectangle((left, top, right, bottom), outline=(red, green, blue), width=2)
    words = [box.get("label") or picture.class_labels.get(number, "")]
    words += [f"{box['score']:.2f}"] if "score" in box else []
    if not any(words):
        return
    font = importlib.import_module("PIL.ImageFont").load_default(12)
    place, text = (left + 2, top + 2), drawable(" ".join(words).strip())
    around = draw.textbbox(place, text, font=font)
    draw.rectangle((around[0] - 2, around[1] - 2, around[2] + 2, around[3] + 2), fill=(red, green, blue))
    draw.text(place, text, font=font, fill="white")


def _colour_of(number: int) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(COLOURS[(number - 1) % len(COLOURS)][1:])
    return red, green, blue
