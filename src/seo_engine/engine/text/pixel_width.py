"""How wide a text is in pixels where a search engine shows it, in a sans-serif as wide as Arial."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

from seo_engine.foundation.extras import import_of_extra

# Liberation Sans has the widths of Arial (https://github.com/liberationfonts/liberation-fonts).
_WIDTHS = Path(__file__).parent / "fonts" / "liberation_sans_widths.txt"
_EM = 2048

# Of a character that the font does not have. In other fonts, most are about as wide as a Latin letter.
_UNKNOWN = _EM // 2

_JOINER = "\u200d"
_FLAG = ("\U0001f1e6", "\U0001f1ff")


def pixel_width(text: str, letter_pixels: int) -> float:
    """Return how wide a text is on one line.

    Args:
        text (str): The text.
        letter_pixels (int): The size of the letters in pixels, as CSS has it.

    Returns:
        float: The sum of the advance widths, in pixels. Pairs are not kerned. What is shown full-width, as Chinese and
        emoji, is as wide as the size of the letters.

    Raises:
        MissingExtraError: If the extra `site` is not installed.

    Example:
        >>> round(pixel_width("Our pots", 20), 1), pixel_width("料金", 20)
        (76.7, 40.0)
    """
    if text.isascii():
        units = sum(map(_width, text))
    else:
        regex = import_of_extra("regex", extra="site", needed_by="measuring a text")
        units = sum(map(_cluster_width, regex.findall(r"\X", text)))
    return units * letter_pixels / _EM


def _cluster_width(cluster: str) -> int:
    """Return the width of what a reader takes for one character."""
    if _JOINER in cluster or _FLAG[0] <= cluster[0] <= _FLAG[1]:
        # Several emoji that are shown as one.
        return _EM if any(_is_full_width(each) or each > "\uffff" for each in cluster) else sum(map(_width, cluster))
    return sum(map(_width, cluster))


@cache
def _width(character: str) -> int:
    known = _table().get(ord(character))
    if known is not None:
        return known
    if _is_full_width(character):
        return _EM
    # Marks stand above or below others; controls are not shown.
    return 0 if unicodedata.category(character) in ("Mn", "Me", "Cf", "Cc") else _UNKNOWN


def _is_full_width(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


@cache
def _table() -> dict[int, int]:
    table: dict[int, int] = {}
    for line in _WIDTHS.read_text("ascii").splitlines():
        if not line.startswith("#"):
            width, *ranges = line.split()
            for each in ranges:
                first, _, last = each.partition("-")
                table.update(dict.fromkeys(range(int(first, 16), int(last or first, 16) + 1), int(width)))
    return table
