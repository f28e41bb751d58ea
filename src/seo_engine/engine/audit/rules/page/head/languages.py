"""Rules about the language and the encoding of a page."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from seo_engine.engine.audit.data import dated_table
from seo_engine.engine.audit.page_gates import SHOWN
from seo_engine.engine.audit.rule import A_LOOK, MECHANICAL, WARNING, Fault, Rule, Thresholds
from seo_engine.engine.site.page import Page
from seo_engine.engine.text.language import detect_language
from seo_engine.engine.text.words import length_of

_WCAG = "https://www.w3.org/WAI/WCAG22/Understanding/language-of-page.html"
_HTML = "https://html.spec.whatwg.org/multipage/semantics.html#charset"
_REVIEWED = datetime.date(2026, 11, 28)

# A language tag as BCP 47 has it: language, extended languages, script, region, variants, extensions, private use.
# Source: https://www.rfc-editor.org/rfc/rfc5646#section-2.1
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-[a-z]{3}){0,3}(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|\d{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|\d[a-z0-9]{3}))*(?:-[a-wy-z0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"
    r"|x(?:-[a-z0-9]{1,8})+|i-[a-z0-9]{2,8}(?:-[a-z0-9]{2,8})*",
    re.IGNORECASE,
)

# Languages that one and the same text may be in, as far as anybody can tell.
_ALIKE = ({"no", "nb", "nn", "da"}, {"hr", "sr", "bs", "sh", "me"}, {"id", "ms"}, {"cs", "sk"}, {"gl", "pt", "es"})


def _missing(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    if not page.language:
        yield Fault("the page does not say in which language it is")


def _invalid(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    if not page.language:
        return
    match = _TAG.fullmatch(page.language)
    language = match["language"].lower() if match and match["language"] else ""
    codes = dated_table("hreflang_codes").values
    if match is None:
        hint = "; it is written with a hyphen" if "_" in page.language else ""
        yield Fault(f"this is not a language tag{hint}", page.language)
    elif len(language) == 2 and language not in codes["languages"]:
        meant = codes["meant_languages"].get(language)
        yield Fault(f"there is no language {language!r}{f'; {meant}' if meant else ''}", page.language)


def _mismatch(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    match = _TAG.fullmatch(page.language) if page.language else None
    if match is None or not match["language"]:
        return
    length = length_of(page.main_text)
    # A character of a script without spaces says as much as a part of a word.
    if length.words + length.characters / 2 < thresholds["words"]:
        return
    declared, detected = match["language"].lower(), detect_language(page.main_text)
    if detected is None or detected.confidence < thresholds["confidence"] or detected.code == declared:
        return
    if len(declared) != len(detected.code) or any({declared, detected.code} <= alike for alike in _ALIKE):
        return
    said = f"the page says that it is in {declared!r}, and its text is in {detected.code!r}"
    yield Fault(said, page.main_text[:100])


def _charset(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    encoding = page.facts.encoding
    if not encoding.declared:
        # Where every character is one of ASCII, all encodings agree.
        if not f"{page.title}{page.description}{page.main_text}".isascii():
            yield Fault(f"the page does not say in which encoding it is; it was read as {encoding.used}")
    elif encoding.declared_in == "late meta":
        yield Fault(
            "the page names its encoding behind its first 1,024 bytes, too late for browsers", encoding.declared
        )
    elif not encoding.agrees:
        yield Fault(f"the page says {encoding.declared!r}, and is {encoding.used}", encoding.declared)
    elif encoding.replaced:
        yield Fault(f"{encoding.replaced} characters are none in {encoding.declared}", encoding.declared)


RULES = (
    Rule(
        id="lang.missing",
        gate=SHOWN,
        severity=WARNING,
        trigger="The page does not name its language.",
        why="Screen readers then read it with the wrong voice, and browsers offer the wrong translation.",
        mend='Add the language to the first element, as <html lang="en">.',
        source=_WCAG,
        reviewed=_REVIEWED,
        check=_missing,
        effort=MECHANICAL,
    ),
    Rule(
        id="lang.invalid",
        gate=SHOWN,
        severity=WARNING,
        trigger="The page names a language that there is not.",
        why="Browsers and screen readers take it for no language.",
        mend="Write a tag as BCP 47 has it: en, en-GB, zh-Hans.",
        source="https://www.rfc-editor.org/rfc/rfc5646",
        reviewed=_REVIEWED,
        check=_invalid,
        effort=MECHANICAL,
    ),
    Rule(
        id="lang.mismatch",
        gate=SHOWN,
        severity=WARNING,
        trigger="The text of the page is in another language than it says.",
        why="Screen readers read it with the wrong voice, and browsers offer no translation.",
        mend="Correct the language of the template, or translate the page.",
        source=_WCAG,
        reviewed=_REVIEWED,
        check=_mismatch,
        thresholds={"confidence": 0.95, "words": 50},
        effort=A_LOOK,
    ),
    Rule(
        id="charset.wrong",
        gate=SHOWN,
        severity=WARNING,
        trigger="The page does not say its encoding, says it too late, or says another one.",
        why="Browsers then guess, and show wrong characters to some readers.",
        mend='Save the page as UTF-8, and begin its head with <meta charset="utf-8">.',
        source=_HTML,
        reviewed=_REVIEWED,
        check=_charset,
        effort=MECHANICAL,
    ),
)
