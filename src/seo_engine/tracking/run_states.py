"""What an ExperimentTracker writes into: a run of its own, a run of another process, or nothing."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery.child.tracker_in_child import TrackerInChild
from seo_engine.tracking.delivery.deliveries import Deliveries
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.observers.run_profile import Moment, RunProfile
from seo_engine.tracking.runs.ledger import DeliveryState, wait_for_delivery
from seo_engine.tracking.runs.open_run import OpenRun, OwnOpenRun
from seo_engine.tracking.runs.places import DELIVERY
from seo_engine.tracking.runs.record_writer import RecordWriter
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker
from seo_engine.tracking.trackers.registry import configured_destinations

logger = logging.getLogger(__name__)


class RunState:
    """What every state answers; by default as if there were no run."""

    directory: Path | None = None
    logging_queue: LoggingQueue | None = None
    record_writer: RecordWriter | None = None
    is_ours_to_close = False

    @property
    def trackers(self) -> Mapping[str, DestinationTracker | TrackerInChild]:
        """Mapping[str, DestinationTracker | TrackerInChild]: The trackers of the run, by name."""
        return {}

    @property
    def delivery(self) -> dict[str, DeliveryState]:
        """dict[str, DeliveryState]: The ledger of each tracker, by name."""
        return {}

    def logging_thread(self, name: str) -> threading.Thread | None:
        """Return the thread that delivers to a tracker, if a thread does."""
        return None

    def start(self) -> None:
        """Start what delivers and observes the run."""

    def note_profile(self, moment: Moment) -> None:
        """Note that the training has logged its profile by itself, at an epoch and a step."""

    def deliver_in_caller(self) -> None:
        """Deliver what was just logged, where logging is synchronous."""

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until the trackers hold what was logged; return whether all of them do."""
        return True

    def close(self, status: str, error: BaseException | None, timeout_seconds: float) -> None:
        """End the part of this process in the run.

        Args:
            status (str): How the training ended.
            error (BaseException | None): What ended it.
            timeout_seconds (float): The longest time that this may take.
        """

    def leave(self) -> None:
        """Let go of the run's files, whatever became of `close`."""

    def after_fork(self) -> RunState:
        """Return what a forked child process writes into."""
        return self


class NoRun(RunState):
    """Tracking is off, or could not begin: nothing is kept, and nothing is counted."""


class AttachedRun(RunState):
    """A run of another process: this one appends to its journal, and no more.

    Args:
        run (OpenRun | AttachedRun): Has what is needed to write into it.
    """

    is_ours_to_close = True

    def __init__(self, run: OpenRun | AttachedRun) -> None:
        self.directory: Path = run.directory
        self.logging_queue: LoggingQueue = run.logging_queue
        self.record_writer: RecordWriter = run.record_writer

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until the workers of the other process have delivered what was logged."""
        return wait_for_delivery(self.directory / DELIVERY, self.logging_queue.size(), timeout_seconds)

    def close(self, status: str, error: BaseException | None, timeout_seconds: float) -> None:
        """Have the disk take what waits for it."""
        self.logging_queue.write_waiting()
        self._say_what_is_lost()

    def leave(self) -> None:
        """Close the journal."""
        self.logging_queue.close()

    def after_fork(self) -> RunState:
        """Return the same run, without what waits in memory: that is the parent's to write."""
        self.logging_queue.renew_after_fork()
        return ForkedRun(self)

    def _say_what_is_lost(self) -> None:
        if lost := len(self.logging_queue.waiting):
            logger.error("❌ The journal cannot be written: %d records that waited for it are lost", lost)


class ForkedRun(AttachedRun):
    """A run of the process that this one was forked from, which ends it: to close it here does nothing.

    Args:
        run (AttachedRun): The run as the parent process had it. It is kept, because its trackers must not be collected
            here: their files are the parent's to flush.
    """

    is_ours_to_close = False

    def __init__(self, run: AttachedRun) -> None:
        super().__init__(run)
        self._run_of_parent = run

    @property
    def trackers(self) -> Mapping[str, DestinationTracker | TrackerInChild]:
        """Mapping[str, DestinationTracker | TrackerInChild]: The parent's, which say that they do not log here."""
        return self._run_of_parent.trackers

    def after_fork(self) -> RunState:
        """Return the same run."""
        self.logging_queue.renew_after_fork()
        return self


class OwnedRun(AttachedRun):
    """A run of this process, which delivers it, observes it, and ends it.

    Args:
        run (OwnOpenRun): What its owner has of it.
        config (TrackingConfig): The settings.
        extra_trackers (Sequence[DestinationTracker]): Further destinations.
        moment (Callable[[], Moment]): Says at which epoch and step the training is.
    """

    def __init__(
        self,
        run: OwnOpenRun,
        config: TrackingConfig,
        extra_trackers: Sequence[DestinationTracker],
        moment: Callable[[], Moment],
    ) -> None:
        super().__init__(run)
        self.upkeep = run.upkeep
        self._lock, self._logs = run.lock, run.logs
        self._config = config
        self._deliveries = Deliveries(run.directory, run.logging_queue, config, run.life)
        self._extra_trackers = extra_trackers
        self._profile = RunProfile(run.directory, run.record_writer, config, moment)

    @property
    def trackers(self) -> Mapping[str, DestinationTracker | TrackerInChild]:
        """Mapping[str, DestinationTracker | TrackerInChild]: The trackers of the run, by name."""
        return self._deliveries.trackers

    @property
    def delivery(self) -> dict[str, DeliveryState]:
        """dict[str, DeliveryState]: The ledger of each tracker, by name."""
        return self._deliveries.states

    def logging_thread(self, name: str) -> threading.Thread | None:
        """Return the thread that delivers to a tracker, if a thread does."""
        return self._deliveries.logging_thread(name)

    def start(self) -> None:
        """Start the workers, none of which is waited for, and the profile of the run; twice does nothing more."""
        if self.trackers:
            return
        self._deliveries.start(
            configured_destinations(self._config), self._extra_trackers, may_use_child=self._config.asynchronous_logging
        )
        self._profile.start()

    def note_profile(self, moment: Moment) -> None:
        """Note that the training has logged its profile by itself, at an epoch and a step."""
        self._profile.note_logged(moment)

    def deliver_in_caller(self) -> None:
        """Deliver what was just logged, where logging is synchronous."""
        self._deliveries.deliver_in_caller()

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until the trackers hold what was logged; return whether all of them do."""
        return self._deliveries.flush(timeout_seconds)

    def close(self, status: str, error: BaseException | None, timeout_seconds: float) -> None:
        """Log the profile once more, write the end, deliver the rest, and close every tracker."""
        deadline = time.monotonic() + timeout_seconds
        try:
            self._profile.log_last(timeout_seconds / 2)
        finally:
            # Ctrl-C meanwhile costs the profile alone: the run has ended, and as its status says.
            self._deliver_rest(status, error, timeout_seconds, deadline)

    def leave(self) -> None:
        """Give the run to others: its journal, its lock, and the log files."""
        if self._deliveries.have_ended:
            # Otherwise a worker that hangs still reads it; the descriptor then ends with the process.
            self.logging_queue.close()
        self._lock.release()
        self._logs.close()

    def after_fork(self) -> RunState:
        """Return the same run without its workers, hooks and locks, which are the parent's."""
        self._deliveries.renew_after_fork()
        return super().after_fork()

    def _deliver_rest(self, status: str, error: BaseException | None, timeout_seconds: float, deadline: float) -> None:
        withheld = max((state.withheld for state in self.delivery.values()), default=0)
        self.record_writer.write_end(status, error, withheld)
        # Half of the time for a disk that refuses records, so that there is some left for the trackers.
        self.upkeep.close(timeout_seconds / 2)
        self._say_what_is_lost()
        self._deliveries.close(status, max(0.0, deadline - time.monotonic()))
        # Now that the child processes have told what they measured.
        self._profile.write_last_files()
