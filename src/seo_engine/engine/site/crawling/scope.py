"""Which addresses belong to a crawl."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit, urlunsplit

from seo_engine.engine.site.crawling.configuration import CrawlConfig

_Number = ipaddress.IPv4Address | ipaddress.IPv6Address

# An IPv6 number that stands for one of IPv4: NAT64 (RFC 6052).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

# Python calls these public: NAT64 of a network's own (RFC 8215), site-local (RFC 3879), and numbers of IPv4 in two
# forms that are in use no more (RFC 4291, 2765).
_NOT_PUBLIC = tuple(map(ipaddress.ip_network, ("64:ff9b:1::/48", "fec0::/10", "::/96", "::ffff:0:0:0/96")))

# Parameters that name the visitor or the campaign, not the page: each visit would find another site.
_OF_A_SESSION = re.compile(
    r"(?:phpsessid|jsessionid|aspsessionid\w*|sessionid|session_id|sid|cfid|cftoken|zenid|oscsid|"
    r"utm_\w+|gclid|fbclid|msclkid|mc_[ce]id)",
    re.IGNORECASE,
)
_SESSION_IN_PATH = re.compile(r";(?:jsessionid|sid|phpsessid)=[^/?;]*", re.IGNORECASE)

# What is not a page by its name.
_NOT_PAGES = frozenset((
    "7z", "apk", "avi", "bin", "bmp", "bz2", "css", "csv", "dmg", "doc", "docx", "eot", "epub", "exe", "flac", "gif",
    "gz", "ico", "iso", "jpeg", "jpg", "js", "json", "m4a", "m4v", "map", "mjs", "mov", "mp3", "mp4", "mpeg", "odp",
    "ods", "odt", "ogg", "otf", "pdf", "png", "ppt", "pptx", "ps", "rar", "rss", "svg", "tar", "tgz", "tif", "tiff",
    "ttf", "txt", "wav", "webm", "webmanifest", "webp", "wma", "wmv", "woff", "woff2", "xls", "xlsx", "xml", "xz",
    "zip",
))  # fmt: skip

_LONGEST_ADDRESS = 2_000
# A link that is relative by mistake makes a path that repeats itself without an end.
_MOST_REPEATED = 3


class Scope:
    """The addresses of a site that are fetched.

    Args:
        starts (Iterable[str]): Where the crawl begins; their hosts belong to it, with `www.` and without.
        config (CrawlConfig): What is included and excluded.

    Example:
        >>> scope = Scope(["https://a.example/"], CrawlConfig(exclude=["/private/*"]))
        >>> scope.reason_against("https://www.a.example/pots", depth=1)
        ''
        >>> scope.reason_against("https://b.example/", depth=1), scope.reason_against("https://a.example/private/", 1)
        ('another host', 'excluded')
    """

    def __init__(self, starts: Iterable[str], config: CrawlConfig) -> None:
        self._starts = frozenset(starts)
        self._hosts = _with_and_without_www(urlsplit(start).netloc for start in self._starts)
        self._encrypted_hosts = _with_and_without_www(
            urlsplit(start).netloc for start in self._starts if start.startswith("https:")
        )
        self._include = [_as_in_addresses(each) for each in config.include]
        self._exclude = [_as_in_addresses(each) for each in config.exclude]
        self._config = config

    def reason_against(self, address: str, depth: int, *, is_page: bool = True, on_any_host: bool = False) -> str:
        """Return why an address is not fetched; empty if it is.

        Args:
            address (str): In the form that browsers write it in.
            depth (int): How many clicks it is from the start.
            is_page (bool): False for what only names pages, as a sitemap.
            on_any_host (bool): Whether it may be on a host that is not the site's.
        """
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https"):
            return "not http"
        if parts.netloc not in self._hosts and not on_any_host:
            return "another host"
        if reason := self.reason_against_host(parts.hostname or ""):
            return reason
        if depth > self._config.most_depth:
            return "too many clicks from the start"
        if len(address) > _LONGEST_ADDRESS or _repeats_itself(parts.path):
            return "endless address"
        if not is_page or address in self._starts:
            return ""
        if PurePosixPath(parts.path).suffix.lower().removeprefix(".") in _NOT_PAGES:
            return "not a page by its name"
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        if self._include and not _matches(path, address, self._include):
            return "not included"
        return "excluded" if _matches(path, address, self._exclude) else ""

    def reason_against_host(self, host: str) -> str:
        """Return why a host is not asked: its name is invalid, or it is the number of a machine that is not public."""
        try:
            number = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            return "" if is_host_name(host) else "invalid host name"
        return "" if self._config.allow_private or is_public(number) else "private address"

    def may_connect_to(self, address: str) -> bool:
        """Return whether an address that a server names is one of the web, and not a private one."""
        try:
            parts = urlsplit(address)
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and not self.reason_against_host(parts.hostname or "")

    @property
    def takes_sitemaps(self) -> bool:
        """bool: Whether pages that only a sitemap names are fetched."""
        return self._config.most_depth > 0

    def is_on_site(self, address: str) -> bool:
        """Return whether an address is on a host of the site."""
        return urlsplit(address).netloc in self._hosts

    def may_get_secrets(self, address: str) -> bool:
        """Return whether an address is on a host of the site, and as well encrypted as where the crawl began."""
        is_in_clear = not address.startswith("https:")
        return self.is_on_site(address) and not (is_in_clear and urlsplit(address).netloc in self._encrypted_hosts)


def is_host_name(host: str) -> bool:
    """Return whether a host name is valid: no part of it is empty, or longer than 63 characters.

    Example:
        >>> is_host_name("bücher.example"), is_host_name("a..b"), is_host_name(".example")
        (True, False, False)
    """
    try:
        return bool(host.encode("idna"))
    except UnicodeError:
        return False


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
    return number.is_global and not number.is_multicast and not any(number in each for each in _NOT_PUBLIC)


def without_session(address: str) -> str:
    """Return an address without its fragment and without what says who visits.

    Example:
        >>> without_session("https://a.example/pots;jsessionid=7?PHPSESSID=1&colour=red&utm_source=x#top")
        'https://a.example/pots?colour=red'
    """
    parts = urlsplit(address)
    path, query = parts.path, parts.query
    if ";" in path:
        path = _SESSION_IN_PATH.sub("", path)
    if query:
        # The others stay as they are written, in whatever encoding that is.
        query = "&".join(each for each in query.split("&") if not _is_of_a_session(each))
    return urlunsplit((parts.scheme, parts.netloc, path, query, ""))


def _is_of_a_session(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    # A number is that of an article.
    return bool(_OF_A_SESSION.fullmatch(name)) and not (name.lower() == "sid" and value.isdecimal())


def _with_and_without_www(hosts: Iterable[str]) -> frozenset[str]:
    named = set(hosts)
    # The rest of `www.com` is no host of the same site.
    bare = {rest for host in named if "." in (rest := host.removeprefix("www."))}
    return frozenset(named | bare | {f"www.{host}" for host in bare})


def _as_in_addresses(pattern: str) -> str:
    """Return a pattern with its letters as browsers write them in addresses.

    Example:
        >>> _as_in_addresses("/töpfe/*")
        '/t%C3%B6pfe/*'
    """
    return "".join(each if each.isascii() else quote(each) for each in pattern)


def _matches(path: str, address: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(address if "://" in pattern else path, pattern) for pattern in patterns)


def _repeats_itself(path: str) -> bool:
    """Return whether the same names come again and again, as in `/a/b/a/b/a/b/a/b`.

    Example:
        >>> _repeats_itself("/a/b/a/b/a/b/a/b/"), _repeats_itself("/2026/05/05/pots")
        (True, False)
    """
    names = [name for name in path.split("/") if name]
    return len(names) - len(set(names)) > _MOST_REPEATED
