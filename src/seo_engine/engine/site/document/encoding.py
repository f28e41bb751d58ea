"""The bytes of a document -> its text, as browsers read it (https://encoding.spec.whatwg.org)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from seo_engine.engine.site.document.tags import ATTRIBUTES, COMMENT
from seo_engine.foundation.extras import import_of_extra

if TYPE_CHECKING:
    from webencodings import Encoding

# Where browsers look for a declaration before they begin to read. They obey a later one, too, but read twice.
PRESCANNED_BYTES = 1024
_LATEST_DECLARATION = 64 * 1024

# A library that guesses needs no more text than this, and a longer one would take long.
_GUESSED_BYTES = 16 * 1024

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16le"), (b"\xfe\xff", "utf-16be"))

# How a document begins that has two bytes for each character.
_WITHOUT_MARK = ((b"<\x00", "utf-16le"), (b"\x00<", "utf-16be"))

# What browsers take a declaration for that they cannot obey: whoever can read it has no such encoding.
_MEANT = {"utf-16le": "utf-8", "utf-16be": "utf-8", "x-user-defined": "windows-1252"}

_USUAL = "windows-1252"

# A guess of a few words is below this, and mostly wrong.
_LEAST_CONFIDENCE = 0.1
_REPLACED = "\N{REPLACEMENT CHARACTER}"

_XML_DECLARATION = re.compile(rb"""\s{0,9}<\?xml\s[^>]{0,200}?\sencoding\s*=\s*["']([^"'>]{1,40})["']""")

# A comment, an element whose contents are text, the `meta` element, or any other tag; quotes may hold a `>`.
_ATTRIBUTES = ATTRIBUTES.encode()
_TOKEN = re.compile(
    COMMENT.encode()
    + rb"|<(?P<raw>script|style|textarea|title|xmp)(?=[\s/>])"
    + _ATTRIBUTES
    + rb">?(?s:.*?)(?:</(?P=raw)|\Z)"
    rb"|<meta(?=[\s/])(?P<attributes>" + _ATTRIBUTES + rb")>?"
    rb"|<[a-z!/?]" + _ATTRIBUTES + rb">?",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(rb"""([^\s/>="']++)\s*+(?:=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"']++)))?""")
_CHARSET_IN_CONTENT = re.compile(rb"""charset\s*+=\s*+["']?([^\s;"']++)""", re.IGNORECASE)

_TAG = re.compile(rb"<(?:script|style)\b(?s:.*?)(?:</(?:script|style)|\Z)|<[^>]*+>?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a document, and how its bytes were read.

    `declared` is the label as it stands, empty if there is none, and `declared_in` where: `mark` for a byte order mark,
    `transport` for the server's header, `meta`, `late meta` for one behind the first 1,024 bytes, or `XML`.
    `replaced` counts what could not be read.
    """

    text: str
    used: str
    declared: str
    declared_in: str
    replaced: int

    @property
    def agrees(self) -> bool:
        """bool: Whether what was declared is what was used, and it can read all of the document."""
        known = _lookup(self.declared)
        return known is not None and known.name == self.used and not self.replaced


def decode(data: bytes, transport_label: str = "") -> Decoded:
    """Return the text of a document.

    Args:
        data (bytes): The document, of any bytes.
        transport_label (str): The encoding that a server's header names, if there is one.

    Returns:
        Decoded: Its text. No encoding outside of the standard is tried, whatever the document declares.

    Raises:
        MissingExtraError: If the extra `site` is not installed.

    Example:
        >>> decoded = decode("<meta charset=x-sjis><title>料金</title>".encode("cp932"))
        >>> decoded.text[-10:], decoded.declared, decoded.used, decoded.agrees
        ('料金</title>', 'x-sjis', 'shift_jis', True)
    """
    declared, declared_in, skipped, encoding = "", "", 0, None
    for where, label, meant, mark_bytes in _declarations(data, transport_label):
        if not declared or meant is not None:
            # One that nobody knows is a fact, too, if no other follows.
            declared, declared_in, skipped, encoding = label, where, mark_bytes, meant
        if encoding is not None:
            break
    encoding = encoding or _undeclared(data)
    text = _decode(data[skipped:], encoding)
    return Decoded(text, encoding.name, declared, declared_in, text.count(_REPLACED))


def _declarations(data: bytes, transport_label: str) -> Iterator[tuple[str, str, Encoding | None, int]]:
    """Yield where an encoding is declared, the label, what that means, and how many bytes of the document it takes."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            yield "mark", name, _known(name), len(mark)
    if transport_label:
        yield "transport", transport_label, _lookup(transport_label), 0
    for label, place in _labels_in_meta(data):
        yield "meta" if place < PRESCANNED_BYTES else "late meta", label, _meant(label), 0
    if match := _XML_DECLARATION.match(data):
        label = _as_text(match[1])
        yield "XML", label, _meant(label), 0


def _meant(label: str) -> Encoding | None:
    encoding = _lookup(label)
    return _known(_MEANT[encoding.name]) if encoding is not None and encoding.name in _MEANT else encoding


def _labels_in_meta(data: bytes) -> Iterator[tuple[str, int]]:
    """Yield the labels of `meta` elements, outside of comments and scripts, with their places."""
    for token in _TOKEN.finditer(data, 0, _LATEST_DECLARATION):
        if (attributes := token["attributes"]) is None:
            continue
        values: dict[bytes, bytes] = {}
        for name, *value in _ATTRIBUTE.findall(attributes):
            # The first of two with one name counts.
            values.setdefault(name.lower(), b"".join(value))
        if b"charset" in values:
            yield _as_text(values[b"charset"]), token.start()
        elif values.get(b"http-equiv", b"").strip().lower() == b"content-type":
            match = _CHARSET_IN_CONTENT.search(values.get(b"content", b""))
            if match:
                yield _as_text(match[1]), token.start()


def _undeclared(data: bytes) -> Encoding:
    for beginning, name in _WITHOUT_MARK:
        if data.lstrip()[:2] == beginning:
            return _known(name)
    # Text of another encoding is hardly ever UTF-8 by chance; a few bytes of UTF-8 may be cut off or damaged.
    text = data.decode("utf-8", "replace")
    replaced = text.count(_REPLACED)
    if not replaced or replaced <= sum(len(each) for each in re.findall(r"[^\x00-\x7f\ufffd]+", text)):
        return _known("utf-8")
    # What stands in tags and scripts is English.
    visible = b" ".join(_TAG.split(data[: 4 * _GUESSED_BYTES]))[:_GUESSED_BYTES]
    return _guessed(visible) or _known(_USUAL)


def _guessed(visible: bytes) -> Encoding | None:
    chardet = import_of_extra("chardet", extra="site", needed_by="reading a page")
    known = _by_codec()
    guess = chardet.detect(visible, include_encodings=[encoding.name for encoding in known.values()])
    if guess["encoding"] is None or guess["confidence"] < _LEAST_CONFIDENCE:
        return None
    return _lookup(guess["encoding"]) or known.get(codecs.lookup(guess["encoding"]).name)


@cache
def _by_codec() -> dict[str, Encoding]:
    """Return the encodings of the standard, of which one is guessed, by the names of the codecs that read them."""
    labels = import_of_extra("webencodings.labels", extra="site", needed_by="reading a page").LABELS
    encodings = [
        _known(name) for name in dict.fromkeys(labels.values()) if name not in ("replacement", "x-user-defined")
    ]
    return {codecs.lookup(encoding.codec_info.name).name: encoding for encoding in encodings}


def _decode(data: bytes, encoding: Encoding) -> str:
    errors = _ROWS_OF_NEC if encoding.name == "euc-jp" else "replace"
    text, _ = encoding.codec_info.decode(data, errors)
    # As in the text of any document (https://html.spec.whatwg.org/#parsing-main-inbody). Bytes are searched faster.
    return text.replace("\0", "") if b"\0" in data else text


def _of_rows_of_nec(error: UnicodeError) -> tuple[str, int]:
    """Read two bytes of EUC-JP by the standard's table: Python's lacks ㈱ and ①, that of Shift JIS has them."""
    assert isinstance(error, UnicodeDecodeError)
    pair = error.object[error.start : error.start + 2]
    if len(pair) == 2 and min(pair) > 0xA0 and max(pair) < 0xFF:
        row, cell = pair[0] - 0xA0, pair[1] - 0xA0
        lead = (row + 1) // 2 + (0x80 if row <= 62 else 0xC0)
        trail = cell + (0x9E if row % 2 == 0 else 0x3F if cell < 64 else 0x40)
        try:
            return bytes((lead, trail)).decode("cp932"), error.start + 2
        except UnicodeDecodeError:
            return _REPLACED, error.start + 2
    return _REPLACED, error.end


_ROWS_OF_NEC = "seo_engine.rows_of_nec"
codecs.register_error(_ROWS_OF_NEC, _of_rows_of_nec)


@lru_cache
def _lookup(label: str) -> Encoding | None:
    webencodings = import_of_extra("webencodings", extra="site", needed_by="reading a page")
    encoding: Encoding | None = webencodings.lookup(label)
    return encoding


def _known(name: str) -> Encoding:
    encoding = _lookup(name)
    assert encoding is not None
    return encoding


def _as_text(label: bytes) -> str:
    return label.decode("ascii", "replace").strip()
