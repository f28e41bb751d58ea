"""A WARC file -> a site: the pages that a crawler has stored (https://iipc.github.io/warc-specifications/)."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from seo_engine.engine.site.page import Page, path_within
from seo_engine.engine.site.reading.passes import Progress, pages_of, unseen
from seo_engine.engine.site.reading.reading_processes import ReadingProcessError
from seo_engine.engine.site.reading.request import ReadingRequest
from seo_engine.engine.site.reading.stored_records import WholeFileCompressedError, records_of
from seo_engine.engine.site.response import HTML_TYPES, REDIRECTS, Response
from seo_engine.engine.site.site import Site, SiteError

_NOT_MODIFIED = 304
_MOST_REASONS = 30


def read_warc(file: str | Path, *, processes: int | None = None, progress: Progress = unseen) -> Site:
    """Read the pages that are stored in a WARC file.

    Args:
        file (str | Path): The file, compressed or not.
        processes (int | None): In how many processes to read at most; None for one for each core.
        progress (Progress): Called after each page, with what is done, for how many pages, and how many there are.

    Returns:
        Site: A page for each address whose last answer is HTML.

    Raises:
        SiteError: If it is not a WARC file, or has no page.
        MissingExtraError: If the extra `crawl` is not installed.
    """
    stored = _Stored(Path(file))
    try:
        pages = tuple(stored.with_raw(pages_of(stored.look_through, stored.requests, processes, progress)))
    except (ReadingProcessError, WholeFileCompressedError, OSError) as error:
        raise SiteError(f"{file}: {error}") from None
    if not pages:
        raise SiteError(f"{file}: there is no page in it; give a WARC file of a site")
    return Site(Path(file), pages, stored.passed_over, redirects=stored.redirects)


class _Stored:
    """The records of a file; looking through it finds out which of them are the pages."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.passed_over: Counter[str] = Counter()
        # A number for each address takes less memory than the address.
        self._last: dict[int, int] = {}
        self._rendered: dict[int, int] = {}
        self.redirects: dict[str, tuple[int, str]] = {}

    def look_through(self) -> int:
        self.passed_over.clear()
        pages: set[int] = set()
        for offset, record in records_of(self._file, self.passed_over):
            if record.status == _NOT_MODIFIED:
                # The answer before it holds.
                self.passed_over["answer that says that nothing has changed"] += 1
                continue
            number = hash(record.address)
            if record.is_rendered:
                if number in pages:
                    self._rendered[number] = offset
                continue
            self._rendered.pop(number, None)
            self._last[number] = offset
            pages.discard(number)
            self.redirects.pop(record.address, None)
            if record.status in REDIRECTS and record.header("location"):
                self.redirects[record.address] = (record.status, record.absolute(record.header("location")))
            elif record.content_type in HTML_TYPES or not record.content_type:
                pages.add(number)
            else:
                self._count(f"not HTML: {record.content_type}")
        self._last = {number: self._last[number] for number in pages}
        return len(pages)

    def _count(self, reason: str) -> None:
        # A file may name a type of its own for each of its records.
        known = reason in self.passed_over or len(self.passed_over) < _MOST_REASONS
        self.passed_over[reason if known else "not HTML"] += 1

    def requests(self) -> Iterator[ReadingRequest]:
        file = bytes(self._file)
        for offset, record in records_of(self._file, Counter()):
            number = hash(record.address)
            if record.is_rendered or self._last.get(number) != offset:
                continue
            path, address = path_within(record.address), record.address
            response = Response(record.status, record.headers)
            rendered_at = self._rendered.get(number)
            yield ReadingRequest(file, path, address, response, offset, is_raw=rendered_at is not None)
            if rendered_at is not None:
                yield ReadingRequest(file, path, address, response.in_utf_8(), rendered_at)

    def with_raw(self, pages: Iterable[Page]) -> Iterator[Page]:
        """Yield the pages, each rendered one with the one before it, which is as the server sent it."""
        raw: Page | None = None
        for page in pages:
            if raw is None and hash(page.url) in self._rendered:
                raw = page
            else:
                yield dataclasses.replace(page, raw=raw) if raw is not None else page
                raw = None
