"""Hints of what makes a page slow: what stands in it, not what readers measure."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from seo_engine.engine.audit.page_gates import SHOWN
from seo_engine.engine.audit.rule import A_LOOK, ERROR, MECHANICAL, NOTICE, WARNING, Fault, Rule, Thresholds
from seo_engine.engine.site.facts import HEAD
from seo_engine.engine.site.page import Page

_MOBILE = "https://developers.google.com/search/docs/crawling-indexing/mobile/mobile-sites-mobile-first-indexing"
_BLOCKING = "https://web.dev/articles/critical-rendering-path/adding-interactivity-with-javascript"
_FONTS = "https://web.dev/articles/font-best-practices"
_PRELOAD = "https://web.dev/articles/preload-critical-assets"
_DOM = "https://developer.chrome.com/docs/lighthouse/performance/dom-size"
_REVIEWED = datetime.date(2026, 11, 28)

# Scripts of these types are data, or wait by themselves.
_WAITING_TYPES = ("module", "application/json", "application/ld+json", "importmap", "speculationrules", "text/template")

_ZOOM_OFF = re.compile(r"user-scalable\s*=\s*(?:no|0)\b|maximum-scale\s*=\s*1(?:\.0*)?\b", re.IGNORECASE)
_FONT_FACE = re.compile(r"@font-face\s*\{", re.IGNORECASE)


def _render_blocking(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for code in page.facts.codes:
        if code.tag != "script" or code.region != HEAD or not code.address:
            continue
        waits = any(name in code.attributes for name in ("async", "defer", "nomodule"))
        if not waits and code.attributes.get("type", "").lower() not in _WAITING_TYPES:
            yield Fault("a script in the head holds up the page", code.attributes.get("src", ""), code, "src")


def _viewport(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    written = page.facts.viewport
    if written is None:
        yield Fault("the page does not say how small screens are to show it")
        return
    element = page.facts.named("viewport")[0]
    if "width" not in written.lower() and "initial-scale" not in written.lower():
        yield Fault("the viewport has neither width nor initial-scale", written, element, "content")
    elif _ZOOM_OFF.search(written):
        yield Fault("readers cannot zoom", written, element, "content", severity=NOTICE)


def _dom_size(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    count = page.facts.size.elements
    if count > thresholds["elements"]:
        severity = WARNING if count > thresholds["many-elements"] else ""
        yield Fault(f"the page has {count:,} elements", severity=severity)


def _font_display(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for code in page.facts.codes:
        if code.tag == "style" and _FONT_FACE.search(code.beginning) and "font-display" not in code.beginning.lower():
            yield Fault("fonts of this page do not say what to show until they arrive (font-display)", element=code)
    for link in page.facts.related("stylesheet"):
        if "fonts.googleapis.com" in link.address and "display=" not in link.address:
            yield Fault("this style sheet of fonts is asked for without display=swap", link.written, link, "href")


def _preload_unused(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for link in page.facts.related("preload"):
        kind = link.attributes.get("as", "").lower()
        if not kind:
            yield Fault(
                "a preload does not say of which kind the file is (as), so it is loaded twice",
                link.written,
                link,
                "href",
            )
        elif kind == "font" and "crossorigin" not in link.attributes:
            yield Fault("a preload of a font lacks crossorigin, so it is loaded twice", link.written, link, "href")
        elif kind == "image" and link.address and not _shows(page, link.address):
            yield Fault("a preloaded image is not on the page", link.written, link, "href")


def _shows(page: Page, address: str) -> bool:
    """Return whether an image is on the page; one that styles may show counts as shown."""
    if any(
        address == image.address or any(address in source for source in image.sources) for image in page.facts.images
    ):
        return True
    # A style sheet may show it as a background, and so may a script.
    return any(code.tag == "style" for code in page.facts.codes) or bool(page.facts.related("stylesheet"))


RULES = (
    Rule(
        id="perf.viewport",
        gate=SHOWN,
        severity=ERROR,
        trigger="The page does not say how small screens are to show it, or forbids to zoom.",
        why="Phones show it as wide as a desk, too small to read, and search engines look at it as a phone does.",
        mend='Add <meta name="viewport" content="width=device-width, initial-scale=1">.',
        source=_MOBILE,
        reviewed=_REVIEWED,
        check=_viewport,
        effort=MECHANICAL,
    ),
    Rule(
        id="perf.render-blocking",
        gate=SHOWN,
        severity=NOTICE,
        trigger="A script in the head is neither async nor defer.",
        why="The browser shows nothing until it has loaded and run it; what readers wait, only field data tell.",
        mend="Add defer.",
        source=_BLOCKING,
        reviewed=_REVIEWED,
        check=_render_blocking,
        effort=A_LOOK,
    ),
    Rule(
        id="perf.dom-size",
        gate=SHOWN,
        severity=NOTICE,
        trigger="The page has thousands of elements.",
        why="Each change of such a page takes long; what readers wait, only field data tell.",
        mend="Show parts of it on demand, or split it.",
        source=_DOM,
        reviewed=_REVIEWED,
        check=_dom_size,
        thresholds={"elements": 1500, "many-elements": 3000},
        effort=A_LOOK,
    ),
    Rule(
        id="perf.font-display",
        gate=SHOWN,
        severity=NOTICE,
        trigger="Fonts do not say what to show until they arrive.",
        why="Readers see no text meanwhile.",
        mend="Add font-display: swap.",
        source=_FONTS,
        reviewed=_REVIEWED,
        check=_font_display,
        effort=MECHANICAL,
    ),
    Rule(
        id="perf.preload-unused",
        gate=SHOWN,
        severity=NOTICE,
        trigger="A file is loaded ahead and then not used, or loaded twice.",
        why="It takes the place of what readers wait for.",
        mend="Remove the preload, or give it the kind (as) and crossorigin of the use.",
        source=_PRELOAD,
        reviewed=_REVIEWED,
        check=_preload_unused,
        effort=MECHANICAL,
    ),
)
