"""The tags of a document as they stand in its source: the parser's tree does not say where an element begins."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

# Tags with more attributes are cut: the time that a parser takes grows with the square of their number.
MOST_ATTRIBUTES = 1_000

# Selections with more options are cut for the same reason.
MOST_OPTIONS = 1_000
_SHORTEST_WITH_OPTIONS = 100_000

# What stands between `<` and `>`. The quotes of a value may hold a `>`; a quote elsewhere is a character like others.
ATTRIBUTES = r"""(?:[^>=]++|=\s*+(?:"[^"]*+(?:"|\Z)|'[^']*+(?:'|\Z))?+)*+"""
COMMENT = r"<!--(?:-?>|(?s:.*?)(?:--!?>|\Z))"
_RAW = "script|style|textarea|title|xmp|iframe|noembed|noframes|noscript"
# A comment, an element whose contents are text, an end tag or a declaration, or a tag that begins an element.
_TOKEN = re.compile(
    COMMENT
    + rf"|<(?P<raw>{_RAW})(?=[\s/>])"
    + f"(?P<raw_attributes>{ATTRIBUTES})"
    + r">?(?s:.*?)(?:(?=</(?P=raw)[\s/>])|\Z)"
    rf"|</?(?P<tag>[a-z][^\s/>]*+)(?P<attributes>{ATTRIBUTES})>?"
    r"|<[!?][^>]*+>?",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"""[^\s/>="'][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"']++)?)?|["']""")
_ATTRIBUTE_VALUE = re.compile(r"""([^\s/>=]++)\s*+(?:=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"']++)))?""")

# What has no tags in it, whatever it looks like.
_WITHOUT_TAGS = COMMENT + rf"|<(?P<raw>{_RAW})(?=[\s/>])(?s:.*?)(?:</(?P=raw)|\Z)"
# Without attributes, reading tags takes a third of the time.
_COUNTED = re.compile(_WITHOUT_TAGS + r"|<(?P<tag>[a-z][^\s/>]*+)", re.IGNORECASE)

_OPTION = re.compile("<option", re.IGNORECASE)
_SELECTION = re.compile(_WITHOUT_TAGS + rf"|<(?P<tag>/?select|option)(?=[\s/>]){ATTRIBUTES}>?", re.IGNORECASE)

# A tag with that many attributes has at least this many characters.
_SHORTEST_LONG_TAG = 2 * MOST_ATTRIBUTES
_STRIDE = _SHORTEST_LONG_TAG // 2


class Tag(NamedTuple):
    """A tag that begins an element: its name in lower case, where it begins in the text, and its attributes there."""

    name: str
    start: int
    attributes_start: int
    attributes: str


def start_tags(html: str) -> Iterator[Tag]:
    """Yield the tags that begin elements, none of comments, scripts, or templates that a browser does not show.

    Example:
        >>> [tag.name for tag in start_tags("<!-- <a> --><P><script>'<b>'</script>")]
        ['p', 'script']
    """
    templates = 0
    for token in _TOKEN.finditer(html):
        group = "attributes" if token["raw"] is None else "raw_attributes"
        name = (token["raw"] or token["tag"] or "").lower()
        if not name:
            continue
        if html.startswith("</", token.start()):
            templates -= name == "template" and templates > 0
            continue
        if not templates:
            yield Tag(name, token.start(), token.start(group), token[group])
        if name == "template" and (templates or "shadowrootmode" not in token[group].lower()):
            templates += 1


def attributes_of(tag: Tag) -> dict[str, str]:
    """Return the attributes of a tag as they stand, the first of two with one name."""
    values: dict[str, str] = {}
    for name, *value in _ATTRIBUTE_VALUE.findall(tag.attributes):
        values.setdefault(name.lower(), "".join(value))
    return values


def cut_long_tags(html: str) -> tuple[str, int]:
    """Cut tags to their first thousand attributes.

    An ordinary page costs a microsecond for each ten thousand characters: a long tag is looked for where a thousand
    characters have no `>`. One that hides them in quotes is not found; reading it may then take too long.

    Args:
        html (str): The document.

    Returns:
        tuple[str, int]: The document, and how many attributes were cut.

    Example:
        >>> html, cut = cut_long_tags("<p " + " ".join(f"a{number}" for number in range(1_200)) + ">Pots")
        >>> html[-9:], cut
        ('a999>Pots', 200)
    """
    parts: list[str] = []
    cut = done = 0
    for start, end in _long_tags(html):
        first = next(islice(_ATTRIBUTE.finditer(html, start, end), MOST_ATTRIBUTES, None), None)
        if first is not None:
            parts.append(html[done : first.start()].rstrip())
            cut += len(_ATTRIBUTE.findall(html, first.start(), end))
            done = end
    return ("".join((*parts, html[done:])), cut) if cut else (html, 0)


def _long_tags(html: str) -> Iterator[tuple[int, int]]:
    """Yield where the attributes of long tags begin and end."""
    if not _may_have_long_tags(html):
        return
    # Exactly, now: what looks like a tag may be part of a script or a comment.
    for token in _TOKEN.finditer(html):
        group = "attributes" if token["raw"] is None else "raw_attributes"
        if token[group] is not None and len(token[group]) >= _SHORTEST_LONG_TAG - 1:
            yield token.span(group)


def _may_have_long_tags(html: str) -> bool:
    done = 0
    for window in range(0, len(html) - _STRIDE, _STRIDE):
        if window < done or html.find(">", window, window + _STRIDE) >= 0:
            continue
        gap_start = html.rfind(">", done, window) + 1 or done
        gap_end = html.find(">", window)
        done = gap_end = gap_end if gap_end >= 0 else len(html)
        tag = _TAG_START.search(html, gap_start, gap_end)
        if tag is not None and gap_end - tag.end() >= _SHORTEST_LONG_TAG - 1:
            # Most of them have a long value, such as a picture as `data:`.
            attributes = _ATTRIBUTE.finditer(html, tag.end(), gap_end)
            if next(islice(attributes, MOST_ATTRIBUTES, None), None) is not None:
                return True
    return False


_TAG_START = re.compile(r"</?[a-zA-Z][^\s/>]*+(?=[\s/])")


def cut_options(html: str) -> tuple[str, int]:
    """Remove the tags of options beyond the first thousand of a selection. Nothing reads the text of a selection.

    A document of less than 100,000 characters is parsed fast enough as it is.

    Args:
        html (str): The document.

    Returns:
        tuple[str, int]: The document, and how many options were removed.

    Example:
        >>> html, cut = cut_options("<select>" + "<option>Red or green or blue or yellow" * 3_000 + "</select>Pots")
        >>> html[-19:], cut
        ('yellow</select>Pots', 2000)
    """
    if len(html) < _SHORTEST_WITH_OPTIONS or next(islice(_OPTION.finditer(html), MOST_OPTIONS, None), None) is None:
        return html, 0
    parts: list[str] = []
    done = options = 0
    is_in_selection = False
    for token in _SELECTION.finditer(html):
        name = (token["tag"] or "").lower()
        if name == "option":
            options += is_in_selection
            if is_in_selection and options > MOST_OPTIONS:
                parts.append(html[done : token.start()])
                done = token.end()
        elif name:
            is_in_selection, options = name == "select", 0
    # Spaces, because what stands around a tag may be a tag without it.
    return " ".join((*parts, html[done:])), len(parts)


def count_tags(html: str, after: int) -> dict[str, int]:
    """Return how many elements begin behind a place in a document, by tag.

    Example:
        >>> count_tags("<p>1<!-- <b> --><p>2<i>3", 16)
        {'p': 1, 'i': 1}
    """
    # From the beginning, so that what is a comment or a script at that place is known.
    return dict(_counted(html) - _counted(html[:after]))


def _counted(html: str) -> Counter[str]:
    return Counter(name.lower() for names in _COUNTED.findall(html) if (name := names[0] or names[1]))
