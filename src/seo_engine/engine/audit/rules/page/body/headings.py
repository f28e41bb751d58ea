"""Rules about the headings of a page."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator

from seo_engine.engine.audit.page_gates import SHOWN
from seo_engine.engine.audit.rule import A_LOOK, HEURISTIC, NOTICE, WARNING, WORDS, Fault, Rule, Thresholds
from seo_engine.engine.site.facts import MAIN, Heading
from seo_engine.engine.site.page import Page

_STRUCTURE = "https://www.w3.org/WAI/WCAG22/Understanding/info-and-relationships.html"
_REVIEWED = datetime.date(2026, 11, 28)


def _shown(page: Page) -> list[Heading]:
    return [heading for heading in page.facts.headings if not heading.is_hidden]


def _missing(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    first = [heading for heading in _shown(page) if heading.level == 1]
    if any(heading.text for heading in first):
        return
    if first:
        yield Fault("the main heading (h1) is empty", element=first[0])
    else:
        yield Fault("there is no main heading (h1)")


def _multiple(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    first = [heading for heading in _shown(page) if heading.level == 1 and heading.text]
    if len(first) > thresholds["headings"]:
        second = first[int(thresholds["headings"])]
        yield Fault(f"there are {len(first)} main headings (h1)", second.text, second)


def _skip(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    # Those of menus and boxes beside the text are no part of its outline.
    outline = [heading for heading in _shown(page) if heading.text]
    in_main = [heading for heading in outline if heading.region == MAIN]
    for before, heading in itertools.pairwise(in_main or outline):
        if heading.level - before.level > thresholds["levels"] and before.region == heading.region:
            yield Fault(f"h{heading.level} follows h{before.level}: the outline skips a level", heading.text, heading)


def _empty(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for heading in _shown(page):
        # A page without a main heading has a rule of its own.
        if not heading.text and heading.level > 1:
            yield Fault(f"a heading (h{heading.level}) is empty", element=heading)


RULES = (
    Rule(
        id="h1.missing",
        gate=SHOWN,
        severity=WARNING,
        trigger="The page has no main heading (h1) with a text or an image that has an alternative text.",
        why="Readers, screen readers and search engines take it for what the page is about.",
        mend="Make the text that names the page an h1.",
        source=HEURISTIC,
        reviewed=_REVIEWED,
        check=_missing,
        effort=A_LOOK,
    ),
    Rule(
        id="h1.multiple",
        gate=SHOWN,
        severity=NOTICE,
        trigger="The page has more than one main heading (h1).",
        why="One main heading says best what a page is about; search engines have no problem with several.",
        mend="Keep the one that names the page, and make the others h2.",
        source=HEURISTIC,
        reviewed=_REVIEWED,
        check=_multiple,
        thresholds={"headings": 1},
        effort=A_LOOK,
        is_on=False,
    ),
    Rule(
        id="headings.skip",
        gate=SHOWN,
        severity=NOTICE,
        trigger="A heading is more than one level below the one before it.",
        why="Who reads with a screen reader goes by the outline, and looks for the part that is not there.",
        mend="Give the heading the next level, and its size by the style sheet.",
        source=_STRUCTURE,
        reviewed=_REVIEWED,
        check=_skip,
        thresholds={"levels": 1},
        effort=A_LOOK,
    ),
    Rule(
        id="headings.empty",
        gate=SHOWN,
        severity=NOTICE,
        trigger="A heading has neither a text nor an image with an alternative text.",
        why="Screen readers announce a heading that says nothing.",
        mend="Write the heading, or remove the element.",
        source=_STRUCTURE,
        reviewed=_REVIEWED,
        check=_empty,
        effort=WORDS,
    ),
)
