"""Rules about the canonical address that a page names."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from seo_engine.engine.audit.page_gates import INDEXABLE, SHOWN
from seo_engine.engine.audit.rule import A_LOOK, ERROR, MECHANICAL, NOTICE, WARNING, Fault, Rule, Thresholds
from seo_engine.engine.site.document.addresses import split_address
from seo_engine.engine.site.facts import HEAD, LinkElement
from seo_engine.engine.site.page import Page

_CONSOLIDATE = "https://developers.google.com/search/docs/crawling-indexing/consolidate-duplicate-urls"
_RENDERING = "https://developers.google.com/search/docs/crawling-indexing/javascript/javascript-seo-basics"
_REVIEWED = datetime.date(2026, 11, 28)

# With one of these, a canonical link is none for search engines.
_IGNORED_WITH = ("hreflang", "lang", "media", "type")


def _named(page: Page) -> list[LinkElement]:
    """Return the canonical links that search engines look at."""
    return [link for link in page.facts.canonicals if link.region == HEAD and not _ignored_attributes(link)]


def _ignored_attributes(link: LinkElement) -> list[str]:
    return [name for name in _IGNORED_WITH if name in link.attributes]


def _missing(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    # Without parameters, an address that nobody else answers at needs none.
    if page.canonical or page.facts.response.canonicals or not split_address(page.url).query:
        return
    yield Fault("an address with parameters names no canonical one", page.url)


def _multiple(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    named = [(link.address or link.written, link) for link in _named(page)]
    targets = {target for target, _ in named} | set(page.facts.response.canonicals)
    if len(targets) > 1 and len(named) + len(page.facts.response.canonicals) > 1:
        where = " in page and header" if named and page.facts.response.canonicals else ""
        element = named[-1][1] if named else None
        yield Fault(
            f"{len(targets)} different canonical addresses are named{where}", ", ".join(sorted(targets)), element
        )


def _relative(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for link in _named(page):
        written = link.written.strip()
        if not written:
            yield Fault("the canonical address is empty", element=link)
        elif written.startswith("//"):
            yield Fault("the canonical address names no protocol", link.written, link, "href")
        elif not written.lower().startswith(("http://", "https://")):
            resolved = " and <base> changes what it means" if page.facts.base else ""
            yield Fault(f"the canonical address is relative{resolved}", link.written, link, "href")


def _attributes(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for link in page.facts.canonicals:
        if ignored := _ignored_attributes(link):
            yield Fault(
                f"search engines pass over a canonical link with {', '.join(ignored)}", link.written, link, "href"
            )
        elif "#" in link.written:
            yield Fault(
                "a canonical address with a fragment (#) is that of a part of a page", link.written, link, "href"
            )


def _changed_by_script(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    if page.raw is not None and page.raw.canonical != page.canonical:
        before = page.raw.canonical or "none"
        yield Fault(f"scripts change the canonical address, which the server sends as {before}", page.canonical)


RULES = (
    Rule(
        id="canonical.missing",
        gate=INDEXABLE,
        severity=NOTICE,
        trigger="The address of the page has parameters, and it names no canonical one.",
        why="The same page under many addresses shares out what is known of it among them.",
        mend='Name the address that should be found: <link rel="canonical" href="https://...">.',
        source=_CONSOLIDATE,
        reviewed=_REVIEWED,
        check=_missing,
        effort=MECHANICAL,
    ),
    Rule(
        id="canonical.multiple",
        gate=SHOWN,
        severity=ERROR,
        trigger="Page and header name more than one canonical address.",
        why="Search engines then pass over all of them.",
        mend="Keep one; two plug-ins may each write their own.",
        source=_CONSOLIDATE,
        reviewed=_REVIEWED,
        check=_multiple,
        effort=MECHANICAL,
    ),
    Rule(
        id="canonical.relative",
        gate=SHOWN,
        severity=NOTICE,
        trigger="The canonical address is empty, relative, or without a protocol.",
        why="On a copy of the site, or beneath a <base>, it names another page.",
        mend="Write the whole address, with https:// and the host.",
        source=_CONSOLIDATE,
        reviewed=_REVIEWED,
        check=_relative,
        effort=MECHANICAL,
    ),
    Rule(
        id="canonical.attributes",
        gate=SHOWN,
        severity=WARNING,
        trigger="The canonical link has an attribute that makes it another kind of link, or a fragment.",
        why="Search engines pass over it.",
        mend="Remove hreflang, lang, media, type, and what stands behind #.",
        source=_CONSOLIDATE,
        reviewed=_REVIEWED,
        check=_attributes,
        effort=MECHANICAL,
    ),
    Rule(
        id="canonical.js-changes",
        gate=SHOWN,
        severity=WARNING,
        trigger="Scripts change the canonical address that the server sends.",
        why="Search engines may take either.",
        mend="Have the server send the address that is meant.",
        source=_RENDERING,
        reviewed=_REVIEWED,
        check=_changed_by_script,
        effort=A_LOOK,
    ),
)
