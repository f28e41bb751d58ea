"""A folder of HTML files -> pages, as plain data. The only place that parses."""

from __future__ import annotations

import codecs
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, LexborNode

logger = logging.getLogger(__name__)

# A page of text is thousands of times smaller; what is larger is a data dump or an attack.
MAXIMUM_FILE_BYTES = 5_000_000

# What is longer is no title and no description, but a fault of the page to report, not one to learn.
LONGEST_TITLE = 200
LONGEST_DESCRIPTION = 500

# Fewer leave nothing to learn from once some are held out to measure on.
FEWEST_USABLE_PAGES = 4

# Parsing takes the square of the depth; browsers themselves stop nesting at 512.
MAXIMUM_DEPTH = 1_000

_HTML_SUFFIXES = (".html", ".htm", ".xhtml")
_NO_CONTENT = "script, style, noscript, template, svg, nav, header, footer, aside, iframe, select, button"
_BLOCKS = (
    "address, article, blockquote, br, caption, dd, details, div, dl, dt, figcaption, figure, form, h1, h2, h3, h4, "
    "h5, h6, hr, li, main, ol, p, pre, section, summary, table, td, th, tr, ul"
)
# Stands between blocks while a page is taken apart; no page needs this control character.
_BLOCK_EDGE = "\x1e"
_TAG = re.compile(r"<(/?)([a-z][^\s/>]*)", re.IGNORECASE)
# They hold nothing, or end by themselves, so that a page has many of them without being deep.
_UNCOUNTED_TAG = re.compile(
    "area|base|br|circle|col|ellipse|embed|hr|img|input|line|link|meta|path|polygon|polyline|rect|source|stop|track|use"
    "|wbr|body|colgroup|dd|dt|head|html|li|optgroup|option|p|rp|rt|tbody|td|tfoot|th|thead|tr",
    re.IGNORECASE,
)
_DECLARED_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)


class SiteError(ValueError):
    """A site that cannot be used; the message says what, where and how to mend it."""


@dataclass(frozen=True)
class Image:
    """An image of a page; `alternative_text` is None where the attribute is missing."""

    source: str
    alternative_text: str | None


@dataclass(frozen=True)
class Page:
    """One HTML document, as plain data.

    `url` is the canonical address, or the file's place within the site. `main_text` is what a reader came for:
    one line a paragraph, without navigation, header and footer.
    """

    url: str
    path: str
    title: str
    description: str
    headings: tuple[tuple[int, str], ...]
    main_text: str
    links: tuple[str, ...]
    images: tuple[Image, ...]
    language: str
    canonical: str

    @property
    def main_heading(self) -> str:
        """str: The first heading of the first level, or an empty string."""
        return next((text for level, text in self.headings if level == 1), "")

    @property
    def is_usable(self) -> bool:
        """bool: Whether there is a text to read, and a title and a description to learn from."""
        has_title = 0 < len(self.title) <= LONGEST_TITLE
        return bool(self.main_text) and has_title and 0 < len(self.description) <= LONGEST_DESCRIPTION


@dataclass(frozen=True)
class Site:
    """The pages of a folder, and how many files were passed over, by reason."""

    folder: Path
    pages: tuple[Page, ...]
    skipped: dict[str, int] = field(default_factory=dict)

    @property
    def usable_pages(self) -> tuple[Page, ...]:
        """tuple[Page, ...]: Those that can be learnt from."""
        return tuple(page for page in self.pages if page.is_usable)


def read_site(folder: str | Path) -> Site:
    """Read every HTML file of a folder and the folders in it, in the order of their paths.

    Args:
        folder (str | Path): The site.

    Returns:
        Site: Its pages. Broken, empty, binary and huge files are counted and warned of.

    Raises:
        SiteError: If there is no such folder, or no page in it.
    """
    folder = Path(folder)
    if not os.path.exists(folder):  # noqa: PTH110 (Path.exists raises where a name is too long to be one)
        raise SiteError(f"{folder}: there is no such folder; give the folder that holds the site's HTML files")
    if not folder.is_dir():
        raise SiteError(f"{folder}: this is no folder; give the folder that holds the site's HTML files")
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


def require_usable_pages(site: Site) -> tuple[Page, ...]:
    """Return the pages that can be learnt from.

    Args:
        site (Site): A site.

    Returns:
        tuple[Page, ...]: At least four.

    Raises:
        SiteError: If there are fewer.
    """
    usable = site.usable_pages
    if len(usable) < FEWEST_USABLE_PAGES:
        raise SiteError(
            f"{site.folder}: {len(usable)} of {len(site.pages)} pages have a text, a title and a meta description; "
            f"training needs at least {FEWEST_USABLE_PAGES}: give a larger site, or write what is missing"
        )
    return usable


def parse_page(html: str, path: str) -> Page:
    """Parse one HTML document.

    Args:
        html (str): The document; any text is taken.
        path (str): Its place within the site.

    Returns:
        Page: What it holds; what it lacks is empty.

    Example:
        >>> page = parse_page("<title>Pots</title><h1>Our pots</h1><p>Made by hand.</p>", "pots.html")
        >>> page.title, page.main_heading, page.main_text
        ('Pots', 'Our pots', 'Our pots\\nMade by hand.')
    """
    # Encoded here, because half a character (a lone surrogate) is text to Python and an error to the parser.
    tree = LexborHTMLParser(html.encode("utf-8", "replace"))
    for line_break in tree.css("br"):
        line_break.insert_after("\n")
    canonical = _attribute(tree.css_first('link[rel~="canonical"]'), "href")
    body = tree.body
    return Page(
        url=canonical if canonical.startswith(("http://", "https://")) else path,
        path=path,
        title=_text(tree.css_first("head > title") or tree.css_first("title")),
        description=_one_line(_attribute(tree.css_first('meta[name="description" i]'), "content")),
        headings=tuple(
            (int(node.tag[1]), text)
            for node in tree.css("h1, h2, h3, h4, h5, h6")
            if node.tag and (text := _text(node))
        ),
        links=tuple(href for node in (body.css("a[href]") if body else []) if (href := _attribute(node, "href"))),
        images=tuple(
            Image(_attribute(node, "src"), node.attributes["alt"] or "" if "alt" in node.attributes else None)
            for node in (body.css("img") if body else [])
        ),
        language=_attribute(tree.css_first("html"), "lang"),
        canonical=canonical,
        # Last, because it takes the tree apart.
        main_text=_take_main_text(tree),
    )


def _html_files(folder: Path) -> Iterator[Path]:
    """Yield HTML files in the order of their paths; links out of the folder are not followed."""
    root = folder.resolve()
    for directory, directories, names in os.walk(folder):
        directories.sort()
        for name in sorted(names):
            path = Path(directory, name)
            if path.suffix.lower() in _HTML_SUFFIXES and Path(os.path.realpath(path)).is_relative_to(root):
                yield path


def _read_page(folder: Path, path: Path) -> Page | str:
    """Return the page of a file, or the reason why there is none."""
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
    """Return the text of a document, or None if it is none: byte order mark, declared charset, UTF-8, Latin."""
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
    # Not even Latin: a few stray bytes in a page are replaced, a file full of them is no page.
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
    # As browsers have it: what can be read as ASCII is not UTF-16, and who says Latin-1 means windows-1252.
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


def _take_main_text(tree: LexborHTMLParser) -> str:
    articles = tree.css("article")
    # Several articles are a list of teasers, and all of them are what the page says.
    content = tree.css_first("main, [role=main]") or (articles[0] if len(articles) == 1 else tree.body)
    if content is None:
        return ""
    for node in content.css(_NO_CONTENT):
        node.decompose()
    for node in content.css(_BLOCKS):
        node.insert_before(_BLOCK_EDGE)
        node.insert_after(_BLOCK_EDGE)
    lines = (_one_line(line) for line in content.text(separator="").split(_BLOCK_EDGE))
    return "\n".join(line for line in lines if line)


def _text(node: LexborNode | None) -> str:
    return "" if node is None else _one_line(node.text(separator=""))


def _attribute(node: LexborNode | None, name: str) -> str:
    return "" if node is None else (node.attributes.get(name) or "").strip()


def _one_line(text: str) -> str:
    return " ".join(text.split())
