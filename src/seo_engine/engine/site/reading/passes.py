"""Reads all documents of a site: first for what its pages repeat, then for the pages."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from seo_engine.engine.site.document.main_text import RepetitionCount
from seo_engine.engine.site.page import Page
from seo_engine.engine.site.reading.reading_processes import ReadingProcesses
from seo_engine.engine.site.reading.request import ReadingRequest

# Called with the name of a pass, how many documents it has read, and how many there are.
Progress = Callable[[str, int, int], None]
COMPARING, READING = "Comparing the pages", "Reading the pages"

# What a site repeats shows in so many of its pages; of a larger site, pages are taken evenly.
_MOST_SURVEYED = 2_000


def unseen(stage: str, done: int, total: int) -> None:
    """Show nothing."""


def pages_of(
    look_through: Callable[[], int],
    requests: Callable[[], Iterator[ReadingRequest]],
    processes: int | None,
    progress: Progress,
) -> Iterator[Page]:
    """Yield the pages of a site, in the order of its documents.

    Args:
        look_through (Callable[[], int]): Returns how many documents there are.
        requests (Callable[[], Iterator[ReadingRequest]]): Yields them. It is called twice, because a list would grow
            with the site.
        processes (int | None): In how many processes to read at most; None for one for each core.
        progress (Progress): Called after each document.

    Raises:
        ReadingProcessError: If no process can be started.
        MissingExtraError: If the extra `site` is not installed.
    """
    with ReadingProcesses(processes) as reading:
        count = look_through()
        documents = (request for request in requests() if not request.is_raw)
        every = max(1, -(-count // _MOST_SURVEYED))
        repetition = RepetitionCount()
        for done, keys in enumerate(reading.survey(itertools.islice(documents, 0, None, every)), start=1):
            repetition.add(keys)
            progress(COMPARING, done, -(-count // every))
        reading.know(repetition.repetition())
        raw = 0

        def counted() -> Iterator[ReadingRequest]:
            nonlocal raw
            for request in requests():
                # A page that was rendered has two documents.
                raw += request.is_raw
                yield request

        for done, page in enumerate(reading.read(counted()), start=1):
            progress(READING, max(0, done - raw), count)
            yield page
