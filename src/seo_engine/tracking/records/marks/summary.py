"""The summary of a run: values of the run as a whole."""

from __future__ import annotations

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.kind import MOMENT, Kind, Shown


def _shown(record: Record, payloads: Payloads) -> Shown:
    return Shown(SUMMARY, record, record["epoch"], record["step"], summary=record["values"])


SUMMARY = Kind("summary", "log_summary", {**MOMENT, "values": dict}, _shown, divisible="values")
