"""How a page is answered when somebody asks for it, as plain data."""

from __future__ import annotations

import re
from typing import NamedTuple

# Values of an `X-Robots-Tag` that have a colon themselves; any other word before one is a robot's name.
_WITH_COLON = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")

# The types of what is a page.
HTML_TYPES = ("text/html", "application/xhtml+xml")

# The statuses that lead to another address.
REDIRECTS = (301, 302, 303, 307, 308)

_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([^\s\"';,]+)", re.IGNORECASE)
_LINK = re.compile(r"<(?P<address>[^<>]*)>(?P<parameters>[^<]*)")
_RELATION = re.compile(r";\s*rel\s*=\s*(?:\"(?P<quoted>[^\"]*)\"|(?P<plain>[^\s;,]+))", re.IGNORECASE)


class Response(NamedTuple):
    """What a server answered, or how a folder's host would; `status` is 0 if neither is known.

    `headers` have names in lower case.
    """

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()

    def header(self, name: str) -> str:
        """Return a header; several of the same name are joined by commas.

        Args:
            name (str): In lower case.

        Example:
            >>> Response(200, (("link", "<a>"), ("link", "<b>"))).header("link")
            '<a>, <b>'
        """
        return ", ".join(value for each, value in self.headers if each == name)

    @property
    def charset(self) -> str:
        """str: The encoding that the server names, as it writes it; empty if it names none."""
        match = _CHARSET.search(self.header("content-type"))
        return match[1] if match else ""

    def in_utf_8(self) -> Response:
        """Return the answer as if the server had sent HTML in UTF-8, as a browser writes it."""
        others = tuple((name, value) for name, value in self.headers if name != "content-type")
        return Response(self.status, (*others, ("content-type", "text/html; charset=utf-8")))

    @property
    def robots(self) -> tuple[tuple[str, str], ...]:
        """tuple[tuple[str, str], ...]: Robots and what they are told, a directive each, in lower case.

        Example:
            >>> Response(200, (("x-robots-tag", "noindex, googlebot: nofollow"),)).robots
            (('robots', 'noindex'), ('googlebot', 'nofollow'))
        """
        told: list[tuple[str, str]] = []
        for name, value in self.headers:
            if name != "x-robots-tag":
                continue
            robot = "robots"
            for each in value.lower().split(","):
                before, colon, after = each.strip().partition(":")
                if colon and before.strip() not in _WITH_COLON:
                    robot, each = before.strip(), after
                if directive := each.strip():
                    told.append((robot, directive))
        return tuple(told)

    @property
    def canonicals(self) -> tuple[str, ...]:
        """tuple[str, ...]: The canonical addresses of the `Link` header (RFC 8288), as they are written.

        Example:
            >>> Response(200, (("link", '<https://a.example/pots>; rel="canonical"'),)).canonicals
            ('https://a.example/pots',)
        """
        found = []
        for link in _LINK.finditer(self.header("link")):
            relation = _RELATION.search(link["parameters"])
            if relation and "canonical" in (relation["quoted"] or relation["plain"] or "").lower().split():
                found.append(link["address"].strip())
        return tuple(found)


def media_type(written: str) -> str:
    """Return the type that a `Content-Type` header names, in lower case; of several, the first.

    Example:
        >>> media_type("Text/HTML; charset=utf-8"), media_type("text/html, text/html"), media_type("")
        ('text/html', 'text/html', '')
    """
    return written.partition(";")[0].partition(",")[0].strip().lower()


def status_of(written: object) -> int | None:
    """Return a status as a number, or None if it is not one.

    Example:
        >>> status_of("301"), status_of(308), status_of("99999"), status_of(True)
        (301, 308, None, None)
    """
    text = str(written)
    return int(text) if re.fullmatch(r"[1-5]\d\d", text) else None


# Nobody knows how it is answered.
NO_RESPONSE = Response()
