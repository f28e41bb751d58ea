"""A sitemap -> its addresses (https://www.sitemaps.org/protocol.html), compressed or not, cut off or broken."""

from __future__ import annotations

import codecs
import itertools
import re
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple

from seo_engine.foundation.extras import import_of_extra

# The protocol's own limits.
MOST_SITEMAP_BYTES = 50 * 1024 * 1024
MOST_ADDRESSES = 50_000

_LINE = re.compile(rb"^[ \t]*(https?://[^\s<>]+)", re.MULTILINE)
_CDATA = b"<![CDATA["
_MOST_AMPERSANDS = 1_000_000
_AMPERSAND = re.compile(rb"&(?!(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|\w{1,40});)")
_GZIP = b"\x1f\x8b"


class Sitemap(NamedTuple):
    """The pages that a sitemap names, their versions in other languages among them, and further sitemaps."""

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()


def read_sitemap(data: bytes) -> Sitemap:
    """Read a sitemap, an index of sitemaps, or a list of addresses as text.

    Args:
        data (bytes): What the server sent. It is decompressed if it is compressed, whatever its name or header says.

    Returns:
        Sitemap: What can be read of it.

    Example:
        >>> read_sitemap(b"<urlset><url><loc><![CDATA[ https://a.example/ ]]></loc></url></urlset>").pages
        ('https://a.example/',)
    """
    if data.startswith(_GZIP):
        data = _decompressed(data)
    data = data.removeprefix(codecs.BOM_UTF8).lstrip()
    if b"<" not in data[:1_000]:
        lines = itertools.islice(_LINE.finditer(data), MOST_ADDRESSES)
        return Sitemap(tuple(line[1].decode("utf-8", "replace") for line in lines))
    if _CDATA not in data and b"\0" not in data[:100] and data.count(b"&") < _MOST_AMPERSANDS:
        # The parser drops it, if it stands alone.
        data = _AMPERSAND.sub(b"&amp;", data)
    pages: dict[str, None] = {}
    sitemaps: dict[str, None] = {}
    for where, address in _addresses(data):
        (sitemaps if where == "sitemap" else pages)[address] = None
        if len(pages) + len(sitemaps) >= MOST_ADDRESSES:
            break
    return Sitemap(tuple(pages), tuple(sitemaps))


def _addresses(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield what kind of entry each address is in, and the address."""
    etree = import_of_extra("lxml.etree", extra="crawl", needed_by="reading a sitemap")
    elements = etree.iterparse(
        BytesIO(data), events=("end",), recover=True, resolve_entities=False, no_network=True, huge_tree=False
    )
    try:
        for _, element in elements:
            name = etree.QName(element).localname if isinstance(element.tag, str) else ""
            if name == "loc" and element.getparent() is not None:
                # An image of a page has a `loc`, too, in a namespace of its own.
                parent = etree.QName(element.getparent()).localname
                if parent in ("url", "sitemap"):
                    yield parent, (element.text or "").strip()
            elif name == "link" and element.get("hreflang") and element.get("href"):
                yield "url", element.get("href").strip()
            else:
                element.clear()
                # A parent keeps its children otherwise, whatever they are.
                while element.getprevious() is not None:
                    del element.getparent()[0]
    except etree.XMLSyntaxError:
        # What came before is good.
        return


def _decompressed(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, MOST_SITEMAP_BYTES)
    except zlib.error:
        return b""
