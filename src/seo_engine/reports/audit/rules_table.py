"""The rules of the audit for a terminal: what each finds, how bad that is, and whether it is on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.console import RenderableType
from rich.table import Table

from seo_engine.engine.audit.rule import Rule


def rules_table(rules: Sequence[Rule], on: Collection[str]) -> RenderableType:
    """Return a line for each rule.

    Args:
        rules (Sequence[Rule]): All rules.
        on (Collection[str]): The ids of those that apply.
    """
    table = Table("rule", "", "severity", "of pages", "what it finds", "limits", box=None)
    for rule in rules:
        limits = ", ".join(f"{name} {limit:g}" for name, limit in rule.thresholds.items())
        switched = "on" if rule.id in on else "off"
        trigger = f"{rule.trigger} (A heuristic.)" if rule.is_heuristic else rule.trigger
        table.add_row(rule.id, switched, rule.severity, rule.gate.name, trigger, limits)
    return table
