"""The text of an element, as a reader sees or hears it."""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

# A browser begins a new line before and after these; their texts are never one word.
BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "br", "caption", "center", "dd", "details", "dialog", "dir",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "frameset", "h1", "h2", "h3", "h4", "h5",
    "h6", "header", "hgroup", "hr", "legend", "li", "main", "menu", "nav", "ol", "optgroup", "option", "p", "pre",
    "search", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
))  # fmt: skip

# Their contents are no text of the page: code, other media, the titles of pictures, the source of a formula.
WITHOUT_TEXT = frozenset((
    "annotation", "annotation-xml", "audio", "canvas", "datalist", "iframe", "noembed", "noframes", "noscript",
    "object", "script", "style", "svg", "template", "textarea", "title", "video",
))  # fmt: skip

_NOT_OF_HEADING = WITHOUT_TEXT | {"button"}

# They take no room, and search engines show a text without them.
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad]")

_HIDING_STYLE = re.compile(r"(?:^|;)\s*+(?:display\s*+:\s*+none|visibility\s*+:\s*+hidden)\b", re.IGNORECASE)

# React sends what comes late in hidden elements of these names, and a script puts them where they belong
# (https://react.dev/reference/react-dom/server/renderToPipeableStream#streaming-more-content-as-it-loads).
_STREAMED = re.compile(r"[\w-]*S:[0-9a-f]+")

_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_PERMALINK = frozenset(("permalink", "anchor", "link", "direct link", "link to this heading"))


def says_hidden(tag: str, attributes: dict[str, str | None]) -> bool:
    """Return whether an element says that it is not shown."""
    if "hidden" in attributes and (attributes["hidden"] or "").lower() != "until-found":
        return _STREAMED.fullmatch(attributes.get("id") or "") is None
    if tag == "dialog" and "open" not in attributes:
        return True
    if "style" not in attributes:
        return False
    return _HIDING_STYLE.search(attributes["style"] or "") is not None


def one_line(text: str) -> str:
    """Return a text with single spaces, without white space at its ends and without characters that nobody sees.

    Example:
        >>> one_line(" Clay\\u200b\\n pots\\xa0")
        'Clay pots'
    """
    if "  " not in text and text.isprintable():
        # The usual one, if it is short: no other white space is printable, and nothing that nobody sees is.
        return text.strip(" ")
    return " ".join((text if text.isascii() else _INVISIBLE.sub("", text)).split())


def text_of(node: LexborNode, *, is_heading: bool = False) -> str:
    """Return the text of an element on one line, with the alternative texts of its images.

    Args:
        node (LexborNode): The element.
        is_heading (bool): Leave out links to the heading itself, whose text is a sign, as `¶`.
    """
    child = node.child
    if child is None:
        return ""
    if child.next is None and (only := child.text_content) is not None:
        return one_line(only)
    if is_heading:
        text = one_line(texts_within(node, lambda inner, tag: _heading_part(inner, tag, _NOT_OF_HEADING), BLOCKS))
        # A button beside a heading is not of it; where there is nothing else, as in an accordion, it is the heading.
        return text or one_line(texts_within(node, lambda inner, tag: _heading_part(inner, tag, WITHOUT_TEXT), BLOCKS))
    return one_line(texts_within(node, _part, BLOCKS))


def texts_within(top: LexborNode, part: Callable[[LexborNode, str], str | None], spaced: Set[str] = frozenset()) -> str:
    """Return the texts within an element, one after the other; not by recursion, because a page may be of any depth.

    Args:
        top (LexborNode): The element.
        part (Callable[[LexborNode, str], str | None]): Takes an element within it and its tag, and returns what stands
            for the element, or None for the texts within that.
        spaced (Set[str]): Tags whose texts have spaces around them.
    """
    parts: list[str] = []
    top_id = top.mem_id
    node = top.child
    while node is not None:
        text = node.text_content
        if text is not None:
            parts.append(text)
        elif node.is_element_node:
            tag = node.tag or ""
            if tag in spaced:
                parts.append(" ")
            instead = part(node, tag)
            if instead is not None:
                parts.append(instead)
            elif (deeper := node.child) is not None:
                node = deeper
                continue
        following = node.next
        while following is None:
            node = node.parent
            if node is None or node.mem_id == top_id:
                return "".join(parts)
            if spaced and node.tag in spaced:
                parts.append(" ")
            following = node.next
        node = following
    return "".join(parts)


def _part(node: LexborNode, tag: str) -> str | None:
    if tag == "img":
        return node.attributes.get("alt") or ""
    return "" if tag in WITHOUT_TEXT or says_hidden(tag, node.attributes) else None


def _heading_part(node: LexborNode, tag: str, left_out: Set[str]) -> str | None:
    if tag in left_out or (tag == "a" and _is_permalink(node)):
        return ""
    return _part(node, tag)


def _is_permalink(link: LexborNode) -> bool:
    address = link.attributes.get("href") or ""
    text = one_line(link.text_lexbor()) if "#" in address else "…"
    return "#" in address and (not _LETTER_OR_DIGIT.search(text) or text.lower() in _PERMALINK)
