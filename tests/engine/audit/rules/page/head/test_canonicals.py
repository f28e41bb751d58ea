"""Rules about canonical addresses: what they find, and what they leave alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seo_engine.engine.site.response import Response
from tests.engine.audit.auditing import in_head, judge, page_of

TITLE = "<title>Our pots, thrown by hand in Kent</title>"
OWN = "https://a.example/pots.html"


def canonical(*links: str) -> str:
    return in_head(TITLE, *links)


def link(address: str, more: str = "") -> str:
    return f'<link rel=canonical href="{address}" {more}>'


def rendered(raw: str, shown: str) -> object:
    return replace(page_of(canonical(link(shown))), raw=page_of(canonical(link(raw))))


FAULTY = {
    "canonical.missing": page_of(canonical(), address=f"{OWN}?sort=price"),
    "canonical.multiple": canonical(link(OWN), link("https://a.example/jars.html")),
    "canonical.relative": canonical(link("/pots.html")),
    "canonical.attributes": canonical(link(OWN, "hreflang=en")),
    "canonical.js-changes": rendered("https://a.example/old.html", OWN),
}


@pytest.mark.parametrize("rule", FAULTY)
@pytest.mark.parametrize("links", [[link(OWN)], []])
def test_one_whole_address_or_none_is_right(rule: str, links: list[str]) -> None:
    assert judge(rule, page_of(canonical(*links))).state == "pass"


def test_an_address_with_parameters_that_names_another_one_is_not_asked() -> None:
    page = page_of(canonical(link(OWN)), address=f"{OWN}?sort=price")
    assert judge("canonical.missing", page).state == "not applicable"
    header = Response(200, (("link", f'<{OWN}?sort=price>; rel="canonical"'),))
    assert (
        judge("canonical.missing", page_of(canonical(), address=f"{OWN}?sort=price", response=header)).state == "pass"
    )


def test_the_same_address_twice_is_one_and_that_of_the_header_is_another() -> None:
    assert judge("canonical.multiple", page_of(canonical(link(OWN), link(OWN)))).state == "pass"
    header = Response(200, (("link", '<https://a.example/jars.html>; rel="canonical"'),))
    assert judge("canonical.multiple", page_of(canonical(link(OWN)), response=header)).messages == [
        "2 different canonical addresses are named in page and header"
    ]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("pots.html", "the canonical address is relative"),
        ("//a.example/pots.html", "the canonical address names no protocol"),
        ("", "the canonical address is empty"),
    ],
)
def test_what_is_no_whole_address_is_said(address: str, message: str) -> None:
    assert judge("canonical.relative", page_of(canonical(link(address)))).messages == [message]


def test_a_base_changes_what_a_relative_address_means() -> None:
    page = page_of(canonical("<base href=https://a.example/shop/>", link("pots.html")))
    assert judge("canonical.relative", page).messages == [
        "the canonical address is relative and <base> changes what it means"
    ]


@pytest.mark.parametrize("more", ["media=print", "type=text/html", "lang=en"])
def test_attributes_that_make_it_another_link_are_named(more: str) -> None:
    name = more.partition("=")[0]
    assert judge("canonical.attributes", page_of(canonical(link(OWN, more)))).messages == [
        f"search engines pass over a canonical link with {name}"
    ]


def test_a_fragment_is_no_page() -> None:
    assert judge("canonical.attributes", page_of(canonical(link(f"{OWN}#red")))).state == "fail"


def test_a_page_whose_scripts_change_nothing_is_right() -> None:
    assert judge("canonical.js-changes", rendered(OWN, OWN)).state == "pass"  # type: ignore[arg-type]
