"""Collects the facts of a document on one walk through its tree."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from seo_engine.engine.site.document.addresses import Addresses
from seo_engine.engine.site.document.structured_data import items_of
from seo_engine.engine.site.document.texts import one_line, text_of
from seo_engine.engine.site.document.walk import Context, Walk, number_among
from seo_engine.engine.site.facts import (
    HEAD,
    Code,
    Embedded,
    Encoding,
    Form,
    Heading,
    ImageElement,
    Link,
    LinkElement,
    Meta,
    PageFacts,
    Place,
    Size,
    StructuredData,
    Title,
)

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
# How a script of data begins that no browser runs.
_JSON_LD = "application/ld+json"
_BEGINNING_CHARACTERS = 200

# Where pages write the address of an image that a script loads when it comes into view.
_LATE_SOURCES = ("data-src", "data-lazy-src", "data-original")
_LATE_SOURCE_SETS = ("srcset", "data-srcset", "data-lazy-srcset")

_FIRST_OF_SOURCES = re.compile(r"[\s,]*([^\s,]\S*[^\s,]|[^\s,])")
_NAMES_OF_META = ("name", "property", "http-equiv", "itemprop", "charset")


class Collector:
    """Collects what a tree says.

    Args:
        tree (LexborHTMLParser): The document.
        own_address (str): The page's own address, or its path.
    """

    def __init__(self, tree: LexborHTMLParser, own_address: str) -> None:
        head = tree.head
        base = head.css_first("base[href]") if head is not None else None
        self.base = _all(base).get("href", "") if base is not None else ""
        self._tree = tree
        self._own_address = own_address
        self._resolve = Addresses(own_address, self.base).resolve
        self._handlers = {
            **dict.fromkeys(("a", "area"), self._link),
            **dict.fromkeys(("frame", "iframe"), self._frame),
            **dict.fromkeys(("script", "style"), self._code),
            **dict.fromkeys(("video", "audio", "object", "embed", "track"), self._embed),
            **dict.fromkeys(_HEADINGS, self._heading),
            "base": self._base,
            "title": self._title,
            "meta": self._meta,
            "link": self._link_element,
            "img": self._image,
            "input": self._input,
            "source": self._source,
            "form": self._form,
        }
        self._walk = Walk(tree, self._handlers)
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._picture_sources: list[tuple[int, str]] = []
        self.titles: list[Title] = []
        self.metas: list[Meta] = []
        self.link_elements: list[LinkElement] = []
        self.links: list[Link] = []
        self.images: list[ImageElement] = []
        self.headings: list[Heading] = []
        self.heading_ids: list[int] = []
        self.codes: list[Code] = []
        self.embedded: list[Embedded] = []
        self.forms: list[Form] = []
        self.structured_data: list[StructuredData] = []

    def collect(self, encoding: Encoding, size: Size, syntax: str, doctype: str) -> PageFacts:
        """Walk through the tree, and return the facts with those that are known before."""
        walk = self._walk
        handlers = self._handlers
        numbers = self._numbers
        for node, context in walk.wanted_elements():
            tag = node.tag or ""
            numbers[tag] = number = numbers.get(tag, 0) + 1
            handlers.get(tag, self._other_heading)(node, Place(tag, number, context.region), context)
        return PageFacts(
            encoding=encoding,
            size=size._replace(elements=walk.elements),
            syntax=syntax,
            doctype=doctype,
            base=self.base,
            first_in_body=self._first_in_body(),
            html_attributes=_all(self._tree.root) if self._tree.root is not None else {},
            titles=tuple(self.titles),
            metas=tuple(self.metas),
            link_elements=tuple(self.link_elements),
            links=tuple(self.links),
            images=tuple(self.images),
            headings=tuple(self.headings),
            codes=tuple(self.codes),
            embedded=tuple(self.embedded),
            forms=tuple(self.forms),
            structured_data=(*self.structured_data, *items_of(self._tree)),
            identifiers=self._identifiers(),
        )

    def _base(self, node: LexborNode, place: Place, context: Context) -> None:
        # Browsers obey the first one, wherever it stands. One in the body is rare, and most links come after it.
        if not self.base:
            self.base = _all(node).get("href", "")
            self._resolve = Addresses(self._own_address, self.base).resolve

    def _title(self, node: LexborNode, place: Place, context: Context) -> None:
        if not context.is_foreign:
            self.titles.append(Title(text_of(node), place))

    def _meta(self, node: LexborNode, place: Place, context: Context) -> None:
        attributes = _all(node)
        named_by = next((name for name in _NAMES_OF_META if name in attributes), "")
        # A `charset` has no name but its own.
        name = named_by if named_by in ("", "charset") else one_line(attributes[named_by]).lower()
        content = one_line(attributes.get("charset" if named_by == "charset" else "content", ""))
        self.metas.append(Meta(name, content, named_by, place))

    def _link_element(self, node: LexborNode, place: Place, context: Context) -> None:
        if context.is_foreign:
            return
        attributes = _all(node)
        relations = tuple(attributes.pop("rel", "").lower().split())
        written = attributes.pop("href", "")
        address = self._resolve(written) if written else ""
        self.link_elements.append(LinkElement(relations, address, written, attributes, place))

    def _link(self, node: LexborNode, place: Place, context: Context) -> None:
        attributes = _all(node)
        if "name" in attributes:
            self._names.append(attributes["name"])
        written = attributes.pop("href", None)
        if written is None:
            written = attributes.pop("xlink:href", None)
        relations = tuple(attributes.pop("rel").lower().split()) if "rel" in attributes else ()
        text = text_of(node) if place.tag == "a" else attributes.get("alt", "")
        self._add_link(written, text or _label(attributes), relations, attributes, place, context)

    def _frame(self, node: LexborNode, place: Place, context: Context) -> None:
        attributes = _all(node)
        self._add_link(attributes.pop("src", None), _label(attributes), (), attributes, place, context)

    def _add_link(
        self,
        written: str | None,
        text: str,
        relations: tuple[str, ...],
        attributes: dict[str, str],
        place: Place,
        context: Context,
    ) -> None:
        address = self._resolve(written) if written is not None else ""
        self.links.append(Link(address, written, text, relations, attributes, not context.is_foreign, place))

    def _image(self, node: LexborNode, place: Place, context: Context) -> None:
        attributes = _all(node)
        parent = node.parent
        sources: tuple[str, ...] = ()
        if self._picture_sources:
            parent_id = parent.mem_id if parent is not None else 0
            sources = tuple(source for of, source in self._picture_sources if of == parent_id)
            self._picture_sources.clear()
        written = _shown_source(attributes) or next(iter(sources), "")
        address = self._resolve(written) if written else ""
        self.images.append(ImageElement(address, attributes.get("alt"), _is_in_link(node), sources, attributes, place))

    def _input(self, node: LexborNode, place: Place, context: Context) -> None:
        if (node.attributes.get("type") or "").lower() == "image":
            self._image(node, place, context)

    def _source(self, node: LexborNode, place: Place, context: Context) -> None:
        parent = node.parent
        if parent is not None and parent.tag == "picture":
            if source := _first_of(_all(node).get("srcset", "")):
                self._picture_sources.append((parent.mem_id, source))
        else:
            self._embed(node, place, context)

    def _heading(self, node: LexborNode, place: Place, context: Context) -> None:
        self._add_heading(_HEADINGS[place.tag], node, place)

    def _other_heading(self, node: LexborNode, place: Place, context: Context) -> None:
        stated = node.attributes.get("aria-level") or ""
        # What has no level has the second (https://www.w3.org/TR/wai-aria-1.2/#heading).
        level = int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 3 else 2
        self._add_heading(level, node, place._replace(number=number_among(self._tree, node)))

    def _add_heading(self, level: int, node: LexborNode, place: Place) -> None:
        self.heading_ids.append(node.mem_id)
        self.headings.append(Heading(level, text_of(node, is_heading=True), False, place))

    def _code(self, node: LexborNode, place: Place, context: Context) -> None:
        attributes = _all(node)
        text = node.text()
        kind = attributes.get("type", "").strip().lower()
        if place.tag == "script" and kind == _JSON_LD:
            self.structured_data.append(StructuredData("json-ld", (), "", text, (), place))
            return
        written = attributes.get("src", "")
        address = self._resolve(written) if written else ""
        beginning = text.strip()[:_BEGINNING_CHARACTERS]
        self.codes.append(Code(kind, address, len(text), beginning, attributes, place))

    def _embed(self, node: LexborNode, place: Place, context: Context) -> None:
        attributes = _all(node)
        written = attributes.get("data" if place.tag == "object" else "src", "")
        address = self._resolve(written) if written else ""
        self.embedded.append(Embedded(address, attributes, place))

    def _form(self, node: LexborNode, place: Place, context: Context) -> None:
        attributes = _all(node)
        written = attributes.get("action", "")
        address = self._resolve(written) if written else ""
        self.forms.append(Form(address, attributes, place))

    def _first_in_body(self) -> str:
        body = self._tree.body
        node = body.child if body is not None else None
        while node is not None and not node.is_element_node:
            # A text closes the head, too.
            if node.is_text_node and (node.text_content or "").strip():
                return "text"
            node = node.next
        return (node.tag or "") if node is not None else ""

    def _identifiers(self) -> tuple[str, ...]:
        identified = (node.id for node in self._tree.css("[id]"))
        return tuple(dict.fromkeys(name for names in (identified, self._names) for name in names if name))


def _all(node: LexborNode) -> dict[str, str]:
    """Return an element's attributes; one without a value has an empty one, as in browsers."""
    attributes = node.attributes
    if None in attributes.values():
        return {name: value or "" for name, value in attributes.items()}
    return cast("dict[str, str]", attributes)


def _label(attributes: dict[str, str]) -> str:
    return one_line(attributes.get("aria-label") or attributes.get("title") or "")


def _is_in_link(node: LexborNode) -> bool:
    above = node.parent
    while above is not None:
        if above.tag == "a":
            return True
        above = above.parent
    return False


def _shown_source(attributes: dict[str, str]) -> str:
    """Return the source that a reader sees at the end: not a placeholder, if there is more."""
    source = attributes.get("src", "")
    if source and not source.lstrip().lower().startswith("data:"):
        return source
    late = next((value for name in _LATE_SOURCES if (value := attributes.get(name, ""))), "")
    of_set = next((first for name in _LATE_SOURCE_SETS if (first := _first_of(attributes.get(name, "")))), "")
    return late or of_set or source


def _first_of(source_set: str) -> str:
    match = _FIRST_OF_SOURCES.match(source_set)
    return match[1] if match else ""


def title_of(facts: PageFacts) -> str:
    """Return the title: the first one, as in browsers, in the head if there is one."""
    return next((title.text for title in facts.titles if title.place.region == HEAD), "") or next(
        (title.text for title in facts.titles if title.text), ""
    )
