"""The WARC file of a crawl: records are put behind each other, and a torn one at the end is cut off."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from seo_engine.engine.site.reading.stored_records import RENDERED_TYPE
from seo_engine.foundation.extras import import_of_extra

# More of one answer is not taken; Googlebot reads 2 MB of a page.
MOST_ANSWER_BYTES = 16 * 1024 * 1024

# Names and values as they came.
Headers = Sequence[tuple[bytes, bytes]]

# These would tell a secret.
_LEFT_OUT = (b"set-cookie", b"set-cookie2")
# These are not true of what is stored, which was decoded; Common Crawl renames them in the same way.
_RENAMED = (b"content-encoding", b"transfer-encoding", b"content-length")
_RENAMED_PREFIX = b"X-Crawler-"
# A shorter word is no secret, and may be part of any other.
_SHORTEST_SECRET = 6


class Archive:
    """The WARC file of a crawl.

    Args:
        file (Path): Made if it is missing.
        secrets (Sequence[bytes]): Words that are not written, whatever a server sends.
    """

    def __init__(self, file: Path, secrets: Sequence[bytes] = ()) -> None:
        self._secrets = sorted({secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self.bytes = os.fstat(self._descriptor).st_size

    def cut_off(self, whole_bytes: int) -> None:
        """Cut off what is behind so many bytes: it was written when a crawl was killed."""
        os.ftruncate(self._descriptor, whole_bytes)
        self.bytes = whole_bytes

    def append(self, record: bytes) -> tuple[int, int]:
        """Put a record at the end.

        Returns:
            tuple[int, int]: Where it begins, and how long it is.
        """
        begin, left = self.bytes, memoryview(record)
        while left:
            # At a place of its own: what a full disk has cut off does not push the next one back.
            left = left[os.pwrite(self._descriptor, left, begin + len(record) - len(left)) :]
        self.bytes += len(record)
        return begin, len(record)

    def has_secret(self, address: str) -> bool:
        """Return whether an address tells a secret."""
        return any(secret in address.encode() for secret in self._secrets)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def record(self, address: str, status: int, headers: Headers, body: bytes) -> bytes:
        """Return the record of an answer, compressed by itself, so that it can be read from where it begins.

        Args:
            address (str): What was asked for.
            status (int): What the server answered.
            headers (Headers): As they came.
            body (bytes): What it sent, decoded.
        """
        body = self.without_secrets(body)
        answer = _status_line(status) + self._lines(headers, len(body)) + b"\r\n" + body
        return _compressed_record("response", address, "application/http; msgtype=response", answer)

    def rendered_record(self, address: str, document: str) -> bytes:
        """Return the record of what a browser made of the answer before it.

        Args:
            address (str): What was asked for.
            document (str): The document after its scripts have run.
        """
        data = self.without_secrets(document.encode("utf-8", "replace"))
        return _compressed_record("conversion", address, RENDERED_TYPE, data)

    def _lines(self, headers: Headers, length: int) -> bytes:
        lines = []
        for name, value in headers:
            if name.lower() in _LEFT_OUT:
                continue
            name = _RENAMED_PREFIX + name if name.lower() in _RENAMED else name
            lines.append(b"%s: %s\r\n" % (name, self.without_secrets(value)))
        return b"".join([*lines, b"Content-Length: %d\r\n" % length])

    def without_secrets(self, data: bytes) -> bytes:
        """Return data with stars in place of secrets."""
        for secret in self._secrets:
            data = data.replace(secret, b"*" * len(secret))
        return data


def _compressed_record(kind: str, address: str, content_type: str, contents: bytes) -> bytes:
    warc = import_of_extra("fastwarc.warc", extra="crawl", needed_by="a crawl")
    streams = import_of_extra("fastwarc.stream_io", extra="crawl", needed_by="a crawl")
    record: Any = warc.WarcRecord()
    record.init_headers(getattr(warc.WarcRecordType, kind))
    record.headers["WARC-Target-URI"] = address
    record.headers["WARC-Date"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    record.headers["Content-Type"] = content_type
    record.set_bytes_content(contents)
    written = io.BytesIO()
    writer = streams.GzipWriter(written)
    record.write(writer, checksum_data=True)
    writer.close()
    return written.getvalue()


def _status_line(status: int) -> bytes:
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = "Unknown"
    return f"HTTP/1.1 {status} {reason}\r\n".encode()
