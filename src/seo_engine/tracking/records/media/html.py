"""HTML: a page, or a part of one."""

from __future__ import annotations

import re
from functools import partial
from html import escape, unescape
from pathlib import Path
from typing import Any

from seo_engine.foundation.redaction import redact_text
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.encodings import HTML as HTML_ENCODING
from seo_engine.tracking.payloads.payload import Payload, Payloads, check_size, read_file
from seo_engine.tracking.records.forms import Html, Markdown
from seo_engine.tracking.records.kind import MOMENT, PAYLOADS, Kind, Shown, described
from seo_engine.tracking.records.metrics import metric_name

# What TensorBoard lets through: `tensorboard.plugin_util`.
_KEPT_TAGS = frozenset((
    "ul", "ol", "li", "p", "pre", "code", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "br", "strong", "em",
    "table", "thead", "tbody", "td", "tr", "th",
))  # fmt: skip
_LEFT_OUT = frozenset(("script", "style", "template", "title", "noscript"))
_ENDS_LINE = frozenset(("div", "section", "article", "header", "footer", "main", "nav", "aside"))

_MOST_CHARACTERS = 100_000
_MOST_READ_CHARACTERS = 1_000_000

# What a tag holds; the next one ends it, too, so that nothing is looked at twice.
_TAG = re.compile(r"<(/?[A-Za-z!?][^<>]*)>")


def _contents(name: str, html: Any, epoch: float, step: int, *, most_bytes: int) -> Record:
    if isinstance(html, Path) or hasattr(html, "read"):
        html = read_file(html, most_bytes)
    if isinstance(html, bytes):
        html = html.decode("utf-8", "replace")
    if not isinstance(html, str):
        raise TypeError(f"html must be a text, a Path or a file, got {described(html)}")
    if not html.strip():
        raise ValueError("html must not be empty")
    if "\0" in html:
        raise ValueError("html must be text in UTF-8")
    check_size(len(html), most_bytes)
    data = _without_secrets(html).encode("utf-8", "replace")
    return {
        "name": metric_name("html", name),
        "epoch": epoch,
        "step": step,
        PAYLOADS: [Payload(data, HTML_ENCODING)],
    }


def _without_secrets(html: str) -> str:
    """Return a page without secrets; one that shows them only between its tags is kept as what it says."""
    shown = redact_text(html)
    words = unescape(_TAG.sub("", shown))
    return shown if redact_text(words) == words else simple_html(shown)


def _shown(record: Record, payloads: Payloads) -> Shown:
    name, file = record["name"], partial(payloads.file, record[PAYLOADS][0])
    forms = (Html(name, file), Markdown(name, lambda: simple_html(file().read_text(encoding="utf-8"))))
    return Shown(HTML, record, record["epoch"], record["step"], media=(forms,))


def simple_html(html: str) -> str:
    """Return what a page says, with tables, lists and headings, and without what a viewer of texts does not show.

    The time it takes is proportional to the length: somebody else's page must not stop whoever shows it.

    Args:
        html (str): A page; of a long one the beginning is returned.

    Example:
        >>> simple_html("<style>p {}</style><div><p class='a'>1 &lt; 2</p><script>alert(1)</script></div>")
        '<p>1 &lt; 2</p>'
    """
    parts: list[str] = []
    left_out = ""
    for number, part in enumerate(_TAG.split(_without_comments(html[:_MOST_READ_CHARACTERS]))):
        if number % 2 == 0:
            # Between two tags.
            parts += [] if left_out else [escape(unescape(part), quote=False)]
            continue
        closes, tag = part.startswith("/"), part.strip("/").split(None, 1)[0].lower() if part.strip("/ ") else ""
        if left_out:
            left_out = "" if closes and tag == left_out else left_out
        elif tag in _LEFT_OUT:
            left_out = "" if closes else tag
        elif tag in _KEPT_TAGS:
            parts.append(f"</{tag}>" if closes else f"<{tag}>")
        elif closes and tag in _ENDS_LINE:
            parts.append("\n")
    return redact_text("".join(parts)[:_MOST_CHARACTERS].strip())


def _without_comments(html: str) -> str:
    parts: list[str] = []
    position = 0
    while (start := html.find("<!--", position)) >= 0:
        parts.append(html[position:start])
        end = html.find("-->", start)
        if end < 0:
            return "".join(parts)
        position = end + 3
    return "".join([*parts, html[position:]])


HTML = Kind("html", "log_html", {**MOMENT, "name": str, PAYLOADS: list}, _shown, _contents)
