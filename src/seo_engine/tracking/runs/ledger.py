"""The progress of each tracker: plain data, kept in the run's `delivery.json`."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import threading
import time
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from seo_engine.foundation.settings import check_type
from seo_engine.foundation.whole_files import write_whole
from seo_engine.tracking.journal.rank_files import ORDER
from seo_engine.tracking.runs.run_lock import RunLock

_LOOK_SECONDS = 0.05

# A tracker's name, which its lock has, does not begin with a dot.
_LOCK = ".delivery"
_LONGEST_WAIT_SECONDS = 1.0


class _Updating:
    """Has the lock of those who update."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def renew_after_fork(self) -> None:
        """Replace the lock: a thread of the parent process may hold it."""
        self.lock = threading.Lock()


_updating = _Updating()
os.register_at_fork(after_in_child=_updating.renew_after_fork)


@dataclass
class DeliveryState:
    """The ledger of one tracker, in records: accepted = delivered + dropped + pending.

    Args:
        accepted (int): Records that the journal holds.
        delivered (int): Records that the view was given.
        dropped (dict[str, int]): Records that the view will never hold, by reason.
        pending (int): Records that are still to be delivered.
        offset (int): Bytes of the journal that have been read; of several ranks, lines.
        number (int): Lines of the journal that have been read.
        unknown_records (int): Delivered records of kinds that this version does not know; the view skips them.
        values_not_shown (int): Values that the selection left out of the view.
        values_thinned (int): Those of them that were left out for their priority.
        media_not_shown (int): Pictures, tables and the like of delivered records that the view could not show.
        withheld (int): Records that hold the last of those values.
        closed (bool): Whether the tracker was closed.
        last_error (str | None): What keeps the tracker from taking records.
        no_answer (str | None): Why the tracker's server does not answer, while it has never been open.
        details (dict[str, str]): What the tracker says about itself, such as its W&B address.
        failed_records (list[int]): Numbers of the records that the tracker refused.
        stop_requested (bool): Whether the tracker's server asked to stop the training.
        is_missing (bool): Whether the tracker cannot be used on this machine, so that nobody waits for it.

    Example:
        >>> state = DeliveryState(accepted=3, delivered=2, dropped={"unreadable": 1})
        >>> state.accepted == state.delivered + sum(state.dropped.values()) + state.pending
        True
    """

    accepted: int = 0
    delivered: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    pending: int = 0
    offset: int = 0
    number: int = 0
    unknown_records: int = 0
    values_not_shown: int = 0
    values_thinned: int = 0
    media_not_shown: int = 0
    withheld: int = 0
    closed: bool = False
    last_error: str | None = None
    no_answer: str | None = None
    details: dict[str, str] = field(default_factory=dict)
    failed_records: list[int] = field(default_factory=list)
    stop_requested: bool = False
    is_missing: bool = False

    @property
    def is_complete(self) -> bool:
        """bool: Whether the view was closed with everything that it can show."""
        return self.closed and not self.pending and self.last_error is None

    def drop(self, reason: str) -> None:
        """Count one record that the view will never hold."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def as_dictionary(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return asdict(self)

    @classmethod
    def from_dictionary(cls, data: Mapping[str, Any]) -> DeliveryState:
        """Return the state that plain data describes; unknown names are left out.

        Raises:
            ValueError: If a value is not of its field's type.
        """
        values: dict[str, Any] = {}
        types_by_field = _types_by_field()
        for each in fields(cls):
            if each.name in data:
                check_type(each.name, data[each.name], types_by_field[each.name])
                values[each.name] = data[each.name]
        return cls(**values)


@functools.cache
def _types_by_field() -> dict[str, Any]:
    return typing.get_type_hints(DeliveryState)


def update_delivery(path: Path, states: Mapping[str, DeliveryState]) -> None:
    """Write states to `delivery.json`, atomically; those of other trackers stay.

    Args:
        path (Path): The file.
        states (Mapping[str, DeliveryState]): The state of each tracker, by its name.

    Raises:
        OSError: If it cannot be written.
    """
    # Of several ranks, trackers are delivered to in two processes.
    lock = RunLock(path.parent, _LOCK) if (path.parent / ORDER).exists() else None
    with _updating.lock:
        if lock is not None:
            lock.acquire(_LONGEST_WAIT_SECONDS)
        try:
            contents = {name: state.as_dictionary() for name, state in {**read_delivery(path), **states}.items()}
            write_whole(path, [json.dumps(contents, indent=2).encode(), b"\n"])
        finally:
            if lock is not None:
                lock.release()


def wait_for_delivery(
    path: Path,
    names: Collection[str] | None,
    end: Callable[[], int | None],
    timeout_seconds: float,
    without_answer_seconds: float = math.inf,
) -> bool:
    """Wait until the workers of another process have delivered the journal.

    Args:
        path (Path): Their `delivery.json`.
        names (Collection[str] | None): Their trackers; None means those that the file names.
        end (Callable[[], int | None]): Returns the offset that must be reached; None while it is not known.
        timeout_seconds (float): The longest time to wait.
        without_answer_seconds (float): The same, if all that is missing are servers that have never answered.

    Returns:
        bool: Whether all of them have.
    """
    began = time.monotonic()
    while True:
        offset, states = end(), read_delivery(path)
        wanted = [states.get(name) for name in (states if names is None else names)]
        missing = [
            each for each in wanted if each is None or offset is None or (each.offset < offset and not each.is_missing)
        ]
        if offset is not None and states and not missing:
            return True
        is_hopeless = bool(missing) and all(each is not None and each.no_answer for each in missing)
        limit = min(timeout_seconds, without_answer_seconds) if is_hopeless else timeout_seconds
        if time.monotonic() - began >= limit:
            return False
        time.sleep(_LOOK_SECONDS)


def read_delivery(path: Path) -> dict[str, DeliveryState]:
    """Read `delivery.json`; it is a cache, so a missing or damaged file counts as empty.

    Args:
        path (Path): The file.

    Returns:
        dict[str, DeliveryState]: The state of each tracker, by its name.
    """
    try:
        contents = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    states = {}
    for name, state in contents.items() if isinstance(contents, dict) else ():
        # What is damaged of one tracker says nothing of the others.
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            states[name] = DeliveryState.from_dictionary(state)
    return states
