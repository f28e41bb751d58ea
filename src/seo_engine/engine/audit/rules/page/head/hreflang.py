"""Rules about the links of a page to itself in other languages (`hreflang`)."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from seo_engine.engine.audit.data import dated_table
from seo_engine.engine.audit.page_gates import INDEXABLE, SHOWN
from seo_engine.engine.audit.rule import ERROR, MECHANICAL, NOTICE, WARNING, Fault, Rule, Thresholds
from seo_engine.engine.site.facts import HEAD, LinkElement
from seo_engine.engine.site.page import Page

_LOCALIZED = "https://developers.google.com/search/docs/specialty/international/localized-versions"
_REVIEWED = datetime.date(2026, 11, 28)

_DEFAULT = "x-default"


def _links(page: Page) -> list[LinkElement]:
    return [link for link in page.facts.languages if link.region == HEAD]


def _code(link: LinkElement) -> str:
    return link.attributes["hreflang"].strip().lower()


def _unknown_code(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for link in _links(page):
        code = _code(link)
        if code != _DEFAULT and (said := _what_is_wrong(code)):
            yield Fault(said, link.attributes["hreflang"], link, "hreflang")


def _what_is_wrong(code: str) -> str:
    """Return what is wrong with a code; empty if nothing is."""
    known = dated_table("hreflang_codes").values
    if "_" in code:
        return f"{code!r} is written with a hyphen"
    language, *rest = code.split("-")
    if language not in known["languages"]:
        meant = known["meant_languages"].get(language)
        return f"there is no language {language!r} (ISO 639-1){f'; {meant}' if meant else ''}"
    if rest and rest[0] in known["scripts"]:
        rest = rest[1:]
    if len(rest) > 1:
        return f"{code!r} has more parts than language, script and region"
    if rest and rest[0] not in known["regions"]:
        meant = known["meant_regions"].get(rest[0])
        return f"there is no region {rest[0]!r} (ISO 3166-1){f'; {meant}' if meant else ''}"
    return ""


def _self(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    links = _links(page)
    own = {_comparable(page.url), _comparable(page.canonical)}
    # Where nobody knows the page's address, its canonical one is the only one to find among the links.
    if not links or (not page.canonical and "://" not in page.url):
        return
    if not any(_comparable(link.address) in own for link in links):
        yield Fault("the page names itself in other languages, and not in its own", page.language, links[0])


def _comparable(address: str) -> str:
    return address.partition("#")[0].rstrip("/")


def _no_default(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    links = _links(page)
    if links and not any(_code(link) == _DEFAULT for link in links):
        yield Fault("there is no page for readers of any other language (x-default)", element=links[0])


def _conflict(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    targets: dict[str, str] = {}
    for link in _links(page):
        code, target = _code(link), _comparable(link.address or link.written)
        if targets.setdefault(code, target) != target:
            yield Fault(f"{code} leads to two pages, also to {targets[code]}", link.written, link, "href")
    languages = {code.partition("-")[0] for code, target in targets.items() if target == _comparable(page.url)}
    own = page.language.lower().partition("-")[0]
    if own and languages - {"x", own} and own not in languages:
        named = sorted(languages - {"x"})[0]
        yield Fault(f"the page says that it is in {own!r}, and its link to itself says {named!r}", page.language)


RULES = (
    Rule(
        id="hreflang.code",
        gate=SHOWN,
        severity=ERROR,
        trigger="A link names a language or a region that there is not.",
        why="Search engines pass over the link.",
        mend="Write the language as ISO 639-1 has it, and the region as ISO 3166-1: en-gb.",
        source=_LOCALIZED,
        reviewed=_REVIEWED,
        check=_unknown_code,
        effort=MECHANICAL,
    ),
    Rule(
        id="hreflang.self",
        gate=INDEXABLE,
        severity=WARNING,
        trigger="The page links to itself in other languages, and not to itself.",
        why="Each language must name all of them, itself included; otherwise search engines may pass over the links.",
        mend="Add a link with the page's own language and address.",
        source=_LOCALIZED,
        reviewed=_REVIEWED,
        check=_self,
        effort=MECHANICAL,
    ),
    Rule(
        id="hreflang.x-default",
        gate=INDEXABLE,
        severity=NOTICE,
        trigger="No link says which page is for readers of any other language.",
        why="Search engines then choose one for them.",
        mend='Add a link with hreflang="x-default".',
        source=_LOCALIZED,
        reviewed=_REVIEWED,
        check=_no_default,
        effort=MECHANICAL,
    ),
    Rule(
        id="hreflang.conflict",
        gate=SHOWN,
        severity=WARNING,
        trigger="One language leads to two pages, or the page's own language is another than its link to itself says.",
        why="Search engines cannot tell which one is meant.",
        mend="Keep one link for each language, and the language that the page is in.",
        source=_LOCALIZED,
        reviewed=_REVIEWED,
        check=_conflict,
        effort=MECHANICAL,
    ),
)
