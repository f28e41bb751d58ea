"""OwnedRun: the run of this process alone, which delivers, profiles and ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from seo_engine.profiling import CodeProfiler
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery.child.child_log import ChildLog
from seo_engine.tracking.delivery.child.standby import Standby
from seo_engine.tracking.delivery.child.tracker_in_child import TrackerInChild
from seo_engine.tracking.delivery.deliveries import Deliveries
from seo_engine.tracking.delivery.payload_release import release_payloads, release_sealed
from seo_engine.tracking.history.closing_summary import Ending, reason_of, say_how_it_went
from seo_engine.tracking.observers.console.capture import ConsoleCapture
from seo_engine.tracking.observers.run_profile import Moment, RunProfile
from seo_engine.tracking.observers.surroundings import SurroundingsReading
from seo_engine.tracking.run_states.attached_run import AttachedRun
from seo_engine.tracking.run_states.run_state import RunState
from seo_engine.tracking.runs.ledger import DeliveryState
from seo_engine.tracking.runs.open_run import OwnOpenRun
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker
from seo_engine.tracking.trackers.registry import configured_destinations


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
    shows_views = True

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
        self._deliveries = Deliveries(run.directory, lambda: run.logging_queue, config, run.life, profiler)
        self._extra_trackers = extra_trackers
        self._began = time.monotonic()
        self._console = ConsoleCapture(run.directory, run.record_writer, config)
        self._surroundings = SurroundingsReading(run.record_writer, config, moment)
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
        self._console.start()
        self._deliveries.start(
            configured_destinations(self._config), self._extra_trackers, may_use_child=self._config.asynchronous_logging
        )
        if self._config.asynchronous_logging and not self._deliveries.has_child:
            self._standby.start()
        self.upkeep.also(self._release_payloads)
        self._profile.start()
        self._surroundings.start()

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
            self._surroundings.finish(timeout_seconds / 4)
            self._profile.log_last(timeout_seconds / 2)
        finally:
            # Ctrl-C during this costs only the profile: the run ends with the status that was given.
            self._console.finish(timeout_seconds / 4)
            self._deliver_rest(status, error, timeout_seconds, deadline)
        if self._config.print_summary:
            has_time = time.monotonic() < deadline
            ending = Ending(status, reason_of(error), seconds, self._moment()[1], has_time)
            say_how_it_went(self.directory, ending, self.delivery)

    def leave(self) -> None:
        """Release the run's journal, lock and log files."""
        # A worker that hangs still reads the journal, and the standby process completes the run when this one ends.
        if self._deliveries.have_ended:
            self.logging_queue.close()
            self._standby.dismiss()
        self.record_writer.payload_file.close()
        self._lock.release()
        self._logs.close()

    def after_fork(self) -> RunState:
        """Return the same run without its workers, hooks and locks, which belong to the parent."""
        self._deliveries.renew_after_fork()
        self._standby.disown_after_fork()
        self._console.disown_after_fork()
        return super().after_fork()

    def _release_payloads(self) -> None:
        payload_file = self.record_writer.payload_file
        if not self.logging_queue.waiting:
            payload_file.seal_if_large(self.logging_queue.size)
        release_sealed(self.directory, payload_file, self.delivery.values())

    def _deliver_rest(self, status: str, error: BaseException | None, timeout_seconds: float, deadline: float) -> None:
        withheld = max((state.withheld for state in self.delivery.values()), default=0)
        self.record_writer.write_end(status, error, withheld)
        # A disk that refuses lines gets half of the time, so that some is left for the trackers.
        self.upkeep.close(timeout_seconds / 2)
        self.record_writer.payload_file.close()
        self._say_what_is_lost()
        self._deliveries.close(status, max(0.0, deadline - time.monotonic()))
        # Last, because only now have the child processes reported their measurements.
        self._profile.write_last_files()
        release_payloads(self.directory, self._config, max(0.0, deadline - time.monotonic()))
