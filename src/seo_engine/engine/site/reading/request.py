"""A document to read, and its bytes: a file, a compressed one, or a record of a WARC file."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import zlib
from typing import BinaryIO, NamedTuple

from seo_engine.engine.site.page import NO_FILE, READ, UNREADABLE, Page
from seo_engine.engine.site.reading.stored_records import payload_at
from seo_engine.engine.site.response import NO_RESPONSE, Response

NOT_STORED = -1

_GZIP = b"\x1f\x8b"
_CHUNK_BYTES = 1 << 18

# One of these begins every document; what has none is a part that scripts or programs put into one.
_OF_A_DOCUMENT = re.compile(rb"<(?:!doctype|html|head|title|body|meta|frameset|h1)\b", re.IGNORECASE)


class ReadingRequest(NamedTuple):
    """A document to read: the file, as bytes of the file system, its path within the site, and how it is served.

    `record_at` is where its record begins, if the file is a WARC file. `is_raw` says that the next document is what a
    browser has made of it.
    """

    file: bytes
    path: str
    own_address: str = ""
    response: Response = NO_RESPONSE
    record_at: int = NOT_STORED
    is_raw: bool = False

    def unread(self, state: str, size: int = 0) -> Page:
        """Return the page of this document if it could not be read."""
        return Page.unread(self.own_address or self.path, self.path, state, size, response=self.response)


def contents_of(request: ReadingRequest, most_bytes: int) -> tuple[bytes, int, str]:
    """Return the bytes of a document, how many it has at least, and the state of its page.

    Args:
        request (ReadingRequest): The document.
        most_bytes (int): More is not read of it.
    """
    try:
        # Without waiting for whoever writes, if it is a pipe.
        with os.fdopen(os.open(request.file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                return b"", 0, NO_FILE
            is_compressed = request.file.lower().endswith(b".gz") and request.record_at == NOT_STORED
            if is_compressed and file.read(len(_GZIP)) == _GZIP:
                file.seek(0)
                data = decompressed(file, most_bytes)
                return data, len(data), READ
            if request.record_at != NOT_STORED:
                data = payload_at(file, request.record_at, most_bytes)
                return data, len(data), READ
            file.seek(0)
            return file.read(most_bytes), about.st_size, READ
    except IsADirectoryError:
        return b"", 0, NO_FILE
    except OSError:
        return b"", 0, UNREADABLE


def decompressed(file: BinaryIO, most_bytes: int) -> bytes:
    """Return the beginning of what was compressed, also if the file is cut off.

    Args:
        file (BinaryIO): One compressed file, or several behind each other.
        most_bytes (int): More is not decompressed.
    """
    data = bytearray()
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    waiting = b""
    with contextlib.suppress(zlib.error):
        while len(data) < most_bytes and (waiting or (waiting := file.read(_CHUNK_BYTES))):
            data += member.decompress(waiting, most_bytes - len(data))
            waiting = member.unconsumed_tail
            if member.eof:
                # Several compressed files behind each other are one.
                waiting, member = member.unused_data, zlib.decompressobj(zlib.MAX_WBITS | 16)
    return bytes(data)


def is_fragment(data: bytes) -> bool:
    """Return whether a file is a part of documents, not one itself.

    Args:
        data (bytes): Its contents.

    Example:
        >>> is_fragment(b"<div>Pots</div>"), is_fragment(b"<title>Pots</title>")
        (True, False)
    """
    # In UTF-16, every other byte of a tag is a zero.
    data = data.replace(b"\0", b"") if b"\0" in data[:200] else data
    return _OF_A_DOCUMENT.search(data) is None
