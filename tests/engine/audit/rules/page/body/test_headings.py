"""Rules about headings: what they find, and what they leave alone."""

from __future__ import annotations

import pytest

from tests.engine.audit.auditing import in_body, judge, page_of

FAULTY = {
    "h1.missing": in_body("<h2>Our pots</h2><p>We throw every pot by hand.</p>"),
    "h1.multiple": in_body("<h1>Our pots</h1><p>We throw them.</p><h1>Our jars</h1>"),
    "headings.skip": in_body("<h1>Our pots</h1><h3>Glazes</h3>"),
    "headings.empty": in_body("<h1>Our pots</h1><h2> </h2>"),
}


@pytest.mark.parametrize("rule", FAULTY)
@pytest.mark.parametrize(
    "body",
    [
        "<h1>Our pots</h1><h2>Glazes</h2><h3>Red</h3><h2>Clay</h2>",
        "<h1><img src=pots.png alt='Our pots'></h1><h2>Glazes</h2>",
        "<h1>Our pots<a href=#pots>¶</a></h1>",
    ],
)
def test_good_headings_have_no_fault(rule: str, body: str) -> None:
    assert judge(rule, page_of(in_body(body))).state == "pass"


@pytest.mark.parametrize("heading", ["<h1></h1>", "<h1><img src=pots.png></h1>", "<h1><a href=#pots>¶</a></h1>"])
def test_a_main_heading_that_says_nothing_is_none(heading: str) -> None:
    (finding,) = judge("h1.missing", page_of(in_body(heading, "<p>We throw every pot by hand.</p>"))).findings
    assert (finding.message, finding.tag) == ("the main heading (h1) is empty", "h1")


def test_a_heading_that_nobody_sees_counts_for_nothing() -> None:
    hidden = "<h1 style='display:none'>Pots</h1><h2>Our pots</h2>"
    assert judge("h1.missing", page_of(in_body(hidden))).state == "fail"
    assert judge("headings.empty", page_of(in_body("<h1>Pots</h1><h2 hidden></h2>"))).state == "pass"


def test_the_outline_is_that_of_the_text_and_may_rise_by_any_number_of_levels() -> None:
    beside = "<nav><h4>Menu</h4></nav><main><h1>Pots</h1><h2>Glazes</h2><h3>Red</h3></main><footer><h5>Us</h5></footer>"
    assert judge("headings.skip", page_of(in_body(beside))).state == "pass"
    (finding,) = judge("headings.skip", page_of(in_body("<h2>Clay</h2><h4>Red</h4><h2>Glazes</h2>"))).findings
    assert finding.message == "h4 follows h2: the outline skips a level" and finding.evidence == "Red"


def test_a_limit_can_be_moved() -> None:
    assert judge("h1.multiple", page_of(FAULTY["h1.multiple"]), headings=2).state == "pass"
    assert judge("headings.skip", page_of(FAULTY["headings.skip"]), levels=2).state == "pass"
