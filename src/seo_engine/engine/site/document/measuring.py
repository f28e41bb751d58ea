"""How deep a tree is, and how much of its text nobody sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from seo_engine.engine.site.document.walk import says_hidden

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

_MAY_BE_HIDDEN = "[hidden], [style*='display' i], [style*='hidden' i], dialog"


class Measures(NamedTuple):
    """The depth of the deepest element, where the root is 1 deep; the hidden elements, and characters of texts."""

    depth: int
    hidden: frozenset[int]
    hidden_characters: int
    characters_without_snippet: int


def measure(tree: LexborHTMLParser) -> Measures:
    """Measure a tree."""
    depths: dict[int, int] = {}
    if tree.root is not None:
        for node in tree.root.traverse():
            parent = node.parent
            depths[node.mem_id] = 1 + (depths.get(parent.mem_id, 0) if parent is not None else 0)
    hidden_characters = 0
    hidden: set[int] = set()
    for node in tree.css(_MAY_BE_HIDDEN):
        if node.mem_id not in hidden and says_hidden(node.tag or "", node.attributes):
            hidden_characters += len(node.text())
            # What is hidden within it is counted with it.
            hidden.update(each.mem_id for each in node.css("*"))
    without_snippet = sum(len(node.text()) for node in tree.css("[data-nosnippet]"))
    return Measures(max(depths.values(), default=0), frozenset(hidden), hidden_characters, without_snippet)
