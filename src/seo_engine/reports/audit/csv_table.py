"""An audit as a table for spreadsheets."""

from __future__ import annotations

import csv
import dataclasses
import io
from typing import Any

from seo_engine.engine.audit.audit import Audit
from seo_engine.engine.audit.finding import Finding
from seo_engine.foundation.texts import as_json_data

# A spreadsheet takes what begins so for a formula, and a page may say anything
# (https://owasp.org/www-community/attacks/CSV_Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

_COLUMNS = tuple(field.name for field in dataclasses.fields(Finding))


def as_csv(audit: Audit) -> str:
    """Return the findings, the worst first, beneath a line of names.

    Args:
        audit (Audit): The audit.
    """
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(_COLUMNS)
    for finding in audit.findings:
        table.writerow([_cell(getattr(finding, name)) for name in _COLUMNS])
    return written.getvalue()


def _cell(value: Any) -> Any:
    text = as_json_data(value)
    return f"'{text}" if isinstance(text, str) and text.startswith(_FORMULA) else text
