"""Texts as JSON, files and a terminal can hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_unicode(value: Any) -> Any:
    """Return plain data as JSON can hold them: Python has texts that are no Unicode, and JSON has none.

    Example:
        >>> as_unicode({"caf\\udce9": ["tea", 1]})
        {'caf\\\\udce9': ['tea', 1]}
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {as_unicode(key): as_unicode(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_unicode(each) for each in value]
    return value


def one_line(value: Any) -> str:
    r"""Return a value as text of one line, without characters that steer a terminal or turn the writing around.

    Example:
        >>> one_line("for\x1b[31mward\npass"), one_line(None)
        ('for [31mward pass', '')
    """
    try:
        text = "" if value is None else str(value)
    except Exception:  # of a foreign object, too
        text = type(value).__name__
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Return counts as people read them.

    Example:
        >>> counts_in_words({"invalid name": 2, "misuse": 1})
        '2 × invalid name, 1 × misuse'
    """
    return ", ".join(f"{count} × {reason}" for reason, count in counts.items())
