"""What the configuration of a host says of addresses, as plain data: redirects, rewrites, headers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from seo_engine.foundation.extras import import_of_extra
from seo_engine.foundation.texts import one_line

# The expressions come with the site, whoever made it. One that takes longer than this for a path matches nothing from
# then on, and after so many of them none does.
_LONGEST_MATCH_SECONDS = 0.02
_MOST_COSTLY = 20
# The library writes repetitions out before it matches: nested ones would take all memory.
_LONGEST_PATTERN = 4_000
_MOST_REPETITIONS = 10_000
_DEEPEST_PATTERN = 50

_NAME_OR_NUMBER = re.compile(r"\\g<(?P<group>\w+)>")
_REPETITION = re.compile(r"\{(\d{1,9})?(?:,(\d{1,9})?)?\}")

KEEP, APPEND, DROP = "keep", "append", "drop"


class Request(NamedTuple):
    """What a server is asked for: the path of an address, decoded, its query, and what is known of the folder.

    `host` is empty if nobody knows where the folder is served. `find` matches an expression.
    """

    path: str
    query: str
    host: str
    is_https: bool
    is_file: Callable[[str], bool]
    is_folder: Callable[[str], bool]
    find: Callable[[Any, str], Any]


class Condition(NamedTuple):
    """A condition of a rule; `subject` gets its text, `test` says whether it holds for it.

    One that `asks_for_host` never holds if nobody knows where the folder is served.
    """

    subject: Callable[[Request], str]
    test: Callable[[str, Request], bool]
    is_negated: bool = False
    or_next: bool = False
    asks_for_host: bool = False


class Rule(NamedTuple):
    """A redirect (`status` 3xx), a rewrite (200), or another answer, for the paths that match.

    It is for the paths in `literals`, or for those that match `pattern`, if there are none. `target` has `\\g<name>`
    where a part of the path goes. `beneath` is taken off the path before it is matched. A rule that is not `is_forced`
    gives way to a file; one that is not `is_last` lets the following ones go on, which see no file where it leads if
    it `hides_files`. One that `sees_index_file` is asked again for the file that a folder is answered with. `query` are
    the parameters that it asks for; `own_query` says what becomes of the request's.
    """

    pattern: Any
    target: str
    status: int
    literals: tuple[str, ...] = ()
    is_forced: bool = True
    beneath: str = ""
    is_negated: bool = False
    is_last: bool = True
    hides_files: bool = False
    sees_index_file: bool = False
    query: tuple[tuple[str, str], ...] = ()
    own_query: str = KEEP
    conditions: tuple[Condition, ...] = ()


class HeaderRule(NamedTuple):
    """Headers for the paths that match; `detached` are names that earlier rules have set and this one takes away.

    It is for what lies `beneath`; `is_of_file` says that the name of the file is asked, not the address. With `joins`,
    a value is put behind an earlier one. Those of another `table` are sent beside.
    """

    pattern: Any
    values: tuple[tuple[str, str], ...]
    detached: tuple[str, ...] = ()
    beneath: str = ""
    is_of_file: bool = False
    joins: bool = False
    table: str = ""


class HostConfiguration(NamedTuple):
    """All that the configuration of a folder says.

    `changes` are fields of the host that it sets, for the whole folder. `index_files` and `not_found` are those of a
    folder and all beneath it, by its path. `left_out` says what was not understood or depends on the visitor.
    """

    rules: tuple[Rule, ...] = ()
    headers: tuple[HeaderRule, ...] = ()
    changes: Mapping[str, Any] = {}
    index_files: Mapping[str, tuple[str, ...]] = {}
    not_found: Mapping[str, str] = {}
    repeats_rewrites: bool = False
    left_out: tuple[str, ...] = ()


def compiled(pattern: str, *, ignore_case: bool = False) -> Any:
    """Return an expression, or None if it is not one, or would take too much.

    Args:
        pattern (str): With the syntax that hosts know, which is that of PCRE.
        ignore_case (bool): Whether upper and lower case are the same.
    """
    repetitions = 1
    for most in _REPETITION.finditer(pattern):
        repetitions *= max((1, *(int(each) for each in most.groups() if each)))
    if len(pattern) > _LONGEST_PATTERN or repetitions > _MOST_REPETITIONS or _depth(pattern) > _DEEPEST_PATTERN:
        return None
    regex = import_of_extra("regex", extra="site", needed_by="reading the configuration of a host")
    try:
        return regex.compile(pattern, regex.IGNORECASE if ignore_case else 0)
    except (regex.error, ValueError, OverflowError):
        return None


def _depth(pattern: str) -> int:
    depth = deepest = 0
    for character in pattern:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest


class Matching:
    """Matches the expressions of a configuration in bounded time."""

    def __init__(self) -> None:
        self._costly: set[int] = set()

    def find(self, pattern: Any, text: str) -> Any:
        """Return where an expression matches in a text, or None."""
        if pattern is None or id(pattern) in self._costly or len(self._costly) >= _MOST_COSTLY:
            return None
        try:
            return pattern.search(text, timeout=_LONGEST_MATCH_SECONDS)
        except TimeoutError:
            self._costly.add(id(pattern))
            return None


def expanded(target: str, match: Any, further: Mapping[str, str], written: Callable[[str], str]) -> str:
    """Return a target with the parts of the path in it.

    Args:
        target (str): With `\\g<name>` where a part goes.
        match (Any): Where the path matches; None for a rule that applies if it does not.
        further (Mapping[str, str]): Parts that do not come from the path.
        written (Callable[[str], str]): Makes of a part what stands in the target.
    """

    def part(placeholder: re.Match[str]) -> str:
        group = placeholder["group"]
        if group in further:
            return further[group]
        try:
            found = match[int(group) if group.isdecimal() else group] if match is not None else ""
        except (IndexError, KeyError):
            found = ""
        return written(found or "")

    return _NAME_OR_NUMBER.sub(part, target)


def pattern_of_path(path: str) -> str:
    """Return the expression for a path with `:names` for a part, and `*` for all that follows.

    Args:
        path (str): The path.

    Example:
        >>> pattern_of_path("/pots/:colour/*")
        '/pots/(?P<colour>[^/]+)/(?P<splat>.*)'
    """
    made = []
    for piece in re.split(r"(:[A-Za-z]\w*|\*)", path):
        if piece == "*":
            made.append("(?P<splat>.*)")
        elif re.fullmatch(r":[A-Za-z]\w*", piece):
            made.append(f"(?P<{piece[1:]}>[^/]+)")
        else:
            made.append(re.escape(piece))
    return "".join(made)


def target_of(written: str) -> str:
    """Return a target with `:names` as `Rule` has it; the port of an address is none.

    Example:
        >>> target_of("https://a.example:8080/:colour/:splat")
        'https://a.example:8080/\\\\g<colour>/\\\\g<splat>'
    """
    return re.sub(r":([A-Za-z]\w*)", r"\\g<\1>", written)


def tables_in(value: object) -> list[dict[str, Any]]:
    """Return the tables of a list that a file should have; what is not one is passed over.

    Example:
        >>> tables_in([{"from": "/a"}, 3]), tables_in("/a")
        ([{'from': '/a'}], [])
    """
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []


def shortened(written: str) -> str:
    """Return what a configuration says for a note: in one line, and not much of it."""
    return one_line(written)[:60]
