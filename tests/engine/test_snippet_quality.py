"""Snippets are measured against those that editors wrote."""

from __future__ import annotations

import pytest

from seo_engine.engine.site.page import Page
from seo_engine.engine.site.parsing import parse_page
from seo_engine.engine.snippet_quality import baseline_snippets, measure_snippets
from seo_engine.engine.snippets import Snippet, snippet_of


def page(title: str, description: str, main: str = "<p>Text</p>") -> Page:
    html = f'<title>{title}</title><meta name="description" content="{description}"><main>{main}</main>'
    return parse_page(html, "page.html")


PAGES = [
    page("Clay pots, made by hand in Thornby", "Red clay pots, thrown and fired here. " * 3),
    page("Горшки из красной глины, ручная работа", "Горшки"),
]


def test_the_editors_own_snippets_are_perfect() -> None:
    measures = measure_snippets(PAGES, [snippet_of(each) for each in PAGES])
    assert measures["rouge_l_title"] == measures["rouge_l_description"] == pytest.approx(1)


def test_empty_snippets_score_nothing() -> None:
    measures = measure_snippets(PAGES, [Snippet("", "")] * 2)
    assert set(measures.values()) == {0}


def test_rouge_l_is_the_f_measure_of_the_longest_common_subsequence() -> None:
    # Two of the two words written are right, in order, of four wanted: precision 1, recall 1/2.
    measures = measure_snippets([page("one two three four", "x")], [Snippet("Two, FOUR", "x")])
    assert measures["rouge_l_title"] == pytest.approx(2 / 3)


def test_words_of_any_script_count() -> None:
    wanted, written = PAGES[1], Snippet("Горшки из глины", "")
    assert measure_snippets([wanted], [written])["rouge_l_title"] > 0.5


def test_lengths_count_in_characters_and_limits_are_included() -> None:
    lengths = [(29, 69), (30, 70), (60, 155), (61, 156)]
    snippets = [Snippet("ä" * title, "ä" * description) for title, description in lengths]
    measures = measure_snippets([PAGES[0]] * 4, snippets)
    assert measures["titles_within_limits"] == measures["descriptions_within_limits"] == 2


def test_the_baseline_is_the_main_heading_and_the_first_sentence_behind_the_headings() -> None:
    main = "<h1>Pots</h1><h2>Red</h2><p>Made by hand. Fired twice.</p>"
    assert baseline_snippets([page("x", "y", main)]) == [Snippet("Pots", "Made by hand.")]


def test_the_baseline_is_a_sentence_not_a_date_or_a_label() -> None:
    main = "<h1>Pots</h1><p>12 May 2026</p><p>By Ann</p><p>All of our pots are made by hand. And fired.</p>"
    assert baseline_snippets([page("x", "y", main)]) == [Snippet("Pots", "All of our pots are made by hand.")]
    assert baseline_snippets([page("x", "y", "<p>12 May 2026</p>")])[0].description == "12 May 2026"


def test_the_baseline_of_a_page_without_an_end_of_sentence_is_bounded() -> None:
    assert len(baseline_snippets([page("x", "y", "<p>" + "word " * 100_000)])[0].description) <= 500
