"""A folder of HTML files -> a site."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from seo_engine.engine.site.files import SiteFiles, shown
from seo_engine.engine.site.hosting.hosts import PLAIN, Host, host_named, host_of
from seo_engine.engine.site.hosting.served_folder import ServedFolder
from seo_engine.engine.site.page import READ, Page
from seo_engine.engine.site.reading.passes import Progress, pages_of, unseen
from seo_engine.engine.site.reading.reading_processes import ReadingProcessError
from seo_engine.engine.site.reading.request import ReadingRequest
from seo_engine.engine.site.response import NO_RESPONSE, Response
from seo_engine.engine.site.site import Site, SiteError
from seo_engine.foundation.extras import import_of_extra
from seo_engine.foundation.texts import one_line

logger = logging.getLogger(__name__)

# The site that comes with the package.
SAMPLE_SITE = Path(__file__).parents[1] / "sample_site"


def read_site(
    folder: str | Path,
    *,
    base_url: str = "",
    host: str = "",
    progress: Progress = unseen,
) -> Site:
    """Read the pages of a folder and its subfolders, in the order of their paths.

    Args:
        folder (str | Path): The site.
        base_url (str): Where it is served, as `https://example.org/docs/`; empty if nobody knows.
        host (str): Who serves it, a name in `hosting/hosts.toml`; empty for the one whose configuration is found.
        progress (Progress): Called after each page, with what is done, for how many pages, and how many there are.

    Returns:
        Site: Its pages. A file that cannot be read is a page, too, whose state says why; one warning counts them.

    Raises:
        SiteError: If there is no such folder, or no page in it, or the address or the host is not one, or no process
            can be started that reads the pages.
        MissingExtraError: If the extra `site` is not installed.
    """
    source = _Folder(folder, base_url, host)
    pages = tuple(source.pages(None, progress))
    site = Site(source.given, pages, source.files.passed_over, source.notes(), served=source.served)
    if site.skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(site.skipped.items()))
        count = sum(site.skipped.values())
        pages_in_words = "1 page" if count == 1 else f"{count} pages"
        logger.warning("⚠️ %s of %s could not be read: %s", pages_in_words, folder, reasons)
    if not any(page.state == READ for page in site.pages):
        found = "no file in it can be read as a page" if site.pages else "there is no page in it"
        raise SiteError(f"{folder}: {found}; give the folder that holds the site's HTML files")
    return site


def read_pages(
    folder: str | Path, *, base_url: str = "", host: str = "", processes: int | None = None
) -> Iterator[Page]:
    """Read the pages of a folder, as `read_site` does, but keep none: the memory does not grow with the site.

    The folder is read twice: first for what its pages repeat, which is none of their main text, then for the pages.

    Args:
        folder (str | Path): The site.
        base_url (str): Where it is served; empty if nobody knows.
        host (str): Who serves it; empty for the one whose configuration is found.
        processes (int | None): In how many processes to read at most; None for one for each core.

    Yields:
        Page: The pages, in the order of their paths.

    Raises:
        SiteError: As `read_site` does.
        MissingExtraError: If the extra `site` is not installed.
    """
    return _Folder(folder, base_url, host).pages(processes)


class _Folder:
    """A folder whose pages are read."""

    def __init__(self, folder: str | Path, base_url: str, host: str) -> None:
        self.given = Path(folder)
        # Absolute, because the program may go to another folder while it takes the pages.
        self._folder = Path(os.path.abspath(folder))  # noqa: PTH100 (links stay as they are)
        if not os.path.exists(self._folder):  # noqa: PTH110 (Path.exists raises if a name is too long)
            raise SiteError(f"{folder}: there is no such folder; give the folder that holds the site's HTML files")
        if not self._folder.is_dir():
            raise SiteError(f"{folder}: this is not a folder; give the folder that holds the site's HTML files")
        self.files = SiteFiles(self._folder)
        self._host, self._found = _host(self._folder, host)
        self._has_address = bool(base_url)
        self.served = ServedFolder(self._folder, self._host, _checked(base_url))

    def pages(self, processes: int | None, progress: Progress = unseen) -> Iterator[Page]:
        try:
            yield from pages_of(self.files.look_through, self._requests, processes, progress)
        except ReadingProcessError as error:
            raise SiteError(f"{self.given}: {error}") from None

    def notes(self) -> tuple[str, ...]:
        """Return what to say once about the folder."""
        left_out = self.served.configuration.left_out
        lines = "1 line" if len(left_out) == 1 else f"{len(left_out)} lines"
        without_base = "rules that ask for the host have no effect without --base-url"
        said = (
            *([f"read as {self._host.title} serves it, because of {self._where_found()}"] if self._found else []),
            *([f"{lines} of its configuration without effect here: {left_out[0]}"] if left_out else []),
            *([without_base] if self.served.asks_for_host else []),
            *self.files.notes,
        )
        return tuple(map(one_line, said))

    def _where_found(self) -> str:
        found = self._found or self._folder
        return found.name if found.parent == self._folder else f"{found.name} in {found.parent}"

    def _requests(self) -> Iterator[ReadingRequest]:
        for path in self.files:
            inner = path.relative_to(self._folder)
            if self._host.name == PLAIN and not self._has_address:
                # What is missing is answered with this page, on every host that has one.
                is_for_missing = inner.as_posix() == self._host.not_found
                response = Response(404) if is_for_missing else NO_RESPONSE
                yield ReadingRequest(os.fsencode(path), shown(inner), response=response)
                continue
            address, response = self.served.served(inner.as_posix())
            yield ReadingRequest(os.fsencode(path), shown(inner), address if self._has_address else "", response)


def _host(folder: Path, name: str) -> tuple[Host, Path | None]:
    try:
        return (host_named(name), None) if name else host_of(folder)
    except ValueError as error:
        raise SiteError(str(error)) from None


def _checked(base_url: str) -> str:
    """Return where a site is served, as browsers write it."""
    if not base_url:
        return ""
    ada = import_of_extra("ada_url", extra="site", needed_by="reading a page")
    try:
        address = ada.URL(base_url)
        is_address = address.protocol in ("http:", "https:") and bool(address.hostname)
        has_more = address.search or address.hash or address.username or address.password
    except ValueError:
        is_address = False
    if not is_address or has_more:
        raise SiteError(f"base_url must be where the site begins, as https://example.org/docs/, got {base_url!r}")
    return str(address.href)
