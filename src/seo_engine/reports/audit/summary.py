"""An audit for a terminal: what to mend first."""

from __future__ import annotations

from itertools import groupby

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from seo_engine.engine.audit.audit import Audit
from seo_engine.engine.audit.baseline import Comparison
from seo_engine.engine.audit.rule import ERROR, WARNING
from seo_engine.foundation.texts import count_of, one_line
from seo_engine.reports.audit.words import counts_of, coverage
from seo_engine.reports.console import right_aligned

_STYLES = {ERROR: "bold red", WARNING: "yellow"}
_LONGEST_EXAMPLE = 60


def audit_summary(audit: Audit, comparison: Comparison | None = None) -> RenderableType:
    """Return a line for each kind of fault, the worst first, and what was not judged.

    Args:
        audit (Audit): The audit.
        comparison (Comparison | None): The audit beside its baseline, if there is one.
    """
    table = Table("", "rule", right_aligned("pages"), "first", "how to mend it", box=None)
    mends = {applied.rule.id: applied.rule.mend for applied in audit.rules}
    for (severity, rule), group in groupby(audit.findings, key=lambda finding: (finding.severity, finding.rule)):
        findings = list(group)
        pages = len({finding.path for finding in findings})
        style = _STYLES.get(severity, "dim")
        first = one_line(findings[0].path)
        example = first if len(first) <= _LONGEST_EXAMPLE else f"…{first[1 - _LONGEST_EXAMPLE :]}"
        table.add_row(f"[{style}]{severity}[/]", rule, f"{pages:,}", escape(example), mends[rule])
    parts: list[RenderableType] = [table, ""] if audit.findings else []
    parts.append(f"{counts_of(audit)} on {count_of(audit.pages, 'page')}")
    parts.append(escape(coverage(audit)))
    if comparison is not None:
        parts.append(
            f"beside the baseline: {len(comparison.new):,} new, {len(comparison.mended):,} mended, "
            f"{len(comparison.remaining):,} remaining"
        )
    return Group(*parts)
