"""How far each tracker has come: plain data, kept in the run's `delivery.json`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from seo_engine.tracking.logging_queue import Position


@dataclass
class DeliveryState:
    """The ledger of one tracker, in records: accepted = delivered + dropped + pending.

    `offset` and `number` say how far the journal has been read. `values_not_shown` counts the values that the
    selection left out of the view, `details` holds what the tracker says of itself, such as its W&B address.

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
    closed: bool = False
    last_error: str | None = None
    details: dict[str, str] = field(default_factory=dict)

    @property
    def position(self) -> Position:
        """Position: Where the worker goes on reading."""
        return Position(self.offset, self.number)

    def drop(self, reason: str) -> None:
        """Count one record that the view will never hold."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def as_dictionary(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return asdict(self)

    @classmethod
    def from_dictionary(cls, data: Mapping[str, Any]) -> DeliveryState:
        """Return the state that plain data describes; unknown names are left out."""
        known = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})


def write_delivery(path: Path, states: Mapping[str, DeliveryState]) -> None:
    """Write `delivery.json` atomically.

    Args:
        path (Path): The file.
        states (Mapping[str, DeliveryState]): The state of each tracker, by its name.

    Raises:
        OSError: If it cannot be written.
    """
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    contents = {name: state.as_dictionary() for name, state in states.items()}
    temporary.write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")
    temporary.replace(path)


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
