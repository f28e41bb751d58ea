"""XHTML -> the same document as HTML, which one parser then reads.

In XML `<title/>` is an empty title, and `<a id="x"/>` an empty anchor; an HTML parser takes both for open elements.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from html.entities import html5
from xml.parsers import expat

_SUFFIXES = (".xhtml", ".xht")
_NAMESPACE = "http://www.w3.org/1999/xhtml"
# Whose elements an HTML parser knows, too, within `svg` and `math`.
_FOREIGN = ("http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML")
_XML = "http://www.w3.org/XML/1998/namespace"

# How a document says that it is XML; comments and a doctype may stand before its first element.
_BEGINNING = re.compile(
    r"\s*+<\?xml[\s?]|(?>[^<]*+<!(?:--(?s:.{0,2000}?)-->|[^>]*+>)){0,5}+[^<]*+<html(?=\s)[^>]{0,1000}?\sxmlns\s*+="
    r"""\s*+["']http://www\.w3\.org/1999/xhtml["']"""
)

_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
_TAG_NAME = re.compile(r"<([a-z]+)")
_RAW = frozenset(("script", "style"))
_CHARACTER_DATA = "<![CDATA["
# Code that has the mark in a comment of its own, and no end of code in it, says the same to both kinds of parsers.
_CODE_FOR_BOTH = re.compile(
    r"<(?:script|style)(?=[\s>])[^<>]*+(?<!/)>\s*+(?:<!--)?(?://|/\*)(?:-->)?\s?<!\[CDATA\["
    r"[^]<]*+(?:(?:<(?!/s(?:cript|tyle)|!\[CDATA)|](?!]>))[^]<]*+)*+]]>"
)
_SEPARATOR = "\n"


class _NotXHTMLError(Exception):
    """The document declares entities of its own, which could make it of any size, or it is of another namespace."""


def is_xhtml(path: str, text: str) -> bool:
    """Return whether a document is to be read as XML.

    Args:
        path (str): Its path or address.
        text (str): Its text.

    Example:
        >>> is_xhtml("pots.xhtml", ""), is_xhtml("pots.html", "<!doctype html><html lang=en>")
        (True, False)
        >>> is_xhtml("pots.html", '<html lang="en" xmlns="http://www.w3.org/1999/xhtml">')
        True
    """
    return path.lower().endswith(_SUFFIXES) or _BEGINNING.match(text) is not None


def needs_xml_parser(path: str, text: str) -> bool:
    """Return whether an XML parser may read an XHTML document otherwise than an HTML parser, which is ten times faster.

    It does where it is told by the name that the document is served as XML, in sections of character data outside of
    code, where names have prefixes, and where an element that HTML does not know as empty is written as one.

    Args:
        path (str): Its path or address.
        text (str): Its text.

    Example:
        >>> needs_xml_parser("a.html", "<p>Pots<br/></p>"), needs_xml_parser("a.html", '<a id="x"/>')
        (False, True)
    """
    if path.lower().endswith(_SUFFIXES) or "xmlns:" in text:
        return True
    if _CHARACTER_DATA in text:
        text = _CODE_FOR_BOTH.sub("", text)
        if _CHARACTER_DATA in text:
            return True
    for before in text.split("/>")[:-1]:
        tag = _TAG_NAME.match(before, before.rfind("<"))
        if tag is None or tag[1] not in _VOID:
            return True
    return False


def html_of_xhtml(text: str) -> str | None:
    """Return an XHTML document as HTML.

    Args:
        text (str): The document.

    Returns:
        str | None: None if it is not well-formed, so that a browser would show an error, or declares entities.

    Example:
        >>> html_of_xhtml("<html><title/><p>a<br/>b &nbsp;<![CDATA[<c>]]></p></html>")
        '<html><title></title><p>a<br>b \\xa0&lt;c&gt;</p></html>'
    """
    written = _Writer()
    parser = expat.ParserCreate("utf-8", _SEPARATOR)
    parser.buffer_text = True
    parser.StartElementHandler = written.start
    parser.EndElementHandler = written.end
    parser.CharacterDataHandler = written.text
    parser.EntityDeclHandler = _refuse
    # So that `&nbsp;` is no error, although nobody reads the definition that declares it.
    parser.UseForeignDTD(True)
    parser.ExternalEntityRefHandler = lambda *where: 1
    parser.SkippedEntityHandler = written.entity
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except (expat.ExpatError, _NotXHTMLError):
        return None
    return "".join(written.parts)


def _refuse(*declaration: object) -> None:
    raise _NotXHTMLError


class _Writer:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self._raw = 0
        # A document has a few names, each many times.
        self._local_names: dict[str, str] = {}

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self.parts and _SEPARATOR in name and not name.startswith(_NAMESPACE + _SEPARATOR):
            # A slip of the pen in the namespace: a browser would take none of it for HTML.
            raise _NotXHTMLError
        local = self._local_names.get(name)
        if local is None:
            local = self._local_names[name] = _local_name(name)
        if local in _RAW:
            self._raw += 1
        if attributes:
            values = {_attribute_name(each, attributes): value for each, value in attributes.items()}
            written = "".join([f' {each}="{escape(value)}"' for each, value in values.items() if each])
            self.parts.append(f"<{local}{written}>")
        else:
            self.parts.append(f"<{local}>")

    def end(self, name: str) -> None:
        local = self._local_names[name]
        if local in _RAW:
            self._raw -= 1
        if local not in _VOID:
            self.parts.append(f"</{local}>")

    def text(self, text: str) -> None:
        # Within a script, nothing is escaped, and an end would be one.
        self.parts.append(text.replace("</", "<\\/") if self._raw else escape(text, quote=False))

    def entity(self, name: str, is_parameter: bool) -> None:
        if not is_parameter:
            self.text(html5.get(f"{name};", ""))


def _local_name(name: str) -> str:
    namespace, separator, local = name.rpartition(_SEPARATOR)
    # Of another namespace: what it is called there means nothing here.
    return local if not separator or namespace in (_NAMESPACE, *_FOREIGN) else f"x-{local}"


def _attribute_name(name: str, others: Mapping[str, str]) -> str:
    """Return an attribute's name in HTML, empty for one that says nothing there."""
    if _SEPARATOR not in name:
        return name
    namespace, _, local = name.rpartition(_SEPARATOR)
    return "lang" if namespace == _XML and local == "lang" and "lang" not in others else ""
