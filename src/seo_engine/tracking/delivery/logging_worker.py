"""LoggingWorker: delivers the journal to one tracker."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import math
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from seo_engine.foundation.redaction import redact, redact_text
from seo_engine.foundation.texts import one_line
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.reader import Journal, Position
from seo_engine.tracking.observers.console.python_streams import unheard
from seo_engine.tracking.payloads.run_payloads import RunPayloads
from seo_engine.tracking.records.kind import Recorded
from seo_engine.tracking.runs.ledger import DeliveryState
from seo_engine.tracking.runs.run_lock import RunLock
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker, IncompleteViewError
from seo_engine.tracking.views.journal_selection import JournalSelection, SelectedLine

logger = logging.getLogger(__name__)

# How often a worker checks the journal; only `flush` and `close` wake it earlier.
POLL_SECONDS = 0.25

# A logging call that meets a busy worker waits at most this long for the interpreter, and few calls meet one.
LONGEST_WORK_SECONDS = 0.0002
REST_SECONDS = 0.001

# A record that failed this many times is dropped, if the tracker takes the next one.
TRIES_PER_RECORD = 3

# Waits between retries, doubled each time; half of each is random, so that many workers do not retry at once.
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 30.0

# While closing, a worker that makes no progress in this many rounds leaves the backlog in the journal.
CLOSING_LOOKS_WITHOUT_PROGRESS = 4

# Records that a tracker refused are remembered by number and not offered again; beyond this many, only counted.
MOST_FAILED_RECORDS = 1_000

# How many times a view is closed: one that turns out incomplete is opened again and completed.
CLOSING_TRIES = 2

# `SystemExit` too: only the training ends itself. An interruption by the user is not contained.
_RAISED_BY_TRACKERS = (Exception, SystemExit)


class TrackerCall(NamedTuple):
    """A call into a tracker that has not returned yet, such as `setup` or `show`, and when it began."""

    name: str
    started: float


class LoggingWorker:
    """Reads the journal, selects what the view shows, and passes each record to one tracker.

    Whenever it has opened the tracker, the worker starts at the journal's beginning: the tracker knows which records
    its view holds, and skips them. So there is only one code path, whether a view is new, lost its newest records with
    a backend, or was left half-way by a killed process.

    It can run anywhere: `run()` in a thread or as the main loop of a process, or `deliver_available()` in
    the calling thread.

    Args:
        tracker (DestinationTracker): The destination.
        journal (Journal): The journal.
        config (TrackingConfig): The selection's settings.
        report (Callable[[DeliveryState], None]): Called with a copy of the ledger after each batch.
        lock (RunLock | None): Held while the tracker is open, so that no two processes write one view.
        previous (DeliveryState | None): The ledger that an earlier worker left.
        beside_training (bool): Whether the training runs in the same interpreter; the worker then yields to it often.
    """

    def __init__(
        self,
        tracker: DestinationTracker,
        journal: Journal,
        config: TrackingConfig,
        report: Callable[[DeliveryState], None] = lambda state: None,
        lock: RunLock | None = None,
        previous: DeliveryState | None = None,
        beside_training: bool = True,
    ) -> None:
        self.tracker = tracker
        self.call: TrackerCall | None = None
        self._journal = journal
        self._payloads = RunPayloads(journal.path.parent)
        self._config = config
        self._report = report
        self._lock = lock
        self._failed_records = list(previous.failed_records) if previous is not None else []
        self._reported: DeliveryState | None = None
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._retry_at = 0.0
        self._wake = threading.Event()
        self._close_status: str | None = None
        self._closing_size = 0
        self._closing_deadline = math.inf
        self._waits_for_lock = False
        self._said_unknown_kinds = False
        self._said_no_details = False
        self._beside_training = beside_training
        self._rested = time.perf_counter()
        self._start_over()

    def wake(self) -> None:
        """Deliver now rather than at the next check of the journal; thread-safe."""
        self._wake.set()

    def request_close(self, status: str) -> None:
        """Ask the loop to deliver the backlog, close the tracker and end; thread-safe.

        Args:
            status (str): How the run ended.
        """
        # What is appended later belongs to the process that resumes the run.
        self._closing_size = self._journal.size()
        self._closing_deadline = time.monotonic() + self._config.close_timeout_seconds
        self._close_status = status
        self._wake.set()

    def run(self) -> None:
        """Deliver until asked to close; whatever a tracker raises, the worker ends in order."""
        try:
            self._deliver_until_closed()
        except _RAISED_BY_TRACKERS as error:
            self._contain(error)
        finally:
            self._end()

    def _deliver_until_closed(self) -> None:
        looks_without_progress = closing_tries = 0
        while looks_without_progress < CLOSING_LOOKS_WITHOUT_PROGRESS and time.monotonic() < self._closing_deadline:
            # Read before the delivery, so that everything appended before the request is delivered.
            closing = self._close_status is not None
            if closing:
                self._retry_at = 0.0
            offset = self.state.offset
            self.deliver_available()
            if closing and self.tracker.available and self.state.offset >= self._closing_size:
                closing_tries += 1
                if self._close_tracker() or closing_tries == CLOSING_TRIES:
                    return
            elif closing and not self._waits_for_lock:
                looks_without_progress = 0 if self.state.offset > offset else looks_without_progress + 1
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()
        self._close_tracker()

    def deliver_available(self) -> None:
        """Deliver what the journal holds after the position; errors are contained and counted."""
        try:
            self._follow_journal()
            while time.monotonic() >= self._retry_at and self._is_ready() and self._deliver_batch():
                self._count_and_report()
        except _RAISED_BY_TRACKERS as error:
            self._contain(error)
            self._wait_before_next_try()
        self._count_and_report()

    def _end(self) -> None:
        """Let other processes open the tracker, and report for the last time."""
        if self._lock is not None:
            self._lock.release()
        self.state.closed = True
        self._count_and_report()

    def _close_tracker(self) -> bool:
        """Close the tracker, and return whether its view then holds everything it was given."""
        delivered = self.state.delivered
        try:
            confirmed = self.tracker.confirmed_record
            if confirmed is not None:
                # Until the tracker confirms them: this process may be killed because closing takes too long.
                self._take_back(confirmed)
            self._call("close", lambda: self.tracker.close(self._close_status or "finished"))
        except _RAISED_BY_TRACKERS as error:
            self._contain(error)
            if isinstance(error, IncompleteViewError):
                self.state.delivered = delivered
                self._take_back(error.last_record)
            return False
        self.state.delivered = delivered
        return True

    def _take_back(self, last_record: int) -> None:
        """Count as pending the records after the newest one that the view is known to hold."""
        state = self.state
        # A plug-in may say anything: only a number of a record that it was given is one.
        is_given = isinstance(last_record, int) and 0 <= last_record <= state.number
        state.delivered -= min(state.number - (last_record if is_given else 0), state.delivered)
        self._count_and_report()

    def _contain(self, error: BaseException) -> None:
        text = redact_text(f"{type(error).__name__}: {one_line(error)}")
        # Retries repeat it: it is an error once.
        level = logging.DEBUG if text == self.state.last_error else logging.ERROR
        self.state.last_error = text
        logger.log(level, "❌ Logging worker error: %s: %s", self.tracker.name, text)

    def _call(self, name: str, function: Callable[[], None]) -> None:
        # For the watchdog of a child process: a call into a hanging backend does not return.
        self.call = TrackerCall(name, time.monotonic())
        try:
            with unheard():
                function()
        finally:
            self.call = None

    def _follow_journal(self) -> None:
        self._journal.follow()
        if self._journal.generation != self._generation:
            # The run's folder was deleted, with the view in it.
            self._call("abandon", self.tracker.abandon)
            self._start_over()

    def _start_over(self) -> None:
        self.state = DeliveryState(failed_records=self._failed_records)
        self._generation = self._journal.generation
        self._selection = JournalSelection(self._config, self._payloads)
        self._waiting: deque[SelectedLine] = deque()
        self._read_position = Position()
        self._tries = 0
        self._counted_offset = 0
        self._counted_lines = 0

    def _is_ready(self) -> bool:
        if self.tracker.available:
            return True
        self._waits_for_lock = self._lock is not None and not self._lock.acquire()
        if self._waits_for_lock:
            self.state.last_error = "another process delivers to it"
            self._retry_at = time.monotonic() + FIRST_RETRY_SECONDS
            return False
        self._call("setup", self.tracker.setup)
        if not self.tracker.available:
            self.state.last_error = "set-up failed: the tracker is not available after it"
            self._wait_before_next_try()
            return False
        self._start_over()
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._count_and_report()
        return True

    def _wait_before_next_try(self) -> None:
        self._retry_at = time.monotonic() + self._retry_seconds * random.uniform(0.5, 1.0)
        self._retry_seconds = min(2 * self._retry_seconds, LONGEST_RETRY_SECONDS)

    def _deliver_batch(self) -> bool:
        """Deliver one read of the journal, and return whether there may be more."""
        if not self._waiting:
            lines = self._journal.read(self._read_position)
            if not lines:
                return False
            for line in lines:
                self._waiting.append(self._selection.take(line))
                self._read_position = line.end
                self._rest()
            self._say_unknown_kinds()
        while self._waiting:
            self._tries += 1
            try:
                self._show(self._waiting[0])
            except Exception:
                witness = self._next_shown()
                if not self.tracker.available or self._tries < TRIES_PER_RECORD or witness is None:
                    raise
                # Is it the record or the tracker? If the next record that shows anything passes, it was the record.
                self._show(self._waiting[witness])
                self._remember_failed(self._waiting[0].end.number)
                self._settle(failed=True)
                for _ in range(witness - 1):
                    self._settle()
            self._settle()
            self._rest()
        self._call("flush", self.tracker.flush)
        return True

    def _rest(self) -> None:
        """Yield to the training after each piece of work; Python alone would switch only after 5 ms."""
        if not self._beside_training or self._close_status is not None:
            return
        now = time.perf_counter()
        if now - self._rested > LONGEST_WORK_SECONDS:
            time.sleep(REST_SECONDS)
            self._rested = time.perf_counter()

    def _show(self, line: SelectedLine) -> None:
        shown = line.shown
        if shown is not None and line.end.number not in self._failed_records:
            # Encoding a long video takes time; the backend does not hang.
            call = "show_media" if shown.media else "show"
            self._call(call, lambda: self.tracker.show(shown, Recorded(line.end.number, line.time)))
            if not self.tracker.available:
                # As if it had raised: it is opened again after a wait, not in a circle.
                raise ConnectionError("the tracker is no longer available")

    def _say_unknown_kinds(self) -> None:
        if self._selection.unknown_kinds and not self._said_unknown_kinds:
            self._said_unknown_kinds = True
            logger.warning(
                "⚠️ %s skips records of kinds that this version does not know: %s",
                self.tracker.name,
                ", ".join(one_line(kind)[:50] for kind in sorted(self._selection.unknown_kinds)),
            )

    def _remember_failed(self, number: int) -> None:
        if len(self._failed_records) < MOST_FAILED_RECORDS:
            self._failed_records.append(number)

    def _next_shown(self) -> int | None:
        """Return the index of the next waiting record, after the first, that shows anything."""
        behind = enumerate(itertools.islice(self._waiting, 1, None), start=1)
        return next((place for place, line in behind if line.shown is not None), None)

    def _ask_tracker(self) -> None:
        """Keep what the tracker says about itself; whatever a plug-in says, the ledger holds texts without secrets."""
        try:
            if self.tracker.available:
                details = {str(name): str(value) for name, value in self.tracker.details().items()}
                self.state.details = redact(details)
            self.state.stop_requested = bool(self.tracker.stop_requested)
            self.state.media_not_shown = int(self.tracker.media_left_out)
        except _RAISED_BY_TRACKERS as error:
            # It takes records all the same.
            if not self._said_no_details:
                self._said_no_details = True
                logger.warning("⚠️ %s cannot report its details: %s", self.tracker.name, one_line(error))

    def _settle(self, failed: bool = False) -> None:
        """Count the first waiting line as delivered or dropped, and move past it."""
        line = self._waiting.popleft()
        self._tries = 0
        self._retry_seconds = FIRST_RETRY_SECONDS
        self.state.last_error = None
        self.state.offset, self.state.number = line.end.offset, line.end.number
        if failed or line.end.number in self._failed_records:
            self.state.drop("failed")
        elif line.drop_reason is not None:
            self.state.drop(line.drop_reason)
        elif line.is_record:
            self.state.delivered += 1
        else:
            # A blank line only ends a torn one: it is not a record, so none is missing.
            self._counted_lines -= 1

    def _count_and_report(self) -> None:
        size = self._journal.size()
        self._counted_lines += self._journal.count_lines(self._counted_offset, size)
        self._counted_offset = size
        state = self.state
        state.accepted = self._counted_lines
        state.pending = state.accepted - state.delivered - sum(state.dropped.values())
        state.unknown_records = self._selection.unknown_records
        state.values_not_shown = self._selection.values_not_shown
        state.values_thinned = self._selection.values_thinned
        state.withheld = self._selection.withheld
        self._ask_tracker()
        if state != self._reported:
            self._reported = dataclasses.replace(
                state,
                dropped=dict(state.dropped),
                details=dict(state.details),
                failed_records=list(state.failed_records),
            )
            self._report(self._reported)
