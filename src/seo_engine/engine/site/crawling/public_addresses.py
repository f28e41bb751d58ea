"""Keeps a crawl out of private networks, even after a redirect or when a name resolves to another address later."""

from __future__ import annotations

import ipaddress
from typing import Any

_Number = ipaddress.IPv4Address | ipaddress.IPv6Address

# An IPv6 number that stands for one of IPv4: NAT64 (RFC 6052).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(number: _Number) -> bool:
    """Return whether a number is that of a machine on the public internet.

    Example:
        >>> [is_public(ipaddress.ip_address(each)) for each in ("8.8.8.8", "10.0.0.1", "::ffff:127.0.0.1", "fe80::1")]
        [True, False, False, False]
    """
    if isinstance(number, ipaddress.IPv6Address):
        within = number.ipv4_mapped or number.sixtofour or (number.teredo or (None, None))[1]
        if within is None and number in _NAT64:
            within = ipaddress.ip_address(int(number) & 0xFFFFFFFF)  # type: ignore[assignment]
        if within is not None:
            return is_public(within)
    return number.is_global and not number.is_multicast


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
