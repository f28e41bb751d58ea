"""Microdata and RDFa Lite, as found: items with types and properties.

See https://html.spec.whatwg.org/#microdata and https://www.w3.org/TR/rdfa-lite/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from seo_engine.engine.site.document.texts import one_line, text_of
from seo_engine.engine.site.facts import BODY, StructuredData

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

# Where an element of these has its value.
_VALUES = {
    "meta": "content",
    "a": "href",
    "area": "href",
    "link": "href",
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "img": "src",
    "source": "src",
    "track": "src",
    "video": "src",
    "object": "data",
    "data": "value",
    "meter": "value",
}
# The text of a whole article may be a value; what is checked of it is at its beginning.
_LONGEST_VALUE = 1_000


class _Syntax(NamedTuple):
    name: str
    item: str
    type: str
    property: str
    identifier: str


_SYNTAXES = (
    _Syntax("microdata", "itemscope", "itemtype", "itemprop", "itemid"),
    _Syntax("rdfa", "typeof", "typeof", "property", "resource"),
)


def items_of(tree: LexborHTMLParser, place_in_tag: Callable[[LexborNode], int]) -> Iterator[StructuredData]:
    """Yield the items of a document in their order, those of microdata first.

    Args:
        tree (LexborHTMLParser): The document.
        place_in_tag (Callable[[LexborNode], int]): Tells the how-manieth of its tag an element is.
    """
    for syntax in _SYNTAXES:
        nodes = tree.css(f"[{syntax.item}]")
        if nodes:
            yield from _items(tree, syntax, nodes, place_in_tag)


def _items(
    tree: LexborHTMLParser, syntax: _Syntax, nodes: list[LexborNode], place_in_tag: Callable[[LexborNode], int]
) -> Iterator[StructuredData]:
    number_of = {node.mem_id: number for number, node in enumerate(nodes, 1)}
    properties: dict[int, list[tuple[str, str]]] = {number: [] for number in number_of.values()}
    owners = _owners_by_reference(tree, nodes, number_of) if syntax.name == "microdata" else {}
    for node in tree.css(f"[{syntax.property}]"):
        attributes = node.attributes
        number = number_of.get(node.mem_id)
        value = _value(node, attributes) if number is None else f"#{number}"
        owner = _owner(node, number_of, owners)
        if owner is not None:
            for name in (attributes.get(syntax.property) or "").split():
                properties[owner].append((name, value))
    for node in nodes:
        attributes = node.attributes
        yield StructuredData(
            syntax.name,
            tuple((attributes.get(syntax.type) or "").split()),
            attributes.get(syntax.identifier) or "",
            "",
            tuple(properties[number_of[node.mem_id]]),
            node.tag or "",
            place_in_tag(node),
            BODY,
        )


def _owners_by_reference(tree: LexborHTMLParser, nodes: list[LexborNode], number_of: dict[int, int]) -> dict[int, int]:
    """Return the items that name elements elsewhere as theirs (`itemref`), by element."""
    owners: dict[int, int] = {}
    referring = [(node, names) for node in nodes if (names := (node.attributes.get("itemref") or "").split())]
    if referring:
        identified = {node.attributes.get("id"): node for node in reversed(tree.css("[id]"))}
        for node, names in referring:
            owners.update((identified[name].mem_id, number_of[node.mem_id]) for name in names if name in identified)
    return owners


def _owner(node: LexborNode, number_of: dict[int, int], owners: dict[int, int]) -> int | None:
    """Return the number of the item that an element's property belongs to: of the nearest one around it."""
    if node.mem_id in owners:
        return owners[node.mem_id]
    parent = node.parent
    while parent is not None:
        owner = number_of.get(parent.mem_id) or owners.get(parent.mem_id)
        if owner is not None:
            return owner
        parent = parent.parent
    return None


def _value(node: LexborNode, attributes: dict[str, str | None]) -> str:
    stated = attributes.get("content")
    if stated is None:
        stated = attributes.get(_VALUES.get(node.tag or "", ""))
    if stated is None and node.tag == "time":
        stated = attributes.get("datetime")
    return (one_line(stated) if stated is not None else text_of(node))[:_LONGEST_VALUE]
