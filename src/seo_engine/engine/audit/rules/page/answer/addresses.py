"""Rules about the address of a page: each is a notice, because a new address costs a redirect."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl

from seo_engine.engine.audit.page_gates import INDEXABLE
from seo_engine.engine.audit.rule import A_LOOK, HEURISTIC, NOTICE, Fault, Rule, Thresholds
from seo_engine.engine.site.document.addresses import split_address
from seo_engine.engine.site.page import Page

_STRUCTURE = "https://developers.google.com/search/docs/crawling-indexing/url-structure"
_REVIEWED = datetime.date(2026, 11, 28)

_SESSION_NAMES = ("phpsessid", "jsessionid", "aspsessionid", "sessionid", "session_id", "sid", "cfid", "cftoken")
_SESSION_IN_PATH = re.compile(r";jsessionid=|/\(S\([a-z0-9]+\)\)/", re.IGNORECASE)


def _path(page: Page) -> str:
    """Return the path of a page as its address has it, or as the file system does."""
    return split_address(page.url).path if "://" in page.url else page.path


def _says(test: Callable[[str], bool], message: str) -> Callable[[Page, Thresholds], Iterator[Fault]]:
    def check(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
        if test(_path(page)):
            yield Fault(message, page.url)

    return check


def _is_not_ascii(path: str) -> bool:
    return not path.isascii()


def _too_long(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    if len(page.url) > thresholds["characters"]:
        yield Fault(f"the address is {len(page.url)} characters long", page.url)


def _parameters(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    parameters = _parameters_of(page)
    if len(parameters) > thresholds["parameters"]:
        yield Fault(f"the address has {len(parameters)} parameters", page.url)


def _session(page: Page, thresholds: Thresholds) -> Iterator[Fault]:
    named = [name for name, _ in _parameters_of(page) if name.lower() in _SESSION_NAMES]
    if named or ("://" in page.url and _SESSION_IN_PATH.search(page.url)):
        yield Fault("the address holds the number of a visit", page.url)


def _parameters_of(page: Page) -> list[tuple[str, str]]:
    # A file's name may hold what separates the parts of an address.
    return parse_qsl(split_address(page.url).query, keep_blank_values=True) if "://" in page.url else []


def _rule(
    fault: str, trigger: str, why: str, mend: str, check: Callable[[Page, Thresholds], Iterator[Fault]], **more: object
) -> Rule:
    return Rule(
        id=f"url.{fault}",
        gate=INDEXABLE,
        severity=NOTICE,
        trigger=trigger,
        why=why,
        mend=mend,
        reviewed=_REVIEWED,
        check=check,
        effort=A_LOOK,
        **{"source": _STRUCTURE, **more},  # type: ignore[arg-type]
    )


RULES = (
    _rule(
        "upper-case",
        "The address has capital letters.",
        "Servers tell capitals from small letters, so people who type it may not find the page.",
        "Write new addresses in small letters; redirect an old one only if people type it.",
        _says(lambda path: path != path.lower(), "the address has capital letters"),
    ),
    _rule(
        "underscore",
        "The address has underscores between words.",
        "Search engines take a hyphen for a space, and may take an underscore for a letter.",
        "Write new addresses with hyphens; leave the old ones.",
        _says(lambda path: "_" in path.strip("_"), "the address has underscores"),
    ),
    _rule(
        "space",
        "The address has spaces.",
        "A space breaks an address that somebody copies into a message.",
        "Write a hyphen, and redirect the old address.",
        _says(lambda path: " " in path or "%20" in path, "the address has spaces"),
    ),
    _rule(
        "non-ascii",
        "The address has letters beyond ASCII that are not encoded.",
        "Some programs pass it on in a wrong encoding.",
        "Encode it as UTF-8 with percent signs in links and sitemaps.",
        _says(_is_not_ascii, "the address has letters that are not encoded"),
    ),
    _rule(
        "double-slash",
        "The path has two slashes in a row.",
        "The page then answers at two addresses.",
        "Mend the link that has it, and redirect to the address with one.",
        _says(lambda path: "//" in path, "the address has two slashes in a row"),
    ),
    _rule(
        "too-long",
        "The address is long.",
        "People cannot read or pass on what wraps over several lines.",
        "Leave out what the page can be found without.",
        _too_long,
        thresholds={"characters": 200},
        source=HEURISTIC,
    ),
    _rule(
        "parameters",
        "The address has several parameters.",
        "Each combination is an address of its own for search engines.",
        "Name one canonical address, or put what matters into the path.",
        _parameters,
        thresholds={"parameters": 2},
    ),
    _rule(
        "session-id",
        "The address holds the number of a visit.",
        "Every visit then has its own copy of the site.",
        "Keep the number in a cookie.",
        _session,
    ),
)
