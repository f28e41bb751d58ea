"""Rules about the title of a page."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from seo_engine.engine.audit.page_gates import INDEXABLE, SHOWN
from seo_engine.engine.audit.rule import ERROR, HEURISTIC, MECHANICAL, NOTICE, WARNING, WORDS, Fault, Rule, Thresholds
from seo_engine.engine.audit.structured_items import items_of
from seo_engine.engine.site.facts import HEAD, Title
from seo_engine.engine.site.page import Page
from seo_engine.engine.snippet_limits import TITLE_LETTER_PIXELS, TITLE_PIXELS
from seo_engine.engine.text.pixel_width import pixel_width

_TITLE_LINKS = "https://developers.google.com/search/docs/appearance/title-link"
_REVIEWED = datetime.date(2026, 11, 28)

# Between the parts of a title; as many make it a list of words to be found by.
_SEPARATORS = re.compile(r"\s[|·•–—-]\s|\s*[|·•,]\s*")

# What programs leave where a title should be.
_PLACEHOLDER = re.compile(
    r"untitled( document| page)?|(new|home) ?page|document|title|page title|react app|vite \+ \w+|create next app"
    r"|lorem ipsum.*|todo|index|\{\{.*\}\}|undefined|null|\[object object\]",
    re.IGNORECASE,
)
# A name or a command may be written in capitals; a sentence is not.
_FEWEST_WORDS_IN_CAPITALS = 4
_YEAR = re.compile(r"\b20[0-9]{2}\b")


def _titles(page: Page) -> tuple[Title, ...]:
    """Return the titles that browsers may take: not those of pictures, which stand in the body."""
    return tuple(title for title in page.facts.titles if title.region == HEAD)


def _missing(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    if page.title:
        return
    titles = page.facts.titles
    if titles:
        yield Fault("the title is empty", element=titles[0])
    else:
        yield Fault("there is no title")


def _multiple(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    titles = _titles(page)
    if len(titles) > thresholds["titles"]:
        shown = titles[int(thresholds["titles"])]
        yield Fault(f"there are {len(titles)} titles in the head; search engines take the first", shown.text, shown)


def _too_long(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    width = pixel_width(page.title, TITLE_LETTER_PIXELS)
    if width > thresholds["pixels"]:
        said = f"the title is {width:.0f} pixels wide, more than {thresholds['pixels']:g}: search engines may cut it"
        yield Fault(said, page.title, _shown(page))


def _too_short(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    width = pixel_width(page.title, TITLE_LETTER_PIXELS)
    if page.title and width < thresholds["pixels"]:
        said = f"the title is {width:.0f} pixels wide, less than {thresholds['pixels']:g}: there is room to say more"
        yield Fault(said, page.title, _shown(page))


def _same_as_heading(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    if page.title and page.title.casefold() == page.main_heading.casefold():
        yield Fault("the title says the same as the main heading", page.title, _shown(page))


def _rewritten_risk(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    title = page.title
    if _PLACEHOLDER.fullmatch(title.strip()):
        yield Fault("the title is a placeholder", title, _shown(page))
    elif len(title.split()) >= _FEWEST_WORDS_IN_CAPITALS and title == title.upper() != title.lower():
        yield Fault("the title is all in capitals", title, _shown(page))
    elif len(_SEPARATORS.findall(title)) >= thresholds["separators"]:
        yield Fault("the title is a list of words", title, _shown(page))
    elif (years := _YEAR.findall(title)) and (changed := _year_of_change(page)) > int(max(years)):
        yield Fault(
            f"the title says {max(years)}, and the page says that it was changed in {changed}", title, _shown(page)
        )


def _year_of_change(page: Page) -> int:
    """Return the year in which the page says that it was last changed; 0 if it does not say."""
    written = [str(item.properties.get("dateModified", "")) for item in items_of(page.facts)]
    years = [int(text[:4]) for text in written if re.match(r"20[0-9]{2}-", text)]
    return max(years, default=0)


def _shown(page: Page) -> Title | None:
    return next((title for title in page.facts.titles if title.text == page.title), None)


RULES = (
    Rule(
        id="title.missing",
        gate=INDEXABLE,
        severity=ERROR,
        trigger="The page has no title, or an empty one.",
        why="Search engines make up a title from the page, and people see an address in their tabs and bookmarks.",
        mend="Write a title that says what this page is about.",
        source=_TITLE_LINKS,
        reviewed=_REVIEWED,
        check=_missing,
        effort=WORDS,
    ),
    Rule(
        id="title.multiple",
        gate=SHOWN,
        severity=WARNING,
        trigger="The head has more than one title.",
        why="Browsers and search engines take the first, which may not be the one that was meant.",
        mend="Remove all titles but one, most likely from the template or a plug-in.",
        source=_TITLE_LINKS,
        reviewed=_REVIEWED,
        check=_multiple,
        thresholds={"titles": 1},
        effort=MECHANICAL,
    ),
    Rule(
        id="title.too-long",
        gate=INDEXABLE,
        severity=NOTICE,
        trigger="The title is wider than the column of search results.",
        why="Search engines cut what does not fit, so its end is not read.",
        mend="Say the most important first, and shorten the rest.",
        source=HEURISTIC,
        reviewed=_REVIEWED,
        check=_too_long,
        thresholds={"pixels": TITLE_PIXELS[1]},
        effort=WORDS,
    ),
    Rule(
        id="title.too-short",
        gate=INDEXABLE,
        severity=NOTICE,
        trigger="The title takes less than a third of the column of search results.",
        why="People decide by the title whether to come, and there is room to say more.",
        mend="Say what this page has that others do not.",
        source=HEURISTIC,
        reviewed=_REVIEWED,
        check=_too_short,
        thresholds={"pixels": TITLE_PIXELS[0]},
        effort=WORDS,
    ),
    Rule(
        id="title.same-as-h1",
        gate=INDEXABLE,
        severity=NOTICE,
        trigger="The title is the same as the main heading.",
        why="The title stands alone in search results, where more may help; many sites do well without.",
        mend="Add to the title what people need to know before they see the page.",
        source=HEURISTIC,
        reviewed=_REVIEWED,
        check=_same_as_heading,
        effort=WORDS,
        is_on=False,
    ),
    Rule(
        id="title.rewritten-risk",
        gate=INDEXABLE,
        severity=NOTICE,
        trigger="The title is a placeholder, a list of words, all in capitals, or of an earlier year than the page.",
        why="Search engines replace such titles by words of the page.",
        mend="Write the title as one phrase that a person would say.",
        source=_TITLE_LINKS,
        reviewed=_REVIEWED,
        check=_rewritten_risk,
        thresholds={"separators": 4},
        effort=WORDS,
    ),
)
