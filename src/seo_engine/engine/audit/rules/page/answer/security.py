"""Rules about what a page sends and loads without protection."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from seo_engine.engine.audit.page_gates import SHOWN
from seo_engine.engine.audit.rule import ERROR, MECHANICAL, NOTICE, Fault, Rule, Thresholds
from seo_engine.engine.site.document.addresses import split_address
from seo_engine.engine.site.facts import Placed
from seo_engine.engine.site.page import Page
from seo_engine.engine.site.unknown import UnknownFactError

_HTTPS = "https://developers.google.com/search/docs/appearance/page-experience"
_MIXED = "https://developer.mozilla.org/en-US/docs/Web/Security/Defenses/Mixed_content"
_HEADERS = "https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html"
_REVIEWED = datetime.date(2026, 11, 28)

_LOADED_RELATIONS = ("stylesheet", "icon", "preload", "modulepreload", "manifest")
_EXPECTED = {
    "strict-transport-security": "so a browser may ask for the page without protection once more",
    "x-content-type-options": "so a browser may take a file for a script",
    "content-security-policy": "so a script that somebody brings in is run",
}


def _http(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    if _scheme(page) == "http" and not _is_this_machine(page):
        yield Fault("the page is served without protection (http)", page.url)


def _scheme(page: Page) -> str:
    if "://" not in page.url:
        raise UnknownFactError("it is not known where the pages are served; --base-url says it")
    return split_address(page.url).scheme.lower()


def _is_this_machine(page: Page) -> bool:
    return split_address(page.url).hostname in ("localhost", "127.0.0.1", "::1")


def _mixed_content(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    if _scheme(page) != "https":
        return
    for address, element, attribute in _loaded(page):
        if address.lower().startswith("http://"):
            yield Fault("the page loads something without protection (http)", address, element, attribute)


def _loaded(page: Page) -> Iterator[tuple[str, Placed, str]]:
    """Yield what a browser loads by itself: its address as it stands, the element, and the attribute."""
    facts = page.facts
    for link in facts.link_elements:
        if any(relation in _LOADED_RELATIONS for relation in link.relations):
            yield link.written, link, "href"
    for code in facts.codes:
        yield code.attributes.get("src", ""), code, "src"
    for image in facts.images:
        yield image.attributes.get("src", ""), image, "src"
    for embedded in facts.embedded:
        yield embedded.attributes.get("src", "") or embedded.attributes.get("data", ""), embedded, ""
    for frame in facts.links:
        if frame.tag in ("iframe", "frame"):
            yield frame.written or "", frame, "src"


def _form_http(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    for form in page.facts.forms:
        if form.address.lower().startswith("http://"):
            yield Fault("a form sends what is typed without protection (http)", form.address, form)


def _headers(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    response = page.facts.response
    if not response.headers:
        raise UnknownFactError("it is not known with which headers the pages are served")
    for name, why in _EXPECTED.items():
        if name == "strict-transport-security" and _scheme(page) != "https":
            continue
        if not response.header(name):
            yield Fault(f"the header {name} is missing, {why}")


RULES = (
    Rule(
        id="sec.http",
        gate=SHOWN,
        severity=ERROR,
        trigger="The page is served with http.",
        why="Anybody on the way can read and change it, and browsers say so.",
        mend="Serve the site with https, and redirect http to it.",
        source=_HTTPS,
        reviewed=_REVIEWED,
        check=_http,
        effort=MECHANICAL,
    ),
    Rule(
        id="sec.mixed-content",
        gate=SHOWN,
        severity=ERROR,
        trigger="A page that is served with https loads something with http.",
        why="Browsers refuse to load it, or say that the page is not safe.",
        mend="Write https:// in its address.",
        source=_MIXED,
        reviewed=_REVIEWED,
        check=_mixed_content,
        effort=MECHANICAL,
    ),
    Rule(
        id="sec.form-http",
        gate=SHOWN,
        severity=ERROR,
        trigger="A form sends what is typed with http.",
        why="Anybody on the way can read it.",
        mend="Write https:// in its action.",
        source=_MIXED,
        reviewed=_REVIEWED,
        check=_form_http,
        effort=MECHANICAL,
    ),
    Rule(
        id="sec.headers",
        gate=SHOWN,
        severity=NOTICE,
        trigger="The server sends no header that protects readers: HSTS, nosniff, CSP.",
        why="They keep others from reading, changing or misusing the page; search engines do not ask for them.",
        mend="Add the headers in the configuration of the server.",
        source=_HEADERS,
        reviewed=_REVIEWED,
        check=_headers,
        effort=MECHANICAL,
    ),
)
