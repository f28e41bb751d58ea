"""Texts: prompts and answers, notes, samples."""

from __future__ import annotations

from seo_engine.foundation.redaction import is_secret_name, redact
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.kind import MOMENT, Kind, Shown
from seo_engine.tracking.records.metrics import metric_name


def _contents(name: str, text: str, epoch: float, step: int) -> Record:
    full_name = metric_name("text", name)
    # Redacted here: in the record the name is a value next to the text, no longer its key.
    shown = redact(str(text), name) if is_secret_name(name) else str(text)
    return {"name": full_name, "text": shown, "epoch": epoch, "step": step}


def _shown(record: Record, payloads: Payloads) -> Shown:
    return Shown(TEXT, record, record["epoch"], record["step"], texts={record["name"]: record["text"]})


TEXT = Kind("text", "log_text", {**MOMENT, "name": str, "text": str}, _shown, _contents)
