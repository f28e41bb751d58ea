"""`_redirects` and `_headers`: a rule in a line, as Netlify and Cloudflare read them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from seo_engine.engine.site.hosting.rules import (
    Condition,
    HeaderRule,
    HostConfiguration,
    Rule,
    compiled,
    pattern_of_path,
    shortened,
    target_of,
)
from seo_engine.engine.site.response import status_of

# What depends on who visits; a search engine brings none of it.
_OF_THE_VISITOR = re.compile(r"(country|language|role|cookie|sign)=", re.IGNORECASE)

_CLOUDFLARE_STATUS = (200, 301, 302, 303, 307, 308)
_MOST_STATIC, _MOST_DYNAMIC, _MOST_HEADERS = 2_000, 100, 100
_LONGEST_LINE = 2_000


def netlify_redirects(text: str) -> HostConfiguration:
    """Read Netlify's `_redirects` (https://docs.netlify.com/manage/routing/redirects/overview/).

    Args:
        text (str): The file.
    """
    rules: list[Rule] = []
    left_out: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        tokens = _tokens(line)
        if not tokens:
            continue
        source, rest = tokens[0], tokens[1:]
        position = next((i for i, token in enumerate(rest) if token.startswith(("/", "http://", "https://"))), None)
        if position is None:
            position = sum("=" in token for token in rest)
            rest.insert(position, "")
        query = tuple((name, value) for name, _, value in (token.partition("=") for token in rest[:position]))
        status, conditions = (rest[position + 1 :] or [""])[0], rest[position + 2 :]
        if "=" in status:
            status, conditions = "", rest[position + 1 :]
        rule = netlify_rule(source, rest[position], status, query)
        if rule is None or any(map(_OF_THE_VISITOR.match, conditions)):
            left_out.append(f"_redirects, line {number}: {_why(rule)}")
        else:
            rules.append(rule)
    return HostConfiguration(tuple(rules), left_out=tuple(left_out))


def netlify_rule(source: str, target: str, status: str, query: Sequence[tuple[str, str]]) -> Rule | None:
    """Return a rule of Netlify's; None if it is not one.

    Args:
        source (str): The path, with placeholders.
        target (str): Where it leads, with placeholders; empty for what `*` stands for.
        status (str): A number, with `!` if it wins over a file; empty for 301.
        query (Sequence[tuple[str, str]]): The parameters that it asks for.
    """
    if not target and source.endswith("/*"):
        target = source.removesuffix("*") + ":splat"
    number, forced = status_of(status.removesuffix("!") or "301"), status.endswith("!")
    try:
        parts = urlsplit(source if "://" in source else "")
    except ValueError:
        return None
    path = (parts.path or "/") if parts.netloc else source
    if not target or number is None or not path.startswith("/") or "*" in path.removesuffix("/*"):
        return None
    plain = unquote(path).rstrip("/") or "/"
    literals = () if ":" in plain or path.endswith("/*") else tuple(dict.fromkeys((plain, plain.rstrip("/") + "/")))
    pattern = pattern_of_path(plain)
    # With or without a slash at the end; and what a splat stands for may be missing, too.
    pattern = pattern.removesuffix("/(?P<splat>.*)") + "(?:/(?P<splat>.*))?" if path.endswith("/*") else pattern + "/?"
    expression = None if literals else compiled(f"^{pattern}$")
    if expression is None and not literals:
        return None
    own = target.split("?")[0]
    leads_to_itself = own in literals if expression is None else bool(expression.search(own))
    if leads_to_itself and "://" not in source and number in (301, 302, 303):
        # Netlify ignores a rule that leads to itself.
        return None
    return Rule(
        expression,
        target_of(target),
        number,
        literals,
        is_forced=forced,
        query=tuple(query),
        conditions=(_of_domain(parts.netloc.lower(), parts.scheme),) if parts.netloc else (),
    )


def _of_domain(host: str, scheme: str) -> Condition:
    """Return the condition of a rule for a domain: others do not apply to it."""
    return Condition(
        lambda request: request.host,
        lambda own, request: own == host and request.is_https == (scheme == "https"),
        asks_for_host=True,
    )


def cloudflare_redirects(text: str) -> HostConfiguration:
    """Read Cloudflare's `_redirects` (https://developers.cloudflare.com/pages/configuration/redirects/).

    Args:
        text (str): The file.
    """
    static: dict[str, Rule] = {}
    dynamic: dict[str, Rule] = {}
    left_out: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        tokens = _tokens(line)
        if not tokens:
            continue
        rule = _cloudflare_rule(tokens) if len(line) <= _LONGEST_LINE else None
        source = tokens[0] if tokens[0].startswith("/") else f"/{tokens[0]}"
        is_dynamic = bool(dynamic) or _is_dynamic(source)
        rules, most = (dynamic, _MOST_DYNAMIC) if is_dynamic else (static, _MOST_STATIC)
        if rule is None or len(rules) >= most:
            left_out.append(f"_redirects, line {number}: {'one rule too many' if rule else 'not understood'}")
        else:
            rules.setdefault(source, rule)
    return HostConfiguration((*static.values(), *dynamic.values()), left_out=tuple(left_out))


def _cloudflare_rule(tokens: Sequence[str]) -> Rule | None:
    if len(tokens) not in (2, 3):
        return None
    source, target, status = (*tokens, "302")[:3]
    path = source if source.startswith("/") else f"/{source}"
    is_relative = target.startswith("/")
    if "://" in source or path.count("*") > 1 or not (is_relative or target.startswith("https://")):
        return None
    number = status_of(status)
    if number not in _CLOUDFLARE_STATUS or (number == 200 and not is_relative):
        return None
    if is_relative and path.endswith(("/*", "/")) and re.search(r"/index(?:\.html)?$", target):
        # It would lead to itself.
        return None
    plain = unquote(path.split("?")[0].split("#")[0])
    if not _is_dynamic(path):
        return Rule(None, target, number, (plain,))
    expression = compiled(f"^{pattern_of_path(plain)}$")
    return None if expression is None else Rule(expression, target_of(target), number)


def _is_dynamic(source: str) -> bool:
    return re.search(r"\*|/:[A-Za-z]", source) is not None


def netlify_headers(text: str) -> HostConfiguration:
    """Read Netlify's `_headers` (https://docs.netlify.com/manage/routing/headers/).

    Args:
        text (str): The file.
    """
    blocks = [(path, values) for path, values, _ in _blocks(text, detaches=False) if path.startswith("/")]
    made = [netlify_header_rule(path, values) for path, values in blocks]
    left_out = [f"_headers: {shortened(path)}" for (path, _), rule in zip(blocks, made, strict=True) if rule is None]
    return HostConfiguration(headers=tuple(rule for rule in made if rule), left_out=tuple(left_out))


def netlify_header_rule(path: str, values: Sequence[tuple[str, str]]) -> HeaderRule | None:
    """Return Netlify's headers for a path; None if it is not one."""
    pattern = pattern_of_path(unquote(path).rstrip("/"))
    pattern = pattern.replace("/(?P<splat>.*)", "/?(?:.*)").replace("(?P<splat>.*)", ".*")
    expression = compiled(f"^{pattern}/?$", ignore_case=True)
    return None if expression is None else HeaderRule(expression, tuple(values))


def cloudflare_headers(text: str) -> HostConfiguration:
    """Read Cloudflare's `_headers` (https://developers.cloudflare.com/pages/configuration/headers/).

    Args:
        text (str): The file.
    """
    rules: dict[str, HeaderRule] = {}
    left_out: list[str] = []
    for path, values, detached in _blocks(text, detaches=True):
        expression: Any = None
        if path.startswith("/") and path.count("*") <= 1:
            expression = compiled(f"^{pattern_of_path(unquote(path))}$")
        if expression is None or len(rules) >= _MOST_HEADERS:
            left_out.append(f"_headers: {shortened(path)}")
            continue
        # The later of two blocks for the same path replaces the first.
        rules.pop(path, None)
        rules[path] = HeaderRule(expression, values, detached, joins=True)
    return HostConfiguration(headers=tuple(rules.values()), left_out=tuple(left_out))


def _blocks(text: str, *, detaches: bool) -> Iterator[tuple[str, tuple[tuple[str, str], ...], tuple[str, ...]]]:
    path = ""
    values: dict[str, str] = {}
    detached: list[str] = []
    for line in [*text.splitlines(), "/"]:
        stripped = line.strip()
        if stripped.startswith(("/", "https://", "http://")):
            if path and (values or detached):
                yield path, tuple(values.items()), tuple(detached)
            path, values, detached = stripped, {}, []
        elif stripped.startswith("! ") and detaches:
            detached.append(stripped[2:].strip().lower())
        elif ":" in stripped and not stripped.startswith("#"):
            name, _, value = stripped.partition(":")
            name, value = name.strip().lower(), value.strip()
            values[name] = f"{values[name]}, {value}" if name in values else value


def _tokens(line: str) -> list[str]:
    """Return the words of a line in front of a comment."""
    tokens: list[str] = []
    for token in line.split():
        if token.startswith("#"):
            break
        tokens.append(token)
    return tokens


def _why(rule: Rule | None) -> str:
    return "not understood" if rule is None else "depends on who visits"
