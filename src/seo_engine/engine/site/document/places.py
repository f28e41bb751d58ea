"""Where an element stands in the source of its document: asked only for the few elements that a report shows."""

from __future__ import annotations

import bisect
import re
from html import unescape
from typing import NamedTuple

from seo_engine.engine.site.document.tags import Tag, attributes_of, start_tags
from seo_engine.engine.site.facts import Placed

_LINE_END = re.compile("\n")


class Position(NamedTuple):
    """A line and a column of the source, both from 1."""

    line: int
    column: int


class SourcePlaces:
    """Finds elements in the source of a document, which is looked through once.

    Args:
        html (str): The source, as text.

    Example:
        >>> from seo_engine.engine.site.parsing import parse_page
        >>> html = "<p>\\n <a href=x>x</a> <a href=y>y</a>"
        >>> SourcePlaces(html).position_of(parse_page(html, "a.html").facts.links[1], "href", "y")
        Position(line=2, column=18)
    """

    def __init__(self, html: str) -> None:
        self._tags: dict[str, list[Tag]] = {}
        for tag in start_tags(html):
            self._tags.setdefault(tag.name, []).append(tag)
        self._line_starts = [0, *(match.end() for match in _LINE_END.finditer(html))]

    def position_of(self, element: Placed, attribute: str = "", value: str | None = None) -> Position | None:
        """Return where an element begins.

        Args:
            element (Placed): One of the page's facts.
            attribute (str): An attribute that tells the element from others of its tag, as `href`. A parser makes some
                elements twice (`<p><a href=x>One<p>Two`), so the number alone may be that of a neighbour.
            value (str | None): Its value, as it stands.

        Returns:
            Position | None: None if there is no such tag, as for what a parser adds by itself.
        """
        tags = self._tags.get(element.tag, [])
        if attribute:
            alike = [
                (abs(index + 1 - element.number), tag) for index, tag in enumerate(tags) if _has(tag, attribute, value)
            ]
            tag = min(alike, key=lambda each: each[0])[1] if alike else None
        else:
            tag = tags[element.number - 1] if element.number <= len(tags) else None
        if tag is None:
            return None
        line = bisect.bisect_right(self._line_starts, tag.start)
        return Position(line, tag.start - self._line_starts[line - 1] + 1)


def _has(tag: Tag, attribute: str, value: str | None) -> bool:
    found = attributes_of(tag).get(attribute)
    return found == value or (found is not None and unescape(found) == value)
