"""Texts are as long as their readers take them to be, and their language is told where somebody asks."""

from __future__ import annotations

import pytest

from seo_engine.engine.text.language import detect_language
from seo_engine.engine.text.words import Length, length_of


@pytest.mark.parametrize(
    ("text", "words", "characters"),
    [
        ("", 0, 0),
        ("  — … !? ", 0, 0),
        ("Don't stop, it's 3.14 or 1,000 e.g. here", 8, 0),
        ("naïve café: l’été", 3, 0),
        ("x/y a-b a_b", 5, 0),
        ("한국어는 띄어쓰기가 있다", 3, 0),
        ("東京タワーへ行く。", 0, 8),
        ("我们的花盆 handmade 500 元", 2, 6),
        # Vowels above and below are marks.
        ("กินข้าว", 0, 5),
        ("नमस्ते दुनिया", 2, 0),
        ("שלום עולם", 2, 0),
    ],
)
def test_words_are_counted_or_characters_where_nothing_separates_words(text: str, words: int, characters: int) -> None:
    assert length_of(text) == Length(words, characters)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Unsere Töpfe werden von Hand gedreht und zweimal gebrannt.", "de"),
        ("Nos pots sont façonnés à la main puis cuits deux fois dans le four.", "fr"),
        ("私たちの鉢は手作りです。窯で二度焼いています。", "ja"),
    ],
)
def test_the_language_of_a_text_is_detected(text: str, code: str) -> None:
    detected = detect_language(text)
    assert detected is not None and detected.code == code and 0.5 < detected.confidence <= 1


def test_what_has_no_letters_has_no_language() -> None:
    assert detect_language(" 12 – 34 ") is None


def test_only_the_beginning_of_a_text_is_looked_at() -> None:
    german = "Unsere Töpfe werden von Hand gedreht. " * 30
    assert detect_language(german + "English words follow here. " * 10_000) == detect_language(german)
