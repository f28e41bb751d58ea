"""The forms in which an audit is written into a file, by the ending of its name."""

from __future__ import annotations

from collections.abc import Callable

from seo_engine.engine.audit.audit import Audit
from seo_engine.reports.audit.csv_table import as_csv
from seo_engine.reports.audit.json_lines import as_json_lines
from seo_engine.reports.audit.markdown import as_markdown
from seo_engine.reports.audit.sarif import as_sarif

FORMS: dict[str, Callable[[Audit], str]] = {
    ".jsonl": as_json_lines,
    ".csv": as_csv,
    ".sarif": as_sarif,
    ".md": as_markdown,
}
