"""A folder of HTML files -> a site."""

from __future__ import annotations

import codecs
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from seo_engine.engine.site.page import Page, Site, SiteError
from seo_engine.engine.site.parsing import parse_page

logger = logging.getLogger(__name__)

# The site that comes with the package.
SAMPLE_SITE = Path(__file__).parents[1] / "sample_site"

# A page of text is thousands of times smaller; a larger file is a data dump or an attack.
MAXIMUM_FILE_BYTES = 5_000_000

# Parsing time grows with the square of the depth; browsers stop nesting at 512.
MAXIMUM_DEPTH = 1_000

_HTML_SUFFIXES = (".html", ".htm", ".xhtml")
_TAG = re.compile(r"<(/?)([a-z][^\s/>]*)", re.IGNORECASE)
# These are empty or may be left unclosed, so a page can have many of them without being deep.
_UNCOUNTED_TAG = re.compile(
    "area|base|br|circle|col|ellipse|embed|hr|img|input|line|link|meta|path|polygon|polyline|rect|source|stop|track|use"
    "|wbr|body|colgroup|dd|dt|head|html|li|optgroup|option|p|rp|rt|tbody|td|tfoot|th|thead|tr",
    re.IGNORECASE,
)
_DECLARED_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)


def read_site(folder: str | Path) -> Site:
    """Read every HTML file in a folder and its subfolders, in the order of their paths.

    Args:
        folder (str | Path): The site.

    Returns:
        Site: Its pages. Broken, empty, binary and huge files are skipped and counted, with a warning.

    Raises:
        SiteError: If there is no such folder, or no page in it.
        MissingExtraError: If the extra `site` is not installed.
    """
    folder = Path(folder)
    if not os.path.exists(folder):  # noqa: PTH110 (Path.exists raises if a name is too long)
        raise SiteError(f"{folder}: there is no such folder; give the folder that holds the site's HTML files")
    if not folder.is_dir():
        raise SiteError(f"{folder}: this is not a folder; give the folder that holds the site's HTML files")
    pages: list[Page] = []
    skipped: Counter[str] = Counter()
    for path in _html_files(folder):
        page = _read_page(folder, path)
        if isinstance(page, Page):
            pages.append(page)
        else:
            skipped[page] += 1
    if skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(skipped.items()))
        logger.warning("⚠️ Skipped %d files of %s: %s", sum(skipped.values()), folder, reasons)
    if not pages:
        found = "no file in it can be read as a page" if skipped else "there is no .html file in it"
        raise SiteError(f"{folder}: {found}; give the folder that holds the site's HTML files")
    return Site(folder, tuple(pages), dict(skipped))


def _html_files(folder: Path) -> Iterator[Path]:
    """Yield HTML files in the order of their paths; links that lead out of the folder are skipped."""
    root = folder.resolve()
    for directory, directories, names in os.walk(folder):
        directories.sort()
        for name in sorted(names):
            path = Path(directory, name)
            if path.suffix.lower() in _HTML_SUFFIXES and Path(os.path.realpath(path)).is_relative_to(root):
                yield path


def _read_page(folder: Path, path: Path) -> Page | str:
    """Return the page in a file, or the reason why it was skipped."""
    try:
        if not path.is_file():
            return "no regular file"
        if path.stat().st_size > MAXIMUM_FILE_BYTES:
            return "too large"
        data = path.read_bytes()
    except OSError:
        return "unreadable"
    if not data.strip():
        return "empty"
    html = _decode(data)
    if html is None:
        return "binary"
    if _is_too_deep(html):
        return "nested too deeply"
    page = parse_page(html, path.relative_to(folder).as_posix())
    return page if page.main_text or page.title else "without text"


def _decode(data: bytes) -> str | None:
    """Return the text of a document, or None: by byte order mark, declared charset, UTF-8 or Latin."""
    for mark, charset in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(charset, errors="replace")
    if b"\x00" in data[:4096]:
        return None
    for charset in (*_declared_charset(data), "utf-8", "windows-1252"):
        try:
            return data.decode(charset)
        except (UnicodeError, LookupError):
            continue
    # Not even Latin: a few stray bytes are replaced, but a file full of them is not a page.
    html = data.decode("utf-8", errors="replace")
    return html if html.count("\N{REPLACEMENT CHARACTER}") < len(html) / 20 else None


def _declared_charset(data: bytes) -> Iterator[str]:
    declared = _DECLARED_CHARSET.search(data[:4096])
    if declared is None:
        return
    try:
        charset = codecs.lookup(declared.group(1).decode()).name
    except LookupError:
        return
    # As in browsers: what can be read as ASCII is not UTF-16, and a declared Latin-1 means windows-1252.
    if not charset.startswith(("utf-16", "utf-32")) and charset not in ("iso8859-1", "ascii"):
        yield charset


def _is_too_deep(html: str) -> bool:
    depth = 0
    for tag in _TAG.finditer(html):
        if not _UNCOUNTED_TAG.fullmatch(tag.group(2)):
            depth = max(0, depth - 1) if tag.group(1) else depth + 1
            if depth > MAXIMUM_DEPTH:
                return True
    return False
