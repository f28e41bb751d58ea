"""What is done with each answer of a site: its record is written, and its links are added to what is fetched."""

from __future__ import annotations

import asyncio
import email.utils
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from seo_engine.engine.site.crawling.archive import Archive, Headers
from seo_engine.engine.site.crawling.bot_walls import wall_in
from seo_engine.engine.site.crawling.frontier import (
    MOST_TRIES,
    OTHER,
    PAGE,
    ROBOTS,
    SITEMAP,
    WORTH_ANOTHER_TRY,
    Found,
    Frontier,
    Waiting,
    host_of,
)
from seo_engine.engine.site.crawling.rendering import Renderer
from seo_engine.engine.site.crawling.scope import Scope, without_session
from seo_engine.engine.site.crawling.sitemaps import MOST_ADDRESSES, is_sitemap, read_sitemap
from seo_engine.engine.site.document.addresses import Addresses
from seo_engine.engine.site.page import TOO_COSTLY, Page
from seo_engine.engine.site.reading.reading_processes import ReadingProcesses
from seo_engine.engine.site.reading.request import ReadingRequest
from seo_engine.engine.site.response import HTML_TYPES, REDIRECTS, Response, media_type
from seo_engine.foundation.extras import import_of_extra

MOST_REDIRECTS = 20
# A status has three digits (RFC 9110).
_STATUSES = range(100, 1_000)

_BEGINS_AS_HTML = (b"<!doctype html", b"<html")
# Relations to other pages of the site.
_OF_PAGES = ("canonical", "alternate", "next", "prev")

_USUAL_SITEMAP = "/sitemap.xml"

# More is not read of one (https://developers.google.com/search/docs/crawling-indexing/robots/robots_txt).
_LONGEST_ROBOTS = 500 * 1024

# After so many in a row, the site keeps the crawler out.
_MOST_WALLS = 5
_READERS = 2


class Answers:
    """Takes the answers of a site.

    Args:
        frontier (Frontier): The addresses.
        archive (Archive): The records.
        scope (Scope): Which addresses belong to the site.
        folder (Path): For files that are gone at the end.
        renderer (Renderer | None): Runs the scripts of pages, if they are to be run.
    """

    def __init__(
        self, frontier: Frontier, archive: Archive, scope: Scope, folder: Path, renderer: Renderer | None = None
    ) -> None:
        self._frontier, self._archive, self._scope, self._renderer = frontier, archive, scope, renderer
        files = reading_files(folder)
        self._all_readers = [ReadingProcesses(1) for _ in files]
        self._readers: asyncio.Queue[tuple[ReadingProcesses, Path]] = asyncio.Queue()
        for reader in zip(self._all_readers, files, strict=True):
            self._readers.put_nowait(reader)
        self._walls = 0
        self.stopped_by = ""

    def close(self) -> None:
        """End the processes that read pages; their files are left to whoever crawls."""
        for reader in self._all_readers:
            reader.__exit__(None, None, None)

    async def take(self, waiting: Waiting, status: int, headers: Headers, body: bytes) -> str:
        """Take an answer into account.

        Args:
            waiting (Waiting): What was asked for.
            status (int): What the server answered.
            headers (Headers): As they came.
            body (bytes): What it sent, decoded.

        Returns:
            str: An address to ask instead, for a robots.txt that was moved; else empty.
        """
        if status not in _STATUSES:
            self._frontier.give_up(waiting, "an answer with an invalid status")
            return ""
        said = _headers_as_text(headers)
        if waiting.kind == ROBOTS:
            return self._take_robots(waiting, status, headers, said, body)
        if status in WORTH_ANOTHER_TRY and waiting.tries + 1 < MOST_TRIES:
            seconds = _seconds_to_wait(said.get("retry-after", ""))
            self._frontier.try_again(waiting, f"answered with {status}", seconds, whole_host=status in (429, 503))
            return ""
        if whose := wall_in(status, said, body):
            self._walls += 1
            if self._walls >= _MOST_WALLS:
                self.stopped_by = f"the bot wall of {whose}"
            self._frontier.give_up(waiting, f"the bot wall of {whose}")
            return ""
        self._walls = 0
        is_html = _is_html(said, body) and not (waiting.kind == SITEMAP and is_sitemap(body))
        if is_html and status == 200 and self._is_map_for_readers(waiting):
            waiting = waiting._replace(kind=PAGE, depth=max(0, waiting.depth))
        if status in REDIRECTS and said.get("location"):
            self._take_redirect(waiting, status, headers, said["location"])
        elif waiting.kind == SITEMAP:
            self._take_sitemap(waiting, status, headers, b"" if is_html else body)
        elif is_html:
            await self._take_page(waiting, status, headers, said, body)
        else:
            # Of what is no page, only the headers are kept; nothing without a type, which readers take for a page.
            is_typed = bool(said.get("content-type"))
            record = self._archive.record(waiting.address, status, headers, b"") if is_typed or not body else b""
            self._keep(waiting._replace(kind=OTHER if body else waiting.kind), status, len(body), record)
        return ""

    def _is_map_for_readers(self, waiting: Waiting) -> bool:
        """Return whether HTML that somebody calls a sitemap is a page of the site."""
        if waiting.kind != SITEMAP or _is_guess(waiting):
            return False
        return not self._scope.reason_against(waiting.address, max(0, waiting.depth) + 1)

    def _take_robots(self, waiting: Waiting, status: int, headers: Headers, said: dict[str, str], body: bytes) -> str:
        if status in REDIRECTS and said.get("location") and waiting.hops < MOST_REDIRECTS:
            return Addresses(waiting.address, "").resolve(said["location"])
        if status >= 500 or status == 429:
            # Such a host is not asked for anything else, as Google does it, too.
            self._frontier.try_again(waiting, f"answered with {status}", _seconds_to_wait(said.get("retry-after", "")))
            return ""
        # What is answered in place of a robots.txt is no page of the site.
        body = body[:_LONGEST_ROBOTS] if status == 200 else b""
        text = self._archive.without_secrets(body).decode("utf-8-sig", "replace")
        protego = import_of_extra("protego", extra="crawl", needed_by="a crawl")
        sitemaps = list(protego.Protego.parse(text).sitemaps) or [_USUAL_SITEMAP]
        takes_sitemaps = self._scope.takes_sitemaps and self._scope.is_on_site(waiting.address)
        found = [Found(address, SITEMAP, 0) for address in sitemaps if takes_sitemaps]
        record = self._archive.record(waiting.address, status, headers, body) if text else b""
        self._frontier.know_robots(host_of(waiting.address), text)
        self._keep(waiting, status, len(body), record, found)
        return ""

    def _take_redirect(self, waiting: Waiting, status: int, headers: Headers, location: str) -> None:
        is_last = waiting.hops >= MOST_REDIRECTS
        self._keep(
            waiting,
            status,
            0,
            self._archive.record(waiting.address, status, headers, b""),
            [] if is_last else [Found(location, waiting.kind, waiting.depth, waiting.hops + 1)],
            Counter({"redirected too often": 1} if is_last else {}),
        )

    def _take_sitemap(self, waiting: Waiting, status: int, headers: Headers, body: bytes) -> None:
        if status != 200 or not body:
            what = "sitemap that is none" if status == 200 else f"sitemap answered with {status}"
            self._keep(waiting, status, 0, b"", passed_over=Counter({} if _is_guess(waiting) else {what: 1}))
            return
        sitemap = read_sitemap(body)
        found = [Found(address, PAGE, waiting.depth + 1) for address in sitemap.pages]
        found += [Found(address, SITEMAP, waiting.depth) for address in sitemap.sitemaps]
        passed_over = Counter({f"behind the first {MOST_ADDRESSES:,} entries of a sitemap": sitemap.left_out})
        record = self._archive.record(waiting.address, status, headers, body)
        self._keep(waiting, status, len(body), record, found, passed_over)

    async def _take_page(
        self, waiting: Waiting, status: int, headers: Headers, said: dict[str, str], body: bytes
    ) -> None:
        sent = self._archive.record(waiting.address, status, headers, body)
        response = Response(status, tuple(said.items()))
        page = await self._read(sent, waiting.address, response)
        named = list(_pages_named(page))
        rendered, passed_over = b"", Counter[str]()
        if page.state == TOO_COSTLY:
            passed_over["links of a page that takes too long to read"] += 1
        elif links := page.facts.size.behind.get("a", 0):
            passed_over[f"link behind the first {page.facts.size.bytes_read / 1e6:.0f} MB of a page"] += links
        if self._renderer is not None and status == 200:
            document, leads_to = await self._renderer.render(waiting.address, headers, body)
            named += leads_to
            if document is None:
                passed_over["page that could not be rendered"] += 1
            else:
                rendered = self._archive.rendered_record(waiting.address, document)
                named += _pages_named(await self._read(rendered, waiting.address, response.in_utf_8()))
        found = [Found(address, PAGE, waiting.depth + 1) for address in dict.fromkeys(named)]
        # From here on nothing waits, so that records stand in the order in which they are marked.
        self._keep(waiting, status, len(body), sent + rendered, found, passed_over)

    async def _read(self, record: bytes, address: str, response: Response) -> Page:
        reader, file = await self._readers.get()
        try:
            return await asyncio.to_thread(_read, reader, file, record, address, response)
        finally:
            self._readers.put_nowait((reader, file))

    def _keep(
        self,
        waiting: Waiting,
        status: int,
        sent_bytes: int,
        record: bytes,
        found: Sequence[Found] = (),
        passed_over: Counter[str] | None = None,
    ) -> None:
        passed_over = passed_over if passed_over is not None else Counter()
        belonging = list(self._belonging(waiting, found, passed_over))
        self._frontier.mark_done(waiting, status, sent_bytes, self._archive.append(record), belonging, passed_over)

    def _belonging(self, waiting: Waiting, found: Iterable[Found], passed_over: Counter[str]) -> Iterator[Found]:
        """Yield what belongs to the crawl, with the addresses that browsers make of what is written at `waiting`."""
        ada = import_of_extra("ada_url", extra="crawl", needed_by="a crawl")
        resolved = Addresses(waiting.address, "")
        for each in found:
            address = resolved.resolve(each.address)
            if not ada.check_url(address):
                passed_over["not an address"] += 1
                continue
            if self._archive.has_secret(address):
                passed_over["address with a secret in it"] += 1
                continue
            visited = address.partition("#")[0]
            address = without_session(address)
            if each.hops and address == waiting.address:
                # A redirect that says who visits would lead to itself.
                address = visited
            is_page = each.kind == PAGE
            # What a sitemap names is one click further.
            depth = each.depth if is_page else each.depth + 1
            # A robots.txt may name a sitemap on another host, which has its parts there
            # (https://www.sitemaps.org/protocol.html#sitemaps_cross_submits).
            is_named = waiting.kind == ROBOTS or each.hops > 0 or host_of(address) == host_of(waiting.address)
            reason = self._scope.reason_against(
                address, depth, is_page=is_page, on_any_host=each.kind == SITEMAP and is_named
            )
            if reason:
                passed_over[reason] += 1
            else:
                yield each._replace(address=address)


def reading_files(folder: Path) -> list[Path]:
    """Return the files from which pages are read while a crawl runs.

    Args:
        folder (Path): That of the crawl.
    """
    return [folder / f".reading-{number}.warc.gz" for number in range(_READERS)]


def _is_guess(waiting: Waiting) -> bool:
    """Return whether a sitemap is only looked for where most sites have theirs."""
    return waiting.hops == 0 and waiting.address.endswith(_USUAL_SITEMAP)


def _read(reader: ReadingProcesses, file: Path, record: bytes, address: str, response: Response) -> Page:
    """Read a page from its record, in a process that its bytes may end."""
    file.write_bytes(record)
    (page,) = reader.read([ReadingRequest(os.fsencode(file), address, address, response, 0)])
    return page


def _pages_named(page: Page) -> Iterator[str]:
    """Yield the addresses of other pages that a page names."""
    yield from page.links
    for link in page.facts.link_elements:
        if link.address and any(relation in _OF_PAGES for relation in link.relations) and "type" not in link.attributes:
            yield link.address
    for refresh in page.facts.refreshes:
        if refresh.address:
            yield Addresses(page.url, page.facts.base).resolve(refresh.address)


def _headers_as_text(headers: Headers) -> dict[str, str]:
    """Return headers as text, with names in lower case; several of a name are joined by commas.

    Of several addresses that a redirect names, browsers take the first.
    """
    said: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1").lower(), value.decode("utf-8", "replace")
        if key not in said:
            said[key] = text
        elif key != "location":
            said[key] += f", {text}"
    return said


def _is_html(said: dict[str, str], body: bytes) -> bool:
    content_type = media_type(said.get("content-type", ""))
    return content_type in HTML_TYPES or (
        not content_type and body[:1_000].lstrip().lower().startswith(_BEGINS_AS_HTML)
    )


def _seconds_to_wait(retry_after: str) -> float:
    """Return how long a server asks to wait: seconds, or a date (RFC 9110).

    Example:
        >>> _seconds_to_wait("7"), _seconds_to_wait("Fri, 01 Jan 2021 00:00:00 GMT"), _seconds_to_wait("soon")
        (7.0, 0.0, 0.0)
    """
    # Of several, the first.
    written = retry_after.strip()
    seconds = written.partition(",")[0].strip()
    if seconds.isascii() and seconds.isdecimal():
        return float(seconds)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(written).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0
