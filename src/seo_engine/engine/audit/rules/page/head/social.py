"""Rules about what social networks show of a page."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from seo_engine.engine.audit.page_gates import INDEXABLE, SHOWN
from seo_engine.engine.audit.rule import MECHANICAL, NOTICE, WORDS, Fault, Rule, Thresholds
from seo_engine.engine.site.facts import Meta
from seo_engine.engine.site.page import Page
from seo_engine.foundation.texts import number_in

_OPEN_GRAPH = "https://ogp.me/"
_CARDS = "https://developer.x.com/en/docs/x-for-websites/cards/overview/abouts-cards"
_REVIEWED = datetime.date(2026, 11, 28)

_CARD_TYPES = ("summary", "summary_large_image", "app", "player")


def _values(page: Page, name: str) -> list[Meta]:
    return [meta for meta in page.facts.social if meta.name == name and meta.content.strip()]


def _has_any(page: Page) -> bool:
    """Return whether somebody has thought of social networks: a page without a word of them is the site's choice."""
    return any(meta.name.startswith("og:") for meta in page.facts.social)


def _title(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    if _has_any(page) and not _values(page, "og:title"):
        yield Fault("there is no og:title")


def _image(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    if not _has_any(page):
        return
    images = [*_values(page, "og:image"), *_values(page, "og:image:url")]
    if not images:
        yield Fault("there is no og:image")
    for meta in images:
        if not meta.content.lower().startswith(("http://", "https://")):
            yield Fault("the address of og:image is relative", meta.content, meta, "content")
    for name, side in (("og:image:width", "width"), ("og:image:height", "height")):
        least = thresholds[side]
        for meta in _values(page, name):
            pixels = number_in(meta.content.strip())
            if pixels is not None and pixels < least:
                yield Fault(f"og:image is {pixels} pixels in {side}, less than {least:g}", meta.content, meta)


def _url(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for meta in _values(page, "og:url")[:1]:
        written = meta.content.strip().rstrip("/")
        if page.canonical and "://" in page.canonical and written != page.canonical.rstrip("/"):
            yield Fault(
                f"og:url is another address than the canonical one, {page.canonical}", meta.content, meta, "content"
            )


def _card(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for meta in _values(page, "twitter:card"):
        if meta.content.strip().lower() not in _CARD_TYPES:
            yield Fault(
                f"there is no card of this type; it takes {', '.join(_CARD_TYPES)}", meta.content, meta, "content"
            )


RULES = (
    Rule(
        id="social.title",
        gate=INDEXABLE,
        severity=NOTICE,
        trigger="The page has Open Graph data without a title.",
        why="Networks then make one up.",
        mend="Add og:title, most simply the title of the page.",
        source=_OPEN_GRAPH,
        reviewed=_REVIEWED,
        check=_title,
        effort=WORDS,
    ),
    Rule(
        id="social.image",
        gate=INDEXABLE,
        severity=NOTICE,
        trigger="The page has Open Graph data without an image, or its image has a relative address or is small.",
        why="A link without a picture is passed over.",
        mend="Add og:image with the whole address of an image of 1,200 × 630 pixels.",
        source=_OPEN_GRAPH,
        reviewed=_REVIEWED,
        check=_image,
        thresholds={"width": 1200, "height": 630},
        effort=MECHANICAL,
    ),
    Rule(
        id="social.url",
        gate=SHOWN,
        severity=NOTICE,
        trigger="og:url is another address than the canonical one.",
        why="Networks then count the page as two.",
        mend="Write the canonical address into og:url.",
        source=_OPEN_GRAPH,
        reviewed=_REVIEWED,
        check=_url,
        effort=MECHANICAL,
    ),
    Rule(
        id="social.card",
        gate=SHOWN,
        severity=NOTICE,
        trigger="twitter:card names a type that there is not.",
        why="The network then shows no card.",
        mend="Write summary or summary_large_image.",
        source=_CARDS,
        reviewed=_REVIEWED,
        check=_card,
        effort=MECHANICAL,
    ),
)
