"""Audits a site: its pages in, findings out."""

from __future__ import annotations

import datetime
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seo_engine.engine.audit.configuration import AuditConfig
from seo_engine.engine.audit.data import all_tables
from seo_engine.engine.audit.finding import Finding
from seo_engine.engine.audit.ignoring import Ignore, read_ignores
from seo_engine.engine.audit.page_audit import PageAudit, Tally
from seo_engine.engine.audit.registry import all_rules, applied_rules
from seo_engine.engine.audit.rule import SEVERITIES, AppliedRule
from seo_engine.engine.site.page import READ, Page


@dataclass(frozen=True)
class Audit:
    """What an audit has found, as plain data.

    Args:
        pages (int): How many documents were looked at.
        unread (Mapping[str, int]): How many of them could not be read, by their state.
        not_indexable (Mapping[str, int]): How many of them search engines may not show, by the reason.
        rules (tuple[AppliedRule, ...]): The rules that applied.
        tallies (Mapping[str, Tally]): What each rule has said, by its id.
        findings (tuple[Finding, ...]): What is wrong: the worst first.
        ignored (Mapping[Ignore, int]): How many findings each entry of the configuration has covered.
        expired (tuple[Ignore, ...]): The entries that no longer count.
        reviewed (datetime.date): When the rule or table was last compared with its source that was so longest ago.
        seconds (float): How long it took, with reading the pages.
    """

    pages: int
    unread: Mapping[str, int]
    not_indexable: Mapping[str, int]
    rules: tuple[AppliedRule, ...]
    tallies: Mapping[str, Tally]
    findings: tuple[Finding, ...]
    ignored: Mapping[Ignore, int]
    expired: tuple[Ignore, ...]
    reviewed: datetime.date
    seconds: float

    @property
    def severities(self) -> dict[str, int]:
        """dict[str, int]: How many findings there are of each severity, the worst first."""
        counts = Counter(finding.severity for finding in self.findings)
        return {severity: counts[severity] for severity in SEVERITIES}


def audit_pages(
    pages: Iterable[Page],
    config: AuditConfig | None = None,
    *,
    today: datetime.date | None = None,
) -> Audit:
    """Apply the rules to the pages of a site.

    Args:
        pages (Iterable[Page]): The pages; each is looked at once, and not kept.
        config (AuditConfig | None): The settings; None means the defaults.
        today (datetime.date | None): The day on which ignored findings may have expired; None means now.

    Returns:
        Audit: What was found.

    Raises:
        ValueError: If the configuration names a rule or a limit that there is not.

    Example:
        >>> from seo_engine.engine.site.parsing import parse_page
        >>> audit = audit_pages([parse_page("<html lang=en><title>Pots</title><h1>Pots</h1>", "pots.html")])
        >>> audit.pages, [finding.rule for finding in audit.findings if finding.severity == "warning"]
        (1, ['description.missing'])
    """
    started = time.perf_counter()
    config, today = config or AuditConfig(), today or datetime.datetime.now(tz=datetime.UTC).date()
    rules = applied_rules(config, all_rules())
    entries = read_ignores(config.ignore)
    ignored = {entry: 0 for entry in entries if not entry.has_expired(today)}
    page_audit = PageAudit(rules)
    findings: list[Finding] = []
    unread: Counter[str] = Counter()
    count = 0
    for page in pages:
        count += 1
        if page.state != READ:
            unread[page.state] += 1
        for finding in page_audit.findings(page):
            entry = next((each for each in ignored if each.covers(finding)), None)
            if entry is None:
                findings.append(finding)
            else:
                ignored[entry] += 1
    return Audit(
        pages=count,
        unread=unread,
        not_indexable=page_audit.not_indexable,
        rules=rules,
        tallies=page_audit.tallies,
        findings=tuple(_in_order(findings, rules)),
        ignored=ignored,
        expired=tuple(entry for entry in entries if entry.has_expired(today)),
        reviewed=min([applied.rule.reviewed for applied in rules] + [table.reviewed for table in all_tables()]),
        seconds=time.perf_counter() - started,
    )


# How much worse one severity is than another, for the order of what to mend first.
_IMPACT = dict(zip(SEVERITIES, (100.0, 10.0, 1.0), strict=True))


def _in_order(findings: list[Finding], rules: Iterable[AppliedRule]) -> list[Finding]:
    """Return the findings by what they cost: impact × pages ÷ effort of their rule, then by page."""
    efforts = {applied.rule.id: applied.rule.effort for applied in rules}
    pages: dict[tuple[str, str], set[str]] = {}
    for finding in findings:
        pages.setdefault((finding.severity, finding.rule), set()).add(finding.path)
    costs = {key: _IMPACT[key[0]] * len(there) / efforts[key[1]] for key, there in pages.items()}

    def key(finding: Finding) -> tuple[int, float, str, str]:
        kind = (finding.severity, finding.rule)
        return SEVERITIES.index(finding.severity), -costs[kind], finding.rule, finding.path

    # Sorting keeps the order of the document among the findings of a page.
    return sorted(findings, key=key)
