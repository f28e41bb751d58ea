"""A sitemap -> its addresses (https://www.sitemaps.org/protocol.html), compressed or not, cut off or broken."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any, NamedTuple

from seo_engine.engine.site.reading.request import decompressed
from seo_engine.foundation.extras import import_of_extra

# The protocol's own limits.
MOST_SITEMAP_BYTES = 50 * 1024 * 1024
MOST_ADDRESSES = 50_000

# Of a list of the user's own.
MOST_LISTED = 1_000_000

_LINE = re.compile(rb"(?:^|(?<=[\r\n]))[ \t]*(https?://[^\s<>]+)", re.IGNORECASE)
_ROOT = re.compile(rb"<(?:[\w.-]{1,20}:)?(?:urlset|sitemapindex)\b")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF_16_XML = (codecs.BOM_UTF16_LE + b"<\0", codecs.BOM_UTF16_BE + b"\0<")
_BEGINNING = 10_000
_CDATA = b"<![CDATA["
_MOST_AMPERSANDS = 1_000_000
_AMPERSAND = re.compile(rb"&(?!(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|\w{1,40});)")
_GZIP = b"\x1f\x8b"


class Sitemap(NamedTuple):
    """The pages that a sitemap names, their versions in other languages among them, and further sitemaps.

    `left_out` counts the entries behind as many as are read.
    """

    pages: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    left_out: int = 0


def is_sitemap(data: bytes) -> bool:
    """Return whether a server has sent a sitemap or a list of addresses, whatever it calls that.

    Example:
        >>> is_sitemap(b"<?xml version='1.0'?><urlset>"), is_sitemap(b"<!doctype html>"), is_sitemap(b"http://a.example/")
        (True, False, True)
    """
    if data.startswith(_GZIP):
        return True
    is_xml, beginning = _prepared(data[:_BEGINNING])
    return bool(_ROOT.search(beginning.replace(b"\0", b"")) if is_xml else _LINE.search(beginning))


def read_sitemap(data: bytes, most: int = MOST_ADDRESSES) -> Sitemap:
    """Read a sitemap, an index of sitemaps, or a list of addresses as text.

    Args:
        data (bytes): What the server sent. It is decompressed if it is compressed, whatever its name or header says.
        most (int): How many entries are read at most.

    Returns:
        Sitemap: What can be read of it.

    Example:
        >>> read_sitemap(b"<urlset><url><loc><![CDATA[ https://a.example/ ]]></loc></url></urlset>").pages
        ('https://a.example/',)
    """
    if data.startswith(_GZIP):
        data = decompressed(BytesIO(data), MOST_SITEMAP_BYTES + 1)
    left_out = int(len(data) > MOST_SITEMAP_BYTES)
    is_xml, data = _prepared(data)
    if not is_xml:
        # The last line may be cut off.
        lines = _LINE.finditer(data, 0, max(data.rfind(b"\n"), data.rfind(b"\r")) + 1 if left_out else len(data))
        listed = tuple(line[1].decode("utf-8", "replace") for line in itertools.islice(lines, most))
        return Sitemap(listed, left_out=left_out + sum(1 for _ in lines))
    if _CDATA not in data and b"\0" not in data[:100] and data.count(b"&") < _MOST_AMPERSANDS:
        # The parser drops it, if it stands alone.
        data = _AMPERSAND.sub(b"&amp;", data)
    pages: dict[str, None] = {}
    sitemaps: dict[str, None] = {}
    for where, address in _addresses(data):
        found = sitemaps if where == "sitemap" else pages
        if len(pages) + len(sitemaps) < most:
            found[address] = None
        else:
            left_out += address not in found
    return Sitemap(tuple(pages), tuple(sitemaps), left_out)


def _prepared(data: bytes) -> tuple[bool, bytes]:
    """Return whether it is XML, and the data from where the parser begins; of a list in UTF-16, as UTF-8."""
    data = data.removeprefix(codecs.BOM_UTF8).lstrip()
    if root := _ROOT.search(data, 0, _BEGINNING):
        # Programs put their warnings before it.
        declaration = data.rfind(b"<?xml", 0, root.start())
        data = data[declaration if declaration >= 0 else root.start() :]
    elif data.startswith(_UTF_16) and not data.startswith(_UTF_16_XML):
        data = data.decode("utf-16", "replace").encode("utf-8", "replace")
    return data.startswith((b"<", b"\0<", *_UTF_16_XML)), data


def _addresses(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield what kind of entry each address is in, and the address."""
    etree = import_of_extra("lxml.etree", extra="crawl", needed_by="reading a sitemap")
    elements = etree.iterparse(
        BytesIO(data), events=("end",), recover=True, resolve_entities=False, no_network=True, huge_tree=False
    )
    try:
        for _, element in elements:
            name = _local_name(element)
            if name == "loc" and element.getparent() is not None:
                # An image of a page has a `loc`, too, in a namespace of its own.
                entry = _local_name(element.getparent())
                if entry in ("url", "sitemap"):
                    yield entry, (element.text or "").strip()
            elif name == "link" and element.get("hreflang") and element.get("href"):
                yield "url", element.get("href").strip()
            else:
                element.clear()
                # A parent keeps its children otherwise, whatever they are. What stands before the root has no parent.
                parent = element.getparent()
                while parent is not None and element.getprevious() is not None:
                    del parent[0]
    except etree.XMLSyntaxError:
        # What came before is good.
        return


def _local_name(element: Any) -> str:
    """Return an element's name without its namespace, or a prefix that nobody declared; a comment has none.

    `QName` raises an error for such a prefix, and for whatever else a parser that recovers takes for a name.
    """
    return element.tag.rpartition("}")[2].rpartition(":")[2] if isinstance(element.tag, str) else ""
