"""What many texts have in common, word for word: the fixed phrases of a template."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from seo_engine.engine.text.words import is_without_spaces, tokens_of

# A phrase is fixed if it has this many words, or characters where nothing separates words, and stands in this share of
# the texts, but at least in so many.
_FEWEST_WORDS = 3
FIXED_SHARE = 0.2
_FEWEST_TEXTS = 3

_MOST_PHRASES = 5


def fixed_phrases(texts: Sequence[str]) -> list[tuple[str, int]]:
    """Return the phrases that many texts share, the most frequent first.

    Args:
        texts (Sequence[str]): Short texts, as titles.

    Returns:
        list[tuple[str, int]]: At most five phrases in lower case, none part of another, and how many texts have
        each.

    Raises:
        MissingExtraError: If the extra `site` is not installed.

    Example:
        >>> fixed_phrases([f"Buy a {pot} pot online at Ann's" for pot in ("red", "blue", "big", "new", "old")])
        [("pot online at ann's", 5)]
    """
    fewest = max(_FEWEST_TEXTS, FIXED_SHARE * len(texts))
    tokenized = [tokens_of(text.lower()) for text in texts]
    counts = Counter(sequence for tokens in tokenized for sequence in set(_sequences(tokens)))
    frequent = {sequence for sequence, count in counts.items() if count >= fewest}
    # The longest stretches of a text whose sequences are all frequent; each is counted by its rarest sequence.
    phrases: dict[str, int] = {}
    for tokens in tokenized:
        for start, end in _stretches(tokens, frequent):
            phrase = _joined(tokens[start:end])
            count = min(counts[sequence] for sequence in _sequences(tokens[start:end]))
            phrases[phrase] = max(count, phrases.get(phrase, 0))
    whole = [phrase for phrase in phrases if not any(phrase != other and phrase in other for other in phrases)]
    return sorted(((phrase, phrases[phrase]) for phrase in whole), key=lambda each: (-each[1], each[0]))[:_MOST_PHRASES]


def _sequences(tokens: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(tokens[start : start + _FEWEST_WORDS]) for start in range(len(tokens) - _FEWEST_WORDS + 1)]


def _stretches(tokens: Sequence[str], frequent: set[tuple[str, ...]]) -> list[tuple[int, int]]:
    stretches: list[tuple[int, int]] = []
    for start, sequence in enumerate(_sequences(tokens)):
        if sequence in frequent:
            if stretches and stretches[-1][1] >= start + _FEWEST_WORDS - 1:
                stretches[-1] = (stretches[-1][0], start + _FEWEST_WORDS)
            else:
                stretches.append((start, start + _FEWEST_WORDS))
    return stretches


def _joined(tokens: Sequence[str]) -> str:
    """Return tokens as a text: no space between two that no script separates."""
    text = ""
    for token in tokens:
        is_glued = text and is_without_spaces(token) and is_without_spaces(text[-1])
        text += token if is_glued or not text else f" {token}"
    return text
