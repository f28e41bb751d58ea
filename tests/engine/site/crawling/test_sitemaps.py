"""Sitemaps as sites have them: compressed, cut off, with other things than pages in them."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from seo_engine.engine.site.crawling import sitemaps
from seo_engine.engine.site.crawling.sitemaps import MOST_ADDRESSES, Sitemap, is_sitemap, read_sitemap
from tests.engine.site.crawling.odd_server import odd_server

NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
A, B = "https://a.example/a", "https://a.example/b?x=1&y=2"
PLAIN = f"<urlset xmlns='{NAMESPACE}'><url><loc>{A}</loc></url><url><loc>{B.replace('&', '&amp;')}</loc></url></urlset>"


@pytest.mark.parametrize(
    "data",
    [
        PLAIN.encode(),
        b"\xef\xbb\xbf" + PLAIN.encode(),
        b"\n\n<?xml version='1.0' encoding='UTF-8'?>" + PLAIN.encode(),
        ("<?xml version='1.0' encoding='UTF-16'?>" + PLAIN).encode("utf-16"),
        gzip.compress(PLAIN.encode()),
        PLAIN.replace("<loc>", "<loc>\n  ").replace("</loc>", "\n</loc>").encode(),
        PLAIN.replace("<loc>", "<loc><![CDATA[").replace("</loc>", "]]></loc>").replace("&amp;", "&").encode(),
        PLAIN.replace("<url>", "<url><lastmod>2026</lastmod>").encode(),
        PLAIN.replace(f" xmlns='{NAMESPACE}'", "").encode(),
        PLAIN.replace("xmlns=", "xmlns:s=").replace("<u", "<s:u").replace("</u", "</s:u").encode(),
        f"{A}\n\n{B}\r\n".encode(),
        f"\ufeff{A}\nnothing\n{B}".encode(),
        PLAIN.replace("</urlset>", "").encode(),
        PLAIN.replace("</urlset>", "<url><loc>https://a.exa").encode(),
        PLAIN.replace("&amp;", "&").encode(),
        b"<?xml version='1.0'?><!-- by a plug-in --><?xml-stylesheet href='map.xsl'?>" + PLAIN.encode(),
        b"<br/><b>Warning</b>: in line 7\n<?xml version='1.0'?>" + PLAIN.encode(),
        gzip.compress(PLAIN[:60].encode()) + gzip.compress(PLAIN[60:].encode()),
        f"\ufeff{A}\r\n{B}\r\n".encode("utf-16-le"),
        f"{A}\r{B}\r".encode(),
        f"# <the list>\n{A}\n{B}".encode(),
        ("<?xml version='1.0' encoding='UTF-16'?>" + PLAIN).encode("utf-16-be"),
        f"\ufeff{A}\n{B}\n".encode("utf-16-be"),
        b"Notice: x\n<?xml version='1.0'?><!--" + b"x" * 2_000 + b" -->" + PLAIN.encode(),
    ],
)
def test_the_pages_of_a_sitemap_are_read(data: bytes) -> None:
    assert read_sitemap(data).pages[:2] == (A, B)


def test_what_is_compressed_and_cut_off_is_read_as_far_as_it_goes() -> None:
    many = "".join(f"<url><loc>https://a.example/{number * 7919}</loc></url>" for number in range(5_000))
    data = gzip.compress(f"<urlset>{many}</urlset>".encode())
    assert 1_000 < len(read_sitemap(data[: len(data) // 2]).pages) < 4_000


def test_an_encoding_behind_a_warning_is_obeyed() -> None:
    data = "Notice: x\n<?xml version='1.0' encoding='iso-8859-1'?><urlset><url><loc>https://a.example/é</loc></url></urlset>"
    assert read_sitemap(data.encode("latin-1")).pages == ("https://a.example/é",)


@pytest.mark.parametrize("data", [f"\ufeff{A}".encode(), f"\ufeff{A}".encode("utf-16-le"), f"# pots\n{A}".encode()])
def test_a_list_is_known_whatever_its_server_calls_it(data: bytes) -> None:
    assert is_sitemap(data) and read_sitemap(data).pages == (A,)


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_what_is_longer_than_is_read_says_so_and_has_no_half_address(
    monkeypatch: pytest.MonkeyPatch, compress: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(sitemaps, "MOST_SITEMAP_BYTES", 90)
    lines = "".join(f"https://a.example/page-{number}\n" for number in range(10)).encode()
    assert read_sitemap(compress(lines)[:91] if compress is bytes else compress(lines)) == Sitemap(
        ("https://a.example/page-0", "https://a.example/page-1", "https://a.example/page-2"), left_out=1
    )


def test_an_index_names_sitemaps_and_images_are_no_pages() -> None:
    index = f"<sitemapindex><sitemap><loc>{A}</loc></sitemap></sitemapindex>"
    assert read_sitemap(index.encode()) == Sitemap(sitemaps=(A,))
    image = (
        f"<urlset xmlns:i='http://www.google.com/schemas/sitemap-image/1.1'><url><loc>{A}</loc>"
        f"<i:image><i:loc>https://a.example/pot.png</i:loc></i:image></url></urlset>"
    )
    assert read_sitemap(image.encode()).pages == (A,)


def test_versions_in_other_languages_are_pages() -> None:
    data = (
        f"<urlset xmlns:x='http://www.w3.org/1999/xhtml'><url><loc>{A}</loc>"
        f"<x:link rel='alternate' hreflang='de' href='{A}-de'/></url></urlset>"
    )
    assert sorted(read_sitemap(data.encode()).pages) == [A, A + "-de"]


@pytest.mark.parametrize(
    ("entries", "pages"),
    [
        ("<sm:url><sm:loc>https://a.example/</sm:loc></sm:url>", ("https://a.example/",)),
        (
            '<url><loc>https://a.example/</loc><xhtml:link hreflang="de" href="https://a.example/de"/></url>',
            ("https://a.example/", "https://a.example/de"),
        ),
        (
            "<url><loc>https://a.example/</loc><image:image><image:loc>https://a.example/a.png</image:loc></image:image></url>",
            ("https://a.example/",),
        ),
        ("<url><loc>https://a.example/</loc><https://a.example/b></url>", ("https://a.example/",)),
    ],
)
def test_names_that_nobody_declared_lose_no_address(entries: str, pages: tuple[str, ...]) -> None:
    assert read_sitemap(f"<urlset>{entries}</urlset>".encode()).pages == pages


@pytest.mark.parametrize("data", [b"", b"\x1f\x8b", b"<", b"<urlset>", b"\0" * 100, b"<html><p>Not found</html>"])
def test_what_is_no_sitemap_has_no_address(data: bytes) -> None:
    assert read_sitemap(data) == Sitemap()


def test_a_sitemap_is_bounded() -> None:
    bomb = (
        "<!DOCTYPE u [<!ENTITY a '"
        + "x" * 1_000
        + "'>"
        + "".join(f"<!ENTITY {chr(98 + n)} '{('&' + chr(97 + n) + ';') * 50}'>" for n in range(8))
        + f"]><urlset><url><loc>{A}&i;</loc></url></urlset>"
    )
    assert all(len(address) < 2_000 for address in read_sitemap(bomb.encode()).pages)
    assert read_sitemap(gzip.compress(b"\n" * 200_000_000)) == Sitemap(left_out=1)
    many = "".join(f"{A}{number}\n" for number in range(MOST_ADDRESSES + 10))
    assert len(read_sitemap(many.encode()).pages) == MOST_ADDRESSES and read_sitemap(many.encode()).left_out == 10
    many = "".join(f"<url><loc>{A}{number}</loc></url>" for number in range(MOST_ADDRESSES + 10))
    assert read_sitemap(f"<urlset>{many}</urlset>".encode()).left_out == 10


def test_no_file_and_no_other_server_is_read_for_a_sitemap() -> None:
    with odd_server() as server:
        entities = f"<!ENTITY f SYSTEM 'file:///etc/passwd'><!ENTITY h SYSTEM '{server.address}/'>"
        document_type = f"<!DOCTYPE urlset SYSTEM '{server.address}/u.dtd' [{entities}]>"
        data = f"{document_type}<urlset><url><loc>{A}</loc></url><url><loc>{B}&f;&h;</loc></url></urlset>"
        pages = read_sitemap(data.replace("x=1&y", "x=1&amp;y").encode()).pages
        assert server.asked == {}
    assert pages[0] == A and not any("root:" in address for address in pages)
