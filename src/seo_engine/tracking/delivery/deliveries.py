"""Deliveries: the workers of one run, started, flushed and closed together."""

from __future__ import annotations

import logging
import os
import shlex
import threading
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from seo_engine.foundation.texts import counts_in_words, one_line
from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.categories import TRACKER_IMPORT, TRACKING
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery.child.child_log import ChildLog
from seo_engine.tracking.delivery.child.child_worker import ChildWorker
from seo_engine.tracking.delivery.child.tracker_in_child import TrackerInChild
from seo_engine.tracking.delivery.local_workers import CallerWorker, DeliveryWorker, MissingWorker, ThreadWorker
from seo_engine.tracking.journal.reader import Journal
from seo_engine.tracking.runs.console import IN_FILES_ONLY
from seo_engine.tracking.runs.ledger import DeliveryState, read_delivery, update_delivery
from seo_engine.tracking.runs.lifecycle import Lifecycle
from seo_engine.tracking.runs.places import DELIVERY
from seo_engine.tracking.runs.run_lock import RunLock
from seo_engine.tracking.trackers.bounded_calls import LONGEST_FOREIGN_SECONDS, call_within
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker
from seo_engine.tracking.trackers.placement import Placement
from seo_engine.tracking.trackers.plug_ins import UnusableTrackerError
from seo_engine.tracking.trackers.registry import DESTINATIONS, Destination, configured_destination, title_of
from seo_engine.tracking.trackers.sdk_tracker import operations_of

logger = logging.getLogger(__name__)

# Closing takes this long without a word.
SILENT_WAIT_SECONDS = 5.0

# Closing waits at most this long for a server that has not answered since the run began.
LONGEST_WAIT_WITHOUT_ANSWER = 10.0


class Deliveries:
    """One worker per tracker, each with its own position in the journal, and their common ledger.

    Args:
        run_directory (Path): The run's folder, where `delivery.json` is kept.
        open_journal (Callable[[], Journal]): Opens the journal, for each worker.
        config (TrackingConfig): The settings.
        life (Lifecycle): Identity of the run.
        profiler (CodeProfiler): Gets what child processes measure.
        training_process (int | None): The process id of the training; None means this process.
        beside_training (bool): Whether the training runs in this interpreter.
    """

    def __init__(
        self,
        run_directory: Path,
        open_journal: Callable[[], Journal],
        config: TrackingConfig,
        life: Lifecycle,
        profiler: CodeProfiler,
        *,
        training_process: int | None = None,
        beside_training: bool = True,
    ) -> None:
        # Visible to the training, by name.
        self.trackers: dict[str, DestinationTracker | TrackerInChild] = {}
        self._run_directory = run_directory
        self._open_journal = open_journal
        self._journal = open_journal()
        self._config = config
        self._life = life
        self._profiler = profiler
        self._training_process = training_process if training_process is not None else os.getpid()
        self._beside_training = beside_training
        self._workers: dict[str, DeliveryWorker] = {}
        # Whose trackers are objects of the training.
        self._extra_names: set[str] = set()
        self._changed = threading.Condition()

    @property
    def states(self) -> dict[str, DeliveryState]:
        """dict[str, DeliveryState]: The ledger of each tracker, by its name."""
        return {name: worker.state for name, worker in self._workers.items()}

    @property
    def has_child(self) -> bool:
        """bool: Whether a tracker is open in a child process, which completes the run if this one is killed."""
        return any(isinstance(worker, ChildWorker) for worker in self._workers.values())

    @property
    def have_ended(self) -> bool:
        """bool: Whether every worker has closed its tracker."""
        return all(worker.ended for worker in self._workers.values())

    def start(
        self, names: Collection[str], extra_trackers: Sequence[DestinationTracker] = (), *, may_use_child: bool = True
    ) -> None:
        """Start a worker for each tracker, without waiting for any of them.

        Args:
            names (Collection[str]): Names of trackers; one that cannot be used here is left out, and said so.
            extra_trackers (Sequence[DestinationTracker]): Further trackers, which the training has made.
            may_use_child (bool): Whether trackers may run in a child process; otherwise all run in this one.
        """
        self._extra_names = {each.name for each in extra_trackers}
        destinations = [each for each in map(self._destination, names) if each is not None]
        if self._config.asynchronous_logging:
            for name in (*names, *(each.name for each in extra_trackers)):
                self._config.code_profiler.leave_out_of_ranking(operations_of(name))
        in_child = [each for each in destinations if each.runs_in_child and may_use_child]
        for destination in in_child:
            self._start_child(destination)
        placement = Placement(self._config, self._run_directory, self._life)
        here = [self._made(each, placement) for each in destinations if each not in in_child]
        self._start_here([*(each for each in here if each is not None), *extra_trackers])

    def _destination(self, name: str) -> Destination | None:
        try:
            return configured_destination(name, self._config)
        except UnusableTrackerError as error:
            self._leave_out(name, error)
            return None

    def _made(self, destination: Destination, placement: Placement) -> DestinationTracker | None:
        try:
            return destination.make(placement)
        except UnusableTrackerError as error:
            self._leave_out(destination.name, error)
            return None

    def _leave_out(self, name: str, error: UnusableTrackerError) -> None:
        # Of a run from elsewhere it is no mistake.
        level, mark = (logging.ERROR, "❌") if self._life.status is None else (logging.WARNING, "⚠️")
        logger.log(
            level,
            "%s The run is not shown by %s: %s; its journal keeps everything for it: seo-engine runs recover %s",
            mark,
            name,
            error,
            shlex.quote(str(self._run_directory)),
        )
        self._start(name, MissingWorker(str(error), self._take_change))

    def _start_child(self, destination: Destination) -> None:
        worker = ChildWorker(
            destination,
            self._run_directory,
            self._config,
            self._profiler,
            self._take_change,
            self._previous(destination.name),
            ChildLog(self._run_directory, destination.name, self._life),
            self._training_process,
        )
        self.trackers[destination.name] = TrackerInChild(destination.name, lambda: worker.state)
        self._start(destination.name, worker)

    def _start_here(self, trackers: Sequence[DestinationTracker]) -> None:
        with self._config.code_profiler.profile_operation(TRACKER_IMPORT, TRACKING):
            # In the thread that starts the run: when two threads import parts of one package at the same time, either
            # may find a half-made module.
            for tracker in trackers:
                try:
                    if tracker.name in DESTINATIONS:
                        tracker.import_sdk()
                    else:
                        call_within(LONGEST_FOREIGN_SECONDS, tracker.import_sdk)
                except Exception as error:  # its `setup` will fail too, and be tried again
                    logger.error("❌ %s cannot be imported: %s", tracker.name, one_line(error))
        worker_class = ThreadWorker if self._config.asynchronous_logging else CallerWorker
        for tracker in trackers:
            self.trackers[tracker.name] = tracker
            lock = RunLock(self._run_directory, tracker.name)
            worker = worker_class(
                tracker,
                self._open_journal(),
                self._config,
                self._take_change,
                lock,
                self._previous(tracker.name),
                self._beside_training,
            )
            self._start(tracker.name, worker)

    def _previous(self, name: str) -> DeliveryState:
        """Return the ledger that an earlier worker left."""
        return read_delivery(self._run_directory / DELIVERY).get(name, DeliveryState())

    def _start(self, name: str, worker: DeliveryWorker) -> None:
        # One by one: if the start is interrupted, closing waits only for the workers that run. A new dictionary,
        # because their threads may be iterating over the old one.
        self._workers = {**self._workers, name: worker}
        worker.start()

    def logging_thread(self, name: str) -> threading.Thread | None:
        """Return the thread that delivers to a tracker, if there is one."""
        worker = self._workers.get(name)
        return worker.logging_thread if worker is not None else None

    def wake(self) -> None:
        """Have every worker look for new lines now."""
        for worker in self._workers.values():
            worker.request_flush()

    def deliver_in_caller(self) -> None:
        """Deliver what was just appended, if logging is synchronous."""
        for worker in self._workers.values():
            worker.deliver_in_caller()

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until every tracker holds what the journal holds now.

        Args:
            timeout_seconds (float): The longest time to wait.

        Returns:
            bool: Whether all of them do.
        """
        logged = self._journal.size()
        self.wake()
        workers = self._workers.values()
        # A worker that could not be started, or has ended, makes no progress.
        self._wait_for(lambda: all(each.ended or each.state.offset >= logged for each in workers), timeout_seconds)
        return all(each.state.offset >= logged for each in workers if not each.state.is_missing)

    def close(self, status: str, timeout_seconds: float) -> None:
        """Have every worker deliver the backlog and close its tracker, and report what is left undelivered.

        Args:
            status (str): How the run ended.
            timeout_seconds (float): The longest time to wait.
        """
        for worker in self._workers.values():
            worker.request_close(status)
        self._wait_for_ends(timeout_seconds)
        for worker in self._workers.values():
            worker.end()
            if not worker.state.closed:
                # It hangs or died, and its last report may be old: the records after its position are not delivered.
                state = worker.state
                behind = self._journal.count_lines(state.offset, self._journal.size())
                state.pending = max(state.pending, behind)
                state.accepted = state.delivered + sum(state.dropped.values()) + state.pending
                no_answer = f"no answer from {state.no_answer}" if state.no_answer else None
                state.last_error = no_answer or state.last_error or "not closed in time"
        self._write_states()
        self._say_what_is_left()

    def _wait_for_ends(self, timeout_seconds: float) -> None:
        began = time.monotonic()
        has_said = False
        while not self.have_ended:
            waited = time.monotonic() - began
            unfinished = {name: worker.state for name, worker in self._workers.items() if not worker.ended}
            # Of a server that never once answered, no more is to be expected at the end.
            is_hopeless = all(state.no_answer for state in unfinished.values())
            limit = min(timeout_seconds, LONGEST_WAIT_WITHOUT_ANSWER) if is_hopeless else timeout_seconds
            if waited >= limit:
                return
            if waited > SILENT_WAIT_SECONDS and not has_said:
                has_said = True
                logger.info(
                    "✅ Waiting up to %.0f s for %s; Ctrl-C leaves the rest to: seo-engine runs recover %s",
                    limit - waited,
                    ", ".join(map(title_of, unfinished)),
                    shlex.quote(str(self._run_directory)),
                )
            self._wait_for(lambda: self.have_ended, min(1.0, limit - waited))

    def renew_after_fork(self) -> None:
        """Leave the workers to the parent process."""
        self._changed = threading.Condition()
        for worker in self._workers.values():
            worker.disown_after_fork()
        self._workers = {}

    def _say_what_is_left(self) -> None:
        complete = True
        # What is missing was said when the run began.
        states = {name: state for name, state in self.states.items() if not state.is_missing}
        for name, state in states.items():
            if state.media_not_shown:
                logger.warning("⚠️ %s could not show %d media, such as pictures or tables", name, state.media_not_shown)
            if state.is_complete and not state.dropped:
                continue
            complete = False
            dropped = f" ({counts_in_words(state.dropped)})" if state.dropped else ""
            logger.warning(
                "⚠️ %s: %d of %d records delivered, %d dropped%s, %d pending%s",
                name,
                state.delivered,
                state.accepted,
                sum(state.dropped.values()),
                dropped,
                state.pending,
                f" ({state.last_error})" if state.last_error else "",
            )
        pending = {name for name, state in states.items() if not state.is_complete}
        if pending - self._extra_names:
            logger.warning(
                "⚠️ The journal keeps what is pending; to deliver it: seo-engine runs recover %s",
                shlex.quote(str(self._run_directory)),
            )
        if extra := sorted(pending & self._extra_names):
            # Only the training has their trackers.
            logger.warning(
                "⚠️ The journal keeps what is pending for %s; to deliver it: resume the run with it in extra_trackers",
                ", ".join(extra),
            )
        if complete:
            logger.info("✅ All experiment trackers closed", extra=IN_FILES_ONLY)

    def _take_change(self) -> None:
        with self._changed:
            self._changed.notify_all()
        # Outside the lock: a thread that waits for a change must not wait for the disk.
        self._write_states()

    def _write_states(self) -> None:
        try:
            update_delivery(self._run_directory / DELIVERY, self.states)
        except OSError as error:
            # It is a cache of what the views hold: nothing is lost without it.
            logger.debug("%s cannot be written: %s", DELIVERY, error)

    def _wait_for(self, is_done: Callable[[], bool], timeout_seconds: float) -> bool:
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            while not is_done():
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    return False
                self._changed.wait(remaining)
        return True
