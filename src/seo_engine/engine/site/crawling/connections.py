"""What a crawl connects to, and how much it takes before a page begins.

It stays out of private networks, even after a redirect or when a name resolves to another address later.
"""

from __future__ import annotations

import contextlib
import ipaddress
from typing import Any

# Scrapy has no setting for this, and no public name.
from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _LenientHTTPClientParser,
)
from twisted.python.failure import Failure
from twisted.web._newclient import HEADER, STATUS
from twisted.web.http_headers import InvalidHeaderName

from seo_engine.engine.site.crawling.scope import is_public

# As much as Chromium takes (https://source.chromium.org/chromium/chromium/src/+/main:net/http/http_stream_parser.h).
MOST_HEADER_BYTES = 256 * 1024


class EndlessHeadersError(Exception):
    """Raised if the headers of an answer are longer than browsers take."""

    def __init__(self) -> None:
        super().__init__(f"the headers of an answer are longer than {MOST_HEADER_BYTES // 1024} kB")


class DownloadHandler(HTTP11DownloadHandler):
    """Scrapy's own, but headers are read as browsers do it, and a connection breaks off where they do not end."""

    def __init__(self, crawler: Any) -> None:
        super().__init__(crawler)
        self._pool._factory = _Connections


class _Connections(_LenientHTTP11ClientFactory):
    def buildProtocol(self, address: Any) -> Any:
        return _Connection(self._quiescentCallback)  # type: ignore[no-untyped-call]


class _Parser(_LenientHTTPClientParser):
    # Of one line.
    MAX_LENGTH = MOST_HEADER_BYTES

    def headerReceived(self, name: bytes, value: bytes) -> None:
        # A header with an invalid name is passed over.
        with contextlib.suppress(InvalidHeaderName):
            super().headerReceived(name, value)  # type: ignore[no-untyped-call]


class _Connection(_LenientHTTP11ClientProtocol):
    _header_bytes = 0

    def request(self, request: Any) -> Any:
        self._header_bytes = 0
        answer = super().request(request)
        if self._parser is not None:
            # The way in which Scrapy puts its own parser in the place of Twisted's.
            self._parser.__class__ = _Parser
        return answer

    def dataReceived(self, data: bytes) -> None:
        super().dataReceived(data)  # type: ignore[no-untyped-call]
        if self._parser is not None and self._parser.state in (STATUS, HEADER):
            self._header_bytes += len(data)
            if self._header_bytes > MOST_HEADER_BYTES:
                self._giveUp(Failure(EndlessHeadersError()))  # type: ignore[no-untyped-call]


class PublicResolver:
    """Resolves names for Twisted, and forgets the numbers that are not public: the connection is made to what is left.

    Args:
        resolver (Any): Twisted's own.
    """

    def __init__(self, resolver: Any) -> None:
        self._resolver = resolver

    def resolveHostName(self, receiver: Any, *arguments: Any, **named: Any) -> Any:
        """Resolve a name, as Twisted asks for it."""
        return self._resolver.resolveHostName(_PublicReceiver(receiver), *arguments, **named)


class _PublicReceiver:
    def __init__(self, receiver: Any) -> None:
        self._receiver = receiver

    def resolutionBegan(self, resolution: Any) -> None:
        self._receiver.resolutionBegan(resolution)

    def addressResolved(self, address: Any) -> None:
        if is_public(ipaddress.ip_address(address.host.partition("%")[0])):
            self._receiver.addressResolved(address)

    def resolutionComplete(self) -> None:
        self._receiver.resolutionComplete()
