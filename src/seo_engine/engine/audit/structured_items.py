"""The items that a page describes for machines, whatever syntax it writes them in."""

from __future__ import annotations

import contextlib
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from seo_engine.engine.site.facts import PageFacts, StructuredData

_JSON_LD = "json-ld"
_VOCABULARY = re.compile(r"^(?:https?://(?:www\.)?schema\.org/|schema:)")

# What people write around or into JSON, and how to read it all the same.
_COMMENT = re.compile(r"<!--|-->|/\*.*?\*/|<!\[CDATA\[|\]\]>|^\s*//[^\n]*", re.DOTALL | re.MULTILINE)
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")

# A page may nest its items deeper than anybody reads.
_MOST_ITEMS = 2_000


class NotJSONError(ValueError):
    """A block of JSON-LD does not parse strictly; the message says why, and which reading would do."""


@dataclass(frozen=True)
class Item:
    """Something that a page describes.

    Args:
        types (tuple[str, ...]): Its types, without the address of the vocabulary.
        properties (dict[str, Any]): Its properties; of one that is given several times, a list.
        identifier (str): Its `@id`; empty without one.
        block (StructuredData): Where it is written.
    """

    types: tuple[str, ...]
    properties: dict[str, Any]
    identifier: str
    block: StructuredData


def items_of(facts: PageFacts) -> list[Item]:
    """Return the items of a page; blocks that do not parse have none.

    Args:
        facts (PageFacts): The facts of the page.
    """
    items: list[Item] = []
    for block in facts.structured_data:
        if block.syntax != _JSON_LD:
            items.append(_of_markup(block))
            continue
        try:
            parsed = parse_json_ld(block.text)
        except NotJSONError:
            continue
        for found in _nodes(parsed):
            items.append(_of_json(found, block))
            if len(items) >= _MOST_ITEMS:
                return items
    return items


@lru_cache(maxsize=64)
def parse_json_ld(text: str) -> Any:
    """Parse a block of JSON-LD as search engines do.

    Args:
        text (str): What the script holds.

    Raises:
        NotJSONError: If it does not parse.

    Example:
        >>> parse_json_ld('{"@type": "Product",}')
        Traceback (most recent call last):
            ...
        seo_engine.engine.audit.structured_items.NotJSONError: a comma stands before a closing bracket
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise NotJSONError("it is nested too deeply") from None
    except ValueError as error:
        raise NotJSONError(_why_not(text, error)) from None


def _why_not(text: str, error: ValueError) -> str:
    if not text.strip():
        return "the block is empty"
    readings: tuple[tuple[str, str, bool], ...] = (
        ("there are comments in it", _COMMENT.sub("", text), True),
        ("a comma stands before a closing bracket", _TRAILING_COMMA.sub(r"\1", text), True),
        ("a line break or another control character stands within a text", text, False),
        ("its quotes are written as HTML entities", html.unescape(text), True),
    )
    for why, mended, is_strict in readings:
        with contextlib.suppress(ValueError, RecursionError):
            json.loads(mended, strict=is_strict)
            return why
    return str(error)


def _nodes(parsed: Any) -> Iterator[dict[str, Any]]:
    """Yield every object that has a type, those within others included."""
    waiting = [parsed]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(reversed(value))
        elif isinstance(value, dict):
            if "@type" in value:
                yield value
            waiting.extend(reversed(value.values()))


def _of_json(found: dict[str, Any], block: StructuredData) -> Item:
    written = found["@type"] if isinstance(found["@type"], list) else [found["@type"]]
    types = tuple(_plain(each) for each in written if isinstance(each, str))
    properties = {_plain(name): value for name, value in found.items() if not name.startswith("@")}
    identifier = found.get("@id")
    return Item(types, properties, identifier if isinstance(identifier, str) else "", block)


def _of_markup(block: StructuredData) -> Item:
    properties: dict[str, Any] = {}
    for name, value in block.properties:
        properties.setdefault(_plain(name), []).append(value)
    return Item(tuple(map(_plain, block.types)), properties, block.identifier, block)


def _plain(name: str) -> str:
    return _VOCABULARY.sub("", name.strip())
