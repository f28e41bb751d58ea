"""What a page must be before anything is learned from it, suggested for it, or said against it: one list for all."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from seo_engine.engine.site.page import READ, Page
from seo_engine.engine.site.unknown import UnknownFactError

# A title or description that more of a site's pages have, and more than two of them, is the template's.
MOST_SHARED = 0.2
_MOST_ALIKE = 2

# A browser that goes on sooner shows nobody the page; search engines take it for a redirect
# (https://developers.google.com/search/docs/crawling-indexing/301-redirects#metarefresh).
_SOON_SECONDS = 1

_NOT_INDEXED = ("noindex", "none")
_SUFFIXES = ("html", "htm", "xhtml", "php", "asp", "aspx")

_ROBOTS_OF_SEARCH = ("robots", "googlebot")


class SharedTexts:
    """Which titles and descriptions a site's pages share.

    Args:
        pages (Iterable[Page]): All of them.
    """

    def __init__(self, pages: Iterable[Page]) -> None:
        self._pages = 0
        self._titles: Counter[str] = Counter()
        self._descriptions: Counter[str] = Counter()
        for page in pages:
            with contextlib.suppress(UnknownFactError):
                if page.state == READ:
                    title, description = page.title.casefold(), page.description.casefold()
                    self._pages += 1
                    self._titles[title] += 1
                    self._descriptions[description] += 1

    def is_boilerplate(self, page: Page) -> bool:
        """Return whether the title or the description says the same of many pages."""
        count = max(self._titles[page.title.casefold()], self._descriptions[page.description.casefold()])
        return count > max(_MOST_ALIKE, MOST_SHARED * self._pages)


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition that a page meets or not. `otherwise` says what it is if it does not, as `not indexable`."""

    name: str
    otherwise: str
    is_open: Callable[[Page, SharedTexts], bool]


def _is_redirect(page: Page) -> bool:
    if any(refresh.seconds <= _SOON_SECONDS and refresh.address for refresh in page.facts.refreshes):
        return True
    # A page without a text whose script goes elsewhere.
    return not page.main_text and any("location" in code.beginning for code in page.facts.codes)


def _is_indexable(page: Page) -> bool:
    return not any(name in _ROBOTS_OF_SEARCH and value in _NOT_INDEXED for name, value in page.facts.robots)


def _is_own_canonical(page: Page) -> bool:
    """Return whether a page calls itself the canonical one, or none; where nobody knows its address, by its path."""
    if not page.canonical:
        return True
    try:
        canonical_parts, own_parts = urlsplit(page.canonical), urlsplit(page.url)
    except ValueError:
        return False
    canonical = _segments(canonical_parts.path)
    if own_parts.netloc:
        own = _segments(own_parts.path)
        is_same_host = canonical_parts.netloc.lower() in ("", own_parts.netloc.lower())
        return canonical == own and canonical_parts.query == own_parts.query and is_same_host
    # A path is no address: it may hold what would separate the parts of one.
    own = _segments(page.path)
    if own[:1] == [canonical_parts.netloc]:
        # The folder holds hosts, as `wget -r` makes it.
        return canonical == own[1:]
    if not own:
        # The folder may be served beneath any address.
        return True
    if not canonical:
        return False
    # The folder may be a part of what is served, or hold more than that.
    shorter = min(len(canonical), len(own))
    return canonical[-shorter:] == own[-shorter:]


def _segments(path: str) -> list[str]:
    """Return the parts of a path, the same for `pots.html`, `pots/`, and `pots/index.html`."""
    parts = [part for part in unquote(path).split("/") if part]
    if parts:
        stem, dot, suffix = parts[-1].rpartition(".")
        parts[-1] = stem if dot and suffix.lower() in _SUFFIXES else parts[-1]
        if parts[-1].lower() in ("index", "default"):
            parts.pop()
    return parts


GATES = (
    Gate("read", "could not be read", lambda page, shared: page.state == READ),
    Gate("answered with 200", "not answered with 200", lambda page, shared: page.facts.response.status in (0, 200)),
    Gate("no redirect", "only redirects", lambda page, shared: not _is_redirect(page)),
    Gate("indexable", "not indexable (noindex)", lambda page, shared: _is_indexable(page)),
    Gate("own canonical", "another page is its canonical", lambda page, shared: _is_own_canonical(page)),
    Gate("text", "no main text", lambda page, shared: bool(page.main_text)),
    Gate("title", "no title, or one of endless length", lambda page, shared: page.has_title),
    Gate("description", "no meta description, or one of endless length", lambda page, shared: page.has_description),
    Gate(
        "description says more",
        "description is the title or the heading",
        lambda page, shared: page.description.casefold() not in (page.title.casefold(), page.main_heading.casefold()),
    ),
    Gate(
        "own texts",
        "title or description of the template",
        lambda page, shared: not shared.is_boilerplate(page),
    ),
)


def closed_gate(page: Page, shared: SharedTexts) -> Gate | None:
    """Return the first gate that a page does not pass, or None; one that cannot be known is not passed.

    Args:
        page (Page): The page.
        shared (SharedTexts): What its site's pages share.

    Example:
        >>> page = Page("a.html", "a.html", title="Pots", main_text="Red pots.")
        >>> closed_gate(page, SharedTexts([page])).otherwise
        'no meta description, or one of endless length'
    """
    for gate in GATES:
        try:
            if not gate.is_open(page, shared):
                return gate
        except UnknownFactError:
            return replace(gate, otherwise=f"not known: {gate.name}")
    return None


def sort_by_gate(pages: Sequence[Page]) -> tuple[list[Page], dict[str, list[Page]]]:
    """Return the pages that pass all gates, and those that do not, by what the first closed gate says.

    Args:
        pages (Sequence[Page]): All pages of a site.
    """
    shared = SharedTexts(pages)
    passed: list[Page] = []
    left_out: dict[str, list[Page]] = {gate.otherwise: [] for gate in GATES}
    for page in pages:
        gate = closed_gate(page, shared)
        (passed if gate is None else left_out.setdefault(gate.otherwise, [])).append(page)
    return passed, {otherwise: found for otherwise, found in left_out.items() if found}
