"""The answers in a WARC file, one after the other, or one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from seo_engine.engine.site.document.addresses import Addresses
from seo_engine.foundation.extras import import_of_extra

# A record whose header is longer is not one of a crawler.
_LONGEST_HEADER = 1024 * 1024


class StoredAnswer(NamedTuple):
    """An answer of a server: the address that was asked for, the status, and the headers, with names in lower case."""

    address: str
    status: int
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str:
        """Return the first header of a name, which is in lower case."""
        return next((value for each, value in self.headers if each == name), "")

    @property
    def content_type(self) -> str:
        """str: The type of what was sent, without its encoding."""
        return self.header("content-type").partition(";")[0].strip().lower()

    def absolute(self, written: str) -> str:
        """Return the address that a browser makes of what a header says."""
        return Addresses(self.address, "").resolve(written)


def records_of(file: Path) -> Iterator[tuple[int, StoredAnswer]]:
    """Yield the answers of a WARC file, each with where its record begins.

    Args:
        file (Path): The file, compressed or not. What is torn at its end is left out.

    Raises:
        OSError: If it cannot be read, or is not a WARC file.
        MissingExtraError: If the extra `crawl` is not installed.
    """
    with file.open("rb") as stream:
        for record in _iterator(stream):
            answer = _answer(record)
            if answer is not None:
                yield record.stream_pos, answer


def payload_at(stream: Any, offset: int, most_bytes: int) -> bytes:
    """Return what a server sent, decompressed.

    Args:
        stream (Any): The WARC file.
        offset (int): Where the record begins.
        most_bytes (int): More is not read of it.
    """
    stream.seek(offset)
    record = next(iter(_iterator(stream)), None)
    return bytes(record.reader.read(most_bytes)) if record is not None else b""


def _iterator(stream: Any) -> Any:
    warc = import_of_extra("fastwarc.warc", extra="crawl", needed_by="reading a WARC file")
    kinds = warc.WarcRecordType.response | warc.WarcRecordType.resource
    return warc.ArchiveIterator(
        stream, record_types=kinds, parse_http=True, auto_decode="all", max_header_len=_LONGEST_HEADER
    )


def _answer(record: Any) -> StoredAnswer | None:
    address = record.headers.get("WARC-Target-URI") or ""
    address = address.strip("<>")
    if not address.startswith(("http://", "https://")):
        return None
    if record.http_headers is None:
        # What was stored without the words around it, as by hand.
        return StoredAnswer(address, 200, (("content-type", record.headers.get("Content-Type") or ""),))
    headers = tuple((name.lower(), value) for name, value in record.http_headers.to_tuples())
    return StoredAnswer(address, record.http_headers.status_code or 0, headers)
