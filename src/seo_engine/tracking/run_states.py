"""What an ExperimentTracker writes to: its own run, another process's run, or nothing."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from seo_engine.profiling import CodeProfiler
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery.child.child_log import ChildLog
from seo_engine.tracking.delivery.child.standby import Standby
from seo_engine.tracking.delivery.child.tracker_in_child import TrackerInChild
from seo_engine.tracking.delivery.deliveries import Deliveries
from seo_engine.tracking.history.closing_summary import Ending, closing_summary
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.observers.run_profile import Moment, RunProfile
from seo_engine.tracking.runs.endings import describe_error
from seo_engine.tracking.runs.ledger import DeliveryState, wait_for_delivery
from seo_engine.tracking.runs.open_run import OpenRun, OwnOpenRun
from seo_engine.tracking.runs.places import DELIVERY
from seo_engine.tracking.runs.record_writer import RecordWriter
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker
from seo_engine.tracking.trackers.registry import configured_destinations

logger = logging.getLogger(__name__)


class RunState:
    """What every state answers; by default as if there were no run."""

    description = "tracking is off"
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


class AttachedRun(RunState):
    """Another process's run: this process only appends to its journal.

    Args:
        run (OpenRun | AttachedRun): Has what is needed to write to it.
        moment (Callable[[], Moment]): Returns the current epoch and step of the training.
    """

    description = "attached to another process's run"
    is_ours_to_close = True

    def __init__(self, run: OpenRun | AttachedRun, moment: Callable[[], Moment]) -> None:
        self._moment = moment
        self.directory: Path = run.directory
        self.logging_queue: LoggingQueue = run.logging_queue
        self.record_writer: RecordWriter = run.record_writer

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until the workers of the other process have delivered what was logged."""
        self.logging_queue.write_waiting()
        if self.logging_queue.waiting:
            return False
        return wait_for_delivery(self.directory / DELIVERY, self.logging_queue.size(), timeout_seconds)

    def close(self, status: str, error: BaseException | None, timeout_seconds: float) -> None:
        """Record what ended this process, which does not end the run, and write the lines that wait in memory."""
        if error is not None and status == "failed":
            epoch, step = self._moment()
            described = describe_error(error)
            text = f"{described['message']}\n\n{described['traceback']}"
            self.record_writer.write("text", name=f"errors/process_{os.getpid()}", text=text, epoch=epoch, step=step)
            logger.error("❌ A process that logs into the run failed: %s", described["message"])
        self.write_what_waits()

    def write_what_waits(self) -> None:
        """Write the lines that wait in memory, and say how many cannot be written."""
        self.logging_queue.write_waiting()
        # An owner counts in its last record what did not fit into memory.
        self._say_what_is_lost(self.logging_queue.waiting.overflowed)

    def leave(self) -> None:
        """Close the journal."""
        self.logging_queue.close()

    def after_fork(self) -> RunState:
        """Return the same run, without the lines that wait in memory: the parent writes those."""
        self.logging_queue.renew_after_fork()
        return ForkedRun(self)

    def _say_what_is_lost(self, overflowed: int = 0) -> None:
        if lost := len(self.logging_queue.waiting) + overflowed:
            logger.error("❌ The journal cannot be written: %d waiting records are lost", lost)


class ForkedRun(AttachedRun):
    """The parent process's run, after a fork. The parent ends it; closing it here does nothing.

    Args:
        run (AttachedRun): The run as the parent process had it. It is kept, because its trackers must not be collected
            here: their files are the parent's to flush.
    """

    is_ours_to_close = False

    def __init__(self, run: AttachedRun) -> None:
        super().__init__(run, run._moment)
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
    """This process's own run: it delivers, profiles and ends it.

    Args:
        run (OwnOpenRun): The opened run.
        config (TrackingConfig): The settings.
        profiler (CodeProfiler): What is timed during this run.
        extra_trackers (Sequence[DestinationTracker]): Further destinations.
        moment (Callable[[], Moment]): Returns the current epoch and step of the training.
    """

    description = "open"

    def __init__(
        self,
        run: OwnOpenRun,
        config: TrackingConfig,
        profiler: CodeProfiler,
        extra_trackers: Sequence[DestinationTracker],
        moment: Callable[[], Moment],
    ) -> None:
        super().__init__(run, moment)
        self.upkeep = run.upkeep
        self._lock, self._logs = run.lock, run.logs
        self._config = config
        self._deliveries = Deliveries(run.directory, run.logging_queue, config, run.life, profiler)
        self._extra_trackers = extra_trackers
        self._began = time.monotonic()
        self._profile = RunProfile(run.directory, run.record_writer, config, profiler, moment)
        self._standby = Standby(run.directory, ChildLog(run.directory, "standby", run.life))

    @property
    def trackers(self) -> Mapping[str, DestinationTracker | TrackerInChild]:
        """Mapping[str, DestinationTracker | TrackerInChild]: The trackers of the run, by name."""
        return self._deliveries.trackers

    @property
    def delivery(self) -> dict[str, DeliveryState]:
        """dict[str, DeliveryState]: The ledger of each tracker, by name."""
        return self._deliveries.states

    def logging_thread(self, name: str) -> threading.Thread | None:
        """Return the thread that delivers to a tracker, if there is one."""
        return self._deliveries.logging_thread(name)

    def start(self) -> None:
        """Start the workers, without waiting for them, and the run's profile; a second call does nothing."""
        if self.trackers:
            return
        self._deliveries.start(
            configured_destinations(self._config), self._extra_trackers, may_use_child=self._config.asynchronous_logging
        )
        if self._config.asynchronous_logging and not self._deliveries.has_child:
            self._standby.start()
        self._profile.start()

    def note_profile(self, moment: Moment) -> None:
        """Note that the training itself has logged its profile, at an epoch and a step."""
        self._profile.note_logged(moment)

    def deliver_in_caller(self) -> None:
        """Deliver what was just logged, if logging is synchronous."""
        self._deliveries.deliver_in_caller()

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until the trackers hold what was logged; return whether all of them do."""
        return self._deliveries.flush(timeout_seconds)

    def close(self, status: str, error: BaseException | None, timeout_seconds: float) -> None:
        """Log the profile once more, write the end, deliver the backlog, and close every tracker."""
        seconds = time.monotonic() - self._began
        deadline = time.monotonic() + timeout_seconds
        try:
            self._profile.log_last(timeout_seconds / 2)
        finally:
            # Ctrl-C during this costs only the profile: the run ends with the status that was given.
            self._deliver_rest(status, error, timeout_seconds, deadline)
        if self._config.print_summary:
            self._say_how_it_went(Ending(status, error, seconds, self._moment()[1], time.monotonic() < deadline))

    def leave(self) -> None:
        """Release the run's journal, lock and log files."""
        # A worker that hangs still reads the journal, and the standby process completes the run when this one ends.
        if self._deliveries.have_ended:
            self.logging_queue.close()
            self._standby.dismiss()
        self._lock.release()
        self._logs.close()

    def after_fork(self) -> RunState:
        """Return the same run without its workers, hooks and locks, which belong to the parent."""
        self._deliveries.renew_after_fork()
        self._standby.disown_after_fork()
        return super().after_fork()

    def _deliver_rest(self, status: str, error: BaseException | None, timeout_seconds: float, deadline: float) -> None:
        withheld = max((state.withheld for state in self.delivery.values()), default=0)
        self.record_writer.write_end(status, error, withheld)
        # A disk that refuses lines gets half of the time, so that some is left for the trackers.
        self.upkeep.close(timeout_seconds / 2)
        self._say_what_is_lost()
        self._deliveries.close(status, max(0.0, deadline - time.monotonic()))
        # Last, because only now have the child processes reported their measurements.
        self._profile.write_last_files()

    def _say_how_it_went(self, ending: Ending) -> None:
        try:
            logger.info("%s", closing_summary(self.directory, ending, self.delivery))
        except Exception as failure:  # it is only a summary
            logger.debug("The summary cannot be made: %s", failure)
