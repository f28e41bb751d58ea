"""Rules about what a page describes for machines, of which search engines make rich results."""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from seo_engine.engine.audit.data import dated_table
from seo_engine.engine.audit.page_gates import INDEXABLE, SHOWN
from seo_engine.engine.audit.rule import A_LOOK, ERROR, MECHANICAL, NOTICE, WARNING, Fault, Rule, Thresholds
from seo_engine.engine.audit.structured_items import Item, NotJSONError, items_of, parse_json_ld
from seo_engine.engine.site.page import Page

_POLICIES = "https://developers.google.com/search/docs/appearance/structured-data/sd-policies"
_GALLERY = "https://developers.google.com/search/docs/appearance/structured-data/search-gallery"
_SIMPLIFIED = "https://developers.google.com/search/blog/2025/06/simplifying-search-results"
_REVIEWED = datetime.date(2026, 11, 28)

# As people write it: 1,299.00 or 1.299,00 or 12; and with spaces or apostrophes between thousands.
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NUMBER_IN_GROUPS = re.compile(r"\d{1,3}(?:[\u00a0\u202f' ]\d{3})+(?:[.,]\d+)?")

# What is described is the page itself, or what it is mainly about.
_PAGE_TYPES = ("WebPage", "Article", "NewsArticle", "BlogPosting", "AboutPage", "ContactPage", "FAQPage", "ItemPage")


def _syntax(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for block in page.facts.structured_data:
        if block.syntax != "json-ld":
            continue
        try:
            parse_json_ld(block.text)
        except NotJSONError as error:
            yield Fault(f"a block of JSON-LD does not parse: {error}", block.text[:200], block)


def _missing(item: Item, wanted: list[str]) -> list[str]:
    return [each for each in wanted if not any(_has_value(item.properties.get(name)) for name in each.split("|"))]


def _has_value(value: Any) -> bool:
    return value not in (None, "", [], {})


def _lacking(page: Page, kind: str) -> Iterator[tuple[Item, str, list[str]]]:
    types = dated_table("rich_results").values["types"]
    items = items_of(page.facts)
    described = {item.identifier for item in items if item.identifier and item.properties}
    for item in items:
        # A mention of what another block describes.
        if item.identifier in described and not item.properties:
            continue
        for name in item.types:
            wanted = types.get(name, {}).get(kind, [])
            if wanted and (missing := _missing(item, wanted)):
                yield item, name, missing


def _required(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for item, name, missing in _lacking(page, "required"):
        yield Fault(f"{name} lacks {_in_words(missing)}", _quoted(item), item.block)


def _recommended(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for item, name, missing in _lacking(page, "recommended"):
        yield Fault(f"{name} could have {_in_words(missing)}, too", _quoted(item), item.block)


def _in_words(names: list[str]) -> str:
    return ", ".join(name.replace("|", " or ") for name in names)


def _quoted(item: Item) -> str:
    name = item.properties.get("name") or item.properties.get("headline") or ""
    name = name[0] if isinstance(name, list) and name else name
    return name if isinstance(name, str) else ""


def _retired(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    retired = dated_table("rich_results").values["retired"]
    said: set[str] = set()
    for item in items_of(page.facts):
        for name in item.types:
            if name in retired and name not in said:
                said.add(name)
                yield Fault(
                    f"{name} makes no rich result any more, {retired[name]}; the data do no harm", name, item.block
                )


def _inconsistent(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    items = items_of(page.facts)
    known = {item.identifier for item in items}
    for item in items:
        for name, value in item.properties.items():
            for reference in _references(value):
                # Of another page or site, nobody can know here.
                if reference.startswith("#") and reference not in known:
                    yield Fault(f"{name} refers to {reference}, which no block describes", reference, item.block)
        url = item.properties.get("url")
        if _is_of_page(item) and isinstance(url, str) and _are_different(url, page.canonical):
            said = f"{item.types[0]} has another address (url) than the canonical one, {page.canonical}"
            yield Fault(said, url, item.block)


def _references(value: Any) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict) and each.keys() == {"@id"} and isinstance(each["@id"], str):
            yield each["@id"]


def _is_of_page(item: Item) -> bool:
    return any(name in _PAGE_TYPES for name in item.types)


def _are_different(url: str, canonical: str) -> bool:
    """Return whether both are whole addresses, and not the same."""
    if "://" not in url or "://" not in canonical:
        return False
    return _comparable(url) != _comparable(canonical)


def _comparable(address: str) -> str:
    return address.partition("#")[0].rstrip("/")


def _not_visible(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    if not page.facts.structured_data:
        return
    seen = f"{page.facts.visible_text}\n{page.title}"
    words, numbers = _comparable_text(seen), _numbers(seen)
    for item in items_of(page.facts):
        for name in ("price", "lowPrice", "highPrice", "ratingValue"):
            number = _number(str(item.properties.get(name, "")))
            # A price of nothing is written in words.
            if number and number not in numbers:
                yield Fault(f"{name} is {number:g}, which the page does not show", _quoted(item), item.block)
        question = item.properties.get("name")
        if "Question" in item.types and isinstance(question, str) and _comparable_text(question) not in words:
            yield Fault("a question is not on the page", question, item.block)


def _numbers(text: str) -> set[float]:
    return {_number(each) for pattern in (_NUMBER, _NUMBER_IN_GROUPS) for each in pattern.findall(text)}


def _number(written: str) -> float:
    """Return a number as people write it, with a point or a comma; 0 if it is none."""
    written = re.sub(r"[^\d.,]", "", written).strip(".,")
    # What stands before three figures parts thousands; a point or comma before fewer begins a fraction.
    whole, _, fraction = re.sub(r"[.,](?=\d{3}(?:\D|$))", "", written).replace(",", ".").rpartition(".")
    digits = f"{re.sub(r'[^0-9]', '', whole)}.{fraction}" if whole else fraction
    return float(digits) if re.fullmatch(r"[0-9]{1,15}(?:\.[0-9]{1,15})?", digits) else 0.0


def _comparable_text(text: str) -> str:
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


RULES = (
    Rule(
        id="sd.syntax",
        gate=SHOWN,
        severity=ERROR,
        trigger="A block of JSON-LD does not parse.",
        why="Search engines pass over all of it.",
        mend="Have the template write it with a JSON encoder, not by hand.",
        source=_POLICIES,
        reviewed=_REVIEWED,
        check=_syntax,
        effort=MECHANICAL,
    ),
    Rule(
        id="sd.required",
        gate=INDEXABLE,
        severity=ERROR,
        trigger="An item lacks what its rich result needs.",
        why="Search engines show no rich result for it.",
        mend="Add what it lacks, if the page shows it; otherwise remove the item.",
        source=_GALLERY,
        reviewed=_REVIEWED,
        check=_required,
        effort=A_LOOK,
    ),
    Rule(
        id="sd.recommended",
        gate=INDEXABLE,
        severity=NOTICE,
        trigger="An item lacks what its rich result could show, too.",
        why="With it, the result says more.",
        mend="Add what the page shows anyway.",
        source=_GALLERY,
        reviewed=_REVIEWED,
        check=_recommended,
        effort=A_LOOK,
    ),
    Rule(
        id="sd.retired",
        gate=INDEXABLE,
        severity=NOTICE,
        trigger="An item has a type of which search engines no longer make a rich result.",
        why="It does no harm, and does nothing for search; others may still read it.",
        mend="Leave it, or remove it when the template changes anyway.",
        source=_SIMPLIFIED,
        reviewed=_REVIEWED,
        check=_retired,
        effort=MECHANICAL,
    ),
    Rule(
        id="sd.not-visible",
        gate=INDEXABLE,
        severity=WARNING,
        trigger="A price, a rating or a question in the data is not in the text that readers see.",
        why="Search engines show no rich result for what a page hides, and may take it for an attempt to deceive.",
        mend="Show it, or correct the data.",
        source=_POLICIES,
        reviewed=_REVIEWED,
        check=_not_visible,
        effort=A_LOOK,
    ),
    Rule(
        id="sd.inconsistent",
        gate=INDEXABLE,
        severity=WARNING,
        trigger="An item refers to one that is not there, or names another address for the page.",
        why="Search engines cannot put together what belongs together.",
        mend="Write the same @id in both places, and the canonical address as url.",
        source=_POLICIES,
        reviewed=_REVIEWED,
        check=_inconsistent,
        effort=MECHANICAL,
    ),
)
