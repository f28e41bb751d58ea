"""What a model writes is read as a snippet, whatever it writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seo_engine.engine.snippets import Snippet, format_answer, parse_answer


@given(st.text(), st.text())
def test_a_snippet_survives_being_written_and_parsed(title: str, description: str) -> None:
    snippet = Snippet(" ".join(title.strip("*_ ").split()), " ".join(description.strip("*_ ").split()))
    kept = Snippet(snippet.title.strip("*_ "), snippet.description.strip("*_ "))
    assert parse_answer(format_answer(kept)) == kept


@given(st.text() | st.text("Title: Dscrpon\n*#"))
def test_any_answer_is_parsed_to_single_lines(answer: str) -> None:
    snippet = parse_answer(answer)
    assert len((snippet.title + snippet.description).splitlines()) <= 1


@pytest.mark.parametrize(
    ("answer", "title", "description"),
    [
        ("Sure! Here it is:\n\n**Title:** Pots\n**Meta description:** Red.", "Pots", "Red."),
        ("title: Pots\n\ndescription:\nRed.", "Pots", "Red."),
        ("Title: Pots: red\nTitle: Pans\nDescription: Red.\nThey last.", "Pots: red", "Red."),
        ("Description: Red.", "", "Red."),
        ("Pots are red.", "", ""),
        ("", "", ""),
    ],
)
def test_what_a_model_really_writes_is_understood(answer: str, title: str, description: str) -> None:
    assert parse_answer(answer) == Snippet(title, description)
