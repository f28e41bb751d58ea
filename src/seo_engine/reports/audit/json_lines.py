"""An audit as JSON Lines: a finding in a line, as `docs/finding.schema.json` describes it."""

from __future__ import annotations

from dataclasses import asdict

import orjson

from seo_engine.engine.audit.audit import Audit
from seo_engine.foundation.texts import as_json_data


def as_json_lines(audit: Audit) -> str:
    """Return the findings, the worst first.

    Args:
        audit (Audit): The audit.
    """
    return "".join(f"{orjson.dumps(as_json_data(asdict(finding))).decode()}\n" for finding in audit.findings)
