"""Texts that JSON, files and terminals can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_unicode(value: Any) -> Any:
    """Return plain data that JSON can hold: lone surrogates, which a Python string may contain, are escaped.

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
    r"""Return a value as one line of text, without characters that control a terminal or reverse the writing direction.

    Example:
        >>> one_line("for\x1b[31mward\npass"), one_line(None)
        ('for [31mward pass', '')
    """
    try:
        text = "" if value is None else str(value)
    except Exception:  # from any object's own `__str__`
        text = type(value).__name__
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Return counts in words.

    Example:
        >>> counts_in_words({"invalid name": 2, "misuse": 1})
        '2 × invalid name, 1 × misuse'
    """
    return ", ".join(f"{count} × {reason}" for reason, count in counts.items())
