"""Rules about the description of a page."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from seo_engine.engine.audit.page_gates import INDEXABLE, SHOWN
from seo_engine.engine.audit.rule import HEURISTIC, MECHANICAL, NOTICE, WARNING, WORDS, Fault, Rule, Thresholds
from seo_engine.engine.site.facts import HEAD, Meta
from seo_engine.engine.site.page import Page
from seo_engine.engine.snippet_limits import DESCRIPTION_LETTER_PIXELS, DESCRIPTION_PIXELS
from seo_engine.engine.text.pixel_width import pixel_width

_SNIPPETS = "https://developers.google.com/search/docs/appearance/snippet"
_REVIEWED = datetime.date(2026, 11, 28)


def _missing(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    if page.description:
        return
    descriptions = page.facts.descriptions
    if descriptions:
        yield Fault("the description is empty", element=descriptions[0])
    else:
        yield Fault("there is no description")


def _multiple(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    descriptions = [meta for meta in page.facts.descriptions if meta.content and meta.region == HEAD]
    if len(descriptions) > 1:
        second = descriptions[1]
        yield Fault(f"there are {len(descriptions)} descriptions in the head", second.content, second)


def _too_long(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    width, most = pixel_width(page.description, DESCRIPTION_LETTER_PIXELS), thresholds["pixels"]
    if width > most:
        said = f"the description is {width:.0f} pixels wide, more than {most:g}: search engines may cut it"
        yield Fault(said, page.description, _shown(page))


def _too_short(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    width, least = pixel_width(page.description, DESCRIPTION_LETTER_PIXELS), thresholds["pixels"]
    if page.description and width < least:
        said = f"the description is {width:.0f} pixels wide, less than {least:g}: there is room to say more"
        yield Fault(said, page.description, _shown(page))


def _equals_title(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    description = page.description.casefold()
    for same, what in ((page.title, "title"), (page.main_heading, "main heading")):
        if description and description == same.casefold():
            yield Fault(f"the description says the same as the {what}", page.description, _shown(page))
            return


def _shown(page: Page) -> Meta | None:
    return next((meta for meta in page.facts.descriptions if meta.content == page.description), None)


RULES = (
    Rule(
        id="description.missing",
        gate=INDEXABLE,
        severity=WARNING,
        trigger="The page has no meta description, or an empty one.",
        why="Search engines then show a passage that they choose, which may be a menu or a notice.",
        mend="Write one or two sentences that say what a reader finds here.",
        source=_SNIPPETS,
        reviewed=_REVIEWED,
        check=_missing,
        effort=WORDS,
    ),
    Rule(
        id="description.multiple",
        gate=SHOWN,
        severity=WARNING,
        trigger="The head has more than one meta description that is not empty.",
        why="Nobody knows which one search engines take.",
        mend="Remove all but one, most likely from the template or a plug-in.",
        source=_SNIPPETS,
        reviewed=_REVIEWED,
        check=_multiple,
        effort=MECHANICAL,
    ),
    Rule(
        id="description.too-long",
        gate=INDEXABLE,
        severity=NOTICE,
        trigger="The description is wider than the two lines that search results have for it.",
        why="Search engines cut what does not fit, so its end is not read.",
        mend="Say the most important first, and shorten the rest.",
        source=HEURISTIC,
        reviewed=_REVIEWED,
        check=_too_long,
        thresholds={"pixels": DESCRIPTION_PIXELS[1]},
        effort=WORDS,
    ),
    Rule(
        id="description.too-short",
        gate=INDEXABLE,
        severity=NOTICE,
        trigger="The description takes less than half of the room that search results have for it.",
        why="People decide by it whether to come, and search engines replace what says too little.",
        mend="Say what a reader finds here and nowhere else.",
        source=HEURISTIC,
        reviewed=_REVIEWED,
        check=_too_short,
        thresholds={"pixels": DESCRIPTION_PIXELS[0]},
        effort=WORDS,
    ),
    Rule(
        id="description.equals-title",
        gate=INDEXABLE,
        severity=NOTICE,
        trigger="The description is the same as the title or the main heading.",
        why="A search result then says one thing twice, where it could say two.",
        mend="Write what the title does not say.",
        source=_SNIPPETS,
        reviewed=_REVIEWED,
        check=_equals_title,
        effort=WORDS,
    ),
)
