"""Rules about addresses: what they find, and what they leave alone."""

from __future__ import annotations

import pytest

from seo_engine.engine.site.page import Page
from tests.engine.audit.auditing import in_body, judge, page_of

TEXT = in_body("<h1>Our pots</h1><p>We throw every pot by hand.</p>")


def at(address: str, path: str = "pots.html") -> Page:
    return page_of(TEXT, path=path, address=address)


FAULTY = {
    "url.upper-case": at("https://a.example/Pots.html"),
    "url.underscore": at("https://a.example/red_pots.html"),
    "url.space": at("https://a.example/red%20pots.html"),
    "url.non-ascii": at("", "töpfe.html"),
    "url.double-slash": at("https://a.example/shop//pots.html"),
    "url.too-long": at(f"https://a.example/{'red-pots-' * 30}.html"),
    "url.parameters": at("https://a.example/pots?a=1&b=2&c=3"),
    "url.session-id": at("https://a.example/pots?PHPSESSID=1f3a"),
}


@pytest.mark.parametrize("rule", FAULTY)
@pytest.mark.parametrize(
    "page",
    [
        at("https://A.example/red-pots.html"),
        at("", "red-pots.html"),
        at("https://a.example/"),
        at("https://a.example/pots?page=2"),
    ],
    ids=lambda page: page.url,
)
def test_a_plain_address_has_no_fault(rule: str, page: Page) -> None:
    assert judge(rule, page).state == "pass"


def test_a_file_that_has_what_separates_the_parts_of_an_address_has_no_parameters() -> None:
    page = at("", "pots?a=1&b=2&c=3&sid=4.html")
    assert judge("url.parameters", page).state == "pass" and judge("url.session-id", page).state == "pass"


def test_the_number_of_a_visit_is_found_in_the_path_too() -> None:
    assert judge("url.session-id", at("https://a.example/pots;jsessionid=1f3a?page=2")).state == "fail"


def test_capitals_and_underscores_of_parameters_are_no_fault_of_the_path() -> None:
    page = at("https://a.example/pots?Sort_By=Price")
    assert judge("url.upper-case", page).state == "pass" and judge("url.underscore", page).state == "pass"


def test_a_name_in_percent_signs_is_encoded_as_it_should_be() -> None:
    assert judge("url.non-ascii", at("https://a.example/t%C3%B6pfe.html")).state == "pass"


def test_limits_can_be_moved() -> None:
    assert judge("url.too-long", FAULTY["url.too-long"], characters=1000).state == "pass"
    assert judge("url.parameters", FAULTY["url.parameters"], parameters=3).state == "pass"
