"""Scrapy downloads what the frontier says: a scheduler that asks it, and a spider that takes the answers."""

from __future__ import annotations

import contextlib
import gzip
import re
import sqlite3
import time
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import brotli
import OpenSSL
import scrapy
from protego import Protego
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.http import Request, Response
from service_identity.exceptions import VerificationError
from twisted.internet.error import ConnectionDone, ConnectionLost

from seo_engine.engine.site.crawling.answers import MOST_REDIRECTS, Answers
from seo_engine.engine.site.crawling.archive import MOST_ANSWER_BYTES, Archive
from seo_engine.engine.site.crawling.configuration import CrawlConfig
from seo_engine.engine.site.crawling.connections import EndlessHeadersError, PublicResolver
from seo_engine.engine.site.crawling.frontier import BY_ROBOTS, ROBOTS, Frontier, Waiting, host_of
from seo_engine.engine.site.crawling.rendering import NOTHING, Renderer, Resource
from seo_engine.engine.site.crawling.scope import Scope
from seo_engine.engine.site.document.addresses import Addresses
from seo_engine.engine.site.response import REDIRECTS
from seo_engine.foundation.texts import one_line

if TYPE_CHECKING:
    from twisted.python.failure import Failure

_FAR_TOO_LONG = (IgnoreRequest, DownloadCancelledError)
_BADLY_COMPRESSED = (gzip.BadGzipFile, zlib.error, brotli.error)
_WORDS: dict[type[BaseException], str] = {
    CannotResolveHostError: "no host of this name is known, or it is in a private network",
    DownloadConnectionRefusedError: "the connection is refused",
    DownloadTimeoutError: "no answer in time",
    ResponseDataLossError: "the answer breaks off",
    ConnectionDone: "the connection is closed without an answer",
    ConnectionLost: "the connection is broken off",
}

_OF_ANOTHER_HOST = "TLS: the certificate is for another host"
# Another try would find the same.
_WILL_NOT_CHANGE = ("TLS: certificate verify failed", _OF_ANOTHER_HOST, str(EndlessHeadersError()))

# A site that asks for more does not want a crawl to end.
_LONGEST_DELAY_SECONDS = 600.0

# Not the queue of a host's pages, which gets its delay before its first request.
_ROBOTS_SLOT = {"download_slot": "robots.txt"}


class SiteSpider(scrapy.Spider):
    """Asks a site for the addresses of a frontier.

    Args:
        frontier (Frontier): The addresses.
        archive (Archive): Gets the answers.
        scope (Scope): Which addresses belong to the site.
        config (CrawlConfig): How far it goes.
        headers (Mapping[str, str]): Sent to the site's own hosts, and to no other.
        folder (Path): For files that are gone at the end.
    """

    name = "site"

    def __init__(
        self,
        frontier: Frontier,
        archive: Archive,
        scope: Scope,
        config: CrawlConfig,
        headers: Mapping[str, str],
        folder: Path,
    ) -> None:
        super().__init__()
        self.frontier, self._archive, self._scope, self._config = frontier, archive, scope, config
        self._headers = dict(headers)
        # A group of robots.txt is named after the product, not after the address behind it.
        self._name_for_robots = re.split(r"[\s/(]", config.user_agent.strip(), maxsplit=1)[0]
        self._renderer = Renderer(self.resource, config.user_agent) if config.render else None
        self._answers = Answers(frontier, archive, scope, folder, self._renderer)
        self._robots: dict[str, Protego] = {}
        self._began = time.monotonic()
        self._bytes_before, self._bytes_received = frontier.bytes, 0
        self.crawl_delay = 0.0
        self.failure = ""
        self.stopped_by = ""

    async def start(self) -> AsyncIterator[Request]:
        """Keep out of private networks, and ask for nothing: the scheduler has the addresses."""
        self.crawler.signals.connect(self._count, scrapy.signals.bytes_received)
        if not self._config.allow_private:
            from twisted.internet import reactor

            installed: Any = reactor
            installed.installNameResolver(PublicResolver(installed.nameResolver))
        return
        yield

    def next_request(self) -> Request | None:
        """Return a request for the next address; None if there is none now."""
        with self._stopping_on_failure():
            return self._next_request()
        return None

    def _next_request(self) -> Request | None:
        while not self._must_stop():
            waiting = self.frontier.next()
            if waiting is None:
                return None
            if waiting.kind == ROBOTS:
                return self._request(waiting, waiting.address)
            host = host_of(waiting.address)
            if (reason := self.frontier.reason_against(host)) and not self._ignores_robots(host):
                self.frontier.give_up(waiting, reason)
            elif not self._is_allowed(waiting.address):
                self.frontier.give_up(waiting, BY_ROBOTS)
            else:
                return self._request(waiting, waiting.address)
        return None

    def wake(self) -> None:
        """Ask for an address that has waited for its next try; Scrapy itself looks for one only every five seconds."""
        engine = self.crawler.engine
        if not engine.downloader.active and (request := self.next_request()) is not None:
            engine.crawl(request)

    def has_requests(self) -> bool:
        """Return whether there is anything left to ask for."""
        with self._stopping_on_failure():
            return not self._must_stop() and self.frontier.has_waiting()
        return False

    @contextlib.contextmanager
    def _stopping_on_failure(self) -> Iterator[None]:
        """Stop the crawl if the disk or the browser fails; what was in flight waits for the next command."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            self.logger.exception("The crawl stops")
            self.failure = one_line(getattr(error, "strerror", None) or str(error))

    def _request(self, waiting: Waiting, address: str) -> Request:
        slot = _ROBOTS_SLOT if waiting.kind == ROBOTS else self._slot(host_of(address))
        return Request(
            address,
            headers=self._own_headers(address),
            callback=self.take,
            errback=self.fail,
            dont_filter=True,
            meta={"waiting": waiting, **slot},
        )

    async def resource(self, address: str) -> Resource:
        """Return what is answered to a script or to data that a page asks for, as far as the crawl may ask for it."""
        for _ in range(MOST_REDIRECTS):
            if not self._scope.may_connect_to(address):
                return NOTHING
            host = host_of(address)
            # Only the site's own hosts have been asked for their robots.txt.
            if self.frontier.robots(host) is not None and not self._is_allowed(address):
                return NOTHING
            request = Request(address, headers=self._own_headers(address), dont_filter=True, meta=self._slot(host))
            try:
                response = await self.crawler.engine.download_async(request)
            except Exception as error:
                self.logger.warning("%s could not be fetched for a page: %s", address[:200], _in_words(error))
                return NOTHING
            location = (response.headers.get("Location") or b"").decode("utf-8", "replace")
            if response.status not in REDIRECTS or not location:
                return Resource(response.status, _headers_of(response), response.body)
            address = Addresses(address, "").resolve(location)
        return NOTHING

    def _count(self, data: bytes) -> None:
        """Count what comes, also of answers that are given up; Scrapy calls this."""
        self._bytes_received += len(data)

    async def closed(self, reason: str) -> None:
        """End the processes that belong to the crawl; Scrapy calls this."""
        self._answers.close()
        if self._renderer is not None:
            await self._renderer.close()

    @property
    def bytes(self) -> int:
        """int: How much was sent, in all."""
        return self._bytes_before + self._bytes_received

    def _own_headers(self, address: str) -> dict[str, str]:
        return self._headers if self._scope.may_get_secrets(address) else {}

    def _slot(self, host: str) -> dict[str, Any]:
        """Return where Scrapy queues the requests of a host; it keeps the delay that the host asks for."""
        delay = self._delay_of(host)
        if delay <= self._config.delay_seconds:
            return {"download_slot": host}
        self.crawl_delay = max(self.crawl_delay, delay)
        self.crawler.engine.downloader.per_slot_settings[host] = {"delay": delay, "concurrency": 1, "jitter": 0}
        return {"download_slot": host, "autothrottle_dont_adjust_delay": True}

    async def take(self, response: Response) -> Request | None:
        """Take an answer."""
        waiting: Waiting = response.meta["waiting"]
        if self.failure:
            return None
        moved = ""
        with self._stopping_on_failure():
            try:
                moved = await self._answers.take(waiting, response.status, _headers_of(response), response.body)
            except (OSError, sqlite3.Error):
                raise
            except Exception as error:
                # One answer must not end the crawl, or keep it waiting.
                self.logger.exception("%s could not be kept", waiting.address)
                self.frontier.give_up(waiting, self._said_without_secrets(f"{type(error).__name__}: {error}"))
            return self._moved_robots(waiting, moved) if moved else None
        return None

    def _moved_robots(self, waiting: Waiting, moved: str) -> Request | None:
        if not self._scope.may_connect_to(moved):
            self.frontier.give_up(waiting, self._said_without_secrets(f"its robots.txt leads to {moved}"))
            return None
        return self._request(waiting._replace(hops=waiting.hops + 1), moved)

    def fail(self, failure: Failure) -> None:
        """Have an address wait that could not be asked for."""
        request: Any = getattr(failure, "request", None)
        waiting: Waiting = request.meta["waiting"]
        error: Any = failure.value
        with self._stopping_on_failure():
            if isinstance(error, _FAR_TOO_LONG):
                self.frontier.give_up(waiting, f"an answer of more than {MOST_ANSWER_BYTES // 1024**2} MB")
            elif (reason := _in_words(error)) in _WILL_NOT_CHANGE:
                self.frontier.give_up(waiting, reason)
            else:
                self.frontier.try_again(waiting, self._said_without_secrets(reason))

    def _said_without_secrets(self, reason: str) -> str:
        return one_line(self._archive.without_secrets(reason.encode("utf-8", "replace")).decode("utf-8"))[:200]

    def _must_stop(self) -> bool:
        config = self._config
        if self.failure or self._answers.stopped_by:
            self.stopped_by = self.failure or self._answers.stopped_by
        elif self.frontier.fetched + self.frontier.pages_in_flight >= config.most_pages:
            # Some that are in flight may fail, and leave room for others.
            if self.frontier.fetched < config.most_pages:
                return True
            self.stopped_by = f"the limit of {config.most_pages:,} pages; a larger --max-pages goes on"
        elif self.bytes > config.most_megabytes * 1_000_000:
            self.stopped_by = f"the limit of {config.most_megabytes:,} MB; a larger --max-megabytes goes on"
        elif time.monotonic() - self._began > config.most_minutes * 60:
            self.stopped_by = f"the limit of {config.most_minutes:g} minutes; the same command goes on"
        return bool(self.stopped_by)

    def _is_allowed(self, address: str) -> bool:
        host = host_of(address)
        return self._ignores_robots(host) or bool(self._rules(host).can_fetch(address, self._name_for_robots))

    def _ignores_robots(self, host: str) -> bool:
        """Return whether a host is one that the user has named, with its port or without."""
        return bool({host, urlsplit(f"//{host}").hostname} & {each.lower() for each in self._config.ignore_robots})

    def _delay_of(self, host: str) -> float:
        if self._ignores_robots(host) or self.frontier.robots(host) is None:
            return 0.0
        asked = float(self._rules(host).crawl_delay(self._name_for_robots) or 0.0)
        return min(asked, _LONGEST_DELAY_SECONDS) if asked > 0 else 0.0

    def _rules(self, host: str) -> Protego:
        if host not in self._robots:
            self._robots[host] = Protego.parse(self.frontier.robots(host) or "")
        return self._robots[host]


def _headers_of(response: Response) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, values in response.headers.items() for value in values]


def _in_words(error: BaseException) -> str:
    """Return what has gone wrong with a request, without its address, so that the same can be counted."""
    if type(error) in _WORDS:
        return _WORDS[type(error)]
    causes = getattr(error.__cause__, "reasons", None) or [getattr(error.__cause__, "value", error)]
    cause = getattr(causes[0], "value", causes[0])
    if isinstance(cause, OpenSSL.SSL.Error):
        # It has a list of what went wrong: library, function, reason.
        details = cause.args[0] if cause.args else ()
        return f"TLS: {details[0][-1]}" if details and details[0] else "TLS: the connection was broken off"
    if isinstance(cause, _BADLY_COMPRESSED):
        return "the answer is not compressed as it says"
    if isinstance(cause, VerificationError):
        return _OF_ANOTHER_HOST
    return _WORDS.get(type(cause)) or one_line(str(cause) or type(cause).__name__)[:200]


class FrontierScheduler:
    """Scrapy's scheduler: it has nothing of its own, and asks the spider's frontier."""

    def __init__(self) -> None:
        self._spider: Any = None
        self._own_requests: list[Request] = []

    @classmethod
    def from_crawler(cls, crawler: Any) -> FrontierScheduler:
        """Make one; Scrapy calls this."""
        return cls()

    def open(self, spider: SiteSpider) -> None:
        """Begin."""
        self._spider = spider

    def close(self, reason: str) -> None:
        """End."""

    def enqueue_request(self, request: Request) -> bool:
        """Take a request that the spider makes itself."""
        self._own_requests.append(request)
        return True

    def has_pending_requests(self) -> bool:
        """Return whether there is anything left to ask for."""
        return bool(self._own_requests) or self._spider.has_requests()

    def next_request(self) -> Request | None:
        """Return the next request; None if there is none now."""
        if self._own_requests:
            return self._own_requests.pop()
        request: Request | None = self._spider.next_request()
        return request
