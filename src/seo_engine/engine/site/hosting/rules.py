"""What the configuration of a host says of addresses, as plain data: redirects, rewrites, headers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from seo_engine.foundation.extras import import_of_extra

# The expressions come with the site, whoever made it; one that takes longer than this matches nothing.
LONGEST_MATCH_SECONDS = 0.1

_NAME_OR_NUMBER = re.compile(r"\\g<(?P<group>\w+)>")


class Request(NamedTuple):
    """What a server is asked for: the path of an address, decoded, its query, and what is known of the folder."""

    path: str
    query: str
    host: str
    is_https: bool
    is_file: Callable[[str], bool]
    is_folder: Callable[[str], bool]


class Condition(NamedTuple):
    """A condition of a rewrite; `subject` gets its text, `test` says whether it holds for it."""

    subject: Callable[[Request], str]
    test: Callable[[str, Request], bool]
    is_negated: bool = False
    or_next: bool = False


class Rule(NamedTuple):
    """A redirect (`status` 3xx), a rewrite (200), or another answer, for the paths that match.

    `target` has `\\g<name>` where a part of the path goes. `beneath` is taken off the path before it is matched. A
    rule that is not `is_forced` gives way to a file; one that is not `is_last` lets the following ones go on, which see
    no file where it leads if it `hides_files`.
    """

    pattern: Any
    target: str
    status: int
    is_forced: bool = True
    beneath: str = ""
    is_negated: bool = False
    is_last: bool = True
    hides_files: bool = False
    query: tuple[tuple[str, str], ...] = ()
    keeps_query: bool = True
    conditions: tuple[Condition, ...] = ()


class HeaderRule(NamedTuple):
    """Headers for the paths that match; `detached` are names that earlier rules have set and this one takes away.

    `is_of_file` says that the file is asked, not the address. With `joins`, a value is put behind an earlier one. Those
    of another `table` are sent beside.
    """

    pattern: Any
    values: tuple[tuple[str, str], ...]
    detached: tuple[str, ...] = ()
    is_of_file: bool = False
    joins: bool = False
    table: str = ""


class HostConfiguration(NamedTuple):
    """All that the configuration of a folder says.

    `changes` are fields of the host that it sets, for the whole folder. `index_files` and `not_found` are those of a
    folder and all beneath it, by its path. `left_out` counts what was not understood or depends on the visitor.
    """

    rules: tuple[Rule, ...] = ()
    headers: tuple[HeaderRule, ...] = ()
    changes: Mapping[str, Any] = {}
    index_files: Mapping[str, tuple[str, ...]] = {}
    not_found: Mapping[str, str] = {}
    repeats_rewrites: bool = False
    left_out: tuple[str, ...] = ()


def compiled(pattern: str, *, ignore_case: bool = False) -> Any:
    """Return an expression, or None if it is not one.

    Args:
        pattern (str): With the syntax that hosts know, which is that of PCRE.
        ignore_case (bool): Whether upper and lower case are the same.
    """
    regex = import_of_extra("regex", extra="site", needed_by="reading the configuration of a host")
    try:
        return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
    except regex.error:
        return None


def found(pattern: Any, text: str) -> Any:
    """Return where an expression matches in a text, or None; also if it takes too long."""
    try:
        return pattern.search(text, timeout=LONGEST_MATCH_SECONDS)
    except TimeoutError:
        return None


def expanded(target: str, match: Any, further: Mapping[str, str]) -> str:
    """Return a target with the parts of the path in it.

    Args:
        target (str): With `\\g<name>` where a part goes.
        match (Any): Where the path matches; None for a rule that applies if it does not.
        further (Mapping[str, str]): Parts that come from the query.
    """

    def part(placeholder: re.Match[str]) -> str:
        group = placeholder["group"]
        if group in further:
            return further[group]
        try:
            return match[int(group) if group.isdecimal() else group] or "" if match is not None else ""
        except (IndexError, KeyError):
            return ""

    return _NAME_OR_NUMBER.sub(part, target)


def pattern_of_path(path: str, *, has_placeholders: bool = True) -> str:
    """Return the expression for a path with `:names` for a part, and `*` for all that follows.

    Args:
        path (str): The path.
        has_placeholders (bool): Whether it may have them.

    Example:
        >>> pattern_of_path("/pots/:colour/*")
        '/pots/(?P<colour>[^/]+)/(?P<splat>.*)'
    """
    pieces = re.split(r"(:[A-Za-z]\w*|\*)", path) if has_placeholders else [path]
    made = []
    for piece in pieces:
        if piece == "*":
            made.append("(?P<splat>.*)")
        elif has_placeholders and re.fullmatch(r":[A-Za-z]\w*", piece):
            made.append(f"(?P<{piece[1:]}>[^/]+)")
        else:
            made.append(re.escape(piece).replace(r"\-", "-"))
    return "".join(made)


def target_of(written: str) -> str:
    """Return a target with `:names` as `Rule` has it; the port of an address is none.

    Example:
        >>> target_of("https://a.example:8080/:colour/:splat")
        'https://a.example:8080/\\\\g<colour>/\\\\g<splat>'
    """
    return re.sub(r":([A-Za-z]\w*)", r"\\g<\1>", written)
