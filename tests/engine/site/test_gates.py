"""A page teaches if it is one that a search engine would show, and says something of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seo_engine.engine.site.gates import GATES, SharedTexts, closed_gate
from seo_engine.engine.site.page import Page
from seo_engine.engine.site.parsing import parse_page, read_document
from seo_engine.engine.site.site import Site

HEAD = "<title>Red pots</title><meta name=description content='Pots of red clay, thrown by hand.'>"


def reason(html: str, path: str = "pots.html", address: str = "") -> str | None:
    page = parse_page(HEAD + html, path, own_address=address)
    gate = closed_gate(page, SharedTexts([page]))
    return None if gate is None else gate.name


@pytest.mark.parametrize(
    ("html", "gate"),
    [
        ("<p>Text", None),
        ("", "text"),
        ("<meta http-equiv=refresh content='0; url=/new'><p>Moved", "no redirect"),
        ("<meta http-equiv=refresh content='300'><p>Text", None),
        ("<meta http-equiv=refresh content='5; url=/next'><p>Text", None),
        ("<script>window.location.href = '/new'</script>", "no redirect"),
        ("<script>var location = 1</script><p>Text", None),
        ("<meta name=robots content='noindex'><p>Text", "indexable"),
        ("<meta name=googlebot content='NONE'><p>Text", "indexable"),
        ("<meta name=robots content='nofollow, noarchive'><p>Text", None),
        ("<meta name=otherbot content='noindex'><p>Text", None),
    ],
)
def test_a_page_that_a_search_engine_would_not_show_does_not_teach(html: str, gate: str | None) -> None:
    assert reason(html) == gate


@pytest.mark.parametrize(
    ("canonical", "path", "address", "is_own"),
    [
        ("https://a.example/shop/pots.html", "pots.html", "", True),
        ("https://a.example/pots", "shop/../pots.html", "", True),
        ("https://a.example/pots/", "pots/index.html", "", True),
        ("https://a.example/pots.html", "a.example/pots.html", "", True),
        ("https://a.example/", "index.html", "", True),
        ("https://a.example/", "pots.html", "", False),
        ("https://a.example/other.html", "pots.html", "", False),
        ("/pots", "pots.html", "", True),
        ("https://a.example/pots", "pots.html", "https://a.example/pots/", True),
        ("https://b.example/pots", "pots.html", "https://a.example/pots", False),
        ("https://a.example/T%C3%B6pfe.html", "Töpfe.html", "", True),
        ("http://[", "pots.html", "", False),
        ("https://u.github.io/project/", "index.html", "", True),
        ("https://a.example/", "a.example/index.html", "", True),
        ("https://a.example/", "a.example/pots.html", "", False),
        ("https://a.example/c%23-guide.html", "c#-guide.html", "", True),
        ("https://A.example/pots", "pots.html", "https://a.example/pots.aspx", True),
        ("https://a.example/pots?id=5", "pots.html", "https://a.example/pots?id=7", False),
    ],
)
def test_a_page_whose_canonical_is_another_does_not_teach(
    canonical: str, path: str, address: str, is_own: bool
) -> None:
    expected = None if is_own else "own canonical"
    assert reason(f"<link rel=canonical href='{canonical}'><body><p>Text", path, address) == expected


@pytest.mark.parametrize(
    ("head", "gate"),
    [
        ("", "title"),
        (f"<title>{'x' * 201}</title><meta name=description content=D>", "title"),
        ("<title>T</title>", "description"),
        (f"<title>T</title><meta name=description content='{'x' * 501}'>", "description"),
        ("<title>Pots</title><meta name=description content='POTS'>", "description says more"),
        ("<title>T</title><meta name=description content='Red pots'>", "description says more"),
    ],
)
def test_a_title_and_a_description_that_say_nothing_do_not_teach(head: str, gate: str) -> None:
    page = parse_page(f"{head}<h1>Red pots</h1><p>Text", "x.html")
    closed = closed_gate(page, SharedTexts([page]))
    assert closed is not None and closed.name == gate


def pages(count: int, shared: int) -> tuple[Page, ...]:
    """Return pages of which so many have one description."""
    return tuple(
        parse_page(
            f"<title>Pot {number}</title><meta name=description content='{'Our shop' if number < shared else number}'>"
            f"<p>Text {number}",
            f"{number}.html",
        )
        for number in range(count)
    )


@pytest.mark.parametrize(("count", "shared", "left_out"), [(10, 3, 3), (20, 4, 0), (20, 5, 5), (4, 2, 0)])
def test_what_the_template_says_on_more_than_a_fifth_of_the_pages_does_not_teach(
    count: int, shared: int, left_out: int
) -> None:
    site = Site(Path("site"), pages(count, shared))
    assert len(site.usable_pages) == count - left_out
    assert {reason: len(found) for reason, found in site.left_out.items()} == (
        {"title or description of the template": left_out} if left_out else {}
    )


def test_each_page_is_left_out_for_one_reason_or_teaches() -> None:
    unread = read_document(b"", "empty.html")
    hidden = replace(parse_page(f"<meta name=robots content=noindex>{HEAD}", "h.html"), main_text="Text")
    site = Site(Path("site"), (*pages(3, 0), unread, hidden))
    assert {reason: [page.path for page in found] for reason, found in site.left_out.items()} == {
        "could not be read": ["empty.html"],
        "not indexable (noindex)": ["h.html"],
    }
    assert [page.path for page in site.usable_pages] == ["0.html", "1.html", "2.html"]
    assert len({gate.name for gate in GATES}) == len({gate.otherwise for gate in GATES}) == len(GATES)
