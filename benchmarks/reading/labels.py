"""Forty pages of eight sites whose main text people marked, block by block, before any extractor had run on them.

`labels.jsonl` has of each page its site, version and path, and of each block of its main text the path in the tree and
the first five words; the pages themselves are not ours to give away. Whoever has them unpacked can measure:
`python -m benchmarks.reading.quality FOLDER`.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

LABELS = Path(__file__).parent / "labels.jsonl"

# Of the forty, these were looked at once, when everything else was done.
HELD_OUT = frozenset(random.Random(18).sample(range(40), 20))

_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "button", "caption", "center", "dd", "details", "dialog",
    "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hgroup", "legend", "li", "main", "menu", "nav", "ol", "optgroup", "option", "p", "pre", "search",
    "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
))  # fmt: skip
_NO_TEXT = frozenset((
    "script", "style", "template", "svg", "noscript", "iframe", "object", "textarea", "head", "title", "annotation",
    "annotation-xml",
))  # fmt: skip


class LabelledPage(NamedTuple):
    """A page, and the paths of the blocks that are its main text, with their first words."""

    number: int
    site: str
    version: str
    path: str
    blocks: dict[str, str]


def labelled_pages() -> list[LabelledPage]:
    """Return the pages in their order."""
    lines = LABELS.read_text("utf-8").splitlines()
    return [LabelledPage(number, **json.loads(line)) for number, line in enumerate(lines)]


def main_text_of(page: LabelledPage, html: str) -> str:
    """Return the text of the marked blocks.

    Raises:
        ValueError: If a block is not there, or begins otherwise: it is another version of the page.
    """
    found = {path: text for path, text in blocks_of(html) if path in page.blocks}
    for path, beginning in page.blocks.items():
        if first_words(found.get(path, "")) != beginning:
            raise ValueError(f"{page.path}: the block {path} does not begin with {beginning!r}")
    return "\n".join(found.values())


def first_words(text: str) -> str:
    """Return the first five words of a block."""
    return " ".join(text.split()[:5])


def f_measure(written: str, wanted: str) -> float:
    """Return how well a text agrees with another by its words: the harmonic mean of precision and recall."""
    words, reference = (Counter(re.findall(r"\w+", text.lower())) for text in (written, wanted))
    common = sum((words & reference).values())
    return 2 * common / (sum(words.values()) + sum(reference.values())) if words or reference else 1.0


def blocks_of(html: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the own text of each block of a page: not by the code that is measured."""
    body = LexborHTMLParser(html, scripting=True).body
    if body is None:
        return
    waiting = [body]
    while waiting:
        block = waiting.pop()
        texts: list[str] = []
        inner: list[LexborNode] = []
        _collect(block, texts, inner)
        text = " ".join("".join(texts).split())
        if text:
            yield _path(block), text
        waiting += reversed(inner)


def _collect(node: LexborNode, texts: list[str], inner: list[LexborNode]) -> None:
    child = node.child
    while child is not None:
        if child.is_text_node:
            texts.append(child.text_content or "")
        elif child.is_element_node and child.tag not in _NO_TEXT and not _is_hidden(child):
            if child.tag in _BLOCKS:
                inner.append(child)
                texts.append(" ")
            else:
                texts.append(" " if child.tag == "br" else "")
                _collect(child, texts, inner)
        child = child.next


def _is_hidden(node: LexborNode) -> bool:
    return "display:none" in (node.attributes.get("style") or "").replace(" ", "").lower()


def _path(node: LexborNode | None) -> str:
    parts: list[str] = []
    while node is not None and node.tag and node.tag != "-document":
        before, number = node.prev, 1
        while before is not None:
            number += before.tag == node.tag
            before = before.prev
        parts.append(node.tag if number == 1 else f"{node.tag}[{number}]")
        node = node.parent
    return "/".join(reversed(parts))
