"""What a browser makes of a page: the document after its scripts have run.

The browser itself has no network: the crawl answers whatever a page asks for, within the crawl's own limits, and all
else leads to a proxy that does not exist.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from seo_engine.engine.site.crawling.archive import Headers
from seo_engine.engine.site.site import SiteError
from seo_engine.foundation.extras import import_of_extra

# Looked for in this order, before the one that `playwright install chromium` has fetched.
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW_TO_INSTALL = "apt-get install chromium"

_SWITCHES = (
    # Port 9 discards; `<-loopback>` sends there what is for this machine, too.
    "--proxy-server=http://127.0.0.1:9", "--proxy-bypass-list=<-loopback>",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp", "--disable-dev-shm-usage", "--mute-audio",
)  # fmt: skip

# The process of a page has this among its arguments.
_OF_A_PAGE = "--type=renderer"

# No text hangs on these.
_NOT_FETCHED = ("image", "media", "font", "websocket", "eventsource", "manifest", "ping")
_MOST_RESOURCES = 200
_MOST_KEPT_BYTES = 64 * 1024 * 1024

_QUIET_SECONDS = 5.0
_LONGEST_DOCUMENT = 8 * 1024 * 1024
# The time of one page, with the files that it asks for.
_LONGEST_SECONDS = 20.0
# The memory of one page; what takes more is ended.
_MOST_BYTES = 1024 * 1024 * 1024
_WATCH_SECONDS = 0.5
_LONGEST_END_SECONDS = 5.0
_PAGES_AT_A_TIME = 2

# These belong to what was sent, not to what is handed on.
_NOT_HANDED_ON = (b"content-encoding", b"content-length", b"transfer-encoding", b"connection", b"set-cookie")


class Resource(NamedTuple):
    """The answer for a script, style sheet or data that a page asks for; `status` is 0 if there is none."""

    status: int
    headers: Headers
    body: bytes


NOTHING = Resource(0, (), b"")
_STAY = Resource(204, (), b"")


class Rendered(NamedTuple):
    """A page's document after its scripts have run, None if the browser does not get that far.

    `leads_to` is where the scripts would have taken the browser.
    """

    document: str | None
    leads_to: tuple[str, ...]


class Renderer:
    """A browser, started for the first page.

    Args:
        fetch (Callable[[str], Awaitable[Resource]]): Asks for an address, as far as the crawl may.
        user_agent (str): How the browser calls itself in scripts.
    """

    def __init__(self, fetch: Callable[[str], Awaitable[Resource]], user_agent: str) -> None:
        self._fetch, self._user_agent = fetch, user_agent
        self._kept: OrderedDict[str, Resource] = OrderedDict()
        self._kept_bytes = 0
        self._program: Any = None
        self._browser: Any = None
        self._starting = asyncio.Lock()
        self._ending: list[asyncio.Task[None]] = []
        self._places = asyncio.Semaphore(_PAGES_AT_A_TIME)

    async def render(self, address: str, headers: Headers, body: bytes) -> Rendered:
        """Run the scripts of a page.

        Args:
            address (str): The page's own address.
            headers (Headers): What the server sent.
            body (bytes): What it sent.

        Raises:
            OSError: If the browser cannot be started.
        """
        page_itself, leads_to = Resource(200, headers, body), dict[str, None]()
        async with self._places:
            context = await self._new_context()
            try:
                async with _memory_watched():
                    document = await asyncio.wait_for(
                        self._document(context, address, page_itself, leads_to), _LONGEST_SECONDS
                    )
            except (TimeoutError, self._errors()):
                # A page that ends its browser is a page without a rendered document.
                return Rendered(None, tuple(leads_to))
        return Rendered(document, tuple(leads_to))

    async def close(self) -> None:
        """End the browser."""
        await asyncio.gather(*self._ending, self._end(self._browser, self._program))

    async def _end(self, browser: Any, program: Any) -> None:
        for each in (browser and browser.close, program and program.stop):
            if each:
                # What is dead may not answer.
                with contextlib.suppress(TimeoutError, self._errors()):
                    await asyncio.wait_for(each(), _LONGEST_END_SECONDS)

    async def _document(self, context: Any, address: str, page_itself: Resource, leads_to: dict[str, None]) -> str:
        try:
            page = await context.new_page()
            asked = 0

            async def answer(route: Any) -> None:
                nonlocal asked
                request = route.request
                asked += 1
                if request.is_navigation_request() and request.frame == page.main_frame:
                    # To another address, it is a redirect, not this page. An answer of 204 keeps the browser there.
                    is_itself = request.url.partition("#")[0] == address and asked == 1
                    found = page_itself if is_itself else _STAY
                    if not is_itself:
                        leads_to[request.url] = None
                elif asked > _MOST_RESOURCES or request.method != "GET" or request.resource_type in _NOT_FETCHED:
                    found = NOTHING
                else:
                    found = await self._resource(request.url)
                with contextlib.suppress(self._errors()):
                    # The page may be gone by now.
                    await _fulfil(route, found)

            await context.route("**/*", answer)
            await page.goto(address, wait_until="load", timeout=0)
            with contextlib.suppress(self._errors()):
                await page.wait_for_load_state("networkidle", timeout=_QUIET_SECONDS * 1_000)
            return str(await page.evaluate(_SERIALISE, _LONGEST_DOCUMENT))
        finally:
            with contextlib.suppress(self._errors()):
                await context.close()

    async def _resource(self, address: str) -> Resource:
        """Return an answer, which the next pages get as well: they share most scripts."""
        if address in self._kept:
            self._kept.move_to_end(address)
            return self._kept[address]
        found = await self._fetch(address)
        if address not in self._kept:
            self._kept[address] = found
            self._kept_bytes += len(found.body) + len(address)
        while self._kept_bytes > _MOST_KEPT_BYTES:
            oldest, of_it = self._kept.popitem(last=False)
            self._kept_bytes -= len(of_it.body) + len(oldest)
        return found

    async def _new_context(self) -> Any:
        failure: Exception = RuntimeError()
        for _ in range(2):
            browser = self._browser
            try:
                browser = await self._running()
                settings = {"user_agent": self._user_agent, "service_workers": "block", "accept_downloads": False}
                return await asyncio.wait_for(browser.new_context(**settings), _LONGEST_SECONDS)
            except (TimeoutError, self._errors()) as error:
                # Somebody has ended or stopped the browser, or the program that drives it.
                failure = error
                if self._browser is browser:
                    self._ending.append(asyncio.create_task(self._end(self._browser, self._program)))
                    self._program = self._browser = None
        said = str(failure).strip().splitlines()
        raise OSError(f"Chromium cannot be started: {said[0] if said else failure!r}")

    async def _running(self) -> Any:
        async with self._starting:
            if self._browser is None or not self._browser.is_connected():
                if self._program is None:
                    playwright = import_of_extra("playwright.async_api", extra="render", needed_by="--render")
                    self._program = await playwright.async_playwright().start()
                self._browser = await self._program.chromium.launch(
                    executable_path=browser_program(), args=list(_SWITCHES), chromium_sandbox=os.geteuid() != 0
                )
            return self._browser

    @staticmethod
    def _errors() -> type[Exception]:
        error: type[Exception] = import_of_extra("playwright.async_api", extra="render", needed_by="--render").Error
        return error


# The whole document, with its shadow trees; a document may be of any size.
_SERIALISE = """longest => {
    const type = document.doctype ? "<!doctype html>" : "";
    const roots = [];
    for (const element of document.querySelectorAll("*")) if (element.shadowRoot) roots.push(element.shadowRoot);
    const root = document.documentElement;
    const written = root.getHTML ? root.getHTML({shadowRoots: roots}) : root.innerHTML;
    const start = root.cloneNode(false).outerHTML.replace("</html>", "");
    return (type + start + written + "</html>").slice(0, longest);
}"""


@contextlib.asynccontextmanager
async def _memory_watched() -> AsyncIterator[None]:
    """End pages of the browser that take too much memory, as long as the block runs."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            await asyncio.to_thread(_end_greedy_pages)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()


def _end_greedy_pages() -> None:
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if process.memory_info().rss > _MOST_BYTES and _OF_A_PAGE in process.cmdline():
                process.kill()


async def _fulfil(route: Any, found: Resource) -> None:
    if not found.status:
        await route.abort("blockedbyclient")
        return
    headers: dict[str, str] = {}
    for name, value in found.headers:
        if name.lower() not in _NOT_HANDED_ON:
            headers[name.decode("latin-1")] = value.decode("latin-1")
    await route.fulfill(status=found.status, headers=headers, body=found.body)


def browser_program() -> str | None:
    """Return the browser of this machine; None for the one that Playwright has fetched."""
    return next((found for name in _BROWSERS if (found := shutil.which(name))), None)


def require_browser() -> None:
    """Check that there is a browser.

    Raises:
        SiteError: If there is none; the message says how to install one.
        MissingExtraError: If the extra `render` is not installed.
    """
    playwright = import_of_extra("playwright.sync_api", extra="render", needed_by="--render")
    if browser_program() is not None:
        return
    with playwright.sync_playwright() as program:
        if not Path(program.chromium.executable_path).exists():
            raise SiteError(f"--render needs Chromium; install it: {HOW_TO_INSTALL}, or playwright install chromium")
