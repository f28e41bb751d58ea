"""Rules about the images of a page, as far as the page alone tells."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from urllib.parse import unquote

from seo_engine.engine.audit.page_gates import SHOWN
from seo_engine.engine.audit.rule import MECHANICAL, NOTICE, WARNING, WORDS, Fault, Rule, Thresholds
from seo_engine.engine.site.document.addresses import split_address
from seo_engine.engine.site.facts import MAIN, ImageElement
from seo_engine.engine.site.page import Page

_IMAGES = "https://developers.google.com/search/docs/appearance/google-images"
_ALTERNATIVES = "https://www.w3.org/WAI/tutorials/images/decision-tree/"
_LAYOUT_SHIFT = "https://web.dev/articles/optimize-cls#images-without-dimensions"
_LAZY = "https://web.dev/articles/lcp-lazy-loading"
_REVIEWED = datetime.date(2026, 11, 28)

_FILE_NAME = re.compile(r"[^\s/]+\.(?:avif|bmp|gif|jpe?g|png|svg|tiff?|webp)", re.IGNORECASE)
_NUMBERED = re.compile(r"(?:img|dsc|image|photo|screenshot|picture)?[\s_-]*\d{2,}", re.IGNORECASE)

# A picture of a point in size, which counts visits.
_TINY = ("0", "1", "0px", "1px")


def _is_shown(image: ImageElement) -> bool:
    attributes = image.attributes
    is_tiny = attributes.get("width", "").strip() in _TINY and attributes.get("height", "").strip() in _TINY
    return not is_tiny and "hidden" not in attributes and attributes.get("aria-hidden") != "true"


def _is_decoration(image: ImageElement) -> bool:
    return image.attributes.get("role", "").lower() in ("presentation", "none")


def _alt_missing(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for image in page.facts.images:
        if image.alternative_text is not None or not _is_shown(image) or _is_decoration(image):
            continue
        if not any(image.attributes.get(name) for name in ("aria-label", "aria-labelledby", "title")):
            yield Fault("an image has no alternative text (alt)", _source(image), image)


def _alt_quality(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    shown: dict[str, str] = {}
    for image in page.facts.images:
        text = (image.alternative_text or "").strip()
        if not text or not _is_shown(image):
            continue
        if _FILE_NAME.fullmatch(text) or _NUMBERED.fullmatch(text):
            yield Fault("the alternative text of an image is the name of a file", text, image)
        elif len(text) > thresholds["characters"]:
            yield Fault(f"the alternative text of an image is {len(text)} characters long", text, image)
        elif len(text.split()) > 1 and shown.setdefault(text, image.address) != image.address:
            yield Fault("two different images have the same alternative text", text, image)


def _size(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for image in page.facts.images:
        attributes = image.attributes
        if not image.address or image.address.startswith("data:") or not _is_shown(image):
            continue
        has_size = bool(attributes.get("width")) and bool(attributes.get("height"))
        style = attributes.get("style", "").replace(" ", "").lower()
        if not has_size and "aspect-ratio:" not in style and not ("width:" in style and "height:" in style):
            yield Fault("an image has no width and height", _source(image), image)


def _lazy_first(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    in_main = [image for image in page.facts.images if image.region == MAIN and _is_shown(image)]
    first = in_main[0] if in_main else None
    if first is None:
        return
    if first.attributes.get("loading", "").lower() == "lazy":
        yield Fault("the first image of the content waits (loading=lazy)", _source(first), first)
    elif not first.attributes.get("src") and not first.attributes.get("srcset") and first.address:
        yield Fault("the first image of the content waits for a script", _source(first), first)


def _source(image: ImageElement) -> str:
    return PurePosixPath(unquote(split_address(image.address).path)).name or image.address[:100]


RULES = (
    Rule(
        id="img.alt-missing",
        gate=SHOWN,
        severity=WARNING,
        trigger='An image has no attribute alt; alt="" is right for decoration.',
        why="Screen readers read out its file name, and image search knows nothing of it.",
        mend='Say in alt what the image shows; write alt="" if it is decoration.',
        source=_IMAGES,
        reviewed=_REVIEWED,
        check=_alt_missing,
        effort=WORDS,
    ),
    Rule(
        id="img.alt-quality",
        gate=SHOWN,
        severity=NOTICE,
        trigger="An alternative text is the name of a file, is very long, or is that of another image, too.",
        why="It does not tell a reader what this image shows.",
        mend="Say in a phrase what this image shows here.",
        source=_ALTERNATIVES,
        reviewed=_REVIEWED,
        check=_alt_quality,
        thresholds={"characters": 125},
        effort=WORDS,
    ),
    Rule(
        id="img.size-attributes",
        gate=SHOWN,
        severity=NOTICE,
        trigger="An image has neither width and height nor an aspect ratio of its own; a style sheet may give it one.",
        why="The text jumps when the image arrives.",
        mend="Write width and height in pixels; the style sheet may still make it smaller.",
        source=_LAYOUT_SHIFT,
        reviewed=_REVIEWED,
        check=_size,
        effort=MECHANICAL,
    ),
    Rule(
        id="img.lazy-first",
        gate=SHOWN,
        severity=WARNING,
        trigger="The first image of the content is loaded late, by loading=lazy or by a script.",
        why="It is often the largest thing that a reader waits for.",
        mend="Remove loading=lazy from it, and write its address into src.",
        source=_LAZY,
        reviewed=_REVIEWED,
        check=_lazy_first,
        effort=MECHANICAL,
    ),
)
