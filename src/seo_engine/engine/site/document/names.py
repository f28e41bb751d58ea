"""What calls itself navigation and the like: elements, roles, and the names that authors give them."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Elements and roles that say what is around the content, and names that authors give it.
_AROUND = frozenset(("nav", "aside", "footer", "header"))
_AROUND_ROLES = frozenset((
    "navigation", "complementary", "contentinfo", "banner", "search", "dialog", "alertdialog", "menu", "menubar",
    "toolbar",
))  # fmt: skip
_AROUND_IDENTIFIERS = frozenset((
    "bottomlang", "breadcrumb", "breadcrumbs", "catlinks", "consent", "cookie", "cookies", "copyright", "footer",
    "menu", "nav", "navbar", "navbox", "navfooter", "navheader", "navigation", "newsletter", "pager", "pagination",
    "printfooter", "quickview", "sidebar", "sphinxsidebar", "toc", "toolbar", "toplang",
))  # fmt: skip
# Others, as `login`, may be what a section is about, and its identifier is made of its heading.
_AROUND_NAMES = _AROUND_IDENTIFIERS | frozenset((
    "ad", "ads", "advert", "advertisement", "comments", "disqus", "editsection", "gdpr", "interlanguage", "langlinks",
    "langs", "languages", "login", "minitoc", "modal", "noprint", "popup", "promo", "recommended", "related", "share",
    "sharing", "signin", "skip", "social", "sponsored", "subscribe", "subscription",
))  # fmt: skip
# Of an identifier, all parts must be such names, or these.
_BESIDE_AROUND = frozenset((
    "area", "banner", "bar", "block", "bottom", "box", "container", "content", "global", "header", "inner", "left",
    "main", "mobile", "notice", "page", "primary", "right", "secondary", "site", "top", "widget", "wrap", "wrapper",
))  # fmt: skip
# Where a `header` or `footer` belongs to what is around it, and not to the page
# (https://www.w3.org/TR/html-aam-1.0/#el-header).
SECTIONS = frozenset(("article", "aside", "blockquote", "figure", "main", "nav", "section"))

HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_NAMED_BY_HEADING = HEADINGS | {"dt", "section", "table"}
_CONTENT = frozenset(("main", "article"))

# Without attributes, these and what is no section say nothing of what they are for.
SPEAKING_TAGS = _AROUND | SECTIONS | {"dialog"}

_SEPARATORS = re.compile(r"[\s_:-]+")


def first_role(attributes: Mapping[str, str | None]) -> str:
    """Return the role that an element has, in lower case: the first one that it names."""
    role = attributes.get("role")
    return next(iter(role.lower().split()), "") if role else ""


def is_content(tag: str, role: str) -> bool:
    """Return whether an element says that it is the content."""
    return tag in _CONTENT or role in _CONTENT


def is_around(tag: str, role: str, attributes: Mapping[str, str | None], *, is_in_section: bool) -> bool:
    """Return whether an element says that it is around the content.

    Args:
        tag (str): Its tag.
        role (str): Its role, in lower case.
        attributes (Mapping[str, str | None]): Its attributes.
        is_in_section (bool): Whether it stands in an article or the like, whose header is part of it.

    Example:
        >>> is_around("div", "", {"class": "site-nav"}, is_in_section=False)
        True
        >>> is_around("div", "", {"id": "how-to-make-a-menu"}, is_in_section=False)
        False
    """
    return (
        (tag in _AROUND and not (is_in_section and tag in ("header", "footer")))
        or role in _AROUND_ROLES
        or _is_named_around(tag, attributes)
    )


def _is_named_around(tag: str, attributes: Mapping[str, str | None]) -> bool:
    """Return whether the names that an author gave to an element say that it is around the content.

    `site-nav` is `site` and `nav`. Of a class, one part is enough. The name of a section is made of its heading, which
    may be about anything.
    """
    classes = attributes.get("class")
    if classes and not _AROUND_NAMES.isdisjoint(_parts(classes)):
        return tag not in HEADINGS
    identifier = attributes.get("id")
    if not identifier or tag in _NAMED_BY_HEADING:
        return False
    if _AROUND_IDENTIFIERS.isdisjoint(_parts(identifier)):
        return False
    # One that begins or ends with a separator has an empty part, which is no such name.
    return set(_SEPARATORS.split(identifier.lower())) <= _AROUND_IDENTIFIERS | _BESIDE_AROUND


def _parts(names: str) -> list[str]:
    # Faster than a regular expression, and most elements have a class.
    return names.lower().replace("-", " ").replace("_", " ").replace(":", " ").split()
