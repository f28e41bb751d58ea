"""RunState: what an ExperimentTracker asks of what it writes to; by default there is nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from seo_engine.tracking.delivery.child.tracker_in_child import TrackerInChild
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.observers.run_profile import Moment
from seo_engine.tracking.runs.ledger import DeliveryState
from seo_engine.tracking.runs.record_writer import RecordWriter
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker

logger = logging.getLogger(__name__)


class RunState:
    """What every state answers; by default as if there were no run."""

    description = "tracking is off"
    directory: Path | None = None
    logging_queue: LoggingQueue | None = None
    record_writer: RecordWriter | None = None
    is_ours_to_close = False
    # Whether this process says where the run can be seen.
    shows_views = False

    @property
    def trackers(self) -> Mapping[str, DestinationTracker | TrackerInChild]:
        """Mapping[str, DestinationTracker | TrackerInChild]: The trackers of the run, by name."""
        return {}

    @property
    def delivery(self) -> dict[str, DeliveryState]:
        """dict[str, DeliveryState]: The ledger of each tracker, by name."""
        return {}

    def logging_thread(self, name: str) -> threading.Thread | None:
        """Return the thread that delivers to a tracker, if there is one."""
        return None

    def start(self) -> None:
        """Start what delivers and observes the run."""

    def note_profile(self, moment: Moment) -> None:
        """Note that the training itself has logged its profile, at an epoch and a step."""

    def deliver_in_caller(self) -> None:
        """Deliver what was just logged, if logging is synchronous."""

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until the trackers hold what was logged; return whether all of them do."""
        return True

    def close(self, status: str, error: BaseException | None, timeout_seconds: float) -> None:
        """End this process's part in the run.

        Args:
            status (str): How the training ended.
            error (BaseException | None): What ended it.
            timeout_seconds (float): The longest time this may take.
        """

    def write_what_waits(self) -> None:
        """Write the lines of a forked process that wait in memory, and say how many cannot be written."""

    def leave(self) -> None:
        """Release the run's files, even if `close` failed."""

    def after_fork(self) -> RunState:
        """Return what a forked child process writes to."""
        return self


class NoRun(RunState):
    """Tracking is off or could not start: nothing is recorded or counted."""


class FailedRun(NoRun):
    """A run whose folder could not be written: nothing is recorded, which is said again at the end.

    Args:
        reason (str): Why.
    """

    is_ours_to_close = True

    def __init__(self, reason: str) -> None:
        self._reason = reason
        self.description = f"nothing is recorded: {reason}"

    def close(self, status: str, error: BaseException | None, timeout_seconds: float) -> None:
        """Say that there is no run."""
        logger.error("❌ Nothing of this run was recorded: %s", self._reason)

    def after_fork(self) -> RunState:
        """Return no run: the parent process says it."""
        return NoRun()
