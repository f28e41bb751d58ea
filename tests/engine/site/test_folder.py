"""Pages are read from a folder as they are; what cannot be read is a page with a state, and nothing hangs."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import pytest

from seo_engine.engine.site.folder import SAMPLE_SITE, read_pages, read_site
from seo_engine.engine.site.site import SiteError
from seo_engine.foundation.extras import MissingExtraError


def write(folder: Path, **files: str | bytes) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / f"{name}.html").write_bytes(data)
    return folder


def test_what_cannot_be_read_is_a_page_with_a_state_and_one_warning_counts_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = write(
        tmp_path / "site",
        bare="<body></body>",
        deep="<title>Deep</title>" + "<span>" * 5_000,
        empty=" \n",
        good="<title>Good",
        part="<p>Text",
        picture=b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" * 9,
        slow="<title>Slow</title>" + "<div>" * 100_000 + "</p>" * 100_000,
    )
    (site / "folder.html").mkdir()
    with caplog.at_level(logging.WARNING, logger="seo_engine"):
        read = read_site(site)
    assert {page.path: page.state for page in read.pages} == {
        "bare.html": "read",
        "deep.html": "read",
        "empty.html": "empty",
        "good.html": "read",
        "part.html": "fragment",
        "picture.html": "binary",
        "slow.html": "too costly",
    }
    assert read.skipped == {"empty": 1, "binary": 1, "fragment": 1, "too costly": 1}
    (warning,) = caplog.messages
    assert warning == f"⚠️ 4 pages of {site} could not be read: 1 binary, 1 empty, 1 fragment, 1 too costly"


def test_a_name_that_is_no_text_is_shown_with_the_numbers_of_its_bytes(tmp_path: Path) -> None:
    site = write(tmp_path / "site", good="<title>Good")
    (site / os.fsdecode(b"caf\xe9.html")).write_text("<title>Café")
    assert [(page.path, page.title) for page in read_site(site).pages] == [
        ("caf\\xe9.html", "Café"),
        ("good.html", "Good"),
    ]


def test_what_a_site_repeats_around_its_texts_is_none_of_them(tmp_path: Path) -> None:
    # No name tells what is navigation; the last page is one of the template without anything.
    around = (
        "<div><h1>Ann's Pottery, since 1990</h1><p>Call us now or visit our shop, we are open every day from nine"
        "</p><p><a href=a>Shop</a> | <a href=b>About</a></p></div>{}<div><p>All prices include tax.</p>"
        "<p>Changed on {}</p></div>"
    )
    texts = [f"<h1>Pot {number}</h1><p>Pot {number} is red, and thrown by hand.</p>" for number in range(6)]
    site = write(
        tmp_path / "site",
        **{f"p{number}": around.format(text, f"2026-05-{number:02}") for number, text in enumerate([*texts, ""])},
    )
    pages = read_site(site).pages
    assert [page.main_text for page in pages] == [
        *(f"Pot {number}\nPot {number} is red, and thrown by hand." for number in range(6)),
        "",
    ]
    assert [page.main_heading for page in pages[:6]] == [f"Pot {number}" for number in range(6)]


def test_pages_are_read_one_by_one_without_keeping_them(tmp_path: Path) -> None:
    site = write(tmp_path / "site", a="<title>A", b="<title>B")
    assert [page.title for page in read_pages(site, processes=1)] == ["A", "B"]
    assert tuple(read_pages(site)) == read_site(site).pages
    with pytest.raises(SiteError, match="there is no such folder"):
        list(read_pages(tmp_path / "nowhere"))


def test_how_far_it_is_is_told_after_each_page(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.html").write_text("<title>Pots</title><p>Of red clay.")
    told: list[tuple[str, int, int]] = []
    read_site(tmp_path, progress=lambda *how_far: told.append(how_far))
    assert told == [(stage, done, 3) for stage in ("Comparing the pages", "Reading the pages") for done in (1, 2, 3)]


def test_links_out_of_the_folder_and_in_a_circle_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", secret="<p>Secret")
    site = write(tmp_path / "site", good="<title>Good")
    (site / "link.html").symlink_to(tmp_path / "elsewhere" / "secret.html")
    (site / "linked").symlink_to(tmp_path / "elsewhere")
    (site / "circle.html").symlink_to(site / "circle.html")
    assert [(page.path, page.state) for page in read_site(site).pages] == [
        ("circle.html", "unreadable"),
        ("good.html", "read"),
    ]


def test_pages_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    site = write(tmp_path / "site", b="<title>b", a="<title>a")
    write(site / "inner", c="<title>c")
    assert [page.path for page in read_site(site).pages] == ["a.html", "b.html", "inner/c.html"]
    assert read_site(site) == read_site(site)


def test_a_folder_that_is_no_site_is_told_in_one_line(tmp_path: Path) -> None:
    empty, pictures, file = tmp_path / "empty", tmp_path / "pictures", tmp_path / "file.html"
    empty.mkdir()
    pictures.mkdir()
    (pictures / "a.jpg").write_bytes(b"\xff\xd8")
    file.write_text("<p>Text")
    broken = write(tmp_path / "broken", empty="")
    for folder, reason in [
        (tmp_path / "nowhere", "there is no such folder"),
        (tmp_path / ("x" * 300), "there is no such folder"),
        (file, "this is not a folder"),
        (empty, "there is no page in it"),
        (pictures, "there is no page in it"),
        (broken, "no file in it can be read as a page"),
    ]:
        with pytest.raises(SiteError, match=reason) as error:
            read_site(folder)
        assert str(folder) in str(error.value)
        assert "\n" not in str(error.value)


def test_without_the_library_that_parses_the_extra_is_named_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "selectolax.lexbor", None)
    with pytest.raises(MissingExtraError) as error:
        read_site(write(tmp_path / "site", good="<p>Text"))
    assert str(error.value) == 'reading a page needs selectolax.lexbor: run `pip install "seo-engine[site]"`'


def test_a_program_may_go_to_another_folder_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "site", **{f"p{number:02}": f"<title>{number}" for number in range(30)})
    monkeypatch.chdir(tmp_path)
    pages = read_pages("site")
    assert next(pages).title == "0"
    monkeypatch.chdir("/")
    assert [page.title for page in pages] == [str(number) for number in range(1, 30)]


def test_less_than_one_process_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="processes=-1: it takes at least one process"):
        list(read_pages(write(tmp_path / "site", a="<p>Text"), processes=-1))


def test_without_a_process_that_can_read_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = write(tmp_path / "site", good="<p>Text")
    monkeypatch.setattr(sys, "executable", "/bin/sh")
    for name in ("_base_executable", "exec_prefix", "base_exec_prefix"):
        monkeypatch.setattr(sys, name, "")
    with pytest.raises(SiteError, match="cannot be started") as error:
        read_site(site)
    assert "\n" not in str(error.value)


def test_every_page_of_the_bundled_site_is_usable_and_within_the_usual_lengths() -> None:
    site = read_site(SAMPLE_SITE)
    assert len(site.pages) >= 60
    assert site.skipped == {}
    assert site.usable_pages == site.pages
    for page in site.pages:
        assert 30 <= len(page.title) <= 60, page.path
        assert 70 <= len(page.description) <= 155, page.path
        assert 100 <= len(page.main_text.split()) <= 300, page.path
        assert page.main_heading, page.path
