"""How long a text is for its readers: words, or characters where a script writes no spaces between words."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from seo_engine.foundation.extras import import_of_extra

# The standard finds the words of these only with a dictionary (https://www.unicode.org/reports/tr29/#Word_Boundaries).
_WITHOUT_SPACES = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tai_Tham}\p{New_Tai_Lue}ー"


class Length(NamedTuple):
    """The words of scripts with spaces between words, and the characters of those without; marks are not counted."""

    words: int
    characters: int


def length_of(text: str) -> Length:
    """Count the words of a text, as Unicode separates them (UAX 29), and the characters of scripts without spaces.

    Args:
        text (str): A text in any language.

    Returns:
        Length: How many.

    Raises:
        MissingExtraError: If the extra `site` is not installed.

    Example:
        >>> length_of("Don't stop: 3.14 pots!"), length_of("料金は 500 円")
        (Length(words=4, characters=0), Length(words=1, characters=4))
    """
    other, words, characters = _patterns()
    if text.isascii():
        return Length(len(words.findall(text)), 0)
    return Length(len(words.findall(other.sub(" ", text))), len(characters.findall(text)))


def tokens_of(text: str) -> list[str]:
    """Return the words of a text in their order, and each character where nothing separates words.

    Args:
        text (str): A text in any language.

    Raises:
        MissingExtraError: If the extra `site` is not installed.

    Example:
        >>> tokens_of("Red pots: 料金は 500 円")
        ['Red', 'pots', '料', '金', 'は', '500', '円']
    """
    other, words, characters = _patterns()
    if text.isascii():
        return list(words.findall(text))
    tokens: list[str] = []
    end = 0
    for found in other.finditer(text):
        tokens += words.findall(text[end : found.start()])
        tokens += characters.findall(found[0])
        end = found.end()
    tokens += words.findall(text[end:])
    return tokens


def is_without_spaces(token: str) -> bool:
    """Return whether a token is a character of a script that writes no spaces between words."""
    return _patterns()[0].fullmatch(token) is not None


@cache
def _patterns() -> tuple[Any, Any, Any]:
    regex = import_of_extra("regex", extra="site", needed_by="counting words")
    return (
        regex.compile(f"[{_WITHOUT_SPACES}]+"),
        # The boundaries of the standard; what has no letter or digit between two of them is no word.
        regex.compile(r"\b(?=\w).+?\b", regex.WORD),
        regex.compile(rf"(?V1)[[{_WITHOUT_SPACES}]--\p{{M}}]"),
    )
