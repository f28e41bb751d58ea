"""Notes on a run."""

from __future__ import annotations

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.kind import MOMENT, Kind, Shown, described


def _contents(text: str, epoch: float, step: int) -> Record:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"a note must be a text that is not empty, got {described(text)}")
    return {"text": text.strip(), "epoch": epoch, "step": step}


def _shown(record: Record, payloads: Payloads) -> Shown:
    return Shown(NOTE, record, record["epoch"], record["step"], texts={"experiment/notes": record["text"]})


NOTE = Kind("note", "log_note", {**MOMENT, "text": str}, _shown, _contents)
