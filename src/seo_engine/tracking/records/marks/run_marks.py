"""How a run began, was resumed, and ended; and what time decided of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any, TypedDict

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.kind import Kind, Shown

# Of the journal of one process, and of the journals of several ranks.
JOURNAL_VERSION = 1
RANKS_VERSION = 2

# What an `end` record ends if it is not the run: the part of one rank.
RANK = "rank"

# How a run can end.
STATUSES = ("finished", "failed", "interrupted", "killed")

# Which attempt of its job: how often the run was resumed by name; the restarts of the scheduler; and of the launcher.
Attempt = tuple[int, int, int]
FIRST_ATTEMPT: Attempt = (0, 0, 0)


class ErrorDescription(TypedDict):
    """The error that ended the training, as plain data without secrets: its type, message and traceback."""

    type: str
    message: str
    traceback: str


def _start_shown(record: Record, payloads: Payloads) -> Shown:
    return Shown(START, record, settings=_own_settings(record))


def _resume_shown(record: Record, payloads: Payloads) -> Shown:
    return Shown(RESUME, record, settings=_own_settings(record))


def _end_shown(record: Record, payloads: Payloads) -> Shown | None:
    return None if record.get("ends") == RANK else Shown(END, record)


def _own_settings(record: Record) -> dict[str, Any]:
    """Return the tracker's own settings under one name: everything beside it is what the user logs."""
    values = {name: value for name, value in record["configuration"].items() if name != "given_fields"}
    return {"seo_engine": values} if values else {}


def _not_shown(record: Record, payloads: Payloads) -> None:
    return None


def rank_of(record: Mapping[str, Any]) -> int:
    """Return which rank has written a record; a foreign one may hold anything."""
    rank = record.get("rank")
    return rank if isinstance(rank, int) and not isinstance(rank, bool) else 0


def world_size_of(record: Mapping[str, Any]) -> int:
    """Return of how many processes a record's is one, 0 if it does not say; a foreign one may hold anything."""
    world_size = record.get("world_size")
    return world_size if isinstance(world_size, int) else 0


def attempt_of(record: Mapping[str, Any]) -> Attempt:
    """Return which attempt of its job a record belongs to; a foreign one may hold anything."""
    attempt = record.get("attempt")
    if isinstance(attempt, list) and len(attempt) == 3 and all(isinstance(each, int) for each in attempt):
        return attempt[0], attempt[1], attempt[2]
    return FIRST_ATTEMPT


START = Kind("start", "log_experiment_config", {"configuration": dict}, _start_shown, subject="configuration")
RESUME = Kind("resume", "log_resume", {"configuration": dict, "step": (int, NoneType)}, _resume_shown)
# Room in the journal for values that the views had not shown before the end.
LAST_VALUES = Kind("last_values", "", {}, _not_shown)
END = Kind("end", "log_end", {"status": str}, _end_shown)
# Only in `order.jsonl`: a step that not all ranks have logged in time, and which have.
INCOMPLETE_STEP = Kind(
    "incomplete_step", "", {"metrics_kind": str, "attempt": list, "step": int, "ranks": list}, _not_shown
)

RUN_MARKS = (START, RESUME, LAST_VALUES, END, INCOMPLETE_STEP)
