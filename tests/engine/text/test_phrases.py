"""What a template says in many texts is found, in every script, and nothing that only some say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seo_engine.engine.text.phrases import fixed_phrases

POTS = ("red", "blue", "big", "new", "old")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([f"Buy our {pot} pot online at Ann's Pottery" for pot in POTS], [("pot online at ann's pottery", 5)]),
        ([f"{pot} and so on | Ann's Pottery Shop" for pot in POTS], [("and so on ann's pottery shop", 5)]),
        ([f"{pot} | Ann's" for pot in POTS], []),
        ([f"{pot}い鉢のご案内です" for pot in POTS], [("い鉢のご案内です", 5)]),
        ([f"{pot} горшок недорого в Москве" for pot in POTS], [("горшок недорого в москве", 5)]),
        ([*[f"{pot} pots are thrown by hand" for pot in POTS[:2]], *POTS], []),
        ([], []),
    ],
)
def test_the_fixed_phrases_of_texts_are_found(texts: list[str], expected: list[tuple[str, int]]) -> None:
    assert fixed_phrases(texts) == expected


def test_a_phrase_of_some_pages_is_counted_for_those() -> None:
    texts = [f"{pot} one two three four" for pot in POTS] + [f"{pot} one two three" for pot in POTS] + ["x"] * 10
    assert fixed_phrases(texts) == [("one two three four", 5)]


@given(st.lists(st.text("ab 料。"), max_size=8))
def test_any_texts_have_phrases_or_none(texts: list[str]) -> None:
    assert all(count >= 3 for _, count in fixed_phrases(texts))
