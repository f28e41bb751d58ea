"""An audit as a short text in Markdown, for pull requests and agents: each kind of fault with its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from seo_engine.engine.audit.audit import Audit
from seo_engine.engine.audit.finding import Finding
from seo_engine.engine.audit.rule import AppliedRule
from seo_engine.foundation.texts import count_of, one_line
from seo_engine.reports.audit.words import counts_of, coverage

# Of each rule so many findings are shown; the other forms have all of them.
_MOST_SHOWN = 3
_LONGEST_QUOTE = 120

_SPECIAL = str.maketrans({each: f"\\{each}" for each in "\\`*_{}[]<>#|~!()"} | {"@": "&#64;"})


def as_markdown(audit: Audit) -> str:
    """Return what to mend, the worst first.

    Args:
        audit (Audit): The audit.
    """
    return "\n".join(_lines(audit)) + "\n"


def _lines(audit: Audit) -> Iterator[str]:
    yield f"## Audit: {counts_of(audit)}"
    yield ""
    yield f"{count_of(audit.pages, 'page')} looked at. {_escaped(coverage(audit))}"
    by_id = {applied.rule.id: applied for applied in audit.rules}
    for (severity, rule), group in groupby(audit.findings, key=lambda finding: (finding.severity, finding.rule)):
        yield from _of_rule(severity, by_id[rule], list(group))


def _of_rule(severity: str, applied: AppliedRule, findings: Sequence[Finding]) -> Iterator[str]:
    pages = len({finding.path for finding in findings})
    yield ""
    yield f"### {severity}: `{applied.rule.id}` on {count_of(pages, 'page')}"
    yield ""
    heuristic = " (A heuristic: no search engine says so.)" if applied.rule.is_heuristic else ""
    yield f"{applied.rule.why}{heuristic} **{applied.rule.mend}**"
    yield ""
    for finding in findings[:_MOST_SHOWN]:
        line = f":{finding.line}" if finding.line else ""
        quoted = f": “{_plain(finding.evidence)}”" if finding.evidence else ""
        yield f"- {_plain(finding.page)}{line}: {_plain(finding.message)}{quoted}"
    if len(findings) > _MOST_SHOWN:
        yield f"- … and {len(findings) - _MOST_SHOWN:,} more"


def _plain(text: str) -> str:
    """Return a text of a page as Markdown that shows it and does nothing."""
    text = one_line(text)
    return _escaped(text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").translate(_SPECIAL)
