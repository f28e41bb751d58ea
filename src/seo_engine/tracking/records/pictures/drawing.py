"""What drawn pictures have in common: their colours, and texts without secrets, as wide as there is room."""

from __future__ import annotations

import io
import itertools
import unicodedata
from collections.abc import Callable
from typing import Any

from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.texts import one_line
from seo_engine.tracking.records.forms import Picture

BACKGROUND, TEXT, FAINT_TEXT, LINE = "#ffffff", "#202428", "#3f474f", "#d5dae0"

# Easy to tell apart, also for colour-blind readers, and dark enough on white.
COLOURS = (
    "#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#b07aa1", "#edc948", "#9c755f", "#ff9da7", "#8f9aa3",
)  # fmt: skip


def drawable(value: Any) -> str:
    """Return a text without secrets, and without combining marks that pile up over a letter."""
    text = unicodedata.normalize("NFC", redact_text(one_line(value)))
    return "".join(character for character in text if not unicodedata.combining(character))


def shortened(text: str, widest: float, measure: Callable[[str], float]) -> str:
    """Return a text, shortened in the middle until it is narrow enough: names differ at both ends.

    Args:
        text (str): The text.
        widest (float): How wide it may be, in pixels.
        measure (Callable[[str], float]): Returns how wide a text is.

    Example:
        >>> shortened("forward_pass", 9, len)
        'forw…pass'
    """
    # Even of the narrowest letters no more would fit, and measuring takes time.
    for kept in itertools.chain([len(text)] if len(text) <= widest / 2 else [], range(min(len(text), 120), 1, -1)):
        shown = text if kept >= len(text) else f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
        if measure(shown) <= widest:
            return shown
    return "…"


def drawn_picture(image: Any) -> Picture:
    """Return a drawn image as a picture.

    Args:
        image (PIL.Image.Image): The image.
    """
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return Picture(file.getvalue(), *image.size)
