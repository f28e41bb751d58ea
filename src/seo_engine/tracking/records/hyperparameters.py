"""Hyperparameters of a run."""

from __future__ import annotations

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.kind import Kind, Shown


def _shown(record: Record, payloads: Payloads) -> Shown:
    return Shown(HYPERPARAMETERS, record, settings=record["hyperparameters"])


HYPERPARAMETERS = Kind(
    "hyperparameters", "log_hyperparameters", {"hyperparameters": dict}, _shown, divisible="hyperparameters"
)
