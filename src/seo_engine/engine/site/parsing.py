"""One HTML document -> a page. The only module that gives a document to a parser."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from seo_engine.engine.site.document.addresses import Addresses
from seo_engine.engine.site.document.blocks import Block, texts_of
from seo_engine.engine.site.document.collecting import Collector
from seo_engine.engine.site.document.encoding import decode
from seo_engine.engine.site.document.main_text import NO_REPETITION, Repetition, keys_of_edges, main_blocks
from seo_engine.engine.site.document.names import HEADINGS
from seo_engine.engine.site.document.tags import count_tags, cut_long_tags, cut_options
from seo_engine.engine.site.document.walk import parser
from seo_engine.engine.site.document.xhtml import html_of_xhtml, is_xhtml, needs_xml_parser
from seo_engine.engine.site.facts import BANNER, FOOTER, HEAD, NAVIGATION, Encoding, PageFacts, Size
from seo_engine.engine.site.page import BINARY, EMPTY, READ, Image, Page
from seo_engine.engine.site.response import NO_RESPONSE, Response

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

# As much as Googlebot is said to read of a document
# (https://developers.google.com/crawling/docs/crawlers-fetchers/googlebot).
READ_BYTES = 2 * 1024 * 1024

# Of what is behind that, the elements are counted as far as this.
COUNTED_BYTES = 8 * READ_BYTES

_DOCTYPE = re.compile(r"\s*+(?:<\?[^>]*+>\s*+|<!--(?s:.{0,2000}?)-->\s*+){0,3}(<!doctype[^>]{0,300}+>)", re.IGNORECASE)

# Search engines ignore a canonical link that is also one of these
# (https://developers.google.com/search/docs/crawling-indexing/consolidate-duplicate-urls).
_NOT_WITH_CANONICAL = ("hreflang", "lang", "media", "type")

_PARTS_OF_TITLE = re.compile(r"\s[|·•»:–—-]+\s|\s*\|\s*")

# Where a title stands that is not called a heading.
_FIRST_BLOCKS = 3

# With more than this share of bytes that no text has, it is a picture or another file.
_MOST_ODD = 1 / 20
_LOOKED_AT = 4_096
_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\t\n\f\r\x1b"))


def read_document(
    data: bytes,
    path: str,
    *,
    own_address: str = "",
    response: Response = NO_RESPONSE,
    size: int = 0,
    repetition: Repetition = NO_REPETITION,
) -> Page:
    """Read the bytes of a document.

    Args:
        data (bytes): The document; what is behind `READ_BYTES` is not read.
        path (str): Its path within the site.
        own_address (str): Where it is served; empty if nobody knows.
        response (Response): How a server answered with it, if one was asked.
        size (int): Its size in bytes, if `data` is not all of it.
        repetition (Repetition): What its site repeats, which is no main text.

    Returns:
        Page: The page; its state says why, if it could not be read.

    Raises:
        MissingExtraError: If the extra `site` is not installed.

    Example:
        >>> read_document(b"<title>Pots</title>", "pots.html").title, read_document(b" ", "pots.html").state
        ('Pots', 'empty')
    """
    size = max(size, len(data))
    if not data.strip():
        return Page.unread(own_address or path, path, EMPTY, size, response=response)
    decoded = decode(data[:READ_BYTES], response.charset)
    encoding = Encoding(decoded.used, decoded.declared, decoded.declared_in, decoded.agrees, decoded.replaced)
    if _is_binary(data, decoded.text, encoding):
        return Page.unread(own_address or path, path, BINARY, size, encoding, response)
    read = Size(size, min(len(data), READ_BYTES))
    return _read(decoded.text, path, own_address, response, encoding, read, repetition)


def survey_document(data: bytes, path: str, response: Response = NO_RESPONSE) -> set[int]:
    """Return what of a document its site may repeat, for `RepetitionCount`.

    Args:
        data (bytes): The document.
        path (str): Its path within the site.
        response (Response): How a server answered with it, if one was asked.
    """
    parsed = parse_tree(decode(data[:READ_BYTES], response.charset).text, path)
    return keys_of_edges(texts_of(parsed.tree).blocks)


def name_behind(page: Page, data: bytes) -> Page:
    """Return a page with the elements named that begin behind what is read of a document.

    This takes a time in proportion to the document's length, whatever is in it.

    Args:
        page (Page): As it was read.
        data (bytes): The document.

    Returns:
        Page: The same page, if all of it was read.
    """
    if len(data) <= READ_BYTES or page.state != READ:
        return page
    encoding = page.facts.encoding.used
    text = decode(data[:COUNTED_BYTES], encoding).text
    behind = count_tags(text, len(decode(data[:READ_BYTES], encoding).text))
    size = page.facts.size._replace(behind=behind)
    return replace(page, facts=replace(page.facts, size=size))


def parse_page(html: str, path: str, *, own_address: str = "") -> Page:
    """Parse one HTML document that is text already.

    Args:
        html (str): The document; any text is accepted.
        path (str): Its path within the site.
        own_address (str): Where it is served; empty if nobody knows.

    Returns:
        Page: The page; missing parts are empty.

    Raises:
        MissingExtraError: If the extra `site` is not installed.

    Example:
        >>> page = parse_page("<title>Pots</title><h1>Our pots</h1><p>Made by hand.</p>", "pots.html")
        >>> page.title, page.main_heading, page.main_text
        ('Pots', 'Our pots', 'Our pots\\nMade by hand.')
    """
    size = len(html.encode("utf-8", "replace"))
    return _read(html, path, own_address, NO_RESPONSE, Encoding(), Size(size, size), NO_REPETITION)


def _is_binary(data: bytes, text: str, encoding: Encoding) -> bool:
    if encoding.replaced > len(text) * _MOST_ODD:
        return True
    # In UTF-16 the bytes of any letter may look like those.
    beginning = b"" if encoding.used.startswith("utf-16") else data[:_LOOKED_AT]
    return len(beginning) - len(beginning.translate(None, _CONTROLS)) > len(beginning) * _MOST_ODD


class Parsed(NamedTuple):
    """A document's tree, its syntax, and what was cut before it was parsed."""

    tree: LexborHTMLParser
    syntax: str
    attributes_cut: int
    options_cut: int


def parse_tree(html: str, path: str) -> Parsed:
    """Parse a document."""
    syntax = "html"
    if is_xhtml(path, html):
        as_html = html_of_xhtml(html) if needs_xml_parser(path, html) else html
        syntax = "xhtml" if as_html is not None else "broken xhtml"
        html = as_html if as_html is not None else html
    html, attributes_cut = cut_long_tags(html)
    html, options_cut = cut_options(html)
    # With scripting, as search engines and readers have it. Encoded here, because Python accepts half a character
    # (a lone surrogate) in a string; the parser does not.
    tree = parser().LexborHTMLParser(html.encode("utf-8", "replace"), scripting=True)
    return Parsed(tree, syntax, attributes_cut, options_cut)


def _read(
    html: str,
    path: str,
    own_address: str,
    response: Response,
    encoding: Encoding,
    size: Size,
    repetition: Repetition,
) -> Page:
    doctype = match[1] if (match := _DOCTYPE.match(html)) else ""
    tree, syntax, attributes_cut, options_cut = parse_tree(html, path)
    texts = texts_of(tree)
    main = main_blocks(texts.blocks, repetition)
    size = size._replace(attributes_cut=attributes_cut, options_cut=options_cut)
    facts = Collector(tree, own_address, texts).collect(response, encoding, size, syntax, doctype)
    return Page(
        url=own_address or path,
        path=path,
        title=_title(facts),
        description=_description(facts),
        headings=tuple((heading.level, heading.text) for heading in facts.headings if not heading.is_hidden),
        links=tuple(link.address for link in facts.links if link.is_page_link and link.written is not None),
        images=tuple(Image(image.address, image.alternative_text) for image in facts.images),
        language=_language(facts),
        canonical=_canonical(facts, own_address),
        main_text="\n".join(block.text for block in main),
        main_heading=_main_heading(main, facts),
        facts=facts,
    )


def _main_heading(main: Sequence[Block], facts: PageFacts) -> str:
    """Return the heading of the main text, not that of the site's banner."""
    title = _title(facts).casefold()
    # The page's own part is longer than the site's name.
    own_part = max(_PARTS_OF_TITLE.split(title), key=len).strip()
    for block in main[:_FIRST_BLOCKS]:
        if block.tag in HEADINGS:
            break
        # The title without being called a heading.
        if block.text.casefold() in (title, own_part):
            return block.text
    in_main_text = [block for block in main if block.tag in HEADINGS]
    highest = min((block.tag for block in in_main_text), default="")
    heading = next((block.text for block in in_main_text if block.tag == highest), "")
    if highest == "h1":
        return heading
    # One elsewhere on the page may still be it; that of the banner is, if there is no other.
    ranked = [each for each in facts.headings if each.level == 1 and each.text and not each.is_hidden]
    outside = next((each.text for each in ranked if each.region not in (BANNER, NAVIGATION, FOOTER)), "")
    return outside or heading or next((each.text for each in ranked), "")


def _title(facts: PageFacts) -> str:
    """Return the title: the first one, as in browsers, in the head if there is one."""
    return next((title.text for title in facts.titles if title.region == HEAD), "") or next(
        (title.text for title in facts.titles if title.text), ""
    )


def _description(facts: PageFacts) -> str:
    return next((meta.content for meta in facts.descriptions if meta.region == HEAD and meta.content), "")


def _canonical(facts: PageFacts, own_address: str) -> str:
    in_head = (
        link.address
        for link in facts.canonicals
        if link.region == HEAD and link.address and not any(name in link.attributes for name in _NOT_WITH_CANONICAL)
    )
    in_header = (Addresses(own_address, "").resolve(written) for written in facts.response.canonicals)
    return next(in_head, "") or next(in_header, "")


def _language(facts: PageFacts) -> str:
    # HTML knows `lang` alone; whoever writes the name that XML has for it means the same.
    return facts.html_attributes.get("lang", "").strip() or facts.html_attributes.get("xml:lang", "").strip()
