"""A tree -> its blocks of text in their order: paragraphs, headings, items, cells; and what tells them apart."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

from seo_engine.engine.site.document.names import HEADINGS, SECTIONS, SPEAKING_TAGS, first_role, is_around, is_content
from seo_engine.engine.site.document.texts import BLOCKS, WITHOUT_TEXT, one_line, says_hidden, text_of, texts_within
from seo_engine.engine.site.document.walk import TEMPLATES, is_shadow, tag_ids

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

# What a block may hold that is no text of it, or not all of it. A button is text where there is no other, as in the
# summary of an accordion.
_ODD = WITHOUT_TEXT | {"br", "button", "math", "select"}
_BLOCKS = BLOCKS - {"br"}
_LINKS = frozenset(("a",))
_LEFT_OUT = WITHOUT_TEXT | {"select"}
_LEFT_OUT_WITH_BUTTONS = _LEFT_OUT | {"button"}

# Signs that stand for a link wherever it leads; others do if it leads to a place in a page.
_SIGNS = frozenset("§¶#🔗↩↑")
_LONGEST_SIGN = 2

_CELLS = frozenset(("td", "th"))
_CELL_EDGE = " | "

_PLAIN = BLOCKS - SPEAKING_TAGS

# Stands for a line break that the page makes; no page needs this control character.
_LINE = "\x1e"

_MAY_BE_HIDDEN = "[hidden], [style*='display' i], [style*='visibility' i]"
_HEADINGS_SELECTOR = ", ".join((*sorted(HEADINGS), "[role=heading]"))


class Block(NamedTuple):
    """A run of text that no other block interrupts.

    `link_characters` is how much of the text is links. `around` are the numbers of the elements around it that call
    themselves navigation and the like, `content` of those that call themselves the content; the outermost is first.
    """

    text: str
    tag: str
    path: int
    link_characters: int
    around: tuple[int, ...]
    content: tuple[int, ...]


# What holds within an element that holds blocks: the path, the numbers of the elements around the content and of those
# that are the content, and whether it is a section. A plain tuple: Python makes one in a tenth of a named one's time.
_Within = tuple[int, tuple[int, ...], tuple[int, ...], bool]


class Texts(NamedTuple):
    """The texts of a document.

    `depth` is how deep the deepest one stands, in elements. `headings` are the texts of headings that are blocks, by
    the parser's number of the element. `hidden` are the numbers of headings that are not shown; `hidden_characters`
    counts all that is not shown.
    """

    blocks: list[Block]
    depth: int
    headings: Mapping[int, str]
    hidden: frozenset[int]
    hidden_characters: int


NO_TEXTS = Texts([], 0, {}, frozenset(), 0)


def texts_of(tree: LexborHTMLParser) -> Texts:
    """Return the texts of a document, block by block.

    Args:
        tree (LexborHTMLParser): The document.
    """
    if tree.body is None:
        return NO_TEXTS
    reading = _Blocks(tree.body)
    return Texts(
        reading.blocks(), reading.depth, reading.headings, frozenset(reading.hidden), reading.hidden_characters
    )


class _Blocks:
    def __init__(self, body: LexborNode) -> None:
        self._body = body
        self._link_ids = tag_ids(_LINKS)
        # Numbers of the elements that are around the content, or the content.
        self._marks = 0
        self._around_marks: dict[int, int] = {}
        # The elements that hold blocks, inline ones among them; and those whose text is not all of what they hold.
        self._holders: set[int] = {body.mem_id}
        self._mixed: set[int] = set()
        self._has_shadows = False
        self._signs: set[int] = set()
        self._link_characters: dict[int, int] = {}
        self.depth = 0
        self.headings: dict[int, str] = {}
        self.hidden: list[int] = []
        self.hidden_characters = 0
        self._look()

    def _look(self) -> None:
        """Look at the tag of each element once; what follows need not look into most of them."""
        blocks, odd_tags, templates, link_ids = tag_ids(_BLOCKS), tag_ids(_ODD), tag_ids(TEMPLATES), self._link_ids
        found: list[LexborNode] = []
        odd: list[LexborNode] = []
        links: list[LexborNode] = []
        tops = [self._body]
        while tops:
            for node in tops.pop().traverse():
                tag_id = node.tag_id
                if tag_id in blocks:
                    found.append(node)
                elif tag_id in link_ids:
                    links.append(node)
                elif tag_id in odd_tags:
                    odd.append(node)
                    if tag_id in templates and is_shadow(node):
                        found.append(node)
                        self._holders.add(node.mem_id)
                        self._has_shadows = True
                        tops.extend(node.template_fragments()[:1])
        self._block_nodes = {node.mem_id for node in found}
        holders = self._holders
        for node in found:
            above = node.parent
            while above is not None and (above_id := above.mem_id) not in holders:
                holders.add(above_id)
                above = above.parent
        odd += [node for node in self._body.css(_MAY_BE_HIDDEN) if says_hidden("", node.attributes)]
        for node in odd:
            self._mixed.add(self._nearest(node))
        for node in links:
            nearest = self._nearest(node)
            text = one_line(node.text_lexbor())
            if len(text) <= _LONGEST_SIGN and _is_sign(node, text):
                self._signs.add(node.mem_id)
                self._mixed.add(nearest)
            else:
                self._link_characters[nearest] = self._link_characters.get(nearest, 0) + len(text)

    def _nearest(self, node: LexborNode) -> int:
        """Return the block or holder around an element."""
        above = node.parent
        while above is not None:
            above_id = above.mem_id
            if above_id in self._block_nodes or above_id in self._holders:
                return above_id
            above = above.parent
        return 0

    def blocks(self) -> list[Block]:
        """Return the blocks; not by recursion, because a page may be of any depth."""
        holders, block_nodes, links = self._holders, self._block_nodes, self._link_characters
        run = _Run()
        # The elements that are open, with what holds within them.
        opened: list[tuple[LexborNode, str, _Within]] = []
        within: _Within = (0, (), (), False)
        holder, tag = self._body, "body"
        is_plain = self._is_plain(holder.mem_id)
        node = holder.child
        while True:
            if node is None:
                # The end of a block ends a run; that of an inline element that holds blocks does not need to.
                if run.texts:
                    run.end(tag, within)
                if not opened:
                    return run.blocks
                node = holder.next
                holder, tag, within = opened.pop()
                is_plain = self._is_plain(holder.mem_id)
                continue
            text = node.text_content
            if text is not None:
                # Most of them are the white space between the tags of two blocks.
                if run.texts or not text.isspace() or tag == "pre":
                    run.texts.append(text)
            elif (node_id := node.mem_id) in holders or node_id in block_nodes:
                node_tag = node.tag or ""
                inner = self._within(node, node_tag, within)
                if inner is not None:
                    if run.texts:
                        run.end(tag, within)
                    # Those that are open, with the root, the body and the block itself.
                    if (depth := len(opened) + 3) > self.depth:
                        self.depth = depth
                    if node_tag == "tr" and (row := self._row(node)) is not None:
                        run.add_lines(*row, node_tag, inner)
                    elif node_id in holders:
                        opened.append((holder, tag, within))
                        holder, tag, within = node, node_tag, inner
                        is_plain = self._is_plain(node_id)
                        node = _first_child(node, node_tag)
                        continue
                    else:
                        run.add_lines(self._leaf(node, node_id, node_tag), links.get(node_id, 0), node_tag, inner)
            elif node.is_element_node:
                text = node.text_lexbor() if is_plain else self._inline_text(node)
                run.texts.append(text)
                if node.tag_id in self._link_ids:
                    run.link_characters += len(text)
            node = node.next

    def _is_plain(self, holder_id: int) -> bool:
        """Return whether no inline element of a holder has to be looked into; in shadow trees, hidden ones may be."""
        return holder_id not in self._mixed and not self._has_shadows

    def _inline_text(self, node: LexborNode) -> str:
        """Return the text of an element that is no block."""
        tag = node.tag or ""
        if tag == "br":
            return _LINE
        if tag in _LEFT_OUT:
            return ""
        if node.mem_id in self._signs:
            return " "
        if says_hidden("", node.attributes):
            self._hide(node)
            return ""
        return self._text(node, _LEFT_OUT)

    def _hide(self, node: LexborNode) -> None:
        self.hidden_characters += len(one_line(node.text_lexbor()))
        self.hidden += [each.mem_id for each in node.css(_HEADINGS_SELECTOR)]

    def _row(self, row: LexborNode) -> tuple[str, int] | None:
        """Return a row of a table as one text, and how much of it is links; None if it lays out other blocks."""
        texts: list[str] = []
        links = 0
        cell = row.child
        while cell is not None:
            if cell.is_element_node:
                cell_id = cell.mem_id
                if cell.tag not in _CELLS or cell_id in self._holders:
                    return None
                if not says_hidden("", cell.attributes):
                    texts.append(one_line(self._leaf(cell, cell_id, "td").replace(_LINE, " ")))
                    links += self._link_characters.get(cell_id, 0)
            cell = cell.next
        return (_CELL_EDGE.join(texts) if any(texts) else "", links)

    def _leaf(self, node: LexborNode, node_id: int, tag: str) -> str:
        if tag in HEADINGS:
            text = self.headings[node_id] = text_of(node, is_heading=True)
            return text
        if node_id not in self._mixed:
            return node.text_lexbor()
        without_buttons = self._text(node, _LEFT_OUT_WITH_BUTTONS)
        return without_buttons if without_buttons.strip() else self._text(node, _LEFT_OUT)

    def _text(self, top: LexborNode, left_out: Set[str]) -> str:
        """Return the text of an element without what is no text of the page."""

        def part(node: LexborNode, tag: str) -> str | None:
            if tag == "br":
                return _LINE
            if node.mem_id in self._signs:
                return " "
            return "" if tag in left_out or says_hidden("", node.attributes) else None

        return texts_within(top, part)

    def _within(self, node: LexborNode, tag: str, around: _Within) -> _Within | None:
        """Return what holds within a block; None if it is hidden."""
        attributes = node.attributes
        path, around_marks, content_marks, is_section = around
        if not attributes and tag in _PLAIN:
            return crc32(tag.encode(), path), around_marks, content_marks, is_section
        if tag in _LEFT_OUT and not (tag == "template" and is_shadow(node)):
            return None
        if says_hidden(tag, attributes):
            self._hide(node)
            return None
        role = first_role(attributes)
        says_around = is_around(tag, role, attributes, is_in_section=is_section)
        says_content = is_content(tag, role)
        # Of where it stands, not of what it says: the same in pages of one template.
        path = crc32(f"{tag}.{attributes.get('class') or ''}".encode("utf-8", "replace"), path)
        if says_around or says_content:
            self._marks += 1
        # Alike elements count together: the parts of a restaurant's menu are no navigation.
        around_mark = self._around_marks.setdefault(path, self._marks) if says_around else 0
        return (
            path,
            (*around_marks, around_mark) if says_around else around_marks,
            (*content_marks, self._marks) if says_content else content_marks,
            is_section or says_content or tag in SECTIONS,
        )


class _Run:
    """Collects texts until something ends their block.

    Attributes:
        blocks (list[Block]): What was made of them.
        texts (list[str]): Those of the block that is not at its end.
        link_characters (int): How much of these is links.
    """

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.texts: list[str] = []
        self.link_characters = 0

    def end(self, tag: str, within: _Within) -> None:
        """Make a block of what was collected."""
        self.add_lines("".join(self.texts), self.link_characters, tag, within)
        self.texts.clear()
        self.link_characters = 0

    def add_lines(self, text: str, link_characters: int, tag: str, within: _Within) -> None:
        """Add a block for each line of a text."""
        if tag == "pre":
            lines = [_preformatted(text)]
        else:
            # Only line breaks that the page makes; those of its source are white space.
            lines = [one_line(part) for part in text.split(_LINE)] if _LINE in text else [one_line(text)]
        path, around, content, _ = within
        for line in lines:
            if line:
                self.blocks.append(Block(line, tag, path, min(link_characters, len(line)), around, content))


def _first_child(node: LexborNode, tag: str) -> LexborNode | None:
    """Return the first child of an element, or of the shadow tree that a template declares."""
    fragments = node.template_fragments() if tag == "template" else []
    return fragments[0].child if fragments else node.child


def _preformatted(text: str) -> str:
    """Return a text as it is laid out, without empty lines around it and white space at the ends of its lines."""
    lines = [line.rstrip() for line in text.replace(_LINE, "\n").splitlines()]
    return "\n".join(lines).strip("\n") if any(lines) else ""


def _is_sign(link: LexborNode, text: str) -> bool:
    """Return whether a link of one or two characters is a sign beside what it leads to, as a permalink is."""
    if any(map(str.isalnum, text)):
        return False
    return text in _SIGNS or "#" in (link.attributes.get("href") or "")
