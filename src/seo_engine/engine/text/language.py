"""Which language a text is written in, where somebody asks: it takes longer than reading the page."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from seo_engine.foundation.extras import import_of_extra

# More makes the answer no better.
_LONGEST_TEXT = 1_000

# Longer ones stand for what is no language (`zxx`).
_LETTERS_OF_CODE = 2


class Language(NamedTuple):
    """A language by its code of two letters (ISO 639-1), and how certain that is, from 0 to 1."""

    code: str
    confidence: float


def detect_language(text: str) -> Language | None:
    """Return the language of a text; its first thousand characters tell.

    Args:
        text (str): The main text of a page.

    Returns:
        Language | None: None for a text without letters.

    Raises:
        MissingExtraError: If the extra `site` is not installed.

    Example:
        >>> detected = detect_language("Unsere Töpfe werden von Hand gedreht und zweimal gebrannt.")
        >>> detected.code, detected.confidence > 0.9
        ('de', True)
    """
    beginning = text[:_LONGEST_TEXT]
    if not any(map(str.isalpha, beginning)):
        return None
    code, confidence = _identifier().classify(beginning)
    return Language(code, float(confidence)) if len(code) == _LETTERS_OF_CODE else None


@cache
def _identifier() -> Any:
    langid = import_of_extra("py3langid.langid", extra="site", needed_by="detecting a language")
    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
