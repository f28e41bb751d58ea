"""The answers in a WARC file, one after the other, or one of them."""

from __future__ import annotations

import contextlib
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from seo_engine.engine.site.document.addresses import Addresses
from seo_engine.engine.site.response import media_type
from seo_engine.foundation.extras import import_of_extra
from seo_engine.foundation.texts import one_line

# What a browser has made of an answer is stored behind it, in a `conversion` record of this type.
RENDERED_TYPE = "text/html; charset=utf-8; msgtype=rendered"

# A record whose header is longer is not one of a crawler.
_LONGEST_HEADER = 1024 * 1024

_GZIP = b"\x1f\x8b\x08"
_BEGINNINGS = (_GZIP, b"WARC/")
_CHUNK_BYTES = 1 << 20
_LONGEST_TYPE = 60
_ADDRESS = re.compile(r"https?://[^/?#\s]", re.IGNORECASE)
_SIZE_OF_CHUNK = re.compile(rb"\s*([0-9a-fA-F]{1,8})[^\r\n]{0,200}\r?\n")


class WholeFileCompressedError(ValueError):
    """The file is compressed as a whole, so that no record can be read without all before it."""


class StoredAnswer(NamedTuple):
    """An answer of a server: the address that was asked for, the status, and the headers, with names in lower case.

    `is_rendered` says that it is what a browser has made of the answer before it.
    """

    address: str
    status: int
    headers: tuple[tuple[str, str], ...]
    is_rendered: bool = False

    def header(self, name: str) -> str:
        """Return the first header of a name, which is in lower case."""
        return next((value for each, value in self.headers if each == name), "")

    @property
    def content_type(self) -> str:
        """str: The type of what was sent, without its encoding."""
        return one_line(media_type(self.header("content-type")))[:_LONGEST_TYPE]

    def absolute(self, written: str) -> str:
        """Return the address that a browser makes of what a header says."""
        return Addresses(self.address, "").resolve(written)


def records_of(file: Path, passed_over: Counter[str]) -> Iterator[tuple[int, StoredAnswer]]:
    """Yield the answers of a WARC file, each with where its record begins.

    Args:
        file (Path): The file, compressed or not.
        passed_over (Counter[str]): Counts the records that are damaged or torn.

    Raises:
        OSError: If it cannot be read.
        WholeFileCompressedError: If its records are not compressed one by one.
        MissingExtraError: If the extra `crawl` is not installed.
    """
    with file.open("rb") as stream:
        is_compressed = stream.read(len(_GZIP)) == _GZIP
        begin = 0
        while True:
            reached = begin
            stream.seek(begin)
            try:
                for record in _iterator(stream):
                    reached = record.stream_pos
                    if is_compressed and os.pread(stream.fileno(), len(_GZIP), reached) != _GZIP:
                        raise WholeFileCompressedError(
                            "it is compressed as a whole; decompress it with gunzip, and give the .warc file"
                        )
                    answer = _answer(record, passed_over)
                    if answer is not None:
                        yield reached, answer
                return
            except OSError:
                # The records behind a damaged one are good.
                passed_over["damaged record"] += 1
            following = _next_beginning(stream, reached + 1)
            if following is None:
                return
            begin = following


def payload_at(stream: BinaryIO, offset: int, most_bytes: int) -> bytes:
    """Return what a server sent, decoded as far as it can be.

    Args:
        stream (BinaryIO): The WARC file.
        offset (int): Where the record begins.
        most_bytes (int): More is not returned of it.
    """
    stream.seek(offset)
    try:
        record = next(iter(_iterator(stream)), None)
        if record is None:
            return b""
        data = bytes(record.reader.read(most_bytes))
    except OSError:
        return b""
    said = record.http_headers
    if said is None:
        return data
    if "chunked" in (said.get("Transfer-Encoding") or "").lower():
        data = _without_chunks(data)
    return _decoded(data, (said.get("Content-Encoding") or "").lower().strip(), most_bytes)


def _iterator(stream: BinaryIO) -> Any:
    warc = import_of_extra("fastwarc.warc", extra="crawl", needed_by="reading a WARC file")
    kinds = warc.WarcRecordType.response | warc.WarcRecordType.resource | warc.WarcRecordType.conversion
    # Not decoded on the way: what a server says of its encoding may be wrong, and that ends the iterator.
    return warc.ArchiveIterator(
        stream, record_types=kinds, parse_http=True, auto_decode="none", max_header_len=_LONGEST_HEADER
    )


def _answer(record: Any, passed_over: Counter[str]) -> StoredAnswer | None:
    address = (record.headers.get("WARC-Target-URI") or "").strip().strip("<>")
    if not _ADDRESS.match(address):
        passed_over["record without an address"] += 1
        return None
    address = Addresses(address, "").resolve(address)
    content_type = record.headers.get("Content-Type") or ""
    if str(record.record_type) == "conversion":
        if content_type != RENDERED_TYPE:
            passed_over["record of something made of an answer"] += 1
            return None
        answer = StoredAnswer(address, 200, (("content-type", content_type),), is_rendered=True)
    elif record.http_headers is not None:
        headers = tuple((name.lower(), value) for name, value in record.http_headers.to_tuples())
        answer = StoredAnswer(address, record.http_headers.status_code or 0, headers)
    elif content_type.startswith("application/http"):
        passed_over["torn record"] += 1
        return None
    else:
        # What was stored without the words around it, as by hand.
        answer = StoredAnswer(address, 200, (("content-type", content_type),))
    if record.consume() < record.content_length:
        passed_over["torn record"] += 1
        return None
    return answer


def _next_beginning(stream: BinaryIO, position: int) -> int | None:
    """Return where the next record may begin; None if none does."""
    while True:
        stream.seek(position)
        part = stream.read(_CHUNK_BYTES)
        found = [place for beginning in _BEGINNINGS if (place := part.find(beginning)) >= 0]
        if found:
            return position + min(found)
        if len(part) < _CHUNK_BYTES:
            return None
        # One may begin at the end of this part.
        position += len(part) - max(map(len, _BEGINNINGS))


def _without_chunks(data: bytes) -> bytes:
    """Return a body that was sent in chunks; as it is, if it is stored without them."""
    body, position = bytearray(), 0
    while match := _SIZE_OF_CHUNK.match(data, position):
        size = int(match[1], 16)
        if size == 0:
            return bytes(body)
        body += data[match.end() : match.end() + size]
        position = match.end() + size
    return bytes(body) if body else data


def _decoded(data: bytes, encoding: str, most_bytes: int) -> bytes:
    """Return a body that was sent compressed; as it is, if it is stored without that."""
    if encoding in ("gzip", "x-gzip", "deflate"):
        for window in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
            with contextlib.suppress(zlib.error):
                return zlib.decompressobj(window).decompress(data, most_bytes)
    if encoding == "br":
        brotli = import_of_extra("brotli", extra="crawl", needed_by="reading a WARC file")
        with contextlib.suppress(brotli.error):
            return bytes(brotli.Decompressor().process(data, output_buffer_limit=most_bytes))[:most_bytes]
    return data
