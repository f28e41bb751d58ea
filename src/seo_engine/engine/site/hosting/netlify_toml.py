"""`netlify.toml` (https://docs.netlify.com/build/configure-builds/file-based-configuration/)."""

from __future__ import annotations

import tomllib
from typing import Any

from seo_engine.engine.site.hosting.rules import HeaderRule, HostConfiguration, Rule, tables_in
from seo_engine.engine.site.hosting.text_rules import netlify_header_rule, netlify_rule

_OF_THE_VISITOR = ("Country", "Language", "Role", "Cookie", "country", "language", "role", "cookie")


def netlify_toml(text: str) -> HostConfiguration:
    """Read a `netlify.toml`.

    Args:
        text (str): The file.

    Raises:
        ValueError: If it is not valid TOML.
    """
    contents = tomllib.loads(text)
    rules: list[Rule] = []
    headers: list[HeaderRule] = []
    left_out: list[str] = []
    for number, table in enumerate(tables_in(contents.get("redirects")), 1):
        rule = _rule(table)
        if rule is None:
            left_out.append(f"netlify.toml, redirect {number}: not understood, or depends on who visits")
        else:
            rules.append(rule)
    for number, table in enumerate(tables_in(contents.get("headers")), 1):
        values = table.get("values")
        pairs = [(name.lower(), _joined(value)) for name, value in values.items()] if isinstance(values, dict) else []
        header = netlify_header_rule(str(table.get("for", "")), pairs)
        if header is None or not pairs:
            left_out.append(f"netlify.toml, headers {number}: not understood")
        else:
            headers.append(header)
    pretty = contents
    for name in ("build", "processing", "html"):
        pretty = pretty.get(name, {}) if isinstance(pretty, dict) else {}
    changes: dict[str, Any] = {}
    if isinstance(pretty, dict) and pretty.get("pretty_urls") is False:
        changes = {"slash_after_page": "serve", "folder_without_slash": "serve"}
    return HostConfiguration(tuple(rules), tuple(headers), changes, left_out=tuple(left_out))


def _rule(table: dict[str, Any]) -> Rule | None:
    source, target = table.get("from", table.get("origin")), table.get("to", table.get("destination", ""))
    query = table.get("query", table.get("params", table.get("parameters", {})))
    conditions = table.get("conditions", {})
    if not isinstance(source, str) or not isinstance(target, str) or not isinstance(query, dict):
        return None
    if not isinstance(conditions, dict) or any(name in conditions for name in _OF_THE_VISITOR):
        return None
    status = str(table.get("status", 301)) + ("!" if table.get("force") is True else "")
    return netlify_rule(source, target, status, [(name, str(value)) for name, value in query.items()])


def _joined(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
