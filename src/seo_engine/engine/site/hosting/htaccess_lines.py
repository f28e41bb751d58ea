"""The lines of a `.htaccess` -> its directives, without those whose blocks do not count."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

from seo_engine.engine.site.hosting.rules import compiled

_BLOCK = re.compile(r"<(?P<closing>/?)(?P<name>\w+)\s*(?P<argument>[^>]*)>")

# Apache refuses a longer line.
_LONGEST_LINE = 8_190

# What Debian's Apache has, or is usually switched on beside.
_MODULES = frozenset(
    f"mod_{name}.c"
    for name in (
        "access_compat", "alias", "auth_basic", "authz_core", "authz_host", "autoindex", "deflate", "dir", "env",
        "expires", "filter", "headers", "mime", "negotiation", "reqtimeout", "rewrite", "setenvif", "so", "version",
    )
)  # fmt: skip
_VERSION = (2, 4, 62)


class Directive(NamedTuple):
    """A directive: where it stands, its words, and the names of the files that it is for, None for all.

    `is_known` is False for what is too long, and for a block of which nobody knows whether it counts.
    """

    number: int
    words: list[str]
    files: Any
    is_known: bool


def directives_of(text: str) -> Iterator[Directive]:
    """Yield the directives that count, or may count.

    Args:
        text (str): The file.
    """
    # For each block that is open: whether what is in it counts, None if nobody knows; and the names of files.
    blocks: list[tuple[bool | None, Any]] = [(True, None)]
    pieces: list[str] = []
    for number, written in enumerate(text.splitlines(), 1):
        if written.endswith("\\"):
            # It goes on in the next line.
            pieces.append(written[:-1])
            continue
        line = "".join([*pieces, written]).strip()
        pieces.clear()
        if not line or line.startswith("#"):
            continue
        holds, files = blocks[-1]
        block = _BLOCK.match(line)
        if len(line) > _LONGEST_LINE:
            if holds:
                yield Directive(number, ["line"], None, False)
        elif block and block["closing"]:
            if len(blocks) > 1:
                blocks.pop()
        elif block:
            own, names = _block(block["name"].lower(), block["argument"].strip())
            blocks.append((own if holds else holds, files if names is None else names))
            if own is None and holds:
                yield Directive(number, [block["name"]], None, False)
        elif holds:
            yield Directive(number, _words(line), files, True)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line.replace("\\", "\\\\"), posix=True)
    except ValueError:
        return line.split()


def _block(name: str, argument: str) -> tuple[bool | None, Any]:
    """Return whether the contents of a block count, None if nobody knows, and for which names of files."""
    plain = argument.strip('"')
    is_negated, wanted = plain.startswith("!"), plain.removeprefix("!").lower()
    match name:
        case "ifmodule":
            # Its name, or that of its source.
            named = wanted if wanted.endswith(".c") else f"mod_{wanted.removesuffix('_module')}.c"
            return (named in _MODULES) != is_negated, None
        case "ifdefine":
            return is_negated, None
        case "ifversion":
            return _is_version(plain), None
        case "filesmatch":
            return _named(plain)
        case "files":
            if argument.startswith("~"):
                return _named(argument.removeprefix("~").strip().strip('"'))
            return _named("^" + re.escape(plain).replace(r"\*", ".*").replace(r"\?", ".") + "$")
        case "limitexcept":
            return False, None
        case "limit":
            return "get" in plain.lower(), None
        case _:
            return None, None


def _named(pattern: str) -> tuple[bool | None, Any]:
    """Return the expression for the names of the files that a block is for; nobody knows which, if it is not one."""
    expression = compiled(pattern)
    return (None if expression is None else True), expression


def _is_version(argument: str) -> bool | None:
    match = re.fullmatch(r"(!?)\s*(<=|>=|<|>|==?|)\s*(\d{1,3}(?:\.\d{1,3}){0,2})", argument)
    if match is None:
        return None
    wanted = tuple(map(int, match[3].split(".")))
    own = _VERSION[: len(wanted)]
    holds = {"<": own < wanted, "<=": own <= wanted, ">": own > wanted, ">=": own >= wanted}.get(
        match[2], own == wanted
    )
    return holds != bool(match[1])
