"""HTML: a page, or a part of one."""

from __future__ import annotations

from functools import partial
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from seo_engine.foundation.redaction import redact_text
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.encodings import HTML as HTML_ENCODING
from seo_engine.tracking.payloads.payload import Payload, Payloads
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


def _contents(name: str, html: Any, epoch: float, step: int) -> Record:
    if isinstance(html, Path):
        html = html.read_bytes()
    elif hasattr(html, "read"):
        html = html.read()
    if isinstance(html, bytes):
        html = html.decode("utf-8", "replace")
    if not isinstance(html, str):
        raise TypeError(f"html must be a text, a Path or a file, got {described(html)}")
    if not html.strip():
        raise ValueError("html must not be empty")
    data = redact_text(html).encode("utf-8", "replace")
    return {
        "name": metric_name("html", name),
        "epoch": epoch,
        "step": step,
        PAYLOADS: [Payload(data, HTML_ENCODING)],
    }


def _shown(record: Record, payloads: Payloads) -> Shown:
    name, file = record["name"], partial(payloads.file, record[PAYLOADS][0])
    forms = (Html(name, file), Markdown(name, lambda: simple_html(file().read_text(encoding="utf-8"))))
    return Shown(HTML, record, record["epoch"], record["step"], media=(forms,))


def simple_html(html: str) -> str:
    """Return what a page says, with tables, lists and headings, and without what a viewer of texts does not show.

    Args:
        html (str): A page; of a long one the beginning is returned.

    Example:
        >>> simple_html("<style>p {}</style><div><p class='a'>1 &lt; 2</p><script>alert(1)</script></div>")
        '<p>1 &lt; 2</p>'
    """
    simple = _Simple()
    simple.feed(html[: 10 * _MOST_CHARACTERS])
    simple.close()
    return "".join(simple.parts)[:_MOST_CHARACTERS].strip()


class _Simple(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._left_out = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Keep the tag without its attributes."""
        if tag in _LEFT_OUT:
            self._left_out += 1
        elif tag in _KEPT_TAGS and not self._left_out:
            self.parts.append(f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:
        """Keep the tag."""
        if tag in _LEFT_OUT:
            self._left_out = max(0, self._left_out - 1)
        elif not self._left_out and tag in _KEPT_TAGS:
            self.parts.append(f"</{tag}>")
        elif not self._left_out and tag in _ENDS_LINE:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        if not self._left_out:
            self.parts.append(escape(data, quote=False))


HTML = Kind("html", "log_html", {**MOMENT, "name": str, PAYLOADS: list}, _shown, _contents, subject="html")
