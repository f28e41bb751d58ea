"""One rule on one page."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from seo_engine.engine.audit.configuration import AuditConfig
from seo_engine.engine.audit.finding import Finding
from seo_engine.engine.audit.page_audit import PageAudit
from seo_engine.engine.audit.registry import applied_rules, own_rules
from seo_engine.engine.site.page import Page
from seo_engine.engine.site.parsing import read_document
from seo_engine.engine.site.response import NO_RESPONSE, Response


class Outcome(NamedTuple):
    """What a rule says of a page."""

    state: str
    findings: tuple[Finding, ...]

    @property
    def messages(self) -> list[str]:
        return [finding.message for finding in self.findings]

    @property
    def evidence(self) -> list[str]:
        return [finding.evidence for finding in self.findings]

    @property
    def severities(self) -> list[str]:
        return [finding.severity for finding in self.findings]


def page_of(
    html: str | bytes,
    path: str = "pots.html",
    address: str = "https://a.example/pots.html",
    response: Response = NO_RESPONSE,
) -> Page:
    """Return a page as the reader makes it; with an empty address, nobody knows where it is served."""
    data = html.encode() if isinstance(html, str) else html
    return read_document(data, path, own_address=address, response=response)


def judge(rule: str, page: Page, **thresholds: float) -> Outcome:
    """Return what one rule, switched on, says of a page.

    Args:
        rule (str): Its id.
        page (Page): The page.
        thresholds (float): Limits other than the rule's own.
    """
    limits = {f"{rule}.{name.replace('_', '-')}": limit for name, limit in thresholds.items()}
    config = AuditConfig(switched_on=[rule], thresholds=limits)
    applied = [each for each in applied_rules(config, own_rules()) if each.rule.id == rule]
    audit = PageAudit(applied)
    findings = audit.findings(page)
    ((state, _),) = audit.tallies[rule].states.items()
    return Outcome(state, tuple(findings))


def in_head(*elements: str, body: str = "<h1>Our pots</h1><p>We throw every pot by hand.</p>") -> str:
    """Return a document that is right but for what its head has or lacks."""
    return f"<!doctype html><html lang=en><head>{''.join(elements)}</head><body>{body}</body></html>"


def in_body(*elements: str) -> str:
    """Return a document that is right but for what its body has."""
    return in_head("<title>Our pots, thrown by hand in Kent</title>", body="".join(elements))


def answered(page: Page, response: Response) -> Page:
    """Return the same page with another answer of the server."""
    return replace(page, facts=replace(page.facts, response=response))
