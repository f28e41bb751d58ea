"""A page holds what its document says, and any text is parsed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seo_engine.engine.site.page import Image
from seo_engine.engine.site.parsing import parse_page, read_document

DOCUMENT = """<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><title> Clay
 pots </title><meta name="Description" content="Pots of  red clay."><link rel="canonical" href="https://a.example/pots">
</head><body><header>Logo</header><nav><a href="/">Home</a></nav>
<main><h1>Our<br>pots</h1><p>Made <b>by</b> hand.</p><script>no()</script><aside>Offer</aside>
<div>Loose text</div><ul><li>red<ul><li>large</li></ul></li></ul>
<img src="pot.jpg" alt="A pot"><img src="line.png" alt=""><img src="bare.png"><a href="care.html">Care</a></main>
<footer>Imprint</footer></body></html>"""


def test_a_page_holds_what_the_document_says() -> None:
    page = parse_page(DOCUMENT, "pots.html")
    assert (page.url, page.canonical) == ("pots.html", "https://a.example/pots")
    assert (page.title, page.description, page.language) == ("Clay pots", "Pots of red clay.", "en-GB")
    assert page.headings == ((1, "Our pots"),)
    assert page.links == ("/", "care.html")
    assert page.images == (Image("pot.jpg", "A pot"), Image("line.png", ""), Image("bare.png", None))
    assert page.is_usable


def test_main_text_is_one_line_a_block_without_what_surrounds_it() -> None:
    text = parse_page(DOCUMENT, "pots.html").main_text
    assert text.splitlines() == ["Our pots", "Made by hand.", "Loose text", "red", "large"]


def test_blocks_within_a_cell_are_not_glued_together() -> None:
    assert parse_page("<table><tr><td><p>One</p><p>Two</p></td></tr></table>", "x").main_text == "One\nTwo"


def test_a_list_of_articles_is_read_whole() -> None:
    assert parse_page("<article>One</article><article>Two</article>", "x").main_text == "One\nTwo"


def test_a_form_around_the_whole_page_does_not_hide_it() -> None:
    assert parse_page("<form><p>Text</p></form>", "x").main_text == "Text"


def test_a_title_of_endless_length_is_not_one_to_learn() -> None:
    page = parse_page(f"<title>{'pots ' * 100}</title><meta name=description content=Pots><p>Text", "x")
    assert not page.is_usable


@given(st.binary(max_size=300) | st.text("<>/=\"'abdivpulit -!", max_size=200).map(str.encode))
def test_any_bytes_are_a_page(data: bytes) -> None:
    assert read_document(data, "x").path == "x"


@given(st.text(st.characters()) | st.text("<>/=\"'abdivpulit \ud800", max_size=200))
def test_any_text_is_parsed(html: str) -> None:
    assert parse_page(html, "x").path == "x"
