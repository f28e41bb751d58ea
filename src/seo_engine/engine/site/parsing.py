"""One HTML document -> a page. The only module that parses HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seo_engine.engine.site.page import Image, Page
from seo_engine.foundation.extras import import_of_extra

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_NO_CONTENT = "script, style, noscript, template, svg, nav, header, footer, aside, iframe, select, button"
_BLOCKS = (
    "address, article, blockquote, br, caption, dd, details, div, dl, dt, figcaption, figure, form, h1, h2, h3, h4, "
    "h5, h6, hr, li, main, ol, p, pre, section, summary, table, td, th, tr, ul"
)
# Separates blocks while a page is taken apart; no page needs this control character.
_BLOCK_EDGE = "\x1e"


def parse_page(html: str, path: str) -> Page:
    """Parse one HTML document.

    Args:
        html (str): The document; any text is accepted.
        path (str): Its path within the site.

    Returns:
        Page: The page; missing parts are empty.

    Raises:
        MissingExtraError: If the extra `site` is not installed.

    Example:
        >>> page = parse_page("<title>Pots</title><h1>Our pots</h1><p>Made by hand.</p>", "pots.html")
        >>> page.title, page.main_heading, page.main_text
        ('Pots', 'Our pots', 'Our pots\\nMade by hand.')
    """
    lexbor = import_of_extra("selectolax.lexbor", extra="site", needed_by="reading a page")
    # Encoded here, because Python accepts half a character (a lone surrogate) in a string; the parser does not.
    tree: LexborHTMLParser = lexbor.LexborHTMLParser(html.encode("utf-8", "replace"))
    for line_break in tree.css("br"):
        line_break.insert_after("\n")
    canonical = _attribute(tree.css_first('link[rel~="canonical"]'), "href")
    body = tree.body
    return Page(
        url=canonical if canonical.startswith(("http://", "https://")) else path,
        path=path,
        title=_text(tree.css_first("head > title") or tree.css_first("title")),
        description=_one_line(_attribute(tree.css_first('meta[name="description" i]'), "content")),
        headings=tuple(
            (int(node.tag[1]), text)
            for node in tree.css("h1, h2, h3, h4, h5, h6")
            if node.tag and (text := _text(node))
        ),
        links=tuple(href for node in (body.css("a[href]") if body else []) if (href := _attribute(node, "href"))),
        images=tuple(
            Image(_attribute(node, "src"), node.attributes["alt"] or "" if "alt" in node.attributes else None)
            for node in (body.css("img") if body else [])
        ),
        language=_attribute(tree.css_first("html"), "lang"),
        canonical=canonical,
        # Last, because it takes the tree apart.
        main_text=_take_main_text(tree),
    )


def _take_main_text(tree: LexborHTMLParser) -> str:
    articles = tree.css("article")
    # Several articles are a list of teasers, and together they are the content.
    content = tree.css_first("main, [role=main]") or (articles[0] if len(articles) == 1 else tree.body)
    if content is None:
        return ""
    for node in content.css(_NO_CONTENT):
        node.decompose()
    for node in content.css(_BLOCKS):
        node.insert_before(_BLOCK_EDGE)
        node.insert_after(_BLOCK_EDGE)
    lines = (_one_line(line) for line in content.text(separator="").split(_BLOCK_EDGE))
    return "\n".join(line for line in lines if line)


def _text(node: LexborNode | None) -> str:
    return "" if node is None else _one_line(node.text(separator=""))


def _attribute(node: LexborNode | None, name: str) -> str:
    return "" if node is None else (node.attributes.get(name) or "").strip()


def _one_line(text: str) -> str:
    return " ".join(text.split())
