"""Finding: what the audit says of a page, as plain data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from seo_engine.engine.audit.rule import SEVERITIES, Fault, Rule
from seo_engine.engine.site.page import Page

# As much of a page is quoted.
_LONGEST_EVIDENCE = 300


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of one page.

    Args:
        rule (str): The id of the rule.
        severity (str): `error`, `warning` or `notice`.
        page (str): The address of the page; its path, if nobody knows where it is served.
        path (str): Its path within the site.
        message (str): What is wrong.
        evidence (str): What stands in the page, quoted and cut.
        tag (str): The element's tag; empty if the fault is the page's.
        number (int): Its number among the elements of this tag, from 1; 0 if the fault is the page's.
        region (str): Where in the page it stands.
        fingerprint (str): Stays the same when the page's lines move.
        attribute (str): The attribute of the element that the evidence is the value of; empty if it is not one.
        line (int): The line of the element in its file, from 1; 0 if it is not known.
        column (int): The column, from 1; 0 if it is not known.
    """

    rule: str
    severity: str
    page: str
    path: str
    message: str
    evidence: str
    tag: str
    number: int
    region: str
    fingerprint: str
    attribute: str = ""
    line: int = 0
    column: int = 0


def findings_of(rule: Rule, severity: str, page: Page, faults: list[Fault]) -> list[Finding]:
    """Return the faults that a rule has found on a page as findings.

    Args:
        rule (Rule): The rule.
        severity (str): How bad its faults are, unless a fault says otherwise.
        page (Page): The page.
        faults (list[Fault]): In the order of the document.

    Raises:
        ValueError: If a fault has a severity that there is not.
    """
    findings = []
    seen: dict[tuple[str, str], int] = {}
    for fault in faults:
        if fault.severity not in ("", *SEVERITIES):
            raise ValueError(f"a fault must be one of {', '.join(SEVERITIES)}, got {fault.severity!r}")
        element = fault.element
        tag, number, region = (element.tag, element.number, element.region) if element is not None else ("", 0, "")
        evidence = " ".join(fault.evidence.split())
        # Equal faults of a page are told apart by their order among each other, which no new line changes.
        key = (tag, evidence)
        seen[key] = seen.get(key, 0) + 1
        # The path and not the address: a preview of a site has another one.
        parts = (rule.id, page.path, tag, evidence, str(seen[key]))
        fingerprint = hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
        cut = evidence if len(evidence) <= _LONGEST_EVIDENCE else evidence[: _LONGEST_EVIDENCE - 1] + "…"
        findings.append(
            Finding(
                rule=rule.id,
                severity=fault.severity or severity,
                page=page.url,
                path=page.path,
                message=fault.message,
                evidence=cut,
                tag=tag,
                number=number,
                region=region,
                fingerprint=fingerprint,
                attribute=fault.attribute,
            )
        )
    return findings
