"""What a document says, as plain data: each element with its place, duplicates and empty ones included.

These are tuples with names, because a site has thousands of pages with hundreds of elements each. Every element ends
with its tag, its number among the elements of this tag, and its region.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from seo_engine.engine.site.response import NO_RESPONSE, Response

# Where an element stands. A `header` or `footer` of an article belongs to the article.
HEAD, BODY, BANNER, NAVIGATION, MAIN, ASIDE, FOOTER = (
    "head",
    "body",
    "banner",
    "navigation",
    "main",
    "aside",
    "footer",
)

# Names that robots obey in a `meta` element; others are told by name, too, but only those who know them look for it.
ROBOTS = ("robots", "googlebot", "googlebot-news", "bingbot")
_SOCIAL = ("og:", "twitter:", "article:", "fb:", "product:")
_SECONDS_AND_ADDRESS = re.compile(
    r"\s*(\d{0,9})[\d.]*\s*(?:[;,\s]\s*(?:url\s*=\s*)?(?P<quote>[\"']?)(?P<address>.*))?", re.I
)


class Placed(Protocol):
    """An element of a document. It is the how-manieth of its tag, from 1, and in a region of the page."""

    @property
    def tag(self) -> str:
        """str: Its tag."""

    @property
    def number(self) -> int:
        """int: Its number among the elements of this tag."""

    @property
    def region(self) -> str:
        """str: Where it stands."""


class Title(NamedTuple):
    """A `title` element."""

    text: str
    tag: str
    number: int
    region: str


class Meta(NamedTuple):
    """A `meta` element. `name` is in lower case, and stands in the attribute `named_by`, as `name` or `property`."""

    name: str
    content: str
    named_by: str
    tag: str
    number: int
    region: str


class LinkElement(NamedTuple):
    """A `link` element: canonical address, other languages, styles, icons. `written` is its `href` as it stands."""

    relations: tuple[str, ...]
    address: str
    written: str
    attributes: Mapping[str, str]
    tag: str
    number: int
    region: str


class Link(NamedTuple):
    """An `a`, `area`, `frame` or `iframe`. `written` is its `href` or `src` as it stands, None without one.

    `text` is what readers see or hear: its text with the alternative texts of its images, or else its label. A link of
    an SVG picture has the region of the picture, and `is_page_link` is False.
    """

    address: str
    written: str | None
    text: str
    relations: tuple[str, ...]
    attributes: Mapping[str, str]
    is_page_link: bool
    tag: str
    number: int
    region: str


class ImageElement(NamedTuple):
    """An `img` or `<input type=image>`, with all of its attributes; `alternative_text` is None without one.

    `source` is what is shown at the end, if a script loads it late, and `sources` are those of its `picture`.
    """

    address: str
    alternative_text: str | None
    is_in_link: bool
    sources: tuple[str, ...]
    attributes: Mapping[str, str]
    tag: str
    number: int
    region: str


class Heading(NamedTuple):
    """A heading: its text without permalink signs, scripts and pictures' titles; images count by alternative text."""

    level: int
    text: str
    is_hidden: bool
    tag: str
    number: int
    region: str


class Code(NamedTuple):
    """A `script` or `style` element. `beginning` are the first characters of its contents, `characters` counts all."""

    kind: str
    address: str
    characters: int
    beginning: str
    attributes: Mapping[str, str]
    tag: str
    number: int
    region: str


class Embedded(NamedTuple):
    """A `video`, `audio`, `object`, `embed`, `source` or `track` element."""

    address: str
    attributes: Mapping[str, str]
    tag: str
    number: int
    region: str


class Form(NamedTuple):
    """A `form` element, and where it sends what is typed."""

    address: str
    attributes: Mapping[str, str]
    tag: str
    number: int
    region: str


class StructuredData(NamedTuple):
    """Data for machines, as found: a JSON-LD script as text, or an item of microdata or RDFa.

    `syntax` is `json-ld`, `microdata` or `rdfa`. `properties` are the item's names and values in their order; a value
    that is an item itself is its number among the items of the page, as `#2`.
    """

    syntax: str
    types: tuple[str, ...]
    identifier: str
    text: str
    properties: tuple[tuple[str, str], ...]
    tag: str
    number: int
    region: str


class Encoding(NamedTuple):
    """Which encoding a document declares, where, and which it was read with; `replaced` counts what was unreadable."""

    used: str = "utf-8"
    declared: str = ""
    declared_in: str = ""
    agrees: bool = False
    replaced: int = 0


class Size(NamedTuple):
    """How large a document is.

    `bytes_read` is less than `bytes` if the document is longer than what is read. Then `behind` counts the elements
    that begin behind that, by tag. `depth` is how deep the deepest block stands; the root is 1 deep. `attributes_cut`
    counts attributes beyond the first thousand of a tag, `options_cut` options beyond the first thousand of a
    selection, which are among the elements.
    """

    bytes: int
    bytes_read: int
    elements: int = 0
    depth: int = 0
    attributes_cut: int = 0
    options_cut: int = 0
    behind: Mapping[str, int] = {}


class Refresh(NamedTuple):
    """A `meta` refresh: after how many seconds, and to which address, which is empty for the page itself."""

    seconds: int
    address: str
    tag: str
    number: int
    region: str


@dataclass(frozen=True, slots=True)
class PageFacts:
    """All that is known of a document but its texts.

    `syntax` is `html`, `xhtml`, or `broken xhtml` for a document that only an XML parser reads rightly, and that is not
    well-formed.
    `first_in_body` is the element that the body begins with: what closed the head, if nothing did so by name.
    `visible_text` is all the text that readers see, not only the main text; it is kept only where structured data may
    speak of it.
    """

    response: Response = NO_RESPONSE
    encoding: Encoding = Encoding()
    size: Size = Size(0, 0)
    syntax: str = "html"
    doctype: str = ""
    base: str = ""
    first_in_body: str = ""
    html_attributes: Mapping[str, str] = field(default_factory=dict)
    titles: tuple[Title, ...] = ()
    metas: tuple[Meta, ...] = ()
    link_elements: tuple[LinkElement, ...] = ()
    links: tuple[Link, ...] = ()
    images: tuple[ImageElement, ...] = ()
    headings: tuple[Heading, ...] = ()
    codes: tuple[Code, ...] = ()
    embedded: tuple[Embedded, ...] = ()
    forms: tuple[Form, ...] = ()
    structured_data: tuple[StructuredData, ...] = ()
    visible_text: str = ""
    identifiers: tuple[str, ...] = ()
    hidden_characters: int = 0
    characters_without_snippet: int = 0

    def named(self, *names: str) -> tuple[Meta, ...]:
        """Return the `meta` elements of these names, also those in the body and empty ones.

        Args:
            names (str): In lower case.

        Returns:
            tuple[Meta, ...]: In their order.
        """
        return tuple(meta for meta in self.metas if meta.name in names and meta.named_by in ("name", "property"))

    def related(self, relation: str) -> tuple[LinkElement, ...]:
        """Return the `link` elements of a relation, also those in the body and empty ones.

        Args:
            relation (str): In lower case, as `canonical`.

        Returns:
            tuple[LinkElement, ...]: In their order.
        """
        return tuple(link for link in self.link_elements if relation in link.relations)

    @property
    def descriptions(self) -> tuple[Meta, ...]:
        """tuple[Meta, ...]: All descriptions."""
        return self.named("description")

    @property
    def canonicals(self) -> tuple[LinkElement, ...]:
        """tuple[LinkElement, ...]: All canonical links, also those that search engines ignore."""
        return self.related("canonical")

    @property
    def languages(self) -> tuple[LinkElement, ...]:
        """tuple[LinkElement, ...]: The links to this page in other languages (`hreflang`)."""
        return tuple(link for link in self.related("alternate") if "hreflang" in link.attributes)

    @property
    def robots(self) -> tuple[tuple[str, str], ...]:
        """tuple[tuple[str, str], ...]: Robots and what page and server tell them, a directive each, in lower case."""
        in_page = (
            (meta.name, directive)
            for meta in self.named(*ROBOTS)
            for each in meta.content.lower().split(",")
            if (directive := each.strip())
        )
        return (*in_page, *self.response.robots)

    @property
    def social(self) -> tuple[Meta, ...]:
        """tuple[Meta, ...]: What social networks show: Open Graph and others."""
        return tuple(meta for meta in self.metas if meta.name.startswith(_SOCIAL))

    @property
    def viewport(self) -> str | None:
        """str | None: How small screens are to show the page; None if it does not say."""
        return next((meta.content for meta in self.named("viewport")), None)

    @property
    def refreshes(self) -> tuple[Refresh, ...]:
        """tuple[Refresh, ...]: Where a browser goes on to by itself."""
        return tuple(self._refreshes())

    def _refreshes(self) -> Iterator[Refresh]:
        for meta in self.metas:
            if (meta.named_by, meta.name) != ("http-equiv", "refresh"):
                continue
            match = _SECONDS_AND_ADDRESS.match(meta.content)
            if match and (match[1] or match["address"]):
                address = (match["address"] or "").split(match["quote"] or "\n")[0]
                yield Refresh(int(match[1] or 0), address.strip(), meta.tag, meta.number, meta.region)
