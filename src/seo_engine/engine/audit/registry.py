"""The one list of rules: ours, and those that other packages bring through the same door."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from importlib.metadata import entry_points

from seo_engine.engine.audit.configuration import AuditConfig
from seo_engine.engine.audit.rule import AppliedRule, Rule
from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.setting_sources.known_names import nearest_name
from seo_engine.foundation.texts import one_line

# An entry point of this group leads to a sequence of rules, as `RULES` of our own modules does.
GROUP = "seo_engine.audit_rules"

_PAGE_RULES = "seo_engine.engine.audit.rules.page"
_GROUPS = (
    "answer.responses",
    "head.indexability",
    "head.titles",
    "head.descriptions",
    "body.headings",
    "head.languages",
    "head.canonicals",
    "head.hreflang",
    "body.contents",
    "body.links",
    "answer.addresses",
    "body.images",
    "answer.performance",
    "body.structured_data",
    "head.social",
    "answer.security",
)


class UnusableRuleError(ValueError):
    """Rules that another package brings cannot be used; the message is one line."""


def own_rules() -> tuple[Rule, ...]:
    """Return the rules that come with this package, in the order in which reports show them."""
    modules = (importlib.import_module(f"{_PAGE_RULES}.{group}") for group in _GROUPS)
    return tuple(rule for module in modules for rule in module.RULES)


def all_rules() -> tuple[Rule, ...]:
    """Return every rule that is installed.

    Raises:
        UnusableRuleError: If a package's rules cannot be imported, are none, or have an id that is taken.
    """
    rules = {rule.id: rule for rule in own_rules()}
    for entry_point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        brought_by = f"the audit rules {entry_point.name!r} from {entry_point.value}"
        try:
            loaded = entry_point.load()
        except Exception as error:
            raise UnusableRuleError(
                f"{brought_by} cannot be imported: {redact_text(one_line(f'{type(error).__name__}: {error}'))}"
            ) from None
        brought = tuple(loaded) if isinstance(loaded, Iterable) else ()
        if not brought or not all(isinstance(each, Rule) for each in brought):
            raise UnusableRuleError(f"{brought_by} are not a sequence of Rule")
        for rule in brought:
            if rule.id in rules:
                raise UnusableRuleError(f"{brought_by} have an id that is taken: {rule.id}")
            rules[rule.id] = rule
    return tuple(rules.values())


def applied_rules(config: AuditConfig, rules: Sequence[Rule]) -> tuple[AppliedRule, ...]:
    """Return the rules that apply, as a configuration wants them.

    Args:
        config (AuditConfig): The configuration.
        rules (Sequence[Rule]): All rules.

    Raises:
        ValueError: If the configuration names a rule or a limit that there is not; the message says what is near.
    """
    by_id = {rule.id: rule for rule in rules}
    for setting in ("switched_off", "switched_on", "severities"):
        for name in getattr(config, setting):
            if not any(fnmatchcase(rule, name) for rule in by_id):
                raise ValueError(f"{setting}: there is no rule {name!r}{_meant(name, by_id)}")
    limits = {f"{rule.id}.{name}" for rule in rules for name in rule.thresholds}
    for name in config.thresholds:
        if name not in limits:
            raise ValueError(f"thresholds: no rule has the limit {name!r}{_meant(name, limits)}")
    for entry in config.ignore:
        if not any(fnmatchcase(rule, entry["rule"]) for rule in by_id):
            raise ValueError(f"ignore: there is no rule {entry['rule']!r}{_meant(entry['rule'], by_id)}")
    return tuple(
        AppliedRule(
            rule,
            next((each for name, each in config.severities.items() if fnmatchcase(rule.id, name)), rule.severity),
            {name: config.thresholds.get(f"{rule.id}.{name}", limit) for name, limit in rule.thresholds.items()},
        )
        for rule in rules
        if _is_applied(rule, config)
    )


def _is_applied(rule: Rule, config: AuditConfig) -> bool:
    if any(fnmatchcase(rule.id, name) for name in config.switched_off):
        return False
    return rule.is_on or any(fnmatchcase(rule.id, name) for name in config.switched_on)


def _meant(name: str, names: Iterable[str]) -> str:
    near = nearest_name(name, names)
    return f"; did you mean {near!r}?" if near else "; `seo-engine audit --list-rules` shows all"
