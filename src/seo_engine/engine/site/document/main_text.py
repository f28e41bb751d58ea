"""The text that a reader came for: what is left without navigation, header and footer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seo_engine.engine.site.document.texts import one_line

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

_NO_CONTENT = "script, style, noscript, template, svg, nav, header, footer, aside, iframe, select, button"
_BLOCKS = (
    "address, article, blockquote, br, caption, dd, details, div, dl, dt, figcaption, figure, form, h1, h2, h3, h4, "
    "h5, h6, hr, li, main, ol, p, pre, section, summary, table, td, th, tr, ul"
)
# Separates blocks while a page is taken apart; no page needs this control character.
_BLOCK_EDGE = "\x1e"


def take_main_text(tree: LexborHTMLParser) -> str:
    """Return the main text, a line for each paragraph. This takes the tree apart."""
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
    lines = (one_line(line) for line in content.text(separator="").split(_BLOCK_EDGE))
    return "\n".join(line for line in lines if line)
