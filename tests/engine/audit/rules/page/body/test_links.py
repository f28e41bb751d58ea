"""Rules about links: what they find on the page alone, and what they leave alone."""

from __future__ import annotations

import pytest

from tests.engine.audit.auditing import in_body, judge, page_of

HOME = "<a href=/>Kent Pottery</a>"

FAULTY = {
    "link.uncrawlable": in_body(HOME, "<a href=\"javascript:open('jars.html')\">Jars</a>"),
    "link.generic-text": in_body(HOME, "<a href=jars.html>click here</a>"),
    "link.empty-text": in_body(HOME, "<a href=jars.html><img src=jar.png></a>"),
    "link.dead-end": in_body("<h1>Our pots</h1>", "<a href=#top>Top</a>"),
    "link.nofollow-internal": in_body(HOME, "<a href=jars.html rel=nofollow>Jars</a>"),
    "link.too-many": in_body("".join(f"<a href=pot{number}.html>Pot {number}</a>" for number in range(3_001))),
    "link.localhost": in_body(HOME, "<a href=http://localhost:8080/jars.html>Jars</a>"),
}


@pytest.mark.parametrize("rule", FAULTY)
@pytest.mark.parametrize(
    "link",
    [
        "<a href=jars.html>Our jars</a>",
        "<a href=jars.html><img src=jar.png alt='Our jars'></a>",
        "<a href=jars.html aria-label='Our jars'></a>",
        "<a href=https://b.example/ rel='nofollow sponsored'>Clay from B</a>",
        "<a name=top></a>",
        "<a href=#top></a>",
        "<a href=mailto:us@a.example>Write to us</a>",
        "<a href='javascript:void(0)' role=button>Menu</a>",
    ],
)
def test_good_links_have_no_fault(rule: str, link: str) -> None:
    assert judge(rule, page_of(in_body(HOME, link))).state == "pass"


@pytest.mark.parametrize(
    "link", ["<a onclick='go()'>Jars</a>", "<a routerLink=/jars>Jars</a>", "<a data-href=/jars>Jars</a>"]
)
def test_a_script_in_place_of_an_address_is_said(link: str) -> None:
    (finding,) = judge("link.uncrawlable", page_of(in_body(HOME, link))).findings
    assert finding.message == "this link has no address (href), and a script instead" and finding.evidence == "Jars"


@pytest.mark.parametrize("text", ["Here", "READ MORE …", "mehr erfahren", "En savoir plus »", "こちら", "здесь"])
def test_texts_that_say_nothing_are_known_in_many_languages(text: str) -> None:
    assert judge("link.generic-text", page_of(in_body(HOME, f"<a href=jars.html>{text}</a>"))).state == "fail"


@pytest.mark.parametrize("text", ["Here be dragons", "More pots", "Go (the language)", "Information for schools"])
def test_a_text_that_begins_like_one_is_none(text: str) -> None:
    assert judge("link.generic-text", page_of(in_body(HOME, f"<a href=jars.html>{text}</a>"))).state == "pass"


def test_the_label_for_screen_readers_says_what_the_text_does_not() -> None:
    link = "<a href=jars.html aria-label='More about our jars'>More</a>"
    assert judge("link.generic-text", page_of(in_body(HOME, link))).state == "pass"


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://127.0.0.1/jars", "a link leads to a private network"),
        ("http://[::1]/jars", "a link leads to a private network"),
        ("http://192.168.1.4/", "a link leads to a private network"),
        ("file:///home/me/jars.html", "a link leads to a file on somebody's machine"),
        ("http://printer.local/", "a link leads to a machine that readers cannot reach"),
        ("https://staging.a.example/jars", "a link leads to a copy of the site for tests"),
    ],
)
def test_an_address_that_no_reader_reaches_is_said(address: str, message: str) -> None:
    (finding,) = judge("link.localhost", page_of(in_body(HOME, f"<a href='{address}'>Jars</a>"))).findings
    assert (finding.message, finding.evidence, finding.attribute) == (message, address, "href")


@pytest.mark.parametrize(
    "address", ["https://dev.b.example/", "https://8.8.8.8/", "https://localhost.example.com/", "//["]
)
def test_addresses_of_others_are_left_alone(address: str) -> None:
    assert judge("link.localhost", page_of(in_body(HOME, f"<a href='{address}'>Jars</a>"))).state == "pass"


def test_a_site_that_is_itself_on_this_machine_may_say_so() -> None:
    page = page_of(
        in_body("<a href=http://localhost:8080/jars.html>Jars</a>"), address="http://localhost:8080/pots.html"
    )
    assert judge("link.localhost", page).state == "pass"


def test_without_an_address_of_the_page_its_own_links_are_the_relative_ones() -> None:
    links = "<a href=jars.html rel=nofollow>Jars</a>", "<a href=https://b.example/ rel=nofollow>B</a>"
    (finding,) = judge("link.nofollow-internal", page_of(in_body(*links), address="")).findings
    assert finding.evidence == "jars.html"


def test_a_limit_can_be_moved() -> None:
    assert judge("link.too-many", page_of(in_body(HOME, HOME)), links=1).state == "fail"
