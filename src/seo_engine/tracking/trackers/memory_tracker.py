"""MemoryTracker: a test double of a tracker."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Mapping
from typing import Any

from seo_engine.tracking.records.kind import Recorded, Shown
from seo_engine.tracking.records.kinds import KINDS
from seo_engine.tracking.records.loggable import TrackerCalls
from seo_engine.tracking.records.marks.run_marks import END
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker


class MemoryTracker(DestinationTracker, TrackerCalls):
    """Keeps every call in memory, whether the training makes it or a worker delivers it.

    Args:
        name (str): Its name in the ledger.

    Example:
        >>> tracker = MemoryTracker()
        >>> for step, loss in enumerate([0.9, 0.5], start=1):
        ...     tracker.log_metrics({"loss": loss}, step=step, epoch=1)
        >>> tracker.calls[-1]
        ('log_training_metrics', {'epoch': 1, 'step': 2, 'metrics': {'loss': 0.5}})
    """

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.available = True
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.status: str | None = None

    def setup(self) -> None:
        """Do nothing: memory is always there."""

    def show(self, shown: Shown, recorded: Recorded) -> None:
        """Keep the call that logged the record; what the run logged by itself has none."""
        if not shown.kind.call:
            return
        arguments = {name: shown.record[name] for name in shown.kind.fields}
        if shown.kind is END:
            arguments["error"] = shown.record.get("error")
        self.calls.append((shown.kind.call, arguments))

    def close(self, status: str = "finished") -> None:
        """Keep how the run ended."""
        self.status = status

    def _take(self, kind: str, **arguments: Any) -> None:
        # Copied, because a training may use its dictionary again.
        plain = arguments
        with contextlib.suppress(Exception):  # a generator, say, cannot be copied
            plain = {name: dict(value) if isinstance(value, Mapping) else value for name, value in arguments.items()}
            plain = copy.deepcopy(plain)
        self.calls.append((KINDS[kind].call, plain))
