"""Rules about what robots are told: what they find, and what they leave alone."""

from __future__ import annotations

import pytest

from seo_engine.engine.site.response import Response
from tests.engine.audit.auditing import in_body, in_head, judge, page_of

TITLE = "<title>Our pots, thrown by hand in Kent</title>"


def told(*contents: str, header: str = "") -> str:
    return in_head(TITLE, *(f'<meta name=robots content="{content}">' for content in contents))


FAULTY = {
    "index.noindex": told("noindex"),
    "index.conflicting-directives": told("index, noindex"),
    "index.unknown-directive": told("no-index"),
    "index.directive-in-body": in_head(TITLE, "<div></div><link rel=canonical href=https://a.example/pots.html>"),
    "index.indexifembedded": told("indexifembedded"),
    "index.nosnippet": told("nosnippet"),
}


@pytest.mark.parametrize("rule", FAULTY)
@pytest.mark.parametrize("content", ["", "index, follow", "max-snippet:-1, max-image-preview:large", "all"])
def test_what_robots_may_be_told_is_no_fault(rule: str, content: str) -> None:
    assert judge(rule, page_of(told(content))).state == "pass"


@pytest.mark.parametrize("content", ["NOINDEX", "nofollow,noindex", "none"])
def test_a_page_that_nobody_finds_is_said(content: str) -> None:
    (finding,) = judge("index.noindex", page_of(told(content))).findings
    assert finding.message == "the page keeps search engines from showing this page" and finding.tag == "meta"


def test_the_header_counts_like_the_page_and_other_robots_do_not() -> None:
    hidden = page_of(told("index"), response=Response(200, (("x-robots-tag", "noindex"),)))
    assert judge("index.noindex", hidden).messages == [
        "the header X-Robots-Tag keeps search engines from showing this page"
    ]
    assert judge("index.conflicting-directives", hidden).state == "fail"
    other = page_of(in_head(TITLE, "<meta name=bingbot content=noindex>"))
    assert judge("index.noindex", other).state == "pass"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no-index", "robots do not know 'no-index', and pass over it"),
        ("noarchive", "noarchive no longer acts: no search engine of Google shows a cached page any more"),
        ("max-snippet:many", "max-snippet needs a number, so robots pass over it"),
        ("unavailable_after: soon", "unavailable_after needs a day such as 2027-06-30, so robots pass over it"),
    ],
)
def test_what_robots_pass_over_is_said(content: str, message: str) -> None:
    assert judge("index.unknown-directive", page_of(told(content))).messages == [message]


@pytest.mark.parametrize("day", ["2027-06-30", "2027-06-30T12:00:00+02:00", "25 Jun 2027 15:00:00 PST"])
def test_a_day_in_the_forms_that_robots_know_is_one(day: str) -> None:
    assert judge("index.unknown-directive", page_of(told(f"unavailable_after: {day}"))).state == "pass"


def test_a_head_that_ends_too_early_is_named_by_the_element_that_ends_it() -> None:
    page = page_of(in_head(TITLE, "<img src=pixel.gif><meta name=robots content=noindex><link rel=canonical href=/>"))
    messages = judge("index.directive-in-body", page).messages
    assert [message.split(";")[0] for message in messages] == [
        "robots stands in the body, where search engines pass over it",
        "canonical stands in the body, where search engines pass over it",
    ]
    assert all("<img> has ended the head" in message for message in messages)


def test_a_text_that_nobody_may_quote_is_said_like_the_directive() -> None:
    text = "We throw every pot by hand, glaze it with ash from our own kiln, and fire it twice."
    covered = in_body("<h1>Our pots</h1>", f"<div data-nosnippet><p>{text * 5}</p></div>")
    assert judge("index.nosnippet", page_of(covered)).state == "fail"
    half = in_body("<h1>Our pots</h1>", f"<div data-nosnippet><p>{text}</p></div>", f"<p>{text}</p>")
    assert judge("index.nosnippet", page_of(half)).state == "pass"
    assert judge("index.nosnippet", page_of(told("max-snippet: 0"))).state == "fail"
    assert judge("index.nosnippet", page_of(half), share=0.3).state == "fail"


def test_indexifembedded_beside_noindex_acts() -> None:
    assert judge("index.indexifembedded", page_of(told("noindex, indexifembedded"))).state == "pass"
