"""Rules about what a page tells search engines: to show it, and how."""

from __future__ import annotations

import datetime
import email.utils
import re
from collections.abc import Iterator

from seo_engine.engine.audit.data import dated_table
from seo_engine.engine.audit.page_gates import INDEXABLE, SHOWN
from seo_engine.engine.audit.rule import A_LOOK, ERROR, MECHANICAL, NOTICE, WARNING, Fault, Rule, Thresholds
from seo_engine.engine.site.facts import HEAD, ROBOTS, LinkElement, Meta
from seo_engine.engine.site.page import Page

_ROBOTS_TAG = "https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag"
_METADATA = "https://developers.google.com/search/docs/crawling-indexing/valid-page-metadata"
_REVIEWED = datetime.date(2026, 11, 28)

_OF_SEARCH = ("robots", "googlebot")
_NOT_INDEXED = ("noindex", "none")

# Pairs of which both cannot be meant.
_OPPOSITES = (("index", "noindex"), ("follow", "nofollow"), ("all", "none"), ("all", "noindex"), ("index", "none"))

# What Google's robots of other kinds are called.
_ROBOT_NAMES = re.compile(r"[a-z0-9-]*(?:bot|spider|crawler|slurp|google-[a-z]+)[a-z0-9-]*")


def _noindex(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for name, value in page.facts.robots:
        if name in _OF_SEARCH and value in _NOT_INDEXED:
            element = next((meta for meta in page.facts.named(name) if value in meta.content.lower()), None)
            where = "the header X-Robots-Tag" if element is None else "the page"
            yield Fault(f"{where} keeps search engines from showing this page", f"{name}: {value}", element)
            return


def _conflicting(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    told = [(name, value) for name, value in page.facts.robots if name in _OF_SEARCH]
    for allowed, refused in _OPPOSITES:
        if any(value == allowed for _, value in told) and any(value == refused for _, value in told):
            quoted = ", ".join(f"{name}: {value}" for name, value in told)
            element = next(iter(page.facts.named(*_OF_SEARCH)), None)
            yield Fault(f"robots are told {allowed} and {refused}; {refused}, which is stricter, wins", quoted, element)
            return


def _unknown(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    known = dated_table("robots_values").values
    for name, value in page.facts.robots:
        if name not in ROBOTS and not _ROBOT_NAMES.fullmatch(name):
            yield Fault("this is neither a value nor the name of a robot", f"{name}: {value}", _meta_with(page, value))
            continue
        directive, colon, given = (part.strip() for part in value.partition(":"))
        if directive in known["retired"]:
            said = f"{directive} no longer acts: {known['retired'][directive]}"
        elif directive in known["numbers"] and not re.fullmatch(r"-1|\d+", given):
            said = f"{directive} needs a number, so robots pass over it"
        elif directive in known["words"] and given not in known["words"][directive]:
            said = f"{directive} must be one of {', '.join(known['words'][directive])}, so robots pass over it"
        elif directive in (*known["numbers"], *known["words"]) or (directive in known["plain"] and not colon):
            continue
        elif directive in known["days"]:
            if _is_day(given):
                continue
            said = f"{directive} needs a day such as 2027-06-30, so robots pass over it"
        else:
            said = f"robots do not know {directive!r}, and pass over it"
        yield Fault(said, f"{name}: {value}", _meta_with(page, directive))


def _is_day(text: str) -> bool:
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        # Older forms, as in RFC 822 and RFC 850, which begin with a weekday or without one.
        return email.utils.parsedate(text) is not None
    return True


def _in_body(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    facts = page.facts
    said = f"; <{facts.first_in_body}> has ended the head" if facts.first_in_body else ""
    elements: list[tuple[str, Meta | LinkElement, str]] = [
        *(("robots", meta, meta.content) for meta in facts.named(*ROBOTS)),
        *(("canonical", link, link.written) for link in facts.canonicals),
        *(("hreflang", link, link.written) for link in facts.languages),
    ]
    for what, element, evidence in elements:
        if element.region != HEAD:
            yield Fault(f"{what} stands in the body, where search engines pass over it{said}", evidence, element)


def _indexifembedded(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    told = [value for name, value in page.facts.robots if name in _OF_SEARCH]
    if "indexifembedded" in told and not any(value in _NOT_INDEXED for value in told):
        yield Fault("indexifembedded acts only beside noindex", "indexifembedded", _meta_with(page, "indexifembedded"))


def _nosnippet(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for name, value in page.facts.robots:
        if name in _OF_SEARCH and (value == "nosnippet" or re.fullmatch(r"max-snippet:\s*0", value)):
            yield Fault(
                f"search engines may quote nothing of this page ({value})", f"{name}: {value}", _meta_with(page, value)
            )
            return
    covered = page.facts.characters_without_snippet / max(1, len(page.main_text))
    if page.main_text and covered >= thresholds["share"]:
        yield Fault(f"data-nosnippet covers {min(covered, 1):.0%} of the text, so nothing of it may be quoted")


def _meta_with(page: Page, value: str) -> Meta | None:
    return next((meta for meta in page.facts.metas if meta.named_by == "name" and value in meta.content.lower()), None)


RULES = (
    Rule(
        id="index.noindex",
        gate=SHOWN,
        severity=NOTICE,
        trigger="The page or its header tells search engines not to show it.",
        why="Nobody finds such a page; that is right for some pages, and a disaster for others.",
        mend="Remove noindex, if people should find this page.",
        source=_ROBOTS_TAG,
        reviewed=_REVIEWED,
        check=_noindex,
        effort=A_LOOK,
    ),
    Rule(
        id="index.conflicting-directives",
        gate=SHOWN,
        severity=WARNING,
        trigger="Robots are told two things that exclude each other, in the page or in the header.",
        why="Search engines take the stricter one, which may not be the one that was meant.",
        mend="Keep the one that is meant, in one place.",
        source=_ROBOTS_TAG,
        reviewed=_REVIEWED,
        check=_conflicting,
        effort=A_LOOK,
    ),
    Rule(
        id="index.unknown-directive",
        gate=SHOWN,
        severity=NOTICE,
        trigger="Robots are told something that they do not know, or no longer obey.",
        why="It has no effect, so whoever wrote it waits for one in vain.",
        mend="Correct the spelling, or remove it.",
        source=_ROBOTS_TAG,
        reviewed=_REVIEWED,
        check=_unknown,
        effort=MECHANICAL,
    ),
    Rule(
        id="index.directive-in-body",
        gate=SHOWN,
        severity=ERROR,
        trigger="Robots, canonical or hreflang stand below an element that has ended the head.",
        why="Search engines pass over them there.",
        mend="Move the element that ends the head, such as <img> or <div>, into the body.",
        source=_METADATA,
        reviewed=_REVIEWED,
        check=_in_body,
        effort=MECHANICAL,
    ),
    Rule(
        id="index.indexifembedded",
        gate=SHOWN,
        severity=NOTICE,
        trigger="indexifembedded stands without noindex.",
        why="It acts only beside noindex.",
        mend="Add noindex, or remove indexifembedded.",
        source=_ROBOTS_TAG,
        reviewed=_REVIEWED,
        check=_indexifembedded,
        effort=MECHANICAL,
    ),
    Rule(
        id="index.nosnippet",
        gate=INDEXABLE,
        severity=WARNING,
        trigger="Search engines may quote nothing of the page, or nearly nothing.",
        why="Its search result has no text, and it is left out of AI Overviews and AI Mode.",
        mend="Remove nosnippet or data-nosnippet, or allow a length with max-snippet.",
        source=_ROBOTS_TAG,
        reviewed=_REVIEWED,
        check=_nosnippet,
        thresholds={"share": 0.9},
        effort=A_LOOK,
    ),
)
