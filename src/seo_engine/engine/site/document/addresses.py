"""The address that a browser makes of what a page writes."""

from __future__ import annotations

import re
from functools import cache
from types import ModuleType
from urllib.parse import SplitResult, urljoin, urlsplit

from seo_engine.foundation.extras import import_of_extra

_ASCII_SPACE = " \t\n\r\f"
_DROPPED = str.maketrans("", "", "\t\n\r")

# An absolute address that a browser leaves as it is: nothing to escape, no label of an international name, no number
# as a host, no segment that begins as `..` does. Most of those that pages write; asking the library takes 5 µs each.
_AS_IT_IS = re.compile(
    r"https?://(?:(?!xn--)[a-z0-9-]++\.)++(?!xn--)[a-z][a-z0-9-]*+(?:/(?![.%])[\w!$&'()*+,:;=@~%.-]*+)++"
    r"(?:\?[\w!$&()*+,:;=@~%./?-]*+)?(?:#[\w!$&'()*+,:;=@~%./?-]*+)?",
    re.ASCII,
)


def split_address(address: str) -> SplitResult:
    """Return the parts of an address; what is none, which a page may write all the same, is a path.

    Args:
        address (str): Whatever stands there.

    Example:
        >>> split_address("https://a.example:80/x").hostname, split_address("http://[::1").path
        ('a.example', 'http://[::1')
    """
    try:
        return urlsplit(address)
    except ValueError:
        return SplitResult("", "", address, "", "")


class Addresses:
    """Resolves the addresses of a page.

    Args:
        own (str): The page's own address, or its path, if nobody knows where it is served.
        base (str): What its `base` element says, as it stands; empty without one.

    Example:
        >>> Addresses("https://a.example/pots.html", "").resolve(" care\\n.html ")
        'https://a.example/care.html'
        >>> Addresses("pots.html", "https://a.example/shop/").resolve("../care.html")
        'https://a.example/care.html'
        >>> Addresses("pots.html", "").resolve("care.html"), Addresses("pots.html", "/shop/").resolve("care.html")
        ('care.html', '/shop/care.html')
    """

    def __init__(self, own: str, base: str) -> None:
        base = clean(base)
        own = own if "://" in own else ""
        self._absolute = _join(own, base) if own or base else ""
        # Without an address of its own, a page may still have a base; nothing is known of its host.
        self._relative = base
        self._is_known = bool(self._absolute or base)
        # Many links of a page lead to one address.
        self._resolved: dict[str, str] = {}

    def resolve(self, written: str) -> str:
        """Return an address: absolute, if anything is known that makes it so, else without what browsers drop."""
        if not self._is_known and ":" not in written and written.isprintable():
            # The usual one; whatever has to be dropped but spaces at its ends is not printable.
            return written.strip(" ")
        address = self._resolved.get(written)
        if address is None:
            address = self._resolved[written] = self._joined(clean(written))
        return address

    def _joined(self, address: str) -> str:
        if _AS_IT_IS.fullmatch(address):
            return address
        if self._absolute or ":" in address:
            return _join(self._absolute, address) or address
        try:
            return urljoin(self._relative, address)
        except ValueError:
            return address


def _join(base: str, address: str) -> str:
    """Return an absolute address in the form that browsers write it in, or an empty text."""
    ada = _ada()
    try:
        return str(ada.join_url(base, address) if base else ada.URL(address).href)
    except ValueError:
        return ""


@cache
def _ada() -> ModuleType:
    return import_of_extra("ada_url", extra="site", needed_by="reading a page")


def clean(written: str) -> str:
    """Return an address without the white space that browsers drop."""
    address = written.strip(_ASCII_SPACE)
    is_odd = "\n" in address or "\t" in address or "\r" in address
    return address.translate(_DROPPED) if is_odd else address
