"""`.htaccess` (https://httpd.apache.org/docs/2.4/howto/htaccess.html): what decides how an address is answered."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from seo_engine.engine.site.hosting.rules import (
    Condition,
    HeaderRule,
    HostConfiguration,
    Request,
    Rule,
    compiled,
    found,
)

_REDIRECT_STATUS = {"permanent": 301, "temp": 302, "seeother": 303, "gone": 410}
_BLOCK = re.compile(r"<(?P<closing>/?)(?P<name>\w+)\s*(?P<argument>[^>]*)>")
_VARIABLE = re.compile(r"%\{(\w+)\}")

# Blocks whose contents count as if they were not in one: their condition is taken to hold.
_TRANSPARENT = ("ifmodule", "ifdefine", "ifversion")

# What says nothing about how an address is answered, or only about what is not read here.
_OF_NO_EFFECT = (
    "addencoding", "addoutputfilterbytype", "addtype", "setoutputfilter", "expiresactive", "expiresbytype",
    "expiresdefault", "fileetag", "servedsignature", "serversignature", "browsermatch", "setenvif", "setenvifnocase",
    "addlanguage", "defaultlanguage", "forcetype", "removetype", "addhandler", "sethandler", "php_value", "php_flag",
    "indexoptions", "indexignore", "header unset", "rewriteoptions", "setenv", "unsetenv", "requestheader",
)  # fmt: skip


class _Scope:
    """What a `.htaccess` has said so far, for its own folder and all beneath it."""

    def __init__(self, folder: str, is_inner: bool) -> None:
        self.folder = folder
        self.is_inner = is_inner
        self.rewrites: list[Rule] = []
        self.redirects: list[Rule] = []
        self.headers: list[HeaderRule] = []
        self.conditions: list[Condition] = []
        self.changes: dict[str, Any] = {}
        self.index_files: tuple[str, ...] = ()
        self.not_found = ""
        self.left_out: list[str] = []
        self.rewrites_are_on = False
        self.base = folder
        self.skips_rule = False


def htaccess(files: Sequence[tuple[str, str]]) -> HostConfiguration:
    """Read the `.htaccess` files of a folder.

    Args:
        files (Sequence[tuple[str, str]]): The path of each one's folder, as `/shop/`, and its text.
    """
    # The innermost folder's word counts first.
    scopes = [_scope(folder, text) for folder, text in sorted(files, key=lambda each: -each[0].count("/"))]
    rules: list[Rule] = []
    for number, scope in enumerate(scopes):
        inner = [other.folder for other in scopes[:number] if other.rewrites_are_on]
        # Rewriting that is switched on in a folder replaces that of the folders around it.
        rules += [_not_beneath(rule, inner) for rule in scope.rewrites] if scope.rewrites_are_on else []
    rules += [rule for scope in scopes for rule in scope.redirects]
    outermost_first = list(reversed(scopes))
    return HostConfiguration(
        tuple(rules),
        tuple(rule for scope in outermost_first for rule in scope.headers),
        {name: value for scope in outermost_first if not scope.is_inner for name, value in scope.changes.items()},
        {scope.folder: scope.index_files for scope in scopes if scope.index_files},
        {scope.folder: scope.not_found for scope in scopes if scope.not_found},
        repeats_rewrites=True,
        left_out=tuple(line for scope in outermost_first for line in scope.left_out),
    )


def _not_beneath(rule: Rule, folders: Sequence[str]) -> Rule:
    beneath = [folder for folder in folders if folder.startswith(rule.beneath)]
    if not beneath:
        return rule
    outside = Condition(lambda request: request.path, lambda path, request: not path.startswith(tuple(beneath)))
    return rule._replace(conditions=(outside, *rule.conditions))


def _scope(folder: str, text: str) -> _Scope:
    scope = _Scope(folder, folder != "/")
    for number, (words, files) in _directives(text):
        try:
            is_known = _take(scope, words, files)
        except (ValueError, IndexError):
            is_known = False
        if not is_known:
            scope.left_out.append(
                f"{folder}.htaccess, line {number}: {words[0]} is not read, or depends on the visitor"
            )
    return scope


def _directives(text: str) -> Iterator[tuple[int, tuple[list[str], Any]]]:
    """Yield the words of each directive, and which file names it is for; None for all."""
    blocks: list[tuple[str, Any]] = []
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        # A line that ends with a backslash goes on in the next one.
        while line.endswith("\\"):
            line = line[:-1] + next(lines, (0, ""))[1]
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if block := _BLOCK.match(line):
            if block["closing"]:
                blocks = blocks[:-1]
            else:
                blocks.append((block["name"].lower(), _names_of(block["name"].lower(), block["argument"])))
            continue
        if any(name not in (*_TRANSPARENT, "files", "filesmatch") for name, _ in blocks):
            # Another condition, which depends on what is not known here.
            yield number, (["a block, whose contents"], None)
            continue
        try:
            words = shlex.split(line.replace("\\", "\\\\"), posix=True)
        except ValueError:
            words = line.split()
        yield number, (words, next((names for _, names in reversed(blocks) if names is not None), None))


def _names_of(block: str, argument: str) -> Any:
    """Return an expression for the names of files that a block is for."""
    argument = argument.strip().strip('"')
    if block == "filesmatch" or (block == "files" and argument.startswith("~")):
        return compiled(argument.removeprefix("~").strip().strip('"'))
    if block == "files":
        return compiled("^" + re.escape(argument).replace(r"\*", ".*").replace(r"\?", ".") + "$")
    return None


def _take(scope: _Scope, words: Sequence[str], files: Any) -> bool:
    """Take a directive into account; return whether it was understood."""
    name, arguments = words[0].lower(), list(words[1:])
    match name:
        case "redirect" | "redirectpermanent" | "redirecttemp" | "redirectmatch":
            return _take_redirect(scope, name, arguments)
        case "rewriteengine":
            scope.rewrites_are_on = arguments[0].lower() == "on"
        case "rewritebase":
            scope.base = arguments[0].rstrip("/") + "/"
        case "rewritecond":
            condition = _condition(arguments)
            scope.skips_rule |= condition is None
            scope.conditions += [condition] if condition else []
            return condition is not None
        case "rewriterule":
            return _take_rewrite(scope, arguments)
        case "directoryindex":
            scope.index_files = () if arguments == ["disabled"] else tuple(arguments)
        case "directoryslash":
            scope.changes["folder_without_slash"] = "redirect" if arguments[0].lower() == "on" else "refuse"
            return not scope.is_inner
        case "errordocument":
            if arguments[0] == "404" and arguments[1].startswith("/"):
                scope.not_found = arguments[1].lstrip("/")
        case "options":
            if any(option.lstrip("+").lower() in ("multiviews", "all") for option in arguments):
                scope.changes["suffix_may_be_absent"] = not scope.is_inner
        case "adddefaultcharset":
            charset = {"on": "iso-8859-1", "off": ""}.get(arguments[0].lower(), arguments[0])
            scope.headers.append(
                HeaderRule(_beneath(scope.folder), (("content-type", f"text/html; charset={charset}"),))
            )
        case "header":
            return _take_header(scope, arguments, files)
        case _:
            return name in _OF_NO_EFFECT
    return True


def _take_header(scope: _Scope, arguments: list[str], files: Any) -> bool:
    table = ""
    if arguments[0].lower() in ("always", "onsuccess"):
        table, arguments = arguments[0].lower().removeprefix("onsuccess"), arguments[1:]
    action, name = arguments[0].lower(), arguments[1].lower()
    if action not in ("set", "append", "merge", "add") or len(arguments) != 3:
        return action in ("unset", "edit")
    pattern = _beneath(scope.folder) if files is None else files
    joins = action != "set"
    scope.headers.append(
        HeaderRule(pattern, ((name, arguments[2]),), is_of_file=files is not None, joins=joins, table=table)
    )
    return True


def _take_redirect(scope: _Scope, name: str, arguments: list[str]) -> bool:
    status = {"redirectpermanent": 301}.get(name, 302)
    if name in ("redirect", "redirectmatch") and not arguments[0].startswith(("/", "^")):
        first = arguments[0].lower()
        if first.isdecimal() or first in _REDIRECT_STATUS:
            status = int(first) if first.isdecimal() else _REDIRECT_STATUS[first]
            arguments = arguments[1:]
    source, target = arguments[0], arguments[1] if len(arguments) > 1 else ""
    if name == "redirectmatch":
        pattern = compiled(source)
        target = re.sub(r"\$(\d)", r"\\g<\1>", target)
    else:
        # All that is beneath it goes there, too.
        pattern = compiled(f"^{re.escape(unquote(source).rstrip('/'))}(?P<rest>/.*)?$")
        target = target.rstrip("/") + r"\g<rest>" if source.endswith("/") else target + r"\g<rest>"
    if pattern is None:
        return False
    scope.redirects.append(Rule(pattern, target if status in range(300, 400) else "", status))
    return True


def _take_rewrite(scope: _Scope, arguments: list[str]) -> bool:
    conditions, scope.conditions = tuple(scope.conditions), []
    skips, scope.skips_rule = scope.skips_rule, False
    pattern, target = arguments[0], arguments[1]
    flags = dict(_flag(flag) for flag in arguments[2].strip("[]").split(",")) if len(arguments) > 2 else {}
    expression = compiled(pattern.removeprefix("!"), ignore_case="NC" in flags)
    if skips or expression is None or "%{" in target or re.search(r"%\d", target):
        return False
    status = 200
    if "F" in flags:
        status = 403
    elif "G" in flags:
        status = 410
    elif "R" in flags or "://" in target:
        status = int(_REDIRECT_STATUS.get(flags.get("R", ""), flags.get("R", "") or 302))
    made = ""
    # A dash leaves the path as it is: the rule ends the others, or says no.
    if target != "-":
        made = re.sub(r"\$(\d)", r"\\g<\1>", target)
        made = made if made.startswith("/") or "://" in made else scope.base + made
    scope.rewrites.append(
        Rule(
            expression,
            made,
            status,
            beneath=scope.folder,
            is_negated=pattern.startswith("!"),
            is_last=status != 200 or "L" in flags or "END" in flags,
            # Apache takes the path of an address for that of a file until the next round.
            hides_files=target.startswith("/"),
            keeps_query="QSD" not in flags,
            conditions=conditions,
        )
    )
    return True


def _flag(written: str) -> tuple[str, str]:
    name, _, value = written.strip().partition("=")
    long = {"NOCASE": "NC", "LAST": "L", "REDIRECT": "R", "FORBIDDEN": "F", "GONE": "G", "QSAPPEND": "QSA"}
    return long.get(name.upper(), name.upper()), value


def _condition(arguments: Sequence[str]) -> Condition | None:
    """Return a condition; None for one that depends on who visits, or on what is not known."""
    variables = _VARIABLE.findall(arguments[0])
    known = ("REQUEST_FILENAME", "SCRIPT_FILENAME", "REQUEST_URI", "HTTP_HOST", "HTTPS", "QUERY_STRING")
    if any(variable not in known for variable in variables):
        return None
    flags = arguments[2].strip("[]").upper().split(",") if len(arguments) > 2 else []
    test = arguments[1]
    is_negated, test = test.startswith("!"), test.removeprefix("!")

    def subject(request: Request) -> str:
        return _VARIABLE.sub(lambda match: _value(match[1], request), arguments[0])

    return Condition(subject, _test(test, "NC" in flags), is_negated, "OR" in flags)


def _value(variable: str, request: Request) -> str:
    match variable:
        case "HTTPS":
            return "on" if request.is_https else "off"
        case "HTTP_HOST":
            return request.host
        case "QUERY_STRING":
            return request.query
        case "REQUEST_URI":
            return request.path
        case _:
            return _file_of(request)


def _file_of(request: Request) -> str:
    """Return the part of a path that may be a file: all behind the first name that is no folder is not."""
    file = ""
    for name in request.path.strip("/").split("/"):
        file += f"/{name}"
        if not request.is_folder(file):
            break
    return file


def _test(test: str, ignore_case: bool) -> Any:
    if test in ("-f", "-s"):
        return lambda text, request: request.is_file(text)
    if test == "-d":
        return lambda text, request: request.is_folder(text)
    if test.startswith("="):
        return lambda text, request: text == test[1:].strip('"')
    expression = compiled(test, ignore_case=ignore_case)
    return lambda text, request: expression is not None and found(expression, text) is not None


def _beneath(folder: str) -> Any:
    return compiled("^" + re.escape(str(PurePosixPath(folder))).rstrip("/"))
