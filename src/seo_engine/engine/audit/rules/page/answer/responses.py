"""Rules about how a page is answered, how large it is, and where it sends its readers."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from seo_engine.engine.audit.page_gates import DOCUMENT, READABLE, SHOWN
from seo_engine.engine.audit.rule import A_LOOK, ERROR, MECHANICAL, NOTICE, WARNING, Fault, Rule, Thresholds
from seo_engine.engine.site.page import Page
from seo_engine.engine.site.unknown import UnknownFactError
from seo_engine.engine.text.words import length_of

_ERRORS = "https://developers.google.com/search/docs/crawling-indexing/http-network-errors"
_REDIRECTS = "https://developers.google.com/search/docs/crawling-indexing/301-redirects#metarefresh"
_SIZES = "https://developers.google.com/crawling/docs/crawlers-fetchers/googlebot"
_REVIEWED = datetime.date(2026, 11, 28)

_MEGABYTE = 1024 * 1024

# What pages say that are not there. In a title or a heading only: a text may speak of them.
_NOT_FOUND = re.compile(
    r"\b404\b|(?:page|file|document|url) (?:was |is |could )?not (?:be )?found|no longer (?:exists|available)"
    r"|seite (?:wurde )?nicht gefunden|page (?:introuvable|non trouvée)|página no encontrada|pagina non trovata"
    r"|página não encontrada|pagina niet gevonden|страница не найдена|ページが見つかりません|找不到(?:该)?页面",
    re.IGNORECASE,
)


def _client_error(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    status = _status(page)
    if 400 <= status < 500:
        yield Fault(f"the page is answered with {status}", page.url)


def _server_error(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    status = _status(page)
    if status >= 500:
        yield Fault(f"the page is answered with {status}", page.url)


def _status(page: Page) -> int:
    """Return the status of an answer that somebody got: that of a folder's own page for what is missing is right."""
    response = page.facts.response
    if response.status == 0 or not response.headers:
        raise UnknownFactError("it is not known how the pages are answered; a crawl knows it")
    return response.status


def _soft_error(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    length = length_of(page.main_text)
    if length.words + length.characters > thresholds["words"]:
        # A long text with such a title is about the error.
        return
    for what, text in (("title", page.title), ("main heading", page.main_heading)):
        if match := _NOT_FOUND.search(text):
            yield Fault(
                f"the {what} says that the page is not there ({match[0]}), and the answer says that it is", text
            )
            return


def _too_large(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    size = page.facts.size
    megabytes = size.bytes / _MEGABYTE
    if megabytes > thresholds["megabytes"]:
        behind = ", ".join(f"{count:,} <{tag}>" for tag, count in sorted(size.behind.items())[:8])
        cut = f"; behind what is read are {behind}" if behind else ""
        yield Fault(
            f"the document has {megabytes:.1f} MB, of which search engines read {thresholds['megabytes']:g}{cut}"
        )
    elif megabytes > thresholds["large-megabytes"]:
        yield Fault(f"the document has {megabytes:.1f} MB", severity=NOTICE)


def _meta_refresh(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for refresh in page.facts.refreshes:
        if refresh.address:
            when = "at once" if refresh.seconds == 0 else f"after {refresh.seconds} s"
            # Search engines take one at once for a redirect.
            severity = NOTICE if refresh.seconds == 0 else ""
            yield Fault(f"the page sends its readers on {when}", refresh.address, refresh, severity=severity)
        elif refresh.seconds:
            yield Fault(f"the page loads itself again after {refresh.seconds} s", element=refresh)
    if not page.main_text and not page.facts.refreshes:
        for code in page.facts.codes:
            if "location" in code.beginning:
                yield Fault("a script sends readers on, and the page has no text", code.beginning[:100], code)
                return


RULES = (
    Rule(
        id="status.4xx",
        gate=DOCUMENT,
        severity=ERROR,
        trigger="The server answers with 400 to 499.",
        why="Readers find nothing there, and search engines forget the page.",
        mend="Bring the page back, redirect to what has replaced it, or remove the links to it.",
        source=_ERRORS,
        reviewed=_REVIEWED,
        check=_client_error,
        effort=A_LOOK,
    ),
    Rule(
        id="status.5xx",
        gate=DOCUMENT,
        severity=ERROR,
        trigger="The server answers with 500 or more.",
        why="Search engines come less often, and in the end forget the page.",
        mend="Look into the server's log for the cause.",
        source=_ERRORS,
        reviewed=_REVIEWED,
        check=_server_error,
        effort=A_LOOK,
    ),
    Rule(
        id="status.soft-404",
        gate=SHOWN,
        severity=WARNING,
        trigger="A page that says that it is not there is answered as if it was.",
        why="Search engines may show it, and keep looking for it.",
        mend="Answer with 404.",
        source=_ERRORS,
        reviewed=_REVIEWED,
        check=_soft_error,
        thresholds={"words": 150},
        effort=MECHANICAL,
    ),
    Rule(
        id="status.html-too-large",
        gate=READABLE,
        severity=ERROR,
        trigger="The document is larger than what search engines read of it.",
        why="What stands behind that is as if it was not there.",
        mend="Move data and styles into files of their own, or split the page.",
        source=_SIZES,
        reviewed=_REVIEWED,
        check=_too_large,
        thresholds={"megabytes": 2, "large-megabytes": 1},
        effort=A_LOOK,
    ),
    Rule(
        id="redirect.meta-refresh",
        gate=READABLE,
        severity=WARNING,
        trigger="The page, and not the server, sends its readers on.",
        why="Readers see a page flash by, and search engines may take longer to understand it.",
        mend="Have the server redirect (301); where it cannot, a refresh after 0 s is the next best.",
        source=_REDIRECTS,
        reviewed=_REVIEWED,
        check=_meta_refresh,
        effort=MECHANICAL,
    ),
)
