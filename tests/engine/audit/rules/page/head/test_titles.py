"""Rules about titles: what they find, what they leave alone, and where the limit is."""

from __future__ import annotations

import pytest

from seo_engine.engine.site.response import Response
from tests.engine.audit.auditing import in_body, in_head, judge, page_of

# One faulty page for each rule.
FAULTY = {
    "title.missing": in_head(),
    "title.multiple": in_head("<title>Our pots</title>", "<title>Pots</title>"),
    "title.too-long": in_head(f"<title>{'Pots thrown by hand ' * 5}</title>"),
    "title.too-short": in_head("<title>Our pots</title>"),
    "title.same-as-h1": in_head("<title>Our pots</title>"),
    "title.rewritten-risk": in_head("<title>Untitled Document</title>"),
}


@pytest.mark.parametrize("rule", FAULTY)
def test_a_fault_is_found(rule: str) -> None:
    assert judge(rule, page_of(FAULTY[rule])).state == "fail"


@pytest.mark.parametrize("rule", FAULTY)
def test_a_good_title_is_none(rule: str) -> None:
    assert judge(rule, page_of(in_body("<h1>Our pots</h1><p>We throw every pot by hand.</p>"))).state == "pass"


@pytest.mark.parametrize("title", ["<title></title>", "<title> \n </title>", "<title>&nbsp;</title>"])
def test_an_empty_title_is_shown_where_it_stands(title: str) -> None:
    (finding,) = judge("title.missing", page_of(in_head(title))).findings
    assert (finding.message, finding.tag, finding.number) == ("the title is empty", "title", 1)


def test_the_title_of_a_picture_is_neither_one_nor_a_second_one() -> None:
    picture = "<svg><title>A pot</title></svg>"
    assert judge("title.multiple", page_of(in_body(picture))).state == "pass"
    assert judge("title.missing", page_of(in_body(picture))).state == "pass"


def test_the_width_of_a_title_counts_and_not_its_characters() -> None:
    narrow, wide, chinese = "i" * 100, "W" * 40, "料金と支払い方法についての詳しいご案内とよくある質問のまとめ"
    assert judge("title.too-long", page_of(in_head(f"<title>{narrow}</title>"))).state == "pass"
    assert judge("title.too-long", page_of(in_head(f"<title>{wide}</title>"))).state == "fail"
    assert judge("title.too-long", page_of(in_head(f"<title>{chinese}</title>"))).state == "fail"
    assert judge("title.too-short", page_of(in_head("<title>料金と支払い方法について</title>"))).state == "pass"


def test_a_limit_can_be_moved() -> None:
    page = page_of(in_head("<title>Our pots</title>"))
    assert judge("title.too-short", page, pixels=20).state == "pass"
    assert judge("title.too-long", page, pixels=20).state == "fail"


@pytest.mark.parametrize(
    ("title", "message"),
    [
        ("{{ page.title }}", "the title is a placeholder"),
        ("BUY CHEAP POTS ONLINE", "the title is all in capitals"),
        ("pots, cheap pots, pot shop, buy pots, pots online", "the title is a list of words"),
    ],
)
def test_what_search_engines_replace_is_said(title: str, message: str) -> None:
    assert judge("title.rewritten-risk", page_of(in_head(f"<title>{title}</title>"))).messages == [message]


@pytest.mark.parametrize("title", ["NASA", "CREATE POLICY", "Pots | Kent Pottery", "料金", "Index funds for beginners"])
def test_what_looks_like_it_and_is_not_is_left_alone(title: str) -> None:
    assert judge("title.rewritten-risk", page_of(in_head(f"<title>{title}</title>"))).state == "pass"


def test_a_page_that_search_engines_do_not_show_needs_no_title() -> None:
    page = page_of(in_head("<meta name=robots content=noindex>"))
    assert judge("title.missing", page).state == "not applicable"
    assert judge("title.missing", page_of(in_head(), response=Response(404))).state == "not applicable"


@pytest.mark.parametrize(
    ("title", "changed", "state"),
    [("Best pots of 2023", "2026-02-01", "fail"), ("Best pots of 2026", "2026-02-01", "pass"),
     ("Pots of 2023", "", "pass"), ("Pots 2023 to 2026", "2026-02-01", "pass"), ("Model 20235", "2026-02-01", "pass")],
)  # fmt: skip
def test_a_title_of_an_earlier_year_than_the_page_is_stale(title: str, changed: str, state: str) -> None:
    data = f'<script type="application/ld+json">{{"@type": "Article", "dateModified": "{changed}"}}</script>'
    assert judge("title.rewritten-risk", page_of(in_head(f"<title>{title}</title>", data))).state == state
