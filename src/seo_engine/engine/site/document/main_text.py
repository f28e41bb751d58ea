"""The blocks that a reader came for: what is around them goes, by its names, by its links, and by what a site repeats.

Measured on forty labelled pages of eight sites: `docs/reading.md`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple
from zlib import crc32

from seo_engine.engine.site.document.blocks import Block
from seo_engine.engine.site.document.names import HEADINGS

# An element that holds more of a page's text than this is not around it, whatever it is called; one that calls itself
# the content and holds less is not the content.
_MOST = 0.5

# Of the pages of a site: a block on more of them is the template's. Text that a few pages share may be the content of
# each; links that a few share are a sidebar of theirs.
REPEATED_SHARE = 0.2
_FEWEST_REPETITIONS = 3

# On a site of so many pages, a list of links that the others do not have is likely to be what the page is for.
_ENOUGH_PAGES = 20
_LINKS_OF_A_SITE = 0.1
_LINKS_OF_A_PAGE = -0.5

_LISTED = frozenset(("li", "tr", "td", "th", "dt", "dd", "pre", "h2", "h3", "h4", "h5", "h6"))

# Of each page, so many blocks at either end are compared: navigation stands there. As numbers they take 1 kB.
_COMPARED_AT_EACH_END = 64
_COMPARED_CHARACTERS = 200
_LAST_BLOCKS = 3
_DIGITS = re.compile(r"\d+")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


def keys_of_edges(blocks: Sequence[Block]) -> set[int]:
    """Return a number for each block at the ends of a page; the template gives all of its pages the same ones."""
    keys = _keys(blocks)
    return {*keys[:_COMPARED_AT_EACH_END], *keys[-_COMPARED_AT_EACH_END:]}


class Repetition(NamedTuple):
    """Which blocks a site repeats, as numbers, and on how many pages they were looked for."""

    keys: frozenset[int]
    pages: int


NO_REPETITION = Repetition(frozenset(), 0)


class RepetitionCount:
    """Counts on how many pages of a site each block is.

    Example:
        >>> count = RepetitionCount()
        >>> for keys in ({2, 4}, {2, 6}, {2, 8}):
        ...     count.add(keys)
        >>> count.repetition()
        Repetition(keys=frozenset({2}), pages=3)
    """

    def __init__(self) -> None:
        self._pages = 0
        self._counts: Counter[int] = Counter()

    def add(self, keys: Collection[int]) -> None:
        """Take the blocks of a page, as `keys_of_edges` numbers them."""
        self._pages += 1
        self._counts.update(keys)

    def repetition(self) -> Repetition:
        """Return the blocks of the template."""
        fewest = {False: max(_FEWEST_REPETITIONS, REPEATED_SHARE * self._pages), True: _FEWEST_REPETITIONS}
        repeated = (key for key, count in self._counts.items() if count >= fewest[_is_key_of_links(key)])
        return Repetition(frozenset(repeated), self._pages)


def main_blocks(blocks: Sequence[Block], repetition: Repetition) -> list[Block]:
    """Return the blocks of the main text, in their order.

    What calls itself navigation is left out, and what does not call itself the content, where something does. Of the
    rest, the stretch is taken that has the most text and the least of links and repeated blocks (maximum subsequence
    segmentation: Pasternack and Roth, "Extracting article text from the web", WWW 2009).

    Args:
        blocks (Sequence[Block]): The blocks of a page.
        repetition (Repetition): What its site repeats.

    Returns:
        list[Block]: Some of them.
    """
    repeated = [key in repetition.keys for key in _keys(blocks)] if repetition.keys else [False] * len(blocks)
    inside = _inside(blocks, repeated)
    links = _LINKS_OF_A_SITE if repetition.pages >= _ENOUGH_PAGES else _LINKS_OF_A_PAGE
    scores = [_score(blocks[index], repeated[index], links) for index in inside]
    start, end = _best_stretch(scores)
    if all(blocks[index].tag in HEADINGS for index in inside[start:end]):
        # Nothing else but links: then these are what the page is for.
        return [blocks[index] for index in inside if not repeated[index]]
    end = _with_closing_sections(blocks, repeated, inside, start, end)
    return [blocks[index] for index in inside[start:end]]


def _with_closing_sections(
    blocks: Sequence[Block], repeated: Sequence[bool], inside: Sequence[int], start: int, end: int
) -> int:
    """Return the end of a stretch with the sections that follow it: links may be all that the last ones have.

    Their headings stand where those of the sections before do, and what is beneath them is not the template's.
    """
    paths = {blocks[index].path for index in inside[start:end] if blocks[index].tag in HEADINGS}
    if end < len(inside) and blocks[inside[end - 1]].tag in HEADINGS:
        # Without what is beneath it, it would be the heading of nothing.
        end -= 1
    while end < len(inside) and blocks[inside[end]].tag in HEADINGS and blocks[inside[end]].path in paths:
        following = end + 1
        while (
            following < len(inside)
            and blocks[inside[following]].tag not in HEADINGS
            and not repeated[inside[following]]
        ):
            following += 1
        if following == end + 1:
            break
        end = following
    return end


def _inside(blocks: Sequence[Block], repeated: Sequence[bool]) -> list[int]:
    """Return the indices of the blocks that are not around the content, and within it, if something says it is."""
    texts = [0 if is_repeated else _prose(block) for block, is_repeated in zip(blocks, repeated, strict=True)]
    most = _MOST * (sum(texts) or 1)
    by_mark = _sums((block.around, text) for block, text in zip(blocks, texts, strict=True))
    # Blocks side by side have the same elements around them.
    left_out = {marks for marks in {block.around for block in blocks} if any(by_mark[mark] <= most for mark in marks)}
    inside = [index for index, block in enumerate(blocks) if block.around not in left_out]
    most = _MOST * sum(texts[index] for index in inside)
    by_mark = _sums((blocks[index].content, texts[index]) for index in inside)
    # Numbers grow inwards.
    innermost = max((mark for mark, text in by_mark.items() if text > most), default=None)
    return inside if innermost is None else [index for index in inside if innermost in blocks[index].content]


def _sums(marked: Iterable[tuple[tuple[int, ...], int]]) -> dict[int, int]:
    by_marks: dict[tuple[int, ...], int] = {}
    for marks, text in marked:
        by_marks[marks] = by_marks.get(marks, 0) + text
    sums: dict[int, int] = {}
    for marks, text in by_marks.items():
        for mark in marks:
            sums[mark] = sums.get(mark, 0) + text
    return sums


def _score(block: Block, is_repeated: bool, links: float) -> float:
    length = len(block.text)
    if is_repeated:
        return -length
    if _is_links(block) and block.tag != "h1":
        # Several links in a row that are no list are a bar, whatever the site has beside it.
        return (links if block.tag in _LISTED else _LINKS_OF_A_PAGE) * length
    return _prose(block)


def _best_stretch(scores: Sequence[float]) -> tuple[int, int]:
    """Return where the stretch with the largest sum begins and ends (Bentley, "Programming Pearls", column 8)."""
    best, best_start, best_end = 0.0, 0, 0
    current, start = 0.0, 0
    for index, score in enumerate(scores):
        if current <= 0:
            current, start = 0.0, index
        current += score
        if current > best:
            best, best_start, best_end = current, start, index + 1
    return best_start, best_end


def _prose(block: Block) -> int:
    return len(block.text) - block.link_characters


def _keys(blocks: Sequence[Block]) -> list[int]:
    """Return a number for each block, by its place in the tree and its text."""
    last = len(blocks) - _LAST_BLOCKS
    return [_key(block, _undated(block) if index >= last else block.text) for index, block in enumerate(blocks)]


def _undated(block: Block) -> str:
    """Return the text of a block, without digits if it is dated: when a page was changed differs from page to page."""
    is_dated = block.tag not in HEADINGS and _YEAR.search(block.text)
    return _DIGITS.sub("0", block.text) if is_dated else block.text


def _key(block: Block, text: str) -> int:
    # The last bit says what kind of block it is.
    return crc32(text[:_COMPARED_CHARACTERS].encode("utf-8", "replace"), block.path) << 1 | _is_links(block)


def _is_key_of_links(key: int) -> bool:
    return bool(key & 1)


def _is_links(block: Block) -> bool:
    return block.link_characters > len(block.text) / 2
