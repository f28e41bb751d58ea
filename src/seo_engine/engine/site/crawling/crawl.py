"""Crawls a site into a folder, in a process of its own, and says how far it is."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import json
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from seo_engine.engine.site.crawling.configuration import CrawlConfig
from seo_engine.engine.site.crawling.crawl_process import ARCHIVE, LOG
from seo_engine.engine.site.crawling.frontier import PAGE, SITEMAP, Found
from seo_engine.engine.site.crawling.rendering import require_browser
from seo_engine.engine.site.crawling.scope import Scope, is_host_name, is_public, without_session
from seo_engine.engine.site.crawling.sitemaps import MOST_LISTED, MOST_SITEMAP_BYTES, read_sitemap
from seo_engine.engine.site.site import SiteError
from seo_engine.foundation.extras import import_of_extra, require_extra
from seo_engine.foundation.interpreter import NoInterpreterError, child_command, import_line, start_interpreter
from seo_engine.foundation.standard_streams import keep_standard_streams_taken

_PROGRAM = "seo_engine.engine.site.crawling.crawl_process"

_LISTS = (".xml", ".xml.gz", ".txt")

# Requests in flight are given this long when a crawl is stopped.
_LONGEST_STOP_SECONDS = 30.0


@dataclass(frozen=True)
class CrawlProgress:
    """How far a crawl is: addresses that are done and that wait, pages among them, and bytes of the whole crawl."""

    done: int
    waiting: int
    given_up: int
    pages: int
    bytes: int


@dataclass(frozen=True)
class CrawlResult:
    """How a crawl has ended.

    `statuses` counts what was answered in place of pages. `reasons` says why addresses were given up, and how many.
    `passed_over` counts links to what is not fetched, and what else was left out. `crawl_delay` is how many seconds
    the site asks to wait between two requests. `stopped_by` is empty if nothing is left to fetch, or the user has
    stopped it.
    """

    archive: Path
    pages: int
    done: int
    waiting: int
    given_up: int
    statuses: Mapping[int, int]
    reasons: Mapping[str, int]
    passed_over: Mapping[str, int]
    crawl_delay: float
    stopped_by: str
    archive_bytes: int


def crawl_site(
    source: str | Path,
    folder: str | Path,
    config: CrawlConfig | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    progress: Callable[[CrawlProgress], None] = lambda progress: None,
    stop_requested: Callable[[], bool] = lambda: False,
) -> CrawlResult:
    """Crawl a site, or go on where a crawl into the same folder was stopped or killed.

    Args:
        source (str | Path): The address where it begins, as `https://example.org/`; or a list of addresses, whose
            pages alone are fetched unless `most_depth` is given: a sitemap or lines of text, as a file or an address
            that ends in `.xml`, `.xml.gz` or `.txt`.
        folder (str | Path): Gets `site.warc.gz`, and what is needed to go on.
        config (CrawlConfig | None): How far it goes, and how polite it is.
        headers (Mapping[str, str] | None): Sent to the site's own hosts and to no other; their values are not written.
        progress (Callable[[CrawlProgress], None]): Called twice a second.
        stop_requested (Callable[[], bool]): Called as often; True stops the crawl in order.

    Returns:
        CrawlResult: How it ended.

    Raises:
        SiteError: If the address is not one, is private, or the folder cannot be used.
        MissingExtraError: If the extra `crawl` is not installed, or `render` for a crawl that needs it.
    """
    require_extra("crawl", needed_by="a crawl")
    config = config or CrawlConfig()
    if config.render:
        require_extra("render", needed_by="--render")
        require_browser()
    begun_with, starts, refused = starts_of(source, config)
    if starts[0].kind == SITEMAP or begun_with != starts[0].address:
        config = config if config.is_given("most_depth") else dataclasses.replace(config, most_depth=0)
    folder = Path(folder).absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SiteError(f"{folder}: this folder cannot be made: {error.strerror}") from None
    order = {
        "begun_with": begun_with,
        "starts": starts,
        "folder": str(folder),
        "config": {field.name: getattr(config, field.name) for field in dataclasses.fields(config)},
        "headers": dict(headers or {}),
    }
    end: dict[str, Any] = {"error": f"the crawl has ended before its time; see {folder / LOG}, if it is there"}
    for message in _messages(order, stop_requested):
        if "progress" in message:
            progress(CrawlProgress(**message["progress"]))
        end = message.get("end", end)
    if "error" in end:
        raise SiteError(str(end["error"]))
    # JSON has no numbers as keys.
    end["statuses"] = {int(status): count for status, count in end["statuses"].items()}
    end["passed_over"] = {**refused, **end["passed_over"]}
    return CrawlResult(archive=folder / ARCHIVE, **end)


def _messages(order: Mapping[str, Any], stop_requested: Callable[[], bool]) -> Iterator[dict[str, Any]]:
    """Yield what the crawl's process says, until it ends."""
    keep_standard_streams_taken()
    try:
        process: Any = start_interpreter(child_command(_PROGRAM), stdout=subprocess.PIPE)
    except (OSError, NoInterpreterError) as error:
        raise SiteError(f"the process that crawls cannot be started: {error}") from None
    with process:
        process.stdin.write(import_line() + json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        try:
            for line in process.stdout:
                yield json.loads(line)
                if stop_requested() and not process.stdin.closed:
                    process.stdin.close()
        except BaseException:
            # It stops in order when its input ends; the next crawl goes on, even if nobody waits for that.
            is_asked_twice = process.stdin.closed
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.0 if is_asked_twice else _LONGEST_STOP_SECONDS)
            process.kill()
            raise


def is_crawled(source: str | Path) -> bool:
    """Return whether a source of a site is crawled: an address, or a list of addresses.

    Example:
        >>> is_crawled("https://example.org/"), is_crawled("urls.txt"), is_crawled("public"), is_crawled("site.warc.gz")
        (True, True, False, False)
    """
    name = str(source).lower()
    return name.startswith(("http://", "https://")) or name.endswith(_LISTS)


def starts_of(source: str | Path, config: CrawlConfig) -> tuple[str, list[Found], dict[str, int]]:
    """Return what a crawl is of, the addresses where it begins, and how many a list has that cannot be fetched.

    Args:
        source (str | Path): An address, or a list of addresses.
        config (CrawlConfig): Whether an address may be a private one.

    Raises:
        SiteError: If it is neither, or private.
    """
    written = str(source)
    if "://" not in written and Path(source).is_file():
        return str(Path(source).absolute()), *_listed(Path(source), config)
    start = _checked_start(written)
    if not config.allow_private:
        _require_public(urlsplit(start).hostname or "")
    is_list = urlsplit(start).path.lower().endswith(_LISTS)
    # What a sitemap names is one click further than the sitemap.
    return start, [Found(start, SITEMAP, -1) if is_list else Found(start, PAGE, 0)], {}


def _listed(file: Path, config: CrawlConfig) -> tuple[list[Found], dict[str, int]]:
    """Return the addresses of a list, and how many of its entries cannot be fetched.

    Whether a name leads into a private network is found out by the crawl: to ask for many takes long.
    """
    try:
        with file.open("rb") as opened:
            listed = read_sitemap(opened.read(MOST_SITEMAP_BYTES + 1), MOST_LISTED)
    except OSError as error:
        raise SiteError(f"{file}: cannot be read: {error.strerror}") from None
    entries = [Found(address, PAGE, 0) for address in listed.pages]
    entries += [Found(address, SITEMAP, -1) for address in listed.sitemaps]
    if not entries:
        raise SiteError(f"{file}: there is no address in it; give a sitemap, or one address in each line")
    if listed.left_out:
        raise SiteError(
            f"{file}: it has more than {MOST_LISTED:,} addresses or {MOST_SITEMAP_BYTES // 1024**2} MB; give several "
            "lists, and crawl each"
        )
    scope, starts, errors = Scope([], config), dict[str, Found](), list[str]()
    for entry in entries:
        try:
            address = _checked_start(entry.address)
            if reason := scope.reason_against_host(urlsplit(address).hostname or ""):
                raise SiteError(f"{entry.address}: {reason}")
            starts.setdefault(address, entry._replace(address=address))
        except SiteError as error:
            errors.append(str(error))
    if not starts:
        raise SiteError(f"{file}: no address in it can be fetched: {errors[0]}")
    return list(starts.values()), {"entry of the list that cannot be fetched": len(errors)} if errors else {}


def _checked_start(start: str) -> str:
    """Return the address where a crawl begins, as browsers write it."""
    ada = import_of_extra("ada_url", extra="crawl", needed_by="a crawl")
    try:
        address = ada.URL(start)
        is_address = address.protocol in ("http:", "https:") and bool(address.hostname)
    except ValueError:
        is_address = False
    if not is_address and "://" not in start and start.lower().endswith(_LISTS):
        raise SiteError(f"{start}: there is no such file")
    if not is_address:
        raise SiteError(f"give an address, such as https://example.org/, or a file that lists addresses; got {start!r}")
    if address.username or address.password:
        raise SiteError("leave the password out of the address, and give --basic-auth VARIABLE")
    host = str(address.hostname)
    if not host.startswith("[") and not is_host_name(host):
        raise SiteError(f"{start}: {host} is not a valid host name")
    return without_session(str(address.href))


def _require_public(host: str) -> None:
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host.strip("[]"), None)}
    except OSError:
        # Said by the crawl itself, after it has tried again.
        return
    if found and not any(is_public(ipaddress.ip_address(str(number).partition("%")[0])) for number in found):
        raise SiteError(f"{host} is in a private network; give --allow-private if it is yours")
