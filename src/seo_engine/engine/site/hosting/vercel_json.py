"""`vercel.json` (https://vercel.com/docs/project-configuration/vercel-json)."""

from __future__ import annotations

import json
import re
from typing import Any

from seo_engine.engine.site.hosting.rules import HeaderRule, HostConfiguration, Rule, compiled, tables_in
from seo_engine.engine.site.response import status_of

# A part of a source as path-to-regexp reads it: `:name`, with its own expression and how often; `(expression)`.
_PART = re.compile(r":(?P<name>[A-Za-z_]\w*)|(?P<open>\()")
_NOT_CLEAN = r"^/(?:(.+)/)?index(?:\.html)?/?$", r"^/(.*)\.html/?$"
_WITHOUT_SLASH = r"^/((?:[^/]+/)*[^/\.]+)$"
_FILE_WITH_SLASH = r"^/((?:[^/]+/)*[^/]+\.\w+)/$"


def vercel_json(text: str) -> HostConfiguration:
    """Read a `vercel.json`.

    Args:
        text (str): The file.

    Raises:
        ValueError: If it is not valid JSON.
    """
    contents = json.loads(text)
    if not isinstance(contents, dict):
        return HostConfiguration(left_out=("vercel.json: not understood",))
    rules = _rules_of_form(contents.get("cleanUrls") is True, contents.get("trailingSlash"))
    left_out = ["vercel.json: routes, which are not read"] if "routes" in contents else []
    headers: list[HeaderRule] = []
    for kind in ("redirects", "rewrites", "headers"):
        for number, entry in enumerate(tables_in(contents.get(kind)), 1):
            if "has" in entry or "missing" in entry:
                left_out.append(f"vercel.json, {kind} {number}: depends on who visits")
                continue
            made = _headers(entry) if kind == "headers" else _rule(entry, is_rewrite=kind == "rewrites")
            if made is None:
                left_out.append(f"vercel.json, {kind} {number}: not understood")
            elif isinstance(made, HeaderRule):
                headers.append(made)
            else:
                rules.append(made)
    changes: dict[str, Any] = {}
    if contents.get("cleanUrls") is True:
        changes["absent_suffixes"] = (".html",)
        changes["slash_after_page"] = "missing" if contents.get("trailingSlash") is False else "serve"
    return HostConfiguration(tuple(rules), tuple(headers), changes, left_out=tuple(left_out))


def _rules_of_form(has_clean_addresses: bool, trailing_slash: object) -> list[Rule]:
    """Return the redirects to the one form of an address, as Vercel's own routing makes them."""
    slash = "/" if trailing_slash is True else ""
    rules: list[Rule] = []
    if has_clean_addresses:
        rules += [Rule(compiled(pattern), rf"/\g<1>{slash}", 308) for pattern in _NOT_CLEAN]
    if trailing_slash is True:
        # What is well known is left alone: it is rewritten to itself.
        rules.append(Rule(compiled(r"^(/\.well-known(?:/.*)?)$"), r"\g<1>", 200))
        rules.append(Rule(compiled(_WITHOUT_SLASH), r"/\g<1>/", 308))
        rules.append(Rule(compiled(_FILE_WITH_SLASH), r"/\g<1>", 308))
    elif trailing_slash is False:
        rules.append(Rule(compiled(r"^/(.*[^/])/+$"), r"/\g<1>", 308))
    return rules


def _rule(entry: dict[str, Any], *, is_rewrite: bool) -> Rule | None:
    source, target = entry.get("source"), entry.get("destination")
    if not isinstance(source, str) or not isinstance(target, str):
        return None
    expression = compiled(f"^{pattern_of_source(source)}$")
    status = status_of(entry.get("statusCode", 307 if entry.get("permanent") is False else 308))
    if expression is None or status is None:
        return None
    # `:path*` keeps its slashes in the target, and has lost the one before it.
    made = re.sub(r"\$(\d{1,3})|:([A-Za-z_]\w*)[*+?]?", lambda match: rf"\g<{match[1] or match[2]}>", target)
    return Rule(expression, made, 200 if is_rewrite else status, is_forced=not is_rewrite)


def _headers(entry: dict[str, Any]) -> HeaderRule | None:
    source = entry.get("source")
    expression = compiled(f"^{pattern_of_source(source)}$") if isinstance(source, str) else None
    values = [
        (str(each["key"]).lower(), str(each["value"]))
        for each in tables_in(entry.get("headers"))
        if "key" in each and "value" in each
    ]
    return HeaderRule(expression, tuple(values)) if expression is not None and values else None


def pattern_of_source(source: str) -> str:
    """Return the expression for a source, as path-to-regexp makes it.

    Args:
        source (str): With `:name`, `:name*`, `:name(expression)` and `(expression)`.

    Example:
        >>> pattern_of_source("/pots/:colour/(.*)"), pattern_of_source("/blog/:path*")
        ('/pots/(?P<colour>[^/]+?)/(.*)', '/blog(?:/(?P<path>[^/]+?(?:/[^/]+?)*))?')
    """
    made, position = "", 0
    while match := _PART.search(source, position):
        made += re.escape(source[position : match.start()])
        position = match.end() - 1 if match["open"] else match.end()
        inner = "[^/]+?"
        if source[position : position + 1] == "(":
            end = _closing(source, position)
            inner, position = source[position + 1 : end], end + 1
        group = f"(?P<{match['name']}>" if match["name"] else "("
        times = source[position : position + 1]
        if times in ("*", "+", "?"):
            position += 1
            before = "/" if made.endswith("/") else ""
            made = made.removesuffix("/")
            repeated = inner if times == "?" else f"{inner}(?:{before}{inner})*"
            made += f"(?:{before}{group}{repeated}))" + ("" if times == "+" else "?")
        else:
            made += f"{group}{inner})"
    return made + re.escape(source[position:])


def _closing(source: str, start: int) -> int:
    """Return where a parenthesis is closed; the end of the source if it is not."""
    depth, position = 0, start
    while position < len(source):
        if source[position] == "\\":
            position += 1
        elif source[position] == "(":
            depth += 1
        elif source[position] == ")":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    return len(source)
