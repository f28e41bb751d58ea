"""Settings of a run that are not compared as hyperparameters: all arguments of a framework, a model's configuration."""

from __future__ import annotations

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.records.kind import Kind, Shown


def _shown(record: Record) -> Shown:
    return Shown(SETTINGS, record, settings=record["settings"])


SETTINGS = Kind("settings", "log_settings", {"settings": dict}, _shown, divisible="settings")
