"""Texts that JSON, files and terminals can hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LARGEST_INTEGER = 2**63 - 1

# No launcher sets a longer number, and no run or rank has one.
_MOST_DIGITS = 7


def fits_64_bits(value: int) -> bool:
    """Return whether an integer has 64 bits: JSON has integers of any size, but most readers, and the views, have not.

    Example:
        >>> [fits_64_bits(each) for each in (-(2**63), 2**63 - 1, 2**63)]
        [True, True, False]
    """
    return -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER


def as_json_data(value: Any) -> Any:
    """Return plain data that JSON can hold: lone surrogates are escaped, and integers beyond 64 bits become text.

    Example:
        >>> as_json_data({"caf\\udce9": ["tea", 1, 10**20]})
        {'caf\\\\udce9': ['tea', 1, '100000000000000000000']}
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {as_json_data(key): as_json_data(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json_data(each) for each in value]
    if isinstance(value, int) and not fits_64_bits(value):
        return str(value)
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


def as_encodable(text: str, encoding: str | None) -> str:
    """Return a text in characters that an encoding has, such as that of a terminal.

    Args:
        text (str): Any text.
        encoding (str | None): None, or one that Python does not know, changes nothing.

    Example:
        >>> as_encodable("4.2 µs of café…", "ascii"), as_encodable("4.2 µs", "utf-8")
        ('4.2 us of caf\\\\xe9...', '4.2 µs')
    """
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError as error:
        plain = text.replace("µ", "u").replace("…", "...").replace("×", "x")
        return plain.encode(error.encoding, "backslashreplace").decode(error.encoding)
    except LookupError:
        pass
    return text


def count_of(count: int, what: str) -> str:
    """Return a number of things.

    Example:
        >>> count_of(1, "page"), count_of(2000, "page")
        ('1 page', '2,000 pages')
    """
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Return counts in words.

    Example:
        >>> counts_in_words({"invalid name": 2, "misuse": 1})
        '2 × invalid name, 1 × misuse'
    """
    return ", ".join(f"{count} × {reason}" for reason, count in counts.items())


def number_in(text: str) -> int | None:
    """Return the number in a variable or in the name of a file, which anybody may have written; None if it is none.

    Example:
        >>> number_in("00012"), number_in("²"), number_in("9" * 5000)
        (12, None, None)
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def clock_time(seconds: float) -> str:
    """Return a duration as on a clock.

    Example:
        >>> clock_time(75), clock_time(3725)
        ('1:15', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
