"""Shows a record to a tracker, as a worker does."""

from __future__ import annotations

from typing import Any

from seo_engine.tracking import DestinationTracker, Recorded
from seo_engine.tracking.payloads.payload import NO_PAYLOADS
from seo_engine.tracking.records.kinds import KINDS


def show(tracker: DestinationTracker, number: int, time: float, **record: Any) -> None:
    """Show a record, with its `kind`, that stands in the journal under a number."""
    shown = KINDS[record["kind"]].shown(record, NO_PAYLOADS)
    assert shown is not None
    tracker.show(shown, Recorded(number, time))
