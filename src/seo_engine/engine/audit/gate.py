"""Whether findings fail a gate in continuous integration."""

from __future__ import annotations

from collections.abc import Iterable

from seo_engine.engine.audit.finding import Finding
from seo_engine.engine.audit.rule import SEVERITIES


def is_failed(findings: Iterable[Finding], fail_on: str) -> bool:
    """Return whether there is a finding of a severity, or of a worse one.

    Args:
        findings (Iterable[Finding]): The findings that count; beside a baseline, the new ones.
        fail_on (str): `error` or `warning`; anything else never fails.
    """
    failing = SEVERITIES[: SEVERITIES.index(fail_on) + 1] if fail_on in SEVERITIES else ()
    return any(finding.severity in failing for finding in findings)
