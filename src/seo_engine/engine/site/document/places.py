"""Where an element stands in the source of its document: asked only for the few elements that a report shows."""

from __future__ import annotations

from html import unescape
from typing import NamedTuple

from seo_engine.engine.site.document.tags import Tag, attributes_of, start_tags
from seo_engine.engine.site.facts import Placed


class Position(NamedTuple):
    """A line and a column of the source, both from 1."""

    line: int
    column: int


def position_of(html: str, element: Placed, attribute: str = "", value: str | None = None) -> Position | None:
    """Return where an element begins.

    Args:
        html (str): The source of the document, as text.
        element (Placed): One of the page's facts.
        attribute (str): An attribute that tells the element from others of its tag, as `href`. A parser makes some
            elements twice (`<p><a href=x>One<p>Two`), so the number alone may be that of a neighbour.
        value (str | None): Its value, as it stands.

    Returns:
        Position | None: None if there is no such tag, as for what a parser adds by itself.

    Example:
        >>> from seo_engine.engine.site.parsing import parse_page
        >>> html = "<p>\\n <a href=x>x</a> <a href=y>y</a>"
        >>> position_of(html, parse_page(html, "a.html").facts.links[1], "href", "y")
        Position(line=2, column=18)
    """
    tags = [tag for tag in start_tags(html) if tag.name == element.tag]
    if attribute:
        alike = [
            (abs(index + 1 - element.number), tag) for index, tag in enumerate(tags) if _has(tag, attribute, value)
        ]
        tag = min(alike, key=lambda each: each[0])[1] if alike else None
    else:
        tag = tags[element.number - 1] if element.number <= len(tags) else None
    if tag is None:
        return None
    line_start = html.rfind("\n", 0, tag.start) + 1
    return Position(html.count("\n", 0, tag.start) + 1, tag.start - line_start + 1)


def _has(tag: Tag, attribute: str, value: str | None) -> bool:
    found = attributes_of(tag).get(attribute)
    return found == value or (found is not None and unescape(found) == value)
