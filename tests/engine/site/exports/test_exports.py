"""What other crawlers export is read; what they do not have is unknown, and never empty."""

from __future__ import annotations

import copy
import gzip
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path

import brotli
import pytest

from seo_engine.engine.site.page import Page
from seo_engine.engine.site.site import SiteError
from seo_engine.engine.site.source import read_source
from seo_engine.engine.site.unknown import UNKNOWN, UnknownFactError

FILES = Path(__file__).parent / "files"
HOME = "http://127.0.0.1:8765/"


def test_what_is_not_known_cannot_be_taken_for_empty() -> None:
    uses: list[Callable[[], object]] = [
        lambda: bool(UNKNOWN), lambda: len(UNKNOWN), lambda: list(UNKNOWN), lambda: "a" in UNKNOWN, lambda: UNKNOWN[0],
        lambda: UNKNOWN == "", lambda: UNKNOWN != "", lambda: str(UNKNOWN), lambda: f"{UNKNOWN}", lambda: UNKNOWN.text,
        lambda: UNKNOWN < 1, lambda: UNKNOWN + "a", lambda: UNKNOWN(), lambda: {"": 1}[UNKNOWN],
    ]  # fmt: skip
    for number, use in enumerate(uses[:-1]):
        with pytest.raises(UnknownFactError):
            print(number, use())
    assert copy.deepcopy(UNKNOWN) is UNKNOWN and pickle.loads(pickle.dumps(UNKNOWN)) is UNKNOWN
    assert repr(Page("a", "a", title=UNKNOWN)).startswith("Page(url='a', path='a', title=UNKNOWN")


def test_a_crawl_by_advertools_has_what_it_has_written() -> None:
    site = read_source(FILES / "advertools.jl")
    pages = {page.path: page for page in site.pages}
    assert list(pages) == ["/", "missing", "sub/care.html"]
    home, missing, care = pages.values()
    assert (home.url, home.title, home.description, home.canonical) == (HOME, "Clay pots", "Pots of red clay.", HOME)
    assert home.headings == ((1, "Our pots"), (2, "Red"), (2, "Blue"))
    assert home.links == (f"{HOME}sub/care.html", f"{HOME}old", f"{HOME}missing", HOME)
    assert [(link.text, link.region, link.relations) for link in home.facts.links] == [
        ("Care", "navigation", ()),
        ("Old page", "body", ("nofollow",)),
        ("Missing", "body", ()),
        ("Home", "footer", ()),
    ]
    assert home.images[0].alternative_text == "A pot" and home.images[1].alternative_text is UNKNOWN
    assert [(link.address, link.attributes["hreflang"]) for link in home.facts.languages] == [("/de.html", "de")]
    assert [meta.content for meta in home.facts.social] == ["OG pots"]
    assert home.facts.encoding.used == "utf-8" and care.facts.encoding is UNKNOWN
    assert [title.text for title in care.facts.titles] == ["Care", "Two"]
    assert care.description == "" and care.facts.descriptions == ()
    assert (missing.facts.response.status, home.facts.response.header("content-type")) == (404, "text/html")


def test_what_advertools_does_not_look_for_is_unknown() -> None:
    page = read_source(FILES / "advertools.jl").pages[0]
    assert page.main_text is UNKNOWN and page.language is UNKNOWN and page.facts.structured_data is UNKNOWN
    for ask in (lambda: page.facts.robots, lambda: page.facts.refreshes, lambda: page.facts.named("author")):
        with pytest.raises(UnknownFactError, match="the export does not have"):
            ask()
    with pytest.raises(UnknownFactError):
        page.facts.related("icon")


def test_a_page_of_which_a_gate_is_not_known_does_not_teach_and_is_counted() -> None:
    site = read_source(FILES / "advertools.jl")
    assert {reason: len(pages) for reason, pages in site.left_out.items()} == {
        "not answered with 200": 1,
        "not known: no redirect": 2,
    }
    assert site.usable_pages == ()


def test_the_redirects_that_a_crawler_has_seen_are_kept(tmp_path: Path) -> None:
    row = (
        '{"url": "https://a.example/c", "status": 200, "redirect_urls": "https://a.example/a@@https://a.example/b", '
        '"redirect_reasons": "301@@302"}'
    )
    file = tmp_path / "crawl.jl"
    file.write_text(f'{row}\n{{"url": "https://a.example/d", "errors": "timeout"}}\n')
    site = read_source(file)
    assert site.redirects == {
        "https://a.example/a": (301, "https://a.example/b"),
        "https://a.example/b": (302, "https://a.example/c"),
    }
    assert [page.state for page in site.pages] == ["read", "unreadable"]


def test_a_crawl_by_screaming_frog_has_what_its_columns_say() -> None:
    site = read_source(FILES / "screaming_frog.csv")
    home, slow = site.pages
    assert (home.url, home.title, home.description) == ("https://a.example/", "Pots, red", "Pots of clay.")
    assert home.headings == ((1, 'Our "pots"'), (2, "Red"), (2, "Blue"))
    assert [title.text for title in home.facts.titles] == ["Pots, red", "Second"]
    assert home.facts.robots == (("robots", "noindex"), ("robots", "follow"), ("robots", "noarchive"))
    assert (home.canonical, home.language, home.facts.size.bytes) == ("https://a.example/", "en", 12345)
    assert site.redirects == {"https://a.example/old": (301, "https://a.example/")}
    assert site.passed_over == {"not HTML: image/png": 1}
    assert slow.state == "unreadable"
    assert home.links is UNKNOWN and home.main_text is UNKNOWN and home.facts.images is UNKNOWN
    with pytest.raises(UnknownFactError):
        home.facts.related("next")
    with pytest.raises(UnknownFactError):
        home.facts.social  # noqa: B018


def test_a_column_that_is_missing_is_unknown(tmp_path: Path) -> None:
    file = tmp_path / "short.csv"
    file.write_text("Address,Status Code\nhttps://a.example/,200\n")
    (page,) = read_source(file).pages
    assert page.title is UNKNOWN and page.headings is UNKNOWN and page.canonical is UNKNOWN
    with pytest.raises(UnknownFactError):
        page.facts.descriptions  # noqa: B018


def test_the_pages_of_a_warc_file_of_wget_are_read() -> None:
    site = read_source(FILES / "wget.warc.gz")
    assert [(page.path, page.title, page.facts.response.status) for page in site.pages] == [
        ("/", "Clay pots", 200),
        ("de.html", "Töpfe", 200),
        ("sub/care.html", "Care", 200),
        ("missing", "Error response", 404),
        ("a.png", "Error response", 404),
        ("b.png", "Error response", 404),
    ]
    assert site.redirects == {f"{HOME}old": (301, f"{HOME}sub/care.html")}
    assert site.pages[0].links[0] == f"{HOME}sub/care.html"
    assert ("robots", "noindex") in site.pages[1].facts.robots


def test_a_warc_file_that_is_torn_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = (FILES / "wget.warc.gz").read_bytes()
    counts = set()
    for length in range(100, len(whole), 400):
        torn = tmp_path / "torn.warc.gz"
        torn.write_bytes(whole[:length])
        try:
            counts.add(len(read_source(torn).pages))
        except SiteError as error:
            assert str(error).startswith(f"{torn}: ")
            counts.add(0)
    assert min(counts) == 0 and max(counts) >= 5


@pytest.mark.parametrize(
    ("name", "contents", "reason"),
    [
        ("a.warc.gz", b"no archive", "there is no page in it"),
        ("a.warc", b"", "there is no page in it"),
        ("a.jl", b"", "there is no page in it"),
        ("a.jl", b'{"title": "x"}\n', "line 1: this is not a page that advertools has crawled"),
        ("a.jl", b"[" * 100_000 + b"\n", "line 1: this is not a page that advertools has crawled"),
        ("a.jl", b"\xff\n", "line 1: this is not a page that advertools has crawled"),
        ("a.csv", b"Adresse,Statuscode\n", "the column 'Address' is missing; export the tab Internal"),
        ("a.csv", b"Address,Status Code\n\x00", "there is no page in it|line"),
        ("a.txt", b"x", "this is not a folder; give the folder that holds the site's HTML files, a WARC file"),
    ],
)
def test_what_is_no_export_is_told_in_one_line(tmp_path: Path, name: str, contents: bytes, reason: str) -> None:
    file = tmp_path / name
    file.write_bytes(contents)
    with pytest.raises(SiteError, match=reason) as error:
        read_source(file)
    assert str(file) in str(error.value) and "\n" not in str(error.value)


def test_a_crawl_that_was_interrupted_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    file = tmp_path / "a.jl"
    rows = [
        '{"url": "https://a.example/", "status": 200.0, "title": "old"}',
        '{"url": "https://a.example/", "status": 200, "title": "new"}',
        '{"url": "https://a.example/b", "sta',
    ]
    file.write_text("\n".join(rows))
    site = read_source(file)
    assert [(each.title, each.facts.response.status) for each in site.pages] == [("new", 200)]
    assert site.passed_over == {"torn row": 1, "earlier row for the same address": 1}


def test_numbers_without_an_end_and_short_rows_are_no_fault(tmp_path: Path) -> None:
    digits = "9" * 5_000
    lines, table = tmp_path / "a.jl", tmp_path / "a.csv"
    lines.write_text(
        f'{{"url": "https://a.example/", "redirect_urls": "x", "redirect_reasons": "{digits}", "status": "{digits}"}}\n'
    )
    assert read_source(lines).pages[0].state == "unreadable"
    table.write_text(
        f"Status Code,Size (Bytes),Address,Title 1,Language\n200,{digits},https://a.example/\n{digits}\n200,1,https://b.example/,T,en\n"
    )
    short, whole = read_source(table).pages
    assert short.title is UNKNOWN and short.language is UNKNOWN and short.facts.size is UNKNOWN
    assert (whole.title, whole.facts.size.bytes) == ("T", 1)


def test_a_page_that_names_another_is_a_redirect_only_if_the_server_says_so(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("Address,Status Code,Redirect URL\nhttps://a.example/,200,https://a.example/b\n")
    site = read_source(table)
    assert len(site.pages) == 1 and site.redirects == {}


def test_a_file_with_addresses_takes_no_other(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="base_url and host are for folders"):
        read_source(FILES / "advertools.jl", base_url="https://a.example/")


def record(address: str, body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """Return a record, as a crawler writes it that stores what it gets."""
    lines = "".join(f"{header}\r\n" for header in headers or ("Content-Type: text/html",))
    http = f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {address}\r\nContent-Type: application/http\r\n"
    return f"{head}Content-Length: {len(http) if length is None else length}\r\n\r\n".encode() + http + b"\r\n\r\n"


def page(name: str, more: str = "") -> bytes:
    return f"<!doctype html><title>{name}</title>{more}".encode()


def chunked(body: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:50], body[50:])) + b"0\r\n\r\n"


LONG = "<p>" + " ".join(f"{number:x}" for number in range(100_000, 170_000))
COMPRESSED = {
    "chunked, gzip": (chunked(gzip.compress(page("A"))), "Transfer-Encoding: chunked", "Content-Encoding: gzip"),
    "gzip": (gzip.compress(page("A", LONG)), "Content-Encoding: gzip"),
    "deflate": (zlib.compress(page("A")), "Content-Encoding: deflate"),
    "raw deflate": (zlib.compress(page("A"))[2:-4], "Content-Encoding: deflate"),
    "brotli": (brotli.compress(page("A")), "Content-Encoding: br"),
    "gzip, stored without": (page("A"), "Content-Encoding: gzip"),
    "brotli, stored without": (page("A"), "Content-Encoding: br"),
    "chunked, stored without": (page("A"), "Transfer-Encoding: chunked"),
    "gzip with bytes behind": (gzip.compress(page("A")) + b"abc", "Content-Encoding: gzip"),
}


@pytest.mark.parametrize("kind", COMPRESSED)
@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz"])
def test_what_servers_send_compressed_is_read_and_hides_no_other_page(tmp_path: Path, kind: str, name: str) -> None:
    body, *headers = COMPRESSED[kind]
    first = record("https://a.example/a", body, "Content-Type: text/html", *headers)
    records = [first, *(record(f"https://a.example/{each}", page(each)) for each in "bcd")]
    file = tmp_path / name
    file.write_bytes(b"".join(gzip.compress(each) if name.endswith("gz") else each for each in records))
    assert [each.title for each in read_source(file).pages] == ["A", "b", "c", "d"]


DAMAGED = {
    "too short": record("https://a.example/x", page("x", LONG), length=100),
    "negative length": record("https://a.example/x", page("x"), length=-5),
    "garbage": b"no record at all\r\n\r\n" * 20,
    "endless header": record("https://a.example/x", page("x"), "X-Long: " + "x" * 2_000_000),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_record_is_counted_and_hides_no_other_page(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "a.warc"
    good = [record(f"https://a.example/{each}", page(each)) for each in "abc"]
    file.write_bytes(good[0] + DAMAGED[kind] + good[1] + good[2])
    site = read_source(file)
    assert [each.title for each in site.pages if not each.url.endswith("x")] == ["a", "b", "c"]


def test_a_torn_record_is_counted_and_no_page(tmp_path: Path) -> None:
    file = tmp_path / "a.warc"
    file.write_bytes(record("https://a.example/a", page("a")) + record("https://a.example/b", page("b", LONG))[:5_000])
    site = read_source(file)
    assert [each.title for each in site.pages] == ["a"] and site.passed_over == {"torn record": 1}


def test_of_several_answers_the_last_one_counts(tmp_path: Path) -> None:
    file = tmp_path / "a.warc"
    moved = record("https://a.example/b", b"", "Location: /c", status="301 Moved")
    answers = [
        record("https://a.example/a", page("old")),
        record("https://a.example/b", page("b")),
        record("https://a.example/a", page("new")),
        moved,
        record("https://a.example/a", b"", status="304 Not Modified"),
        record("https://", page("none")),
        record("HTTPS://A.example/d", page("d")),
    ]
    file.write_bytes(b"".join(answers[:4] + answers[5:]))
    site = read_source(file)
    assert [(each.url, each.title) for each in site.pages] == [
        ("https://a.example/a", "new"),
        ("https://a.example/d", "d"),
    ]
    assert site.redirects == {"https://a.example/b": (301, "https://a.example/c")}
    assert site.passed_over == {"record without an address": 1}


def test_a_file_that_is_compressed_as_a_whole_says_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "a.warc.gz"
    file.write_bytes(gzip.compress(b"".join(record(f"https://a.example/{each}", page(each)) for each in "abc")))
    with pytest.raises(SiteError, match="it is compressed as a whole; decompress it with gunzip"):
        read_source(file)
