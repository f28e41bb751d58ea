"""Rules about descriptions: what they find, what they leave alone, and where the limit is."""

from __future__ import annotations

import pytest

from tests.engine.audit.auditing import in_head, judge, page_of

TITLE = "<title>Our pots, thrown by hand in Kent</title>"


def described(text: str, *more: str) -> str:
    return in_head(TITLE, f'<meta name=description content="{text}">', *more)


GOOD = "Every pot is thrown by hand in our workshop in Kent, fired twice, and sent to you within a week."

FAULTY = {
    "description.missing": in_head(TITLE),
    "description.multiple": described(GOOD, "<meta name=description content='Pots'>"),
    "description.too-long": described(f"{GOOD} {GOOD}"),
    "description.too-short": described("Pots from Kent."),
    "description.equals-title": described("Our pots, thrown by hand in Kent"),
}


@pytest.mark.parametrize("rule", FAULTY)
def test_a_good_description_has_no_fault(rule: str) -> None:
    assert judge(rule, page_of(described(GOOD))).state == "pass"


@pytest.mark.parametrize("empty", ["", " ", "&nbsp;\n"])
def test_an_empty_description_is_shown_where_it_stands(empty: str) -> None:
    (finding,) = judge("description.missing", page_of(described(empty))).findings
    assert (finding.message, finding.tag, finding.number) == ("the description is empty", "meta", 1)


def test_an_empty_second_description_is_none_and_a_name_in_capitals_is_one() -> None:
    assert judge("description.multiple", page_of(described(GOOD, "<meta name=description content=''>"))).state == "pass"
    capitals = "<META NAME=Description CONTENT=Pots>"
    assert judge("description.multiple", page_of(described(GOOD, capitals))).state == "fail"


def test_the_description_for_social_networks_is_another_one() -> None:
    page = page_of(in_head(TITLE, f'<meta property="og:description" content="{GOOD}">'))
    assert judge("description.missing", page).state == "fail"


def test_the_width_counts_and_a_limit_can_be_moved() -> None:
    chinese = "每个陶罐都在肯特郡的作坊里手工拉坯，烧制两次，并在一周内送到您手中。欢迎您来参观。"
    assert judge("description.too-short", page_of(described(chinese))).state == "pass"
    assert judge("description.too-long", page_of(described(chinese * 2))).state == "fail"
    assert judge("description.too-long", page_of(described(GOOD)), pixels=100).state == "fail"
    assert judge("description.too-short", page_of(described("Pots from Kent.")), pixels=50).state == "pass"


def test_a_description_that_repeats_the_heading_in_another_case_says_nothing_more() -> None:
    assert judge("description.equals-title", page_of(described("our POTS"))).messages == [
        "the description says the same as the main heading"
    ]
    assert judge("description.equals-title", page_of(in_head(TITLE))).state == "pass"
