"""The main program of a crawl: it runs Scrapy, and says on standard output how far it is.

It is a process of its own, because Scrapy can run only once in one. It ends in order when its standard input ends.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import fcntl
import json
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, quote_plus

from seo_engine.engine.site.crawling.answers import reading_files
from seo_engine.engine.site.crawling.archive import MOST_ANSWER_BYTES, Archive
from seo_engine.engine.site.crawling.configuration import CrawlConfig
from seo_engine.engine.site.crawling.frontier import Found, Frontier
from seo_engine.engine.site.crawling.scope import Scope
from seo_engine.engine.site.site import SiteError
from seo_engine.foundation.texts import one_line

# Scrapy takes classes by their names.
_CRAWLING = "seo_engine.engine.site.crawling."

ARCHIVE, FRONTIER, LOG, LOCK = "site.warc.gz", "frontier.sqlite", "crawl.log", ".lock"

# A site may name more addresses than a disk holds. For each page that may be fetched, so many are kept; and at least so
# many in all, for a crawl that goes on with a larger limit.
_ADDRESSES_OF_A_PAGE = 10
_FEWEST_ADDRESSES = 100_000

_REPORT_SECONDS = 0.5
_LONGEST_WAIT_FOR_LOCK_SECONDS = 20.0
_LOCK_POLL_SECONDS = 0.1
# Requests in flight have this long to end.
_LONGEST_FLIGHT_SECONDS = 10.0


def main(arguments: Sequence[str]) -> None:
    """Crawl, as a line on standard input says.

    Args:
        arguments (Sequence[str]): None.
    """
    order = json.loads(sys.stdin.readline())
    try:
        starts = [Found(*start) for start in order["starts"]]
        folder, config = Path(order["folder"]), CrawlConfig(**order["config"])
        end = crawl(order["begun_with"], starts, folder, config, order["headers"])
    except SiteError as error:
        end = {"error": str(error)}
    except (OSError, sqlite3.Error) as error:
        end = {"error": f"{order['folder']}: {one_line(str(error))}"}
    _say({"end": end})
    # Threads of Twisted's may wait for what nobody wants any more; all that is kept is written.
    os._exit(0)


def crawl(
    begun_with: str, starts: Sequence[Found], folder: Path, config: CrawlConfig, headers: Mapping[str, str]
) -> dict[str, Any]:
    """Crawl a site, or go on with it; return how it ended, as plain data.

    Args:
        begun_with (str): What the crawl is of, as it was given.
        starts (Sequence[Found]): The addresses where it begins.
        folder (Path): Gets the archive and the frontier.
        config (CrawlConfig): How far it goes.
        headers (Mapping[str, str]): Sent to the site's own hosts; their values are secrets.

    Raises:
        SiteError: If another process crawls into this folder, or it holds another crawl.
    """
    # Imported here, because it installs Twisted's reactor.
    from scrapy.crawler import AsyncCrawlerProcess

    from seo_engine.engine.site.crawling.spider import SiteSpider

    for name in (ARCHIVE, FRONTIER, LOG, LOCK):
        if (folder / name).exists() and not (folder / name).is_file():
            # To open a pipe may take for ever.
            raise SiteError(f"{folder / name}: this is no file; give another folder")
    with (folder / LOCK).open("a") as lock:
        _take(lock, folder)
        if (folder / ARCHIVE).exists() and not (folder / FRONTIER).exists() and (folder / ARCHIVE).stat().st_size:
            raise SiteError(f"{folder / ARCHIVE}: this is not of a crawl into this folder; give another folder")
        most_addresses = max(config.most_pages * _ADDRESSES_OF_A_PAGE, _FEWEST_ADDRESSES)
        frontier = Frontier(folder / FRONTIER, begun_with, starts, most_addresses, config.retry_seconds)
        archive = Archive(folder / ARCHIVE, list(_secrets_in(headers)))
        archive.cut_off(frontier.compare_with(archive.bytes))
        scope = Scope([start.address for start in starts], config)
        process = AsyncCrawlerProcess(_settings(config, folder))
        crawler = process.create_crawler(SiteSpider)
        process.crawl(crawler, frontier, archive, scope, config, headers, folder)
        _report_while_it_runs(crawler, frontier)
        process.start()
        # Also where the crawl broke off.
        for file in reading_files(folder):
            file.unlink(missing_ok=True)
        spider: Any = crawler.spider
        end = {
            **frontier.counts(),
            "reasons": frontier.reasons(),
            "statuses": frontier.statuses(),
            "passed_over": frontier.passed_over(),
            "crawl_delay": spider.crawl_delay if spider is not None else 0.0,
            "stopped_by": spider.stopped_by if spider is not None else "an error, see crawl.log",
            "archive_bytes": archive.bytes,
        }
        archive.close()
        frontier.close()
        if spider is not None and spider.failure:
            raise SiteError(f"{folder}: the crawl has stopped: {spider.failure}; when that is mended, it goes on")
    return end


def _secrets_in(headers: Mapping[str, str]) -> Iterator[bytes]:
    """Yield what a site might send back, and what is not to be kept: values, and the parts that are secrets."""
    for name, value in headers.items():
        for secret in (value.encode(), *_parts_of(name.lower(), value)):
            yield from (secret, quote(secret).encode(), quote_plus(secret).encode())
            yield escape(secret.decode("latin-1")).encode("latin-1")


def _parts_of(name: str, value: str) -> Iterator[bytes]:
    if name == "cookie":
        yield from (each.partition("=")[2].strip().encode() for each in value.split(";"))
    scheme, _, credentials = value.partition(" ")
    if name == "authorization":
        yield credentials.encode()
        if scheme.lower() == "basic":
            with contextlib.suppress(binascii.Error):
                yield base64.b64decode(credentials).partition(b":")[2]


def _take(lock: IO[str], folder: Path) -> None:
    """Take the lock of a folder; the crawl of a killed command may take some seconds to end."""
    deadline = time.monotonic() + _LONGEST_WAIT_FOR_LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            if time.monotonic() > deadline:
                raise SiteError(
                    f"{folder}: another crawl writes into this folder; wait until it ends, or give another folder"
                ) from None
            time.sleep(_LOCK_POLL_SECONDS)


def _settings(config: CrawlConfig, folder: Path) -> dict[str, Any]:
    return {
        "SCHEDULER": _CRAWLING + "spider.FrontierScheduler",
        "DOWNLOAD_HANDLERS": dict.fromkeys(("http", "https"), _CRAWLING + "connections.DownloadHandler"),
        # The usual one knows no IPv6.
        "TWISTED_DNS_RESOLVER": "scrapy.resolver.CachingHostnameResolver",
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "USER_AGENT": config.user_agent,
        "CONCURRENT_REQUESTS": config.concurrent_requests,
        "CONCURRENT_REQUESTS_PER_DOMAIN": config.concurrent_requests,
        "DOWNLOAD_DELAY": config.delay_seconds,
        "DOWNLOAD_TIMEOUT": config.timeout_seconds,
        "DOWNLOAD_MAXSIZE": MOST_ANSWER_BYTES,
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_DELAY_JITTER": 0.0,
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": config.delay_seconds,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": float(config.concurrent_requests),
        # All of this is ours to decide.
        "ROBOTSTXT_OBEY": False,
        "REDIRECT_ENABLED": False,
        "METAREFRESH_ENABLED": False,
        "RETRY_ENABLED": False,
        "COOKIES_ENABLED": False,
        "REFERER_ENABLED": False,
        "HTTPERROR_ALLOW_ALL": True,
        "TELNETCONSOLE_ENABLED": False,
        # A proxy would resolve the names, and nobody would know where they lead.
        "HTTPPROXY_ENABLED": False,
        "LOG_FILE": str(folder / LOG),
        "LOG_LEVEL": "WARNING",
        "LOG_STDOUT": False,
    }


def _report_while_it_runs(crawler: Any, frontier: Frontier) -> None:
    """Say how far it is, and stop it when standard input ends: whoever started it is gone, or wants it to stop."""
    from twisted.internet import reactor, task

    running: Any = reactor
    stop_asked_at: list[float] = []

    def tick() -> None:
        if crawler.spider is None:
            return
        if crawler.spider.stopped_by and not stop_asked_at:
            stop_asked_at.append(time.monotonic())
        if stop_asked_at and time.monotonic() - stop_asked_at[0] > _LONGEST_FLIGHT_SECONDS:
            # A request may wait in a queue of Scrapy's, as long as Crawl-delay says. The next crawl asks for it.
            running.crash()
            return
        with contextlib.suppress(sqlite3.Error):
            # The spider finds it out, too, and stops.
            _say({"progress": {**frontier.counts(), "bytes": crawler.spider.bytes}})
        crawler.spider.wake()

    task.LoopingCall(tick).start(_REPORT_SECONDS, now=False)

    def wait() -> None:
        sys.stdin.read()
        stop_asked_at.append(time.monotonic())
        running.callFromThread(lambda: asyncio.ensure_future(crawler.stop_async()))

    threading.Thread(target=wait, daemon=True).start()


def _say(message: Mapping[str, Any]) -> None:
    data = json.dumps(message).encode() + b"\n"
    try:
        os.write(sys.__stdout__.fileno() if sys.__stdout__ else 1, data)
    except BrokenPipeError:
        os._exit(1)
