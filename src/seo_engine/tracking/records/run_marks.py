"""How a run began, was resumed, and ended."""

from __future__ import annotations

from types import NoneType
from typing import Any, TypedDict

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.records.kind import Kind, Shown

JOURNAL_VERSION = 1

# How a run can end.
STATUSES = ("finished", "failed", "interrupted", "killed")


class ErrorDescription(TypedDict):
    """The error that ended the training, as plain data without secrets: its type, message and traceback."""

    type: str
    message: str
    traceback: str


def _start_shown(record: Record) -> Shown:
    return Shown(START, record, settings=_own_settings(record))


def _resume_shown(record: Record) -> Shown:
    return Shown(RESUME, record, settings=_own_settings(record))


def _end_shown(record: Record) -> Shown:
    return Shown(END, record)


def _own_settings(record: Record) -> dict[str, Any]:
    """Return the tracker's own settings under one name: everything beside it is what the user logs."""
    values = {name: value for name, value in record["configuration"].items() if name != "given_fields"}
    return {"seo_engine": values} if values else {}


def _not_shown(record: Record) -> None:
    return None


START = Kind("start", "log_experiment_config", {"configuration": dict}, _start_shown, subject="configuration")
RESUME = Kind("resume", "log_resume", {"configuration": dict, "step": (int, NoneType)}, _resume_shown)
# Room in the journal for values that the views had not shown before the end.
LAST_VALUES = Kind("last_values", "", {}, _not_shown)
END = Kind("end", "log_end", {"status": str}, _end_shown)

RUN_MARKS = (START, RESUME, LAST_VALUES, END)
