"""Pages are read from a folder as they are; what is no page is counted, and nothing crashes or hangs."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seo_engine.engine.site import folder as module
from seo_engine.engine.site.folder import SAMPLE_SITE, read_site
from seo_engine.engine.site.page import SiteError
from seo_engine.foundation.extras import MissingExtraError


def write(folder: Path, **files: str | bytes) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / f"{name}.html").write_bytes(data)
    return folder


@pytest.mark.parametrize(
    "data",
    [
        "<p>Café</p>".encode(),
        b"\xef\xbb\xbf" + "<p>Café</p>".encode(),
        "<p>Café</p>".encode("utf-16"),
        '<meta charset="windows-1252"><p>Café</p>'.encode("windows-1252"),
        '<meta charset="iso-8859-1"><p>Café</p>'.encode("windows-1252"),
        '<meta charset="utf-16"><p>Café</p>'.encode(),
        '<meta charset="undefined"><p>Café</p>'.encode(),
        '<meta charset="no-such-charset"><p>Café</p>'.encode(),
        "<p>Café</p>".encode("windows-1252"),
    ],
)
def test_the_charset_is_found_as_browsers_find_it(tmp_path: Path, data: bytes) -> None:
    assert read_site(write(tmp_path / "site", page=data)).pages[0].main_text == "Café"


def test_another_declared_charset_is_followed(tmp_path: Path) -> None:
    site = write(tmp_path / "site", page='<meta charset="koi8-r"><p>Горшки</p>'.encode("koi8-r"))
    assert read_site(site).pages[0].main_text == "Горшки"


def test_what_is_no_page_is_skipped_and_counted_in_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAXIMUM_FILE_BYTES", 100_000)
    site = write(
        tmp_path / "site",
        good="<p>Text",
        empty=" \n",
        picture=b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" * 9,
        huge="<p>x" * 50_000,
        deep="<div>" * 5_000,
        bare="<body></body>",
    )
    (site / "folder.html").mkdir()
    with caplog.at_level(logging.WARNING, logger="seo_engine"):
        read = read_site(site)
    assert [page.path for page in read.pages] == ["good.html"]
    assert read.skipped == {"empty": 1, "binary": 1, "too large": 1, "nested too deeply": 1, "without text": 1}
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("⚠️ Skipped 5 files")


def test_links_out_of_the_folder_and_in_a_circle_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", secret="<p>Secret")
    site = write(tmp_path / "site", good="<p>Text")
    (site / "link.html").symlink_to(tmp_path / "elsewhere" / "secret.html")
    (site / "linked").symlink_to(tmp_path / "elsewhere")
    (site / "circle.html").symlink_to(site / "circle.html")
    assert [page.path for page in read_site(site).pages] == ["good.html"]


def test_pages_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    site = write(tmp_path / "site", b="<p>b", a="<p>a")
    write(site / "inner", c="<p>c")
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
        (empty, "there is no .html file"),
        (pictures, "there is no .html file"),
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


@given(st.binary(max_size=300))
def test_any_bytes_are_a_page_or_skipped(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = write(tmp_path_factory.mktemp("site"), good="<p>Text", page=b"<p>" + data)
    site = read_site(folder)
    assert len(site.pages) + sum(site.skipped.values()) == 2
