"""TrackerInChild: what the training sees of a tracker that is open in a child process."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Self

from seo_engine.tracking.records.loggable import TrackerCalls
from seo_engine.tracking.runs.ledger import DeliveryState

logger = logging.getLogger(__name__)


class TrackerInChild(TrackerCalls):
    """Represents a tracker that is open in a child process; it reads the tracker's state from the ledger.

    `run` is always None here: the SDK's object lives in the child. Log through the `ExperimentTracker`.

    Args:
        name (str): The tracker's name.
        ledger (Callable[[], DeliveryState]): Returns its current ledger.

    Example:
        >>> TrackerInChild("wandb", lambda: DeliveryState(details={"mode": "offline"}))
        <wandb in a child process: open, mode offline, 0 of 0 records delivered>
    """

    run = None

    def __init__(self, name: str, ledger: Callable[[], DeliveryState]) -> None:
        self.name = name
        self._ledger = ledger
        self._warned = False

    @property
    def available(self) -> bool:
        """bool: Whether the tracker is open in the child process."""
        state = self._ledger()
        return bool(state.details) and not state.closed and state.last_error is None

    @property
    def last_error(self) -> str | None:
        """str | None: What currently keeps the tracker from taking records."""
        return self._ledger().last_error

    @property
    def stop_requested(self) -> bool:
        """bool: Whether the tracker's server asked to stop the training."""
        return self._ledger().stop_requested

    def details(self) -> dict[str, str]:
        """Return what the tracker says about itself, such as its folder or address; empty until it is open."""
        return dict(self._ledger().details)

    def flush(self) -> None:
        """Do nothing: the child flushes after each batch, and `ExperimentTracker.flush` waits for it."""

    def close(self, status: str = "finished") -> None:
        """Do nothing: `ExperimentTracker.close` has the child close the tracker."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def __repr__(self) -> str:
        state = self._ledger()
        condition = "closed" if state.closed else "open" if state.details else "not open yet"
        details = "".join(f", {name} {value}" for name, value in state.details.items())
        problem = f", {state.last_error}" if state.last_error else ""
        counts = f"{state.delivered} of {state.accepted} records delivered"
        return f"<{self.name} in a child process: {condition}{details}, {counts}{problem}>"

    def _take(self, kind: str, **arguments: Any) -> None:
        if not self._warned:
            self._warned = True
            logger.warning("⚠️ %s is open in a child process; log through the ExperimentTracker instead", self.name)
