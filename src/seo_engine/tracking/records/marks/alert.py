"""Alerts: what somebody should look at soon."""

from __future__ import annotations

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.kind import MOMENT, Kind, Shown, described

LEVELS = ("info", "warning", "error")

# W&B takes no longer title.
LONGEST_TITLE = 63


def _contents(title: str, text: str, epoch: float, step: int, level: str = "info") -> Record:
    if not isinstance(title, str) or not 0 < len(title.strip()) <= LONGEST_TITLE:
        raise ValueError(f"the title of an alert must be 1 to {LONGEST_TITLE} characters, got {described(title)}")
    # As W&B calls it, too.
    known = {**{each: each for each in LEVELS}, "warn": "warning"}
    if str(level).lower() not in known:
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, got {described(level)}")
    return {
        "title": title.strip(),
        "text": "" if text is None else str(text),
        "level": known[str(level).lower()],
        "epoch": epoch,
        "step": step,
    }


def _shown(record: Record, payloads: Payloads) -> Shown:
    text = f"**{record['title']}** ({record['level']})\n\n{record['text']}".strip()
    return Shown(ALERT, record, record["epoch"], record["step"], texts={"experiment/alerts": text})


ALERT = Kind("alert", "log_alert", {**MOMENT, "title": str, "text": str, "level": str}, _shown, _contents)
