"""Texts are as wide as a browser shows them in Arial, in every script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seo_engine.engine.text.pixel_width import pixel_width


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        # Of the font, by FreeType: PIL.ImageFont.truetype("LiberationSans-Regular.ttf", 2000).getlength(text) / 100.
        ("Our pots", 76.7),
        ("Töpfe für Gärten – handgemacht & günstig", 379.1),
        ("Горшки ручной работы", 213.4),
        ("料金は高い", 100),
        ("ＡＢ", 40),
        # What readers take for one character has one width, however it is encoded.
        ("e\u0301", 11.1),
        ("👨‍👩‍👧", 20),
        ("🇩🇪", 20),
        ("a\u200bb", 22.2),
    ],
)
def test_a_text_is_as_wide_as_it_is_shown(text: str, width: float) -> None:
    assert pixel_width(text, 20) == pytest.approx(width, abs=0.06)
    assert pixel_width(text, 40) == pytest.approx(2 * width, abs=0.12)


@given(st.text())
def test_any_text_has_a_width(text: str) -> None:
    assert 0 <= pixel_width(text, 20) <= 40 * len(text)
