"""How far each tracker has come: plain data, kept in the run's `delivery.json`."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import NoneType
from typing import Any

from seo_engine.foundation.whole_files import PRIVATE_FILE

_LOOK_SECONDS = 0.05

_updating = threading.Lock()


@dataclass
class DeliveryState:
    """The ledger of one tracker, in records: accepted = delivered + dropped + pending.

    `offset` and `number` say how far the journal has been read. `values_not_shown` counts the values that the
    selection left out of the view, `withheld` the records that hold the last of them; `details` holds what the tracker
    says of itself, such as its W&B address; `failed_records` are the numbers of those that the tracker refused, and
    `stop_requested` says whether its server asks to stop the training.

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
    values_not_shown: int = 0
    withheld: int = 0
    closed: bool = False
    last_error: str | None = None
    details: dict[str, str] = field(default_factory=dict)
    failed_records: list[int] = field(default_factory=list)
    stop_requested: bool = False

    @property
    def is_complete(self) -> bool:
        """bool: Whether the view was closed with all that it can show."""
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
        for each in fields(cls):
            if each.name in data:
                value = values[each.name] = data[each.name]
                if not isinstance(value, _TYPES[str(each.type)]):
                    raise ValueError(f"{each.name} cannot be {value!r}")
        return cls(**values)


# Plain types of the fields above, by their annotations.
_TYPES: dict[str, Any] = {
    "int": int,
    "bool": bool,
    "str | None": (str, NoneType),
    "dict[str, int]": dict,
    "dict[str, str]": dict,
    "list[int]": list,
}


def update_delivery(path: Path, states: Mapping[str, DeliveryState]) -> None:
    """Write states into `delivery.json`, atomically, beside those of other trackers.

    Args:
        path (Path): The file.
        states (Mapping[str, DeliveryState]): The state of each tracker, by its name.

    Raises:
        OSError: If it cannot be written.
    """
    with _updating:
        contents = {name: state.as_dictionary() for name, state in {**read_delivery(path), **states}.items()}
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.touch(PRIVATE_FILE)
        temporary.write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")
        temporary.replace(path)


def wait_for_delivery(path: Path, offset: int, timeout_seconds: float) -> bool:
    """Wait until the workers of another process have delivered the journal.

    Args:
        path (Path): Their `delivery.json`.
        offset (int): Up to which byte.
        timeout_seconds (float): The longest time to wait.

    Returns:
        bool: Whether all of them have.
    """
    deadline = time.monotonic() + timeout_seconds
    while not (states := read_delivery(path)) or any(state.offset < offset for state in states.values()):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def read_delivery(path: Path) -> dict[str, DeliveryState]:
    """Read `delivery.json`; it is a cache, so a missing or damaged file is an empty one.

    Args:
        path (Path): The file.

    Returns:
        dict[str, DeliveryState]: The state of each tracker, by its name.
    """
    try:
        contents = json.loads(path.read_text(encoding="utf-8"))
        return {name: DeliveryState.from_dictionary(state) for name, state in contents.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
