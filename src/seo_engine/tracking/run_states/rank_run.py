"""RankRun: the part of one of several ranks in a run; the child of rank 0 delivers what all of them log."""

from __future__ import annotations

import logging
import shlex
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from seo_engine.foundation.texts import one_line
from seo_engine.profiling import CodeProfiler
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery.child.child_log import ChildLog
from seo_engine.tracking.delivery.child.deliverer import Deliverer
from seo_engine.tracking.delivery.child.tracker_in_child import TrackerInChild
from seo_engine.tracking.delivery.deliveries import LONGEST_WAIT_WITHOUT_ANSWER, SILENT_WAIT_SECONDS, Deliveries
from seo_engine.tracking.history.closing_summary import Ending, reason_of, say_how_it_went
from seo_engine.tracking.job.rank_opening import RankOpenRun
from seo_engine.tracking.journal.rank_files import is_part, ranks_in, ranks_in_words
from seo_engine.tracking.journal.rank_journals import RankJournals
from seo_engine.tracking.observers.console.capture import ConsoleCapture
from seo_engine.tracking.observers.run_profile import Moment, RunProfile
from seo_engine.tracking.observers.surroundings import SurroundingsReading
from seo_engine.tracking.run_states.attached_run import AttachedRun
from seo_engine.tracking.run_states.run_state import RunState
from seo_engine.tracking.runs.ledger import DeliveryState, read_delivery
from seo_engine.tracking.runs.lifecycle import read_end
from seo_engine.tracking.runs.places import DELIVERY
from seo_engine.tracking.runs.rank_presence import present_ranks
from seo_engine.tracking.runs.run_lock import MOMENT_SECONDS, RUN_LOCK, is_locked
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker
from seo_engine.tracking.trackers.registry import configured_destinations

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.05


class RankRun(AttachedRun):
    """One rank's part in a run: this process writes its own journal, profiles, and ends its part.

    Args:
        run (RankOpenRun): The opened part.
        config (TrackingConfig): The settings.
        profiler (CodeProfiler): What is timed during this run.
        extra_trackers (Sequence[DestinationTracker]): Further destinations, which only rank 0 delivers to.
        moment (Callable[[], Moment]): Returns the current epoch and step of the training.
    """

    description = "open"

    def __init__(
        self,
        run: RankOpenRun,
        config: TrackingConfig,
        profiler: CodeProfiler,
        extra_trackers: Sequence[DestinationTracker],
        moment: Callable[[], Moment],
    ) -> None:
        super().__init__(run, moment)
        self._rank = run.rank
        self.shows_views = self._rank == 0
        self._upkeep, self._presence, self._logs = run.upkeep, run.presence, run.logs
        self._config = config
        self._began = time.monotonic()
        self._console = ConsoleCapture(run.directory, run.record_writer, config)
        self._surroundings = SurroundingsReading(run.record_writer, config, moment)
        self._profile = RunProfile(run.directory, run.record_writer, config, profiler, moment, self._rank)
        self._trackers: dict[str, DestinationTracker | TrackerInChild] = {}
        self._delivery: dict[str, DeliveryState] = {}
        self._delivery_changed = 0
        # What extra trackers read.
        self._journals = ExitStack()
        self._deliverer: Deliverer | None = None
        self._extra_deliveries: Deliveries | None = None
        if self._rank == 0:
            self._deliverer = Deliverer(run.directory, config, profiler, ChildLog(run.directory, "delivery", run.life))
            if extra_trackers:
                # Their objects are in this process.
                self._extra_deliveries = Deliveries(run.directory, self._open_journals, config, run.life, profiler)
        self._extra_trackers = extra_trackers

    @property
    def trackers(self) -> Mapping[str, DestinationTracker | TrackerInChild]:
        """Mapping[str, DestinationTracker | TrackerInChild]: The trackers of the run, by name."""
        extra = self._extra_deliveries.trackers if self._extra_deliveries is not None else {}
        return {**self._trackers, **extra}

    @property
    def delivery(self) -> dict[str, DeliveryState]:
        """dict[str, DeliveryState]: The ledger of each tracker, by name."""
        path = self.directory / DELIVERY
        try:
            changed = path.stat().st_mtime_ns
        except OSError:
            return {}
        # A training may ask at every step whether it is to stop.
        if changed != self._delivery_changed:
            self._delivery, self._delivery_changed = read_delivery(path), changed
        return dict(self._delivery)

    def start(self) -> None:
        """Start what delivers, and the profile of this rank; a second call does nothing."""
        if self._trackers:
            return
        self._console.start()
        self._trackers = {name: TrackerInChild(name, self._ledger_of(name)) for name in self._names()}
        if self._deliverer is not None:
            self._deliverer.start()
            if not self._config.asynchronous_logging:
                logger.warning("⚠️ asynchronous_logging=False has no effect on a run of several processes")
        if self._extra_deliveries is not None:
            self._extra_deliveries.start((), self._extra_trackers)
        elif self._extra_trackers:
            logger.debug("Rank 0 alone delivers to extra_trackers")
        self._profile.start()
        if self._rank == 0:
            self._surroundings.start()

    def note_profile(self, moment: Moment) -> None:
        """Note that the training itself has logged its profile, at an epoch and a step."""
        self._profile.note_logged(moment)

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until the child of rank 0 has delivered what this rank has logged; return whether it has."""
        if self._deliverer is not None:
            self._deliverer.flush()
            if self._deliverer.ended:
                timeout_seconds = 0.0
        elif not is_locked(self.directory, RUN_LOCK):
            # Nobody delivers, unless rank 0 is only about to begin.
            timeout_seconds = min(timeout_seconds, MOMENT_SECONDS)
        return super().flush(timeout_seconds)

    def close(self, status: str, error: BaseException | None, timeout_seconds: float) -> None:
        """Log the profile once more, and write how this rank ended; the last one to leave waits for the run's end."""
        seconds = time.monotonic() - self._began
        deadline = time.monotonic() + timeout_seconds
        try:
            self._surroundings.finish(timeout_seconds / 4)
            self._profile.log_last(timeout_seconds / 2)
        finally:
            # Ctrl-C during this costs only the profile: the part ends with the status that was given.
            self._console.finish(timeout_seconds / 4)
            self.record_writer.write_end(status, error)
            # A disk that refuses lines gets half of the time, so that some is left for the trackers.
            self._upkeep.close(timeout_seconds / 2)
            self.record_writer.payload_file.close()
            self._say_what_is_lost()
            self._presence.end()
        if self._deliverer is not None:
            self._deliverer.let_go()
            self._deliver_rest(self._deliverer, status, deadline)
        others = self._wait_for_end_of_run(deadline)
        self._profile.write_last_files()
        if not others and is_part(self.directory):
            logger.info(
                "✅ Rank 0 has not come to %s, which holds %s. If it has its folder on another host, bring both to one "
                "host: seo-engine runs merge FOLDER_OF_RANK_0 %s",
                self.directory,
                ranks_in_words(ranks_in(self.directory)),
                shlex.quote(self.directory.name),
            )
        if self._rank == 0:
            self._say_what_is_left()
            if self._config.print_summary:
                has_time = time.monotonic() < deadline
                ending = Ending(status, reason_of(error), seconds, self._moment()[1], has_time, sorted(others))
                say_how_it_went(self.directory, self._ending_of_run(ending), self.delivery)

    def leave(self) -> None:
        """Release this rank's journal, presence and log files."""
        self._journals.close()
        self.record_writer.payload_file.close()
        self.logging_queue.close()
        self._presence.end()
        self._logs.close()

    def after_fork(self) -> RunState:
        """Return the same part without its workers and locks, which belong to the parent."""
        self._console.disown_after_fork()
        if self._deliverer is not None:
            self._deliverer.disown_after_fork()
        if self._extra_deliveries is not None:
            self._extra_deliveries.renew_after_fork()
        return super().after_fork()

    def logging_thread(self, name: str) -> threading.Thread | None:
        """Return the thread of this process that delivers to an extra tracker, if there is one."""
        return self._extra_deliveries.logging_thread(name) if self._extra_deliveries is not None else None

    def _names(self) -> list[str]:
        """Return the trackers that the child of rank 0 delivers to."""
        return configured_destinations(self._config)

    def _ledger_of(self, name: str) -> Callable[[], DeliveryState]:
        return lambda: self.delivery.get(name, DeliveryState())

    def _open_journals(self) -> RankJournals:
        return self._journals.enter_context(RankJournals(self.directory))

    def _deliver_rest(self, deliverer: Deliverer, status: str, deadline: float) -> None:
        deliverer.flush()
        place = self._end_of_what_is_logged()
        while place() is None and not deliverer.ended and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
        if self._extra_deliveries is not None:
            # First, because a server that is waited for may take all of the time.
            self._extra_deliveries.close(status, max(0.0, deadline - time.monotonic()))
        if not deliverer.ended:
            self._wait_for_delivery(max(0.0, deadline - time.monotonic()), LONGEST_WAIT_WITHOUT_ANSWER)

    def _wait_for_end_of_run(self, deadline: float) -> set[int]:
        """Wait for the end of the run if no other rank is there; return the ranks that are.

        Some launchers end whatever is left when the last of their processes has ended.
        """
        began, has_said = time.monotonic(), False
        while not (others := present_ranks(self.directory)) and time.monotonic() < deadline:
            has_ended = (
                self._deliverer.ended if self._deliverer is not None else not is_locked(self.directory, RUN_LOCK)
            )
            if has_ended:
                break
            if not has_said and time.monotonic() - began > SILENT_WAIT_SECONDS:
                has_said = True
                logger.info("✅ Waiting for the end of the run, and for ranks that have not come yet")
            time.sleep(_LOOK_SECONDS)
        return others

    def _say_what_is_left(self) -> None:
        assert self._deliverer is not None
        if self._deliverer.ended and not self._deliverer.has_done_its_work:
            logger.warning(
                "⚠️ Nobody delivers this run any more; the journal keeps what is pending. When all ranks have ended: "
                "seo-engine runs recover %s",
                shlex.quote(str(self.directory)),
            )

    def _ending_of_run(self, ending: Ending) -> Ending:
        """Return how the run ended, if it has: another rank may have failed."""
        try:
            end = None if ending.others else read_end(self.directory)
            if end is not None:
                reason = one_line(end["error"]["message"]) if "error" in end else ""
                return ending._replace(status=end["status"], reason=reason)
        except (OSError, KeyError, TypeError) as error:
            logger.debug("The end of the run cannot be read: %s", error)
        return ending
