"""A crawl by Screaming Frog: the table `internal_all.csv` or `internal_html.csv`, in English."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seo_engine.engine.site.exports.exported import exported_facts, exported_page, heading, link_element, meta, title
from seo_engine.engine.site.facts import ROBOTS, Size
from seo_engine.engine.site.page import READ, UNREADABLE, Page, path_within
from seo_engine.engine.site.response import HTML_TYPES, Response, status_of
from seo_engine.engine.site.site import SiteError
from seo_engine.engine.site.unknown import UNKNOWN
from seo_engine.foundation.texts import one_line

_ADDRESS, _STATUS, _TYPE = "Address", "Status Code", "Content Type"
_NEEDED = (_ADDRESS, _STATUS)

# The columns of the elements that search engines read, by the names and relations that they make known.
_METAS = {
    "Meta Description": ("description", "name"),
    "Meta Robots": ("robots", "name"),
    "Meta Refresh": ("refresh", "http-equiv"),
}
_RELATIONS = {
    "Canonical Link Element": "canonical",
    'rel="next"': "next",
    'rel="prev"': "prev",
    "amphtml Link Element": "amphtml",
}

# A field of a table may hold a whole page.
_LONGEST_FIELD = 16 * 1024 * 1024


def read_screaming_frog(file: Path, passed_over: Counter[str], redirects: dict[str, tuple[int, str]]) -> Iterator[Page]:
    """Yield the pages of a crawl by Screaming Frog.

    Args:
        file (Path): The table.
        passed_over (Counter[str]): Counts the rows that are not pages, by the reason.
        redirects (dict[str, tuple[int, str]]): Gets the redirects: address, status, target.

    Raises:
        SiteError: If it is not such a table.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        table = csv.DictReader(lines)
        try:
            missing = [name for name in _NEEDED if name not in (table.fieldnames or ())]
            if missing:
                raise SiteError(
                    f"{file}: the column {missing[0]!r} is missing; export the tab Internal from Screaming Frog as CSV "
                    "(UTF-8, with commas), with its language set to English"
                )
            for row in table:
                # A row that is cut off does not have all columns.
                known = {name: value for name, value in row.items() if name is not None and value is not None}
                page = _page_or_reason(known, redirects)
                if isinstance(page, str):
                    passed_over[page] += 1
                elif page is not None:
                    yield page
        except csv.Error as error:
            raise SiteError(f"{file}, line {table.line_num}: {error}") from None


def _page_or_reason(row: Mapping[str, Any], redirects: dict[str, tuple[int, str]]) -> Page | str | None:
    """Return the page of a row, why it is not one, or None for a redirect, which is kept."""
    content_type = row.get(_TYPE, "").partition(";")[0].strip().lower()
    if content_type and content_type not in HTML_TYPES:
        return f"not HTML: {one_line(content_type)[:60]}"
    if not row.get(_ADDRESS, "").startswith(("http://", "https://")):
        return "row without an address"
    status = _status(row)
    if status in range(300, 400) and row.get("Redirect URL"):
        redirects[row[_ADDRESS]] = (status, row["Redirect URL"])
        return None
    return _page(row)


def _page(row: Mapping[str, Any]) -> Page:
    address, code = row[_ADDRESS], _status(row)
    headers = [("content-type", row[_TYPE])] if row.get(_TYPE) else []
    headers += [("x-robots-tag", value) for value in _numbered(row, "X-Robots-Tag") or ()]
    response = Response(code, tuple(headers))
    if code == 0:
        return Page.unread(address, path_within(address), UNREADABLE, response=response)
    titles, descriptions = _numbered(row, "Title"), _numbered(row, "Meta Description")
    canonicals = _numbered(row, "Canonical Link Element")
    headings = [(level, text) for level in range(1, 7) for text in _numbered(row, f"H{level}", "-") or ()]
    has_headings = any(_numbered(row, f"H{level}", "-") is not None for level in range(1, 7))
    known = [column for column in _METAS if _numbered(row, column) is not None]
    names = {_METAS[column][0] for column in known}
    relations = {relation for column, relation in _RELATIONS.items() if _numbered(row, column) is not None}
    size = row.get("Size (Bytes)") or row.get("Size") or ""
    facts = exported_facts(
        response=response,
        size=Size(int(size), int(size)) if re.fullmatch(r"\d{1,15}", size) else UNKNOWN,
        titles=UNKNOWN if titles is None else tuple(map(title, titles)),
        metas=tuple(
            meta(_METAS[name][0], each, _METAS[name][1]) for name in known for each in _numbered(row, name) or ()
        ),
        link_elements=tuple(
            link_element(relation, each)
            for column, relation in _RELATIONS.items()
            for each in _numbered(row, column) or ()
        ),
        headings=tuple(heading(level, text) for level, text in headings) if has_headings else UNKNOWN,
        known_names=frozenset(names | set(ROBOTS) if "robots" in names else names),
        known_relations=frozenset(relations),
    )
    return exported_page(
        address,
        facts,
        state=READ,
        title=_first(titles),
        description=_first(descriptions),
        canonical=_first(canonicals),
        headings=tuple(headings) if has_headings else UNKNOWN,
        language=row.get("Language", UNKNOWN),
    )


def _status(row: Mapping[str, Any]) -> int:
    return status_of(row.get(_STATUS, "")) or 0


def _numbered(row: Mapping[str, Any], name: str, joint: str = " ") -> list[str] | None:
    """Return the values of the columns `name 1`, `name 2`, …; None if there is no such column."""
    pattern = re.compile(rf"{re.escape(name)}{joint}\d+")
    columns = [column for column in row if column and pattern.fullmatch(column)]
    if name in row:
        columns.insert(0, name)
    if not columns:
        return None
    return [value.strip() for column in columns if (value := row[column] or "").strip()]


def _first(values: Sequence[str] | None) -> Any:
    if values is None:
        return UNKNOWN
    return values[0] if values else ""
