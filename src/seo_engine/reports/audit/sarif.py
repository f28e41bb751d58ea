"""An audit as SARIF 2.1.0, which code hosts show beside the lines of a change.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson

from seo_engine.engine.audit.audit import Audit
from seo_engine.engine.audit.finding import Finding
from seo_engine.engine.audit.rule import ERROR, NOTICE, WARNING, AppliedRule
from seo_engine.foundation.texts import as_json_data

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {ERROR: "error", WARNING: "warning", NOTICE: "note"}

# Code hosts match results of two runs by it.
_FINGERPRINT = "seoEngineFinding/v1"


def as_sarif(audit: Audit) -> str:
    """Return the rules and the findings, the worst first.

    Args:
        audit (Audit): The audit; findings with a line point at it.
    """
    numbers = {applied.rule.id: number for number, applied in enumerate(audit.rules)}
    run = {
        "tool": {
            "driver": {"name": "seo-engine", "rules": [_rule(applied) for applied in audit.rules]},
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, numbers[finding.rule]) for finding in audit.findings],
    }
    plain = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return orjson.dumps(as_json_data(plain), option=orjson.OPT_INDENT_2).decode() + "\n"


def _rule(applied: AppliedRule) -> dict[str, Any]:
    rule = applied.rule
    described: dict[str, Any] = {
        "id": rule.id,
        "shortDescription": {"text": rule.trigger},
        "fullDescription": {"text": f"{rule.trigger} {rule.why}"},
        "help": {"text": rule.mend},
        "defaultConfiguration": {"level": _LEVELS[applied.severity]},
    }
    return described if rule.is_heuristic else {**described, "helpUri": rule.source}


def _result(finding: Finding, rule_number: int) -> dict[str, Any]:
    text = finding.message if not finding.evidence else f"{finding.message}: {finding.evidence}"
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(finding)}}
    if finding.line:
        place["region"] = {"startLine": finding.line, "startColumn": finding.column}
    return {
        "ruleId": finding.rule,
        "ruleIndex": rule_number,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {_FINGERPRINT: finding.fingerprint},
    }


def _uri(finding: Finding) -> str:
    """Return the file, relative to the site; of a page without one, its address."""
    if not finding.line and "://" in finding.page:
        return finding.page
    return quote(finding.path.encode("utf-8", "surrogateescape"))
