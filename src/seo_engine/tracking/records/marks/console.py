"""What a training printed."""

from __future__ import annotations

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.kind import Kind, Shown


def _shown(record: Record, payloads: Payloads) -> Shown:
    return Shown(CONSOLE, record)


CONSOLE = Kind("console", "", {"stream": str, "text": str}, _shown)
