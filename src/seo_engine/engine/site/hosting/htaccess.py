"""`.htaccess` (https://httpd.apache.org/docs/2.4/howto/htaccess.html): what decides how an address is answered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from seo_engine.engine.site.hosting.conditions import OF_THE_HOST, VARIABLE, condition, variable
from seo_engine.engine.site.hosting.htaccess_lines import directives_of
from seo_engine.engine.site.hosting.rules import (
    APPEND,
    DROP,
    KEEP,
    Condition,
    HeaderRule,
    HostConfiguration,
    Rule,
    compiled,
    shortened,
)
from seo_engine.engine.site.response import status_of

_STATUS_BY_WORD = {"permanent": 301, "temp": 302, "seeother": 303, "gone": 410}
# What says nothing about how an address is answered, or only about what is not read here.
_OF_NO_EFFECT = frozenset((
    "addencoding", "addoutputfilterbytype", "addtype", "addcharset", "setoutputfilter", "expiresactive",
    "expiresbytype", "expiresdefault", "fileetag", "serversignature", "browsermatch", "setenvif", "setenvifnocase",
    "addlanguage", "defaultlanguage", "forcetype", "removetype", "php_value", "php_flag", "indexoptions", "indexignore",
    "setenv", "unsetenv", "requestheader", "order", "satisfy",
))  # fmt: skip
_FLAGS = frozenset(("NC", "L", "R", "F", "G", "QSA", "QSD", "END", "NE", "PT", "E", "H", "T", "NS", "DPI", "B"))
_LONG_FLAGS = {
    "NOCASE": "NC", "LAST": "L", "REDIRECT": "R", "FORBIDDEN": "F", "GONE": "G", "QSAPPEND": "QSA", "CHAIN": "C",
    "SKIP": "S",
}  # fmt: skip

_ANY = compiled("")


@dataclass
class _Scope:
    """What a `.htaccess` says, for its own folder and all beneath it."""

    folder: str
    refusals: list[Rule] = field(default_factory=list)
    rewrites: list[Rule] = field(default_factory=list)
    redirects: list[Rule] = field(default_factory=list)
    fallbacks: list[Rule] = field(default_factory=list)
    headers: list[HeaderRule] = field(default_factory=list)
    conditions: list[Condition] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    index_files: tuple[str, ...] | None = None
    not_found: str | None = None
    left_out: list[str] = field(default_factory=list)
    has_rewriting_on: bool | None = None
    inherits: bool = False
    base: str = ""
    skips_rule: bool = False
    rules_to_leave_out: int = 0


def htaccess(files: Sequence[tuple[str, str]], prefix: str = "") -> HostConfiguration:
    """Read the `.htaccess` files of a folder.

    Args:
        files (Sequence[tuple[str, str]]): The path of each one's folder, as `/shop/`, and its text.
        prefix (str): The path at which the folder is served, which Apache's own paths begin with, as `/docs`.
    """
    # The innermost folder's word counts first.
    ordered = sorted(files, key=lambda each: -each[0].count("/"))
    scopes = [_scope(prefix + folder, text, prefix) for folder, text in ordered]
    rules = [rule for scope in scopes for rule in scope.refusals]
    for number, scope in enumerate(scopes):
        # Rewriting that is switched on or off in a folder replaces that of the folders around it.
        own = [other.folder for other in scopes[:number] if other.has_rewriting_on is not None and not other.inherits]
        rules += [_not_beneath(rule, own) for rule in scope.rewrites] if scope.has_rewriting_on else []
    rules += [rule for scope in scopes for rule in scope.redirects]
    rules += [rule for scope in scopes for rule in scope.fallbacks]
    outermost_first = list(reversed(scopes))
    inside = len(prefix)
    return HostConfiguration(
        tuple(rules),
        tuple(rule for scope in outermost_first for rule in scope.headers),
        {name: value for scope in scopes if scope.folder == f"{prefix}/" for name, value in scope.changes.items()},
        {scope.folder[inside:]: scope.index_files for scope in scopes if scope.index_files is not None},
        {scope.folder[inside:]: scope.not_found for scope in scopes if scope.not_found is not None},
        repeats_rewrites=True,
        left_out=tuple(line for scope in outermost_first for line in scope.left_out),
    )


def _not_beneath(rule: Rule, folders: Sequence[str]) -> Rule:
    beneath = tuple(folder for folder in folders if folder.startswith(rule.beneath))
    if not beneath:
        return rule
    outside = Condition(lambda request: request.path, lambda path, request: not path.startswith(beneath))
    return rule._replace(conditions=(outside, *rule.conditions))


def _scope(folder: str, text: str, prefix: str) -> _Scope:
    scope = _Scope(folder, base=folder)
    for line in directives_of(text):
        name = shortened(line.words[0])
        try:
            is_known = line.is_known and _take(scope, line.words, line.files, prefix)
        except (ValueError, IndexError):
            is_known = False
        if not is_known:
            what = name if re.fullmatch(r"[A-Za-z_]+", name) else "this"
            inside = scope.folder[len(prefix) :]
            reason = "is not understood, or depends on who visits"
            scope.left_out.append(f"{inside}.htaccess, line {line.number}: {what} {reason}")
    return scope


def _take(scope: _Scope, words: Sequence[str], files: Any, prefix: str) -> bool:
    """Take a directive into account; return whether it was understood."""
    name, arguments = words[0].lower(), list(words[1:])
    match name:
        case "redirect" | "redirectpermanent" | "redirecttemp" | "redirectmatch":
            return _take_redirect(scope, name, arguments)
        case "rewriteengine":
            scope.has_rewriting_on = arguments[0].lower() == "on"
        case "rewritebase":
            scope.base = arguments[0].rstrip("/") + "/"
        case "rewriteoptions":
            scope.inherits |= "inherit" in arguments[0].lower()
        case "rewritecond":
            made = condition(arguments)
            scope.skips_rule |= made is None
            scope.conditions += [made] if made else []
            return made is not None
        case "rewriterule":
            return _take_rewrite(scope, arguments)
        case "fallbackresource":
            if arguments[0] != "disabled":
                scope.fallbacks.append(Rule(_ANY, arguments[0], 200, is_forced=False, beneath=scope.folder))
        case "directoryindex":
            names = tuple(_inside(each, prefix) for each in arguments)
            scope.index_files = () if arguments == ["disabled"] else (*(scope.index_files or ()), *names)
        case "directoryslash":
            is_on = arguments[0].lower() == "on"
            scope.changes["folder_without_slash"] = "redirect" if is_on else "refuse"
            return is_on or scope.folder == f"{prefix}/"
        case "errordocument":
            if arguments[0] == "404":
                is_plain = arguments[1].startswith(("/", "http://", "https://"))
                scope.not_found = _inside(arguments[1], prefix).removeprefix("/") if is_plain else ""
        case "options":
            options = [option.lower() for option in arguments]
            if "+multiviews" in options or "multiviews" in options:
                scope.changes["absent_suffixes"] = (".html", ".htm")
            is_about_it = any("multiviews" in option for option in options)
            return scope.folder == f"{prefix}/" or not is_about_it
        case "adddefaultcharset":
            charset = {"on": "iso-8859-1", "off": ""}.get(arguments[0].lower(), arguments[0])
            content_type = f"text/html; charset={charset}" if charset else "text/html"
            scope.headers.append(HeaderRule(_ANY, (("content-type", content_type),), beneath=scope.folder))
        case "header":
            return _take_header(scope, arguments, files)
        case "require":
            if [each.lower() for each in arguments[:2]] == ["all", "denied"]:
                _refuse(scope, files)
            return arguments[0].lower() == "all"
        case "deny" | "allow":
            if name == "deny" and [each.lower() for each in arguments] == ["from", "all"]:
                _refuse(scope, files)
            return [each.lower() for each in arguments] == ["from", "all"]
        case _:
            return name in _OF_NO_EFFECT
    return True


def _inside(address: str, prefix: str) -> str:
    """Return the path of an address within the folder, if it is one."""
    return address.removeprefix(prefix) if prefix and address.startswith(f"{prefix}/") else address


def _refuse(scope: _Scope, files: Any) -> None:
    named = Condition(
        lambda request: request.path.rpartition("/")[2], lambda name, request: request.find(files, name) is not None
    )
    # The folder itself, too, without its slash.
    within = Condition(lambda request: f"{request.path}/", lambda path, request: path.startswith(scope.folder))
    conditions = (within,) if files is None else (within, named)
    scope.refusals.append(Rule(_ANY, "", 403, conditions=conditions))


def _take_header(scope: _Scope, arguments: list[str], files: Any) -> bool:
    table = ""
    if arguments[0].lower() in ("always", "onsuccess"):
        table, arguments = arguments[0].lower().removeprefix("onsuccess"), arguments[1:]
    action, name = arguments[0].lower(), arguments[1].lower()
    made = HeaderRule(
        _ANY if files is None else files, (), beneath=scope.folder, is_of_file=files is not None, table=table
    )
    if action == "unset":
        scope.headers.append(made._replace(detached=(name,)))
        return True
    if action not in ("set", "append", "merge", "add") or len(arguments) != 3:
        return False
    scope.headers.append(made._replace(values=((name, arguments[2]),), joins=action != "set"))
    return True


def _take_redirect(scope: _Scope, name: str, arguments: list[str]) -> bool:
    status: int | None = {"redirectpermanent": 301}.get(name, 302)
    if name in ("redirect", "redirectmatch") and len(arguments) > 1:
        first = arguments[0].lower()
        if first in _STATUS_BY_WORD or first.isdecimal():
            status = _STATUS_BY_WORD.get(first) or status_of(first)
            arguments = arguments[1:]
    source, target = arguments[0], arguments[1] if len(arguments) > 1 else ""
    is_redirect = status in range(300, 400)
    if name == "redirectmatch":
        pattern = compiled(source)
        target = _with_groups(target)
    else:
        # All that is beneath it goes there, too.
        plain = re.escape(unquote(source))
        pattern = compiled(f"^{plain}(?P<rest>.*)$" if source.endswith("/") else f"^{plain}(?P<rest>/.*)?$")
        target += r"\g<rest>"
    if pattern is None or status is None or (is_redirect and target in ("", r"\g<rest>")):
        return False
    # Not `beneath`: a redirect matches the whole path, also that of a folder within.
    within = Condition(lambda request: request.path, lambda path, request: path.startswith(scope.folder))
    scope.redirects.append(
        Rule(pattern, target if is_redirect else "", status, sees_index_file=True, conditions=(within,))
    )
    return True


def _take_rewrite(scope: _Scope, arguments: list[str]) -> bool:
    conditions, scope.conditions = tuple(scope.conditions), []
    skips, scope.skips_rule = scope.skips_rule, False
    pattern, target = arguments[0], arguments[1]
    flags = dict(_flag(flag) for flag in arguments[2].strip("[]").split(",")) if len(arguments) > 2 else {}
    if scope.rules_to_leave_out:
        # They are tied to one that was not understood.
        scope.rules_to_leave_out = max(scope.rules_to_leave_out - 1, int("C" in flags))
        return False
    if flags.keys() & {"C", "S"}:
        scope.rules_to_leave_out = max(int("C" in flags), int(flags.get("S") or 0))
        return False
    expression = compiled(pattern.removeprefix("!"), ignore_case="NC" in flags)
    is_of_no_effect = target == "-" and not flags.keys() & {"F", "G", "R", "L", "END"}
    if is_of_no_effect:
        # It sets a variable, or nothing.
        return True
    if skips or expression is None or not flags.keys() <= _FLAGS or re.search(r"%\d", target):
        return False
    if any(variable(name) is None for name in VARIABLE.findall(target)):
        return False
    status: int | None = 200
    if "F" in flags:
        status = 403
    elif "G" in flags:
        status = 410
    elif "R" in flags or re.match(r"https?://", target):
        status = _STATUS_BY_WORD.get(flags.get("R", "")) or status_of(flags.get("R") or 302)
    if status is None:
        return False
    made, own_query = "", KEEP
    # A dash leaves the path as it is: the rule ends the others, or says no.
    if target != "-":
        target, question, query = target.partition("?")
        own_query = (APPEND if "QSA" in flags else KEEP) if query or not question else DROP
        made = _with_groups(target + (f"?{query}" if query else ""))
        made = VARIABLE.sub(lambda found: rf"\g<{variable(found[1])}>", made)
        made = made if made.startswith(("/", r"\g<REQUEST_URI>")) or "://" in made else scope.base + made
    asks_for_host = any(name in made for name in OF_THE_HOST)
    known_host = Condition(lambda request: request.host, lambda host, request: bool(host), asks_for_host=True)
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
            own_query=DROP if "QSD" in flags else own_query,
            conditions=(*conditions, known_host) if asks_for_host else conditions,
        )
    )
    return True


def _with_groups(target: str) -> str:
    """Return a target with `$1` as `Rule` has it."""
    return re.sub(r"\$(\d)", r"\\g<\1>", target)


def _flag(written: str) -> tuple[str, str]:
    name, _, value = written.strip().partition("=")
    return _LONG_FLAGS.get(name.upper(), name.upper()), value
