"""A crawl by advertools: a JSON object in a line for each page (https://advertools.readthedocs.io)."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seo_engine.engine.site.exports.exported import exported_facts, exported_page, heading, link_element, meta, title
from seo_engine.engine.site.facts import BANNER, BODY, FOOTER, NAVIGATION, Encoding, ImageElement, Link, Size
from seo_engine.engine.site.page import READ, UNREADABLE, Image, Page, path_within
from seo_engine.engine.site.response import Response, status_of
from seo_engine.engine.site.site import SiteError
from seo_engine.engine.site.unknown import UNKNOWN

# Between several values of a column.
_SEPARATOR = "@@"
# A line holds the whole text of a page.
_LONGEST_LINE = 64 * 1024 * 1024
_HEADER = "resp_headers_"
_REGIONS = (("nav_links_url", NAVIGATION), ("header_links_url", BANNER), ("footer_links_url", FOOTER))
_SOCIAL = ("og:", "twitter:")

# The crawler writes what a page has, and leaves out what it does not; other elements it does not look for.
_KNOWN_NAMES = frozenset({"description", "viewport", "og:"})
_KNOWN_RELATIONS = frozenset({"canonical", "alternate"})


def read_advertools(file: Path, passed_over: Counter[str], redirects: dict[str, tuple[int, str]]) -> list[Page]:
    """Return the pages of a crawl by advertools; of several rows for an address, the last one.

    Args:
        file (Path): The `.jl` file.
        passed_over (Counter[str]): Counts the rows that are not pages, by the reason.
        redirects (dict[str, tuple[int, str]]): Gets the redirects that led to them: address, status, target.

    Raises:
        SiteError: If a line of it is not one of advertools.
    """
    pages: dict[str, Page] = {}
    with file.open("rb") as lines:
        for number, line in enumerate(iter(lambda: lines.readline(_LONGEST_LINE), b""), 1):
            if not line.strip():
                continue
            row = _row(line)
            if row is None and not line.endswith(b"\n") and len(line) < _LONGEST_LINE:
                # The crawl was interrupted while it wrote.
                passed_over["torn row"] += 1
                continue
            if row is None:
                raise SiteError(f"{file}, line {number}: this is not a page that advertools has crawled")
            redirects.update(_redirects(row))
            if row["url"] in pages:
                passed_over["earlier row for the same address"] += 1
            pages[row["url"]] = _page(row)
    return list(pages.values())


def _row(line: bytes) -> Mapping[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    is_page = isinstance(row, dict) and isinstance(row.get("url"), str) and row["url"].startswith(("http:", "https:"))
    return row if is_page else None


def _redirects(row: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, str]]]:
    addresses = [*_values(row, "redirect_urls"), row["url"]]
    statuses = _values(row, "redirect_reasons")
    for number, (address, target) in enumerate(itertools.pairwise(addresses)):
        yield address, (_status(statuses[number] if number < len(statuses) else ""), target)


def _status(written: Any) -> int:
    """Return a status, also as pandas writes it, `200.0`; 0 if there is none."""
    return status_of(str(written).removesuffix(".0")) or 0


def _page(row: Mapping[str, Any]) -> Page:
    address = row["url"]
    headers = tuple(
        (name.removeprefix(_HEADER).lower(), str(value)) for name, value in row.items() if name.startswith(_HEADER)
    )
    response = Response(_status(row.get("status")), headers)
    if "errors" in row or not response.status:
        return Page.unread(address, path_within(address), UNREADABLE, response=response)
    headings = tuple((level, text) for level in range(1, 7) for text in _values(row, f"h{level}"))
    images = [
        # It does not tell an empty text from a missing one.
        (source, text or UNKNOWN)
        for source, text in _together(row, "img_src", "img_alt")
    ]
    titles, canonicals = _values(row, "title"), _values(row, "canonical")
    descriptions = _values(row, "meta_desc")
    links = tuple(_links(row))
    metas = [meta("description", each) for each in descriptions]
    metas += [meta("viewport", each) for each in _values(row, "viewport")]
    metas += [meta(name, each, "property") for name in row if name.startswith(_SOCIAL) for each in _values(row, name)]
    languages = [
        link_element("alternate", address, hreflang=language)
        for address, language in _together(row, "alt_href", "alt_hreflang")
    ]
    size = row.get("size")
    facts = exported_facts(
        response=response,
        encoding=Encoding(str(row["charset"])) if row.get("charset") else UNKNOWN,
        size=Size(size, size) if isinstance(size, int) else UNKNOWN,
        titles=tuple(map(title, titles)),
        metas=tuple(metas),
        link_elements=(*[link_element("canonical", each) for each in canonicals], *languages),
        links=links,
        images=tuple(
            ImageElement(source, text, UNKNOWN, (), {"src": source}, "img", 0, BODY) for source, text in images
        ),
        headings=tuple(heading(level, text) for level, text in headings),
        known_names=_KNOWN_NAMES,
        known_relations=_KNOWN_RELATIONS,
    )
    return exported_page(
        address,
        facts,
        state=READ,
        title=titles[0] if titles else "",
        description=descriptions[0] if descriptions else "",
        canonical=canonicals[0] if canonicals else "",
        headings=headings,
        links=tuple(link.address for link in links),
        images=tuple(Image(source, text) for source, text in images),
    )


def _links(row: Mapping[str, Any]) -> Iterator[Link]:
    regions = {address: region for column, region in _REGIONS for address in _values(row, column)}
    unfollowed = _values(row, "links_nofollow")
    for number, (address, text) in enumerate(_together(row, "links_url", "links_text")):
        is_unfollowed = number < len(unfollowed) and unfollowed[number] == "True"
        relations = ("nofollow",) if is_unfollowed else ()
        yield Link(address, address, text, relations, {"href": address}, True, "a", 0, regions.get(address, BODY))


def _values(row: Mapping[str, Any], column: str) -> list[str]:
    value = row.get(column)
    if value is None or value == "":
        return []
    if isinstance(value, list):
        return [str(each) for each in value]
    return [each.strip() for each in str(value).split(_SEPARATOR)]


def _together(row: Mapping[str, Any], first: str, second: str) -> list[tuple[str, str]]:
    values, others = _values(row, first), _values(row, second)
    return [(value, others[number] if number < len(others) else "") for number, value in enumerate(values)]
