"""A folder of HTML files -> pages, as plain data. The only place that parses."""

from __future__ import annotations

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

# Fewer leave nothing to learn from once some are held out to measure on.
FEWEST_USABLE_PAGES = 4

_HTML_SUFFIXES = (".html", ".htm", ".xhtml")
_MAIN_CONTENT = "main, [role=main], article"
_NO_CONTENT = "script, style, noscript, template, svg, nav, header, footer, aside, form, iframe"
_BLOCKS = "p, li, h1, h2, h3, h4, h5, h6, td, th, dt, dd, blockquote, pre, figcaption"
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
        return bool(self.main_text and self.title and self.description)


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
    if not folder.exists():
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
        found = "only files that cannot be read as pages" if skipped else "no .html file"
        raise SiteError(f"{folder}: there is {found} in it; give the folder that holds the site's HTML files")
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
    tree = LexborHTMLParser(html)
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
        main_text=_main_text(html),
        links=tuple(href for node in (body.css("a[href]") if body else []) if (href := _attribute(node, "href"))),
        images=tuple(
            Image(_attribute(node, "src"), node.attributes["alt"] or "" if "alt" in node.attributes else None)
            for node in (body.css("img") if body else [])
        ),
        language=_attribute(tree.css_first("html"), "lang"),
        canonical=canonical,
    )


def _html_files(folder: Path) -> Iterator[Path]:
    """Yield HTML files in the order of their paths; links out of the folder are not followed."""
    root = folder.resolve()
    for directory, directories, names in os.walk(folder):
        directories.sort()
        for name in sorted(names):
            path = Path(directory, name)
            if path.suffix.lower() in _HTML_SUFFIXES and path.resolve().is_relative_to(root):
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
    page = parse_page(html, path.relative_to(folder).as_posix())
    return page if page.main_text or page.title else "without text"


def _decode(data: bytes) -> str | None:
    """Return the text of a document, or None if it is none: byte order mark, declared charset, UTF-8, Latin."""
    for mark, charset in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(charset, errors="replace")
    if b"\x00" in data[:4096]:
        return None
    declared = _DECLARED_CHARSET.search(data[:4096])
    for charset in ([declared.group(1).decode()] if declared else []) + ["utf-8", "windows-1252"]:
        try:
            return data.decode(charset)
        except (UnicodeDecodeError, LookupError):
            continue
    # Not even Latin: a few stray bytes in a page are replaced, a file full of them is no page.
    html = data.decode("utf-8", errors="replace")
    return html if html.count("�") < len(html) / 20 else None


def _main_text(html: str) -> str:
    # A tree of its own, because what is no content is cut out of it.
    tree = LexborHTMLParser(html)
    if tree.body is None:
        return ""
    content: LexborNode = tree.css_first(_MAIN_CONTENT) or tree.body
    for node in content.css(_NO_CONTENT):
        node.decompose()
    # A block within a block, such as a paragraph in a list item, is part of the outer one's text.
    lines = [_text(node) for node in content.css(_BLOCKS) if not _is_within_block(node, content)]
    text = "\n".join(line for line in lines if line)
    return text or _text(content)


def _is_within_block(node: LexborNode, content: LexborNode) -> bool:
    parent = node.parent
    while parent is not None and parent.mem_id != content.mem_id:
        if parent.tag in _BLOCK_TAGS:
            return True
        parent = parent.parent
    return False


_BLOCK_TAGS = frozenset(_BLOCKS.split(", "))


def _text(node: LexborNode | None) -> str:
    return "" if node is None else _one_line(node.text(separator=""))


def _attribute(node: LexborNode | None, name: str) -> str:
    return "" if node is None else (node.attributes.get(name) or "").strip()


def _one_line(text: str) -> str:
    return " ".join(text.split())
