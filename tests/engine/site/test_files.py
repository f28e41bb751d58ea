"""A folder is read as it is served: what is a page is read, what is not is passed over and counted."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from seo_engine.engine.site.folder import read_pages, read_site
from seo_engine.engine.site.site import SiteError

PAGE = "<!doctype html><title>{}</title><p>Pots of red clay, thrown by hand."


def write(folder: Path, **files: str | bytes) -> Path:
    for name, contents in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
    return folder


def test_pages_are_read_whatever_their_files_are_called_and_the_rest_is_counted(tmp_path: Path) -> None:
    site = write(
        tmp_path,
        **{
            "a.html": PAGE.format("a"),
            "b.php": PAGE.format("b"),
            "c.shtml": PAGE.format("c"),
            "d": f"\ufeff<!-- made by hand -->\n{PAGE.format('d')}",
            "e.html.gz": gzip.compress(PAGE.format("e").encode()),
            "f.php?page=2": PAGE.format("f"),
            "g.html.gz": PAGE.format("g"),
            ".well-known/h.html": PAGE.format("h"),
            "a.html.gz": gzip.compress(b"the same"),
            "program.php": "<!doctype html><title><?php echo $title ?></title>",
            "parts.shtml": '<!doctype html><title>x</title><!--#include virtual="head.html" -->',
            "include.php": "function pots() {}",
            "LICENSE": "Apache-2.0",
            "Makefile": "all:\n\ttrue",
            "google0123456789abcdef.html": "google-site-verification: google0123456789abcdef.html",
            "style.css": "p {}",
            ".git/x.html": PAGE.format("x"),
            "docs/node_modules/x.html": PAGE.format("x"),
            "menu.html": "<ul><li>Pots</ul>",
        },
    )
    read = read_site(site)
    assert [page.title for page in read.pages if page.state == "read"] == list("abcdefgh")
    assert [page.path for page in read.pages if page.state != "read"] == ["menu.html"]
    assert read.passed_over == {
        "compressed copy": 1,
        "folder .git": 1,
        "folder node_modules": 1,
        "no HTML in it": 1,
        "other file": 2,
        "program, not the page that it makes": 2,
        "verification file": 1,
    }
    assert read.notes == ()


def test_a_compressed_page_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    many = "".join(f"<p>Pot {number} is {number * 7919 % 1000} years old" for number in range(2_000))
    compressed = gzip.compress((PAGE.format("cut") + many).encode())
    site = write(tmp_path, **{"cut.html.gz": compressed[: len(compressed) // 2], "none.html.gz": compressed[:3]})
    cut, none = read_pages(site)
    assert (cut.title, cut.state) == ("cut", "read")
    assert none.state == "empty"


def test_a_compressed_page_of_endless_size_is_read_as_far_as_others(tmp_path: Path) -> None:
    bomb = gzip.compress(PAGE.format("bomb").encode() + b" " * 300_000_000)
    (page,) = read_pages(write(tmp_path, **{"bomb.html.gz": bomb}))
    assert (page.title, page.facts.size.bytes_read) == ("bomb", 2 * 1024 * 1024)


def test_links_twins_and_odd_names_are_said(tmp_path: Path) -> None:
    site = write(tmp_path / "site", **{"About.html": PAGE.format("A"), "about.html": PAGE.format("a")})
    elsewhere = write(tmp_path / "elsewhere", **{"b.html": PAGE.format("b")})
    (site / "out.html").symlink_to(elsewhere / "b.html")
    (site / "within.html").symlink_to(site / "about.html")
    (site / "folder").symlink_to(elsewhere)
    (site / os.fsdecode(b"caf\xe9.html")).write_text(PAGE.format("c"))
    read = read_site(site)
    assert [page.path for page in read.pages] == ["About.html", "about.html", "caf\\xe9.html", "within.html"]
    assert read.passed_over == {"link out of the folder": 1, "link to a folder": 1}
    assert read.notes == (
        "2 files or folders differ only in upper and lower case, which not every host tells apart: About.html, "
        "about.html",
        "1 file or folder with a name that is not UTF-8: caf\\xe9.html",
    )


def test_a_file_whose_path_is_too_long_is_a_page_that_cannot_be_read(tmp_path: Path) -> None:
    site = write(tmp_path / "site", **{"good.html": "<title>Good"})
    folder = os.open(site, os.O_RDONLY)
    # Longer than what the system takes as one path; each step is short.
    for _ in range(19):
        os.mkdir("x" * 205, dir_fd=folder)
        inner = os.open("x" * 205, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(os.open("y" * 240 + ".html", os.O_WRONLY | os.O_CREAT, dir_fd=folder))
    os.close(folder)
    assert [page.state for page in read_site(site).pages] == ["read", "unreadable"]


@pytest.mark.skipif(os.getuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_can_be_listed_but_not_entered_ends_nothing(tmp_path: Path) -> None:
    site = write(tmp_path / "site", **{"good.html": "<title>Good"})
    closed = site / "closed"
    (closed / "inner").mkdir(parents=True)
    write(closed, **{"page.html": "<title>Closed", "program.php": "<?php"})
    closed.chmod(0o444)
    try:
        assert [page.state for page in read_site(site).pages] == ["read", "unreadable"]
    finally:
        closed.chmod(0o755)


def test_a_page_has_the_address_and_the_headers_that_its_host_gives_it(tmp_path: Path) -> None:
    site = write(
        tmp_path,
        **{
            "index.html": PAGE.format("start") + "<a href=pots>Pots</a>",
            "pots.html": PAGE.format("pots") + "<a href=../legal>Legal</a>",
            "shop/index.html": "<!doctype html><title>T\xf6pfe</title><a href=red>Red</a>".encode("latin-1"),
            "hidden.html": PAGE.format("hidden"),
            "moved.html": PAGE.format("moved"),
            "404.html": PAGE.format("missing"),
            "_headers": "/hidden\n  X-Robots-Tag: noindex\n  Link: <https://a.example/pots>; rel=canonical\n"
            "/shop/\n  Content-Type: text/html; charset=iso-8859-1\n",
            "_redirects": "/moved /pots 301\n",
            "_routes.json": "{}",
        },
    )
    read = read_site(site, base_url="https://a.example/")
    pages = {page.path: page for page in read.pages}
    assert {page.path: (page.url, page.facts.response.status) for page in read.pages} == {
        "404.html": ("https://a.example/404", 404),
        "hidden.html": ("https://a.example/hidden", 200),
        "index.html": ("https://a.example/", 200),
        "moved.html": ("https://a.example/moved.html", 308),
        "pots.html": ("https://a.example/pots", 200),
        "shop/index.html": ("https://a.example/shop/", 200),
    }
    assert pages["index.html"].links == ("https://a.example/pots",)
    assert pages["shop/index.html"].title == "Töpfe"
    assert pages["shop/index.html"].facts.encoding.declared_in == "transport"
    assert ("robots", "noindex") in pages["hidden.html"].facts.robots
    assert pages["hidden.html"].canonical == "https://a.example/pots"
    assert read.notes == ("read as Cloudflare Pages serves it, because of _routes.json",)
    assert {reason: [page.path for page in left] for reason, left in read.left_out.items()} == {
        "not answered with 200": ["404.html", "moved.html"],
        "not indexable (noindex)": ["hidden.html"],
        "no meta description, or one of endless length": ["index.html", "pots.html", "shop/index.html"],
    }
    assert read.served is not None and read.served.answer("https://a.example/moved").location == "/pots"


def test_with_a_host_named_what_is_found_does_not_count(tmp_path: Path) -> None:
    site = write(tmp_path, **{"a/b.html": PAGE.format("b"), "_redirects": "/a/b /c 301"})
    (page,) = read_pages(site, base_url="http://a.example/docs", host="github-pages")
    assert (page.url, page.facts.response.status) == ("http://a.example/docs/a/b.html", 200)


def test_what_a_host_does_not_understand_is_counted_once(tmp_path: Path) -> None:
    site = write(tmp_path, **{"a.html": PAGE.format("a"), "_redirects": "/x\n/y /z 301 Country=de"})
    assert read_site(site).notes == (
        "read as Netlify serves it, because of _redirects",
        "2 lines of its configuration without effect here: _redirects, line 1: not understood",
    )


@pytest.mark.parametrize(
    "base_url", ["a.example", "ftp://a.example/", "https://", "https://a.example/?x=1", "http://[::1"]
)
def test_an_address_that_is_none_is_refused_in_one_line(tmp_path: Path, base_url: str) -> None:
    with pytest.raises(SiteError, match=r"^base_url must be where the site begins, as https://example.org/docs/, got "):
        read_site(write(tmp_path, **{"a.html": PAGE.format("a")}), base_url=base_url)


def test_a_host_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"^host must be one of 'plain', .*, got 'geocities'$"):
        read_site(write(tmp_path, **{"a.html": PAGE.format("a")}), host="geocities")
