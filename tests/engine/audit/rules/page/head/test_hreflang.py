"""Rules about pages in other languages: what they find, and what they leave alone."""

from __future__ import annotations

import pytest

from tests.engine.audit.auditing import in_head, judge, page_of

TITLE = "<title>Our pots, thrown by hand in Kent</title>"
OWN = "https://a.example/pots.html"


def alternates(**targets: str) -> str:
    links = (
        f'<link rel=alternate hreflang="{code.replace("_", "-")}" href="{target}">' for code, target in targets.items()
    )
    return in_head(TITLE, *links)


GERMAN = "https://a.example/de/pots.html"

FAULTY = {
    "hreflang.code": alternates(en_uk=OWN, x_default=OWN),
    "hreflang.self": alternates(de=GERMAN, x_default=GERMAN),
    "hreflang.x-default": alternates(en=OWN, de=GERMAN),
    "hreflang.conflict": alternates(en=OWN, EN=GERMAN),
}


@pytest.mark.parametrize("rule", FAULTY)
@pytest.mark.parametrize("page", [alternates(en=OWN, de=GERMAN, x_default=OWN), in_head(TITLE)])
def test_pages_that_name_each_other_have_no_fault(rule: str, page: str) -> None:
    assert judge(rule, page_of(page)).state == "pass"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("en-UK", "there is no region 'uk' (ISO 3166-1); the United Kingdom is gb"),
        ("jp", "there is no language 'jp' (ISO 639-1); Japanese is ja"),
        ("es-419", "there is no region '419' (ISO 3166-1); search engines know countries only"),
        ("gb", "there is no language 'gb' (ISO 639-1)"),
        ("", "there is no language '' (ISO 639-1)"),
        ("en-gb-london", "'en-gb-london' has more parts than language, script and region"),
    ],
)
def test_a_code_that_there_is_not_is_said(code: str, message: str) -> None:
    page = page_of(in_head(TITLE, f'<link rel=alternate hreflang="{code}" href="{OWN}">'))
    assert judge("hreflang.code", page).messages == [message]


@pytest.mark.parametrize("code", ["zh-Hant-TW", "sr-latn", "EN-gb", " en "])
def test_scripts_and_regions_in_any_case_are_codes(code: str) -> None:
    page = page_of(in_head(TITLE, f'<link rel=alternate hreflang="{code}" href="{OWN}">'))
    assert judge("hreflang.code", page).state == "pass"


def test_a_page_of_an_unknown_address_is_told_by_its_canonical_one() -> None:
    assert judge("hreflang.self", page_of(alternates(de=GERMAN), address="")).state == "pass"
    own = in_head(TITLE, f"<link rel=canonical href={OWN}>", f"<link rel=alternate hreflang=de href={GERMAN}>")
    assert judge("hreflang.self", page_of(own, address="")).state == "fail"


def test_a_link_to_itself_in_another_language_contradicts_the_page() -> None:
    assert judge("hreflang.conflict", page_of(alternates(de=OWN, en=GERMAN))).messages == [
        "the page says that it is in 'en', and its link to itself says 'de'"
    ]
    # A page may be for several regions of its language, and for everybody else.
    assert judge("hreflang.conflict", page_of(alternates(en_gb=OWN, en_us=OWN, x_default=OWN))).state == "pass"


def test_a_feed_is_no_page_in_another_language() -> None:
    feed = page_of(in_head(TITLE, "<link rel=alternate type=application/rss+xml href=/feed.xml>"))
    assert judge("hreflang.x-default", feed).state == "pass"
