"""Page: what was read of a document, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

from seo_engine.engine.site.facts import Encoding, PageFacts, Size
from seo_engine.engine.site.response import NO_RESPONSE, Response
from seo_engine.engine.snippet_limits import LONGEST_DESCRIPTION, LONGEST_TITLE

# The states of a page. No document disappears: one that could not be read says why.
READ = "read"
EMPTY = "empty"
BINARY = "binary"
UNREADABLE = "unreadable"
NO_FILE = "no regular file"
FRAGMENT = "fragment"
TOO_COSTLY = "too costly"


def path_within(address: str) -> str:
    """Return what of an address tells the pages of a site apart.

    Example:
        >>> path_within("https://a.example/pots.html?page=2"), path_within("https://a.example/")
        ('pots.html?page=2', '/')
    """
    return address.partition("://")[2].partition("/")[2] or "/"


@dataclass(frozen=True, slots=True)
class Image:
    """An image of a page; `alternative_text` is None if the attribute is missing."""

    source: str
    alternative_text: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """One HTML document, as plain data.

    `url` is its own address, or the file's path within the site, if nobody knows where it is served; `canonical` is
    what it calls its address. `main_text` is what a reader came for, a line for each paragraph, and `main_heading` its
    heading. `state` says whether it could be read: all texts of a page that could not are empty. `facts` is the rest.
    A page from an export has `UNKNOWN` in every field, but for address, path and state, that the export does not have.
    `raw` is the page as the server sent it, if this one is what a browser has made of it.
    """

    url: str
    path: str
    title: str = ""
    description: str = ""
    headings: tuple[tuple[int, str], ...] = ()
    main_text: str = ""
    main_heading: str = ""
    links: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()
    language: str = ""
    canonical: str = ""
    state: str = READ
    facts: PageFacts = field(default_factory=PageFacts, repr=False, hash=False)
    raw: Page | None = field(default=None, repr=False, hash=False)

    @classmethod
    def unread(
        cls,
        url: str,
        path: str,
        state: str,
        size: int = 0,
        encoding: Encoding | None = None,
        response: Response = NO_RESPONSE,
    ) -> Page:
        """Return the page of a document that could not be read."""
        return cls(url, path, state=state, facts=PageFacts(response, encoding or Encoding(), Size(size, 0)))

    @property
    def has_title(self) -> bool:
        """bool: Whether it has a title that may be one."""
        return 0 < len(self.title) <= LONGEST_TITLE

    @property
    def has_description(self) -> bool:
        """bool: Whether it has a description that may be one."""
        return 0 < len(self.description) <= LONGEST_DESCRIPTION

    @property
    def is_usable(self) -> bool:
        """bool: Whether it has a text, and a title and a description to learn from; `gates` asks for more."""
        return bool(self.main_text) and self.has_title and self.has_description
