"""A tree -> those of its elements that are facts, in their order, each with the region that it stands in.

Most elements cost a look at their tag: a page may have thousands, and each search of the tree takes about as long.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from seo_engine.engine.site.document.names import SECTIONS, first_role, is_content
from seo_engine.engine.site.facts import ASIDE, BANNER, BODY, FOOTER, HEAD, MAIN, NAVIGATION
from seo_engine.foundation.extras import import_of_extra

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_LANDMARKS = {"head": HEAD, "nav": NAVIGATION, "main": MAIN, "aside": ASIDE}
_LANDMARKS_OF_PAGE = {"header": BANNER, "footer": FOOTER}
_ROLES = {"navigation": NAVIGATION, "main": MAIN, "complementary": ASIDE, "banner": BANNER, "contentinfo": FOOTER}

_FOREIGN = frozenset(("svg", "math"))
# Within these, what stands in a picture or formula is HTML again.
_HTML_WITHIN = frozenset(("foreignObject", "desc"))
_CHANGES = frozenset((*_LANDMARKS, *_LANDMARKS_OF_PAGE, *_FOREIGN, *_HTML_WITHIN))

TEMPLATES = frozenset(("template",))
_SHADOW_MODES = ("open", "closed")
# A page with more shadow trees within each other is none that anybody wrote.
_MOST_SHADOWS = 32


class Context(NamedTuple):
    """What holds for the elements of a part of a document, which ends before its element `end`."""

    region: str
    is_foreign: bool
    end: int


class Walk:
    """Walks through a tree once.

    Args:
        tree (LexborHTMLParser): The document.
        wanted (frozenset[str]): The tags whose elements are asked for. What its role makes a heading is one, too.
        with_role (Iterable[LexborNode]): Those of its elements that have a role.

    Attributes:
        elements (int): How many elements there are, once the walk is done.
    """

    def __init__(self, tree: LexborHTMLParser, wanted: frozenset[str], with_role: Iterable[LexborNode]) -> None:
        self.elements = 0
        self._tree = tree
        self._wanted = tag_ids(wanted)
        self._templates = tag_ids(TEMPLATES)
        self._changes = tag_ids(_CHANGES) | self._templates
        self._roles: dict[int, str] = {}
        self._tags_with_role: set[int] = set()
        self._take_roles(with_role)

    def wanted_elements(self) -> Iterator[tuple[LexborNode, Context]]:
        """Return the wanted elements in the order of the document, each with its context.

        Declarative shadow trees are part of the page, as browsers make them so; other templates are not.
        """
        root = self._tree.root
        return self._within(root, Context(BODY, False, sys.maxsize), 0) if root is not None else iter(())

    def _within(self, top: LexborNode, context: Context, shadows: int) -> Iterator[tuple[LexborNode, Context]]:
        wanted, changes = self._wanted, self._changes
        roles = self._roles
        # Of the other tags, only those that have a role somewhere.
        with_role = self._tags_with_role
        comments = _ids_of_comments()
        looked_at = wanted | changes | with_role | comments
        # Nothing but wanted, as nearly all that are looked at.
        plain = wanted - changes - with_role
        parts = [context]
        end = context.end
        place = others = 0
        for place, node in enumerate(top.traverse(), 1):
            tag_id = node.tag_id
            if tag_id not in looked_at:
                continue
            if tag_id in comments:
                others += 1
                continue
            number = place - others
            while number >= end:
                parts.pop()
                context = parts[-1]
                end = context.end
            if tag_id in plain:
                yield node, context
                continue
            role = roles.get(node.mem_id, "") if tag_id in with_role else ""
            if tag_id in wanted or role == "heading":
                yield node, context
            if tag_id in self._templates:
                if shadows < _MOST_SHADOWS and is_shadow(node):
                    for fragment in node.template_fragments()[:1]:
                        self._take_roles(fragment.css("[role]"))
                        yield from self._within(fragment, context._replace(end=sys.maxsize), shadows + 1)
            elif tag_id in changes or role in _ROLES:
                context = self._part(context, number, node, role)
                parts.append(context)
                end = context.end
        self.elements += place - others

    def _part(self, around: Context, number: int, node: LexborNode, role: str) -> Context:
        """Return the context within an element that changes it."""
        tag = node.tag or ""
        is_foreign = tag in _FOREIGN or (around.is_foreign and tag not in _HTML_WITHIN)
        region: str | None = None
        if not is_foreign:
            region = _ROLES.get(role) or _LANDMARKS.get(tag)
            if region is None and tag in _LANDMARKS_OF_PAGE and not self._is_in_section(node):
                region = _LANDMARKS_OF_PAGE[tag]
        # The elements within it are those that follow.
        return Context(region or around.region, is_foreign, number + len(node.css("*")))

    def _is_in_section(self, node: LexborNode) -> bool:
        above = node.parent
        while above is not None:
            tag = above.tag or ""
            if tag in SECTIONS or is_content(tag, self._roles.get(above.mem_id, "")):
                return True
            above = above.parent
        return False

    def _take_roles(self, nodes: Iterable[LexborNode]) -> None:
        for node in nodes:
            self._roles[node.mem_id] = first_role(node.attributes)
            self._tags_with_role.add(node.tag_id)


@cache
def _ids_of_comments() -> frozenset[int]:
    """Return the parser's numbers of nodes that are neither elements nor texts; an instruction has none, which is 0."""
    tree: LexborHTMLParser = parser().LexborHTMLParser("<p><!-- a comment --><?an instruction?></p>")
    assert tree.body is not None
    return frozenset(node.tag_id for node in tree.body.traverse() if not node.is_element_node)


def numbers_of(tree: LexborHTMLParser) -> dict[int, int]:
    """Return the how-manieth of its tag each element is, from 1, by the parser's number of the element."""
    counts: Counter[str] = Counter()
    numbers: dict[int, int] = {}
    for node in tree.root.traverse() if tree.root is not None else ():
        tag = node.tag or ""
        counts[tag] += 1
        numbers[node.mem_id] = counts[tag]
    return numbers


def is_shadow(template: LexborNode) -> bool:
    """Return whether a template declares a shadow tree, which browsers show in its place."""
    return (template.attributes.get("shadowrootmode") or "").lower() in _SHADOW_MODES


@cache
def parser() -> ModuleType:
    """Return the library that parses."""
    return import_of_extra("selectolax.lexbor", extra="site", needed_by="reading a page")


@cache
def tag_ids(names: frozenset[str]) -> frozenset[int]:
    """Return the parser's numbers of tags, which it compares faster than names.

    Args:
        names (frozenset[str]): The tags.
    """
    tree: LexborHTMLParser = parser().LexborHTMLParser("")
    return frozenset(tree.create_node(name).tag_id for name in names)
