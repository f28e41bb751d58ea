"""A folder of HTML files -> a site."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from seo_engine.engine.site.document.main_text import RepetitionCount
from seo_engine.engine.site.page import READ, Page
from seo_engine.engine.site.reading_process import Request
from seo_engine.engine.site.reading_processes import ReadingProcessError, ReadingProcesses
from seo_engine.engine.site.site import Site, SiteError

logger = logging.getLogger(__name__)

# The site that comes with the package.
SAMPLE_SITE = Path(__file__).parents[1] / "sample_site"

# What a site repeats shows in so many of its pages; of a larger site, pages are taken evenly.
MOST_SURVEYED = 2_000

_HTML_SUFFIXES = (".html", ".htm", ".xhtml", ".xht")


def read_site(folder: str | Path) -> Site:
    """Read every HTML file in a folder and its subfolders, in the order of their paths.

    Args:
        folder (str | Path): The site.

    Returns:
        Site: Its pages. A file that cannot be read is a page, too, whose state says why; one warning counts them.

    Raises:
        SiteError: If there is no such folder, or no page in it, or no process can be started that reads the pages.
        MissingExtraError: If the extra `site` is not installed.
    """
    folder = Path(folder)
    site = Site(folder, tuple(read_pages(folder)))
    if site.skipped:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(site.skipped.items()))
        logger.warning("⚠️ %d pages of %s could not be read: %s", sum(site.skipped.values()), folder, reasons)
    if not any(page.state == READ for page in site.pages):
        found = "no file in it can be read as a page" if site.pages else "there is no .html file in it"
        raise SiteError(f"{folder}: {found}; give the folder that holds the site's HTML files")
    return site


def read_pages(folder: str | Path, *, processes: int | None = None) -> Iterator[Page]:
    """Read every HTML file in a folder, as `read_site` does, but keep none: the memory does not grow with the site.

    The folder is read twice: first for what its pages repeat, which is none of their main text, then for the pages.

    Args:
        folder (str | Path): The site.
        processes (int | None): In how many processes to read at most; None for one for each core.

    Yields:
        Page: The pages, in the order of their paths.

    Raises:
        SiteError: If there is no such folder, or no process can be started that reads the pages.
        MissingExtraError: If the extra `site` is not installed.
    """
    # Absolute, because the program may go to another folder while it takes the pages.
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 (links stay as they are)
    if not os.path.exists(folder):  # noqa: PTH110 (Path.exists raises if a name is too long)
        raise SiteError(f"{folder}: there is no such folder; give the folder that holds the site's HTML files")
    if not folder.is_dir():
        raise SiteError(f"{folder}: this is not a folder; give the folder that holds the site's HTML files")
    try:
        with ReadingProcesses(processes) as reading:
            # The folder is looked through each time, because a list of its files would grow with it.
            files = sum(1 for _ in _html_files(folder))
            surveyed = itertools.islice(_requests(folder), 0, None, max(1, -(-files // MOST_SURVEYED)))
            count = RepetitionCount()
            for keys in reading.survey(surveyed):
                count.add(keys)
            reading.know(count.repetition())
            yield from reading.read(_requests(folder))
    except ReadingProcessError as error:
        raise SiteError(f"{folder}: {error}") from None


def _requests(folder: Path) -> Iterator[Request]:
    return (Request(os.fsencode(path), _shown(path.relative_to(folder))) for path in _html_files(folder))


def _say_unreadable(error: OSError) -> None:
    logger.warning("⚠️ A folder of the site cannot be looked into: %s", error)


def _shown(path: Path) -> str:
    """Return a path within the site as text; bytes that are none are shown as numbers."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _html_files(folder: Path) -> Iterator[Path]:
    """Yield HTML files in the order of their paths; links that lead out of the folder are skipped."""
    root = folder.resolve()
    for directory, directories, names in os.walk(folder, onerror=_say_unreadable):
        directories.sort()
        for name in sorted(names):
            path = Path(directory, name)
            if path.suffix.lower() in _HTML_SUFFIXES and Path(os.path.realpath(path)).is_relative_to(root):
                yield path
