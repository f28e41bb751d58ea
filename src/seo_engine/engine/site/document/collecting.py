"""Collects the facts of a document on one walk through its tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Set
from typing import TYPE_CHECKING, Any

from seo_engine.engine.site.document.addresses import Addresses
from seo_engine.engine.site.document.blocks import NO_TEXTS, Texts
from seo_engine.engine.site.document.structured_data import items_of
from seo_engine.engine.site.document.texts import one_line, text_of
from seo_engine.engine.site.document.walk import Context, Walk, numbers_of
from seo_engine.engine.site.facts import (
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
    Size,
    StructuredData,
    Title,
)
from seo_engine.engine.site.response import Response

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_LEVELS = {f"h{level}": level for level in range(1, 7)}
_JSON_LD = "application/ld+json"
_BEGINNING_CHARACTERS = 200

# Where pages write the address of an image that a script loads when it comes into view.
_LATE_SOURCES = ("data-src", "data-lazy-src", "data-original")
_LATE_SOURCE_SETS = ("srcset", "data-srcset", "data-lazy-srcset")

_FIRST_OF_SOURCES = re.compile(r"[\s,]*([^\s,]\S*[^\s,]|[^\s,])")
_NAMES_OF_META = ("name", "property", "http-equiv", "itemprop", "charset")

# What any element may have. One search for all of them takes half as long as one for each; it finds an element once for
# each of them that it has.
_MARKS = "[id], [role], [itemscope], [typeof], [data-nosnippet]"


class Collector:
    """Collects what a tree says.

    Args:
        tree (LexborHTMLParser): The document.
        own_address (str): The page's own address, or its path.
        texts (Texts): Its texts: they tell what is hidden, and what headings say.
    """

    def __init__(self, tree: LexborHTMLParser, own_address: str, texts: Texts = NO_TEXTS) -> None:
        self._tree = tree
        self._own_address = own_address
        self._texts = texts
        self._base = ""
        head = tree.head
        if head is not None and (base := head.css_first("base[href]")) is not None:
            self._base = base.attributes.get("href") or ""
        self._resolve = Addresses(own_address, self._base).resolve
        self._names: list[str] = []
        self._numbers: dict[int, int] = {}
        self._picture_sources: list[tuple[int, str]] = []
        self._titles: list[Title] = []
        self._metas: list[Meta] = []
        self._link_elements: list[LinkElement] = []
        self._links: list[Link] = []
        self._images: list[ImageElement] = []
        self._headings: list[Heading] = []
        self._codes: list[Code] = []
        self._embedded: list[Embedded] = []
        self._forms: list[Form] = []
        self._structured_data: list[StructuredData] = []

    def collect(self, response: Response, encoding: Encoding, size: Size, syntax: str, doctype: str) -> PageFacts:
        """Walk through the tree, and return the facts with those that are known before."""
        marked = [(node, node.attributes) for node in self._tree.css(_MARKS)]
        marks = {name for _, attributes in marked for name in attributes}
        walk = Walk(self._tree, _WANTED, [node for node, attributes in marked if "role" in attributes])
        numbers: dict[str, int] = {}
        for node, context in walk.wanted_elements():
            tag = node.tag or ""
            numbers[tag] = number = numbers.get(tag, 0) + 1
            handler = _HANDLERS.get(tag, Collector._other_heading)
            handler(self, node, tag, number, context)
        root = self._tree.root
        structured_data = (*self._structured_data, *self._items(marks))
        return PageFacts(
            response=response,
            encoding=encoding,
            size=size._replace(elements=walk.elements + size.options_cut, depth=self._texts.depth),
            syntax=syntax,
            doctype=doctype,
            base=self._base,
            first_in_body=self._first_in_body(),
            html_attributes=_all(root) if root is not None else {},
            titles=tuple(self._titles),
            metas=tuple(self._metas),
            link_elements=tuple(self._link_elements),
            links=tuple(self._links),
            images=tuple(self._images),
            headings=tuple(self._headings),
            codes=tuple(self._codes),
            embedded=tuple(self._embedded),
            forms=tuple(self._forms),
            structured_data=structured_data,
            identifiers=self._identifiers(attributes.get("id") for _, attributes in marked),
            visible_text="\n".join(block.text for block in self._texts.blocks) if structured_data else "",
            hidden_characters=self._texts.hidden_characters,
            characters_without_snippet=self._characters_without_snippet(marks),
        )

    def _base_element(self, node: LexborNode, tag: str, number: int, context: Context) -> None:
        # Browsers obey the first one, wherever it stands. One in the body is rare, and most links come after it.
        if not self._base:
            self._base = _all(node).get("href", "")
            self._resolve = Addresses(self._own_address, self._base).resolve

    def _title(self, node: LexborNode, tag: str, number: int, context: Context) -> None:
        if not context.is_foreign:
            self._titles.append(Title(text_of(node), tag, number, context.region))

    def _meta(self, node: LexborNode, tag: str, number: int, context: Context) -> None:
        attributes = _all(node)
        named_by = next((name for name in _NAMES_OF_META if name in attributes), "")
        # A `charset` has no name but its own.
        name = named_by if named_by in ("", "charset") else one_line(attributes[named_by]).lower()
        content = one_line(attributes.get("charset" if named_by == "charset" else "content", ""))
        self._metas.append(Meta(name, content, named_by, tag, number, context.region))

    def _link_element(self, node: LexborNode, tag: str, number: int, context: Context) -> None:
        if context.is_foreign:
            return
        attributes = _all(node)
        relations = tuple(attributes.pop("rel", "").lower().split())
        written = attributes.pop("href", "")
        address = self._address(written)
        self._link_elements.append(LinkElement(relations, address, written, attributes, tag, number, context.region))

    def _link(self, node: LexborNode, tag: str, number: int, context: Context) -> None:
        attributes = _all(node)
        if "name" in attributes:
            self._names.append(attributes["name"])
        written = attributes.pop("href", None)
        if written is None:
            written = attributes.pop("xlink:href", None)
        relations = tuple(attributes.pop("rel").lower().split()) if "rel" in attributes else ()
        self._add_link(written, text_of(node), relations, attributes, tag, number, context)

    def _area(self, node: LexborNode, tag: str, number: int, context: Context) -> None:
        attributes = _all(node)
        relations = tuple(attributes.pop("rel", "").lower().split())
        self._add_link(
            attributes.pop("href", None), attributes.get("alt", ""), relations, attributes, tag, number, context
        )

    def _frame(self, node: LexborNode, tag: str, number: int, context: Context) -> None:
        attributes = _all(node)
        self._add_link(attributes.pop("src", None), "", (), attributes, tag, number, context)

    def _add_link(
        self,
        written: str | None,
        text: str,
        relations: tuple[str, ...],
        attributes: dict[str, str],
        tag: str,
        number: int,
        context: Context,
    ) -> None:
        address = self._resolve(written) if written is not None else ""
        text = text or _label(attributes)
        self._links.append(
            Link(address, written, text, relations, attributes, not context.is_foreign, tag, number, context.region)
        )

    def _image(self, node: LexborNode, tag: str, number: int, context: Context) -> None:
        attributes = _all(node)
        sources: tuple[str, ...] = ()
        if self._picture_sources:
            parent = node.parent
            parent_id = parent.mem_id if parent is not None else 0
            sources = tuple(source for of, source in self._picture_sources if of == parent_id)
            self._picture_sources.clear()
        written = _shown_source(attributes) or next(iter(sources), "")
        address = self._address(written)
        self._images.append(
            ImageElement(
                address,
                attributes.get("alt"),
                _is_in_link(node),
                sources,
                attributes,
                tag,
                number,
                context.region,
            )
        )

    def _input(self, node: LexborNode, tag: str, number: int, context: Context) -> None:
        if (node.attributes.get("type") or "").lower() == "image":
            self._image(node, tag, number, context)

    def _source(self, node: LexborNode, tag: str, number: int, context: Context) -> None:
        parent = node.parent
        if parent is not None and parent.tag == "picture":
            if source := _first_of(_all(node).get("srcset", "")):
                self._picture_sources.append((parent.mem_id, source))
        else:
            self._embed(node, tag, number, context)

    def _heading(self, node: LexborNode, tag: str, number: int, context: Context) -> None:
        self._add_heading(node, _LEVELS[tag], tag, number, context)

    def _other_heading(self, node: LexborNode, tag: str, number: int, context: Context) -> None:
        stated = node.attributes.get("aria-level") or ""
        # What has no level has the second (https://www.w3.org/TR/wai-aria-1.2/#heading).
        level = int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 3 else 2
        self._add_heading(node, level, tag, self._number(node), context)

    def _add_heading(self, node: LexborNode, level: int, tag: str, number: int, context: Context) -> None:
        node_id = node.mem_id
        text = self._texts.headings.get(node_id)
        if text is None:
            text = text_of(node, is_heading=True)
        self._headings.append(Heading(level, text, node_id in self._texts.hidden, tag, number, context.region))

    def _number(self, node: LexborNode) -> int:
        # Of what has no tag of its own; only a few pages have such headings or data.
        if not self._numbers:
            self._numbers = numbers_of(self._tree)
        return self._numbers.get(node.mem_id, 1)

    def _code(self, node: LexborNode, tag: str, number: int, context: Context) -> None:
        attributes = _all(node)
        text = node.text_lexbor()
        kind = attributes.get("type", "").strip().lower()
        if tag == "script" and kind == _JSON_LD:
            self._structured_data.append(StructuredData("json-ld", (), "", text, (), tag, number, context.region))
            return
        address = self._address(attributes.get("src", ""))
        beginning = text[: 4 * _BEGINNING_CHARACTERS].strip()[:_BEGINNING_CHARACTERS]
        self._codes.append(Code(kind, address, len(text), beginning, attributes, tag, number, context.region))

    def _embed(self, node: LexborNode, tag: str, number: int, context: Context) -> None:
        attributes = _all(node)
        address = self._address(attributes.get("data" if tag == "object" else "src", ""))
        self._embedded.append(Embedded(address, attributes, tag, number, context.region))

    def _form(self, node: LexborNode, tag: str, number: int, context: Context) -> None:
        attributes = _all(node)
        address = self._address(attributes.get("action", ""))
        self._forms.append(Form(address, attributes, tag, number, context.region))

    def _address(self, written: str) -> str:
        # An empty one loads nothing; only that of a link leads to the page itself.
        return self._resolve(written) if written else ""

    def _first_in_body(self) -> str:
        body = self._tree.body
        node = body.child if body is not None else None
        while node is not None and not node.is_element_node:
            # A text closes the head, too.
            if node.is_text_node and (node.text_content or "").strip():
                return "text"
            node = node.next
        return (node.tag or "") if node is not None else ""

    def _items(self, marks: Set[str]) -> Iterable[StructuredData]:
        return () if marks.isdisjoint(("itemscope", "typeof")) else items_of(self._tree, self._number)

    def _identifiers(self, identified: Iterable[str | None]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for names in (identified, self._names) for name in names if name))

    def _characters_without_snippet(self, marks: Set[str]) -> int:
        nodes = self._tree.css("[data-nosnippet]") if "data-nosnippet" in marks else ()
        return sum(len(node.text_lexbor()) for node in nodes)


_HANDLERS: dict[str, Callable[[Collector, Any, str, int, Context], None]] = {
    "a": Collector._link,
    "area": Collector._area,
    "base": Collector._base_element,
    "form": Collector._form,
    "img": Collector._image,
    "input": Collector._input,
    "link": Collector._link_element,
    "meta": Collector._meta,
    "source": Collector._source,
    "title": Collector._title,
    **dict.fromkeys(_LEVELS, Collector._heading),
    **dict.fromkeys(("frame", "iframe"), Collector._frame),
    **dict.fromkeys(("script", "style"), Collector._code),
    **dict.fromkeys(("audio", "embed", "object", "track", "video"), Collector._embed),
}


_WANTED = frozenset(_HANDLERS)


def _all(node: LexborNode) -> dict[str, Any]:
    """Return an element's attributes as texts; one without a value has an empty one, as in browsers."""
    attributes = node.attributes
    if None in attributes.values():
        return {name: value or "" for name, value in attributes.items()}
    return attributes


def _label(attributes: dict[str, Any]) -> str:
    return one_line(attributes.get("aria-label") or attributes.get("title") or "")


def _is_in_link(node: LexborNode) -> bool:
    above = node.parent
    while above is not None:
        if above.tag == "a":
            return True
        above = above.parent
    return False


def _shown_source(attributes: dict[str, Any]) -> str:
    """Return the source that a reader sees at the end: not a placeholder, if there is more."""
    source: str = attributes.get("src", "")
    if source and not source.lstrip().lower().startswith("data:"):
        return source
    late: str = next((value for name in _LATE_SOURCES if (value := attributes.get(name, ""))), "")
    of_set = next((first for name in _LATE_SOURCE_SETS if (first := _first_of(attributes.get(name, "")))), "")
    return late or of_set or source


def _first_of(source_set: str) -> str:
    match = _FIRST_OF_SOURCES.match(source_set)
    return match[1] if match else ""
