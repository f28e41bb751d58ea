"""Rules about the links of a page, as far as the page alone tells."""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Iterator
from functools import cache

from seo_engine.engine.audit.data import dated_table
from seo_engine.engine.audit.page_gates import SHOWN
from seo_engine.engine.audit.rule import (
    A_LOOK,
    ERROR,
    HEURISTIC,
    MECHANICAL,
    NOTICE,
    WARNING,
    WORDS,
    Fault,
    Rule,
    Thresholds,
)
from seo_engine.engine.site.document.addresses import split_address
from seo_engine.engine.site.facts import Link
from seo_engine.engine.site.page import Page

_CRAWLABLE = "https://developers.google.com/search/docs/crawling-indexing/links-crawlable"
_QUALIFY = "https://developers.google.com/search/docs/crawling-indexing/qualify-outbound-links"
_REVIEWED = datetime.date(2026, 11, 28)

_HANDLERS = ("onclick", "routerlink", "ng-click", "data-href", "data-url", "@click", "v-on:click")
_LOCAL_HOSTS = ("localhost", "local", "localdomain", "internal", "test")
_STAGING = re.compile(r"(?:^|[.-])(?:staging|stage|preprod|dev)(?:[.-])", re.IGNORECASE)


def _anchors(page: Page) -> Iterator[Link]:
    """Yield the links that readers follow, not frames and links of pictures."""
    return (link for link in page.facts.links if link.tag in ("a", "area"))


def _uncrawlable(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for link in _anchors(page):
        written = (link.written or "").strip()
        if written.lower().startswith("javascript:"):
            # A control of the page itself has a role.
            if "role" not in link.attributes and not _does_nothing(written):
                yield Fault("this link runs a script, which search engines do not follow", written, link, "href")
        elif link.written is None and any(name in link.attributes for name in _HANDLERS):
            quoted = link.text or next(name for name in _HANDLERS if name in link.attributes)
            yield Fault("this link has no address (href), and a script instead", quoted, link)


def _does_nothing(written: str) -> bool:
    return written.lower().replace(" ", "").rstrip(";") in ("javascript:", "javascript:void(0)", "javascript:void0")


@cache
def _generic_texts() -> frozenset[str]:
    return frozenset(dated_table("generic_link_texts").values["phrases"])


def _generic_text(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    phrases = _generic_texts()
    for link in _anchors(page):
        text = link.text.casefold().strip(" .…>»→!:")
        if text in phrases and link.written and "aria-label" not in link.attributes:
            yield Fault(f"the text of a link does not say where it leads: {link.text!r}", link.written, link, "href")


def _empty_text(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for link in _anchors(page):
        written = (link.written or "").strip()
        if link.tag != "a" or link.text or not written or not link.is_page_link:
            continue
        # Permalinks and what is hidden from screen readers, and named by what stands beside it.
        if written.startswith("#") or link.attributes.get("aria-hidden") == "true":
            continue
        if any(link.attributes.get(name) for name in ("aria-label", "aria-labelledby", "title")):
            continue
        yield Fault("a link has neither a text, nor an image with one, nor a label", link.written or "", link, "href")


def _nofollow(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    own = split_address(page.url).netloc.lower()
    for link in _anchors(page):
        if "nofollow" not in link.relations or not link.written:
            continue
        host = split_address(link.address).netloc.lower() if "://" in link.address else own
        if host == own:
            yield Fault("a link within the site says nofollow", link.written, link, "href")


def _too_many(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    count = sum(1 for link in _anchors(page) if link.written)
    if count > thresholds["links"]:
        yield Fault(f"the page has {count:,} links")


def _localhost(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    own = split_address(page.url).hostname or ""
    for link in page.facts.links:
        if link.written and (said := _why_local(link.address or link.written, own)):
            yield Fault(said, link.written, link, "src" if link.tag in ("iframe", "frame") else "href")


def _why_local(address: str, own: str) -> str:
    """Return why an address is of no use to readers; empty if it is."""
    parts = split_address(address)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme == "file":
        return "a link leads to a file on somebody's machine"
    if parts.scheme not in ("http", "https") or not host or host == own:
        return ""
    if host.rpartition(".")[2] in _LOCAL_HOSTS:
        return "a link leads to a machine that readers cannot reach"
    try:
        is_private = ipaddress.ip_address(host).is_private
    except ValueError:
        is_private = False
    if is_private:
        return "a link leads to a private network"
    # Only that of this site: another one may be called so.
    if _STAGING.search(host) and own and host.endswith(_site_of(own)):
        return "a link leads to a copy of the site for tests"
    return ""


def _site_of(host: str) -> str:
    return "." + ".".join(host.removeprefix("www.").split(".")[-2:])


def _dead_end(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    if not any(link.written and not link.written.strip().startswith("#") for link in page.facts.links):
        yield Fault("no link leads on from this page")


RULES = (
    Rule(
        id="link.uncrawlable",
        gate=SHOWN,
        severity=WARNING,
        trigger="A link has no address, and a script in its place.",
        why="Search engines do not follow it, and nobody can open it in a new tab.",
        mend="Give it an address: <a href=...>; for what is no link, use <button>.",
        source=_CRAWLABLE,
        reviewed=_REVIEWED,
        check=_uncrawlable,
        effort=A_LOOK,
    ),
    Rule(
        id="link.generic-text",
        gate=SHOWN,
        severity=NOTICE,
        trigger="The text of a link does not say where it leads, such as “click here”.",
        why="Search engines and screen readers learn from it what the other page is about.",
        mend="Make the name of the other page the text of the link.",
        source=_CRAWLABLE,
        reviewed=_REVIEWED,
        check=_generic_text,
        effort=WORDS,
    ),
    Rule(
        id="link.empty-text",
        gate=SHOWN,
        severity=WARNING,
        trigger="A link has neither a text, nor an image with an alternative text, nor a label.",
        why="Screen readers read out its address, and search engines learn nothing from it.",
        mend="Write a text, or the alternative text of its image.",
        source=_CRAWLABLE,
        reviewed=_REVIEWED,
        check=_empty_text,
        effort=WORDS,
    ),
    Rule(
        id="link.dead-end",
        gate=SHOWN,
        severity=NOTICE,
        trigger="No link leads on from the page.",
        why="Who comes from a search has nowhere to go but back.",
        mend="Link to the start page and to what is near.",
        source=HEURISTIC,
        reviewed=_REVIEWED,
        check=_dead_end,
        effort=MECHANICAL,
    ),
    Rule(
        id="link.nofollow-internal",
        gate=SHOWN,
        severity=NOTICE,
        trigger="A link within the site says nofollow.",
        why="It tells search engines not to trust the site's own pages.",
        mend="Remove nofollow; what should not be found needs noindex.",
        source=_QUALIFY,
        reviewed=_REVIEWED,
        check=_nofollow,
        effort=MECHANICAL,
    ),
    Rule(
        id="link.too-many",
        gate=SHOWN,
        severity=NOTICE,
        trigger="The page has thousands of links.",
        why="Nobody reads so many, and each of them counts for less.",
        mend="Split the page, or link to lists.",
        source=HEURISTIC,
        reviewed=_REVIEWED,
        check=_too_many,
        thresholds={"links": 3000},
        effort=A_LOOK,
    ),
    Rule(
        id="link.localhost",
        gate=SHOWN,
        severity=ERROR,
        trigger="A link leads to this machine, a private network, a file, or the site's copy for tests.",
        why="It works for whoever wrote the page, and for no reader.",
        mend="Replace the address by that of the live site.",
        source=_CRAWLABLE,
        reviewed=_REVIEWED,
        check=_localhost,
        effort=MECHANICAL,
    ),
)
