"""Runs a LoggingWorker in this process, in the calling thread or in its own, behind one interface."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from functools import cached_property
from typing import Any

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery.logging_worker import LoggingWorker
from seo_engine.tracking.journal.reader import Journal
from seo_engine.tracking.runs.ledger import DeliveryState
from seo_engine.tracking.runs.run_lock import RunLock
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker

logger = logging.getLogger(__name__)

StateChanged = Callable[[], None]


class DeliveryWorker(ABC):
    """One tracker's delivery, wherever it runs."""

    state: DeliveryState
    ended: bool

    @property
    def logging_thread(self) -> threading.Thread | None:
        """threading.Thread | None: The thread of this process that delivers, if one does."""
        return None

    @abstractmethod
    def start(self) -> None:
        """Start to deliver."""

    @abstractmethod
    def request_flush(self) -> None:
        """Ask for delivery at once."""

    @abstractmethod
    def request_close(self, status: str) -> None:
        """Ask for delivery of the backlog, and for the end of the tracker."""

    @abstractmethod
    def end(self) -> None:
        """Release a worker that has closed, or that did not close in time."""

    def deliver_in_caller(self) -> None:
        """Deliver what was just logged, where the calling thread delivers."""
        return None

    def disown_after_fork(self) -> None:
        """Let go, in a forked child process, of what belongs to the parent."""
        return None


class MissingWorker(DeliveryWorker):
    """Stands for a tracker that cannot be used here: all of the run is pending for it.

    Args:
        reason (str): Why it cannot be used.
        state_changed (StateChanged): Called when the ledger changes.
    """

    def __init__(self, reason: str, state_changed: StateChanged) -> None:
        self.state = DeliveryState(is_missing=True, last_error=reason)
        self.ended = True
        self._state_changed = state_changed

    def start(self) -> None:
        """Have its ledger written down."""
        self._state_changed()

    def request_flush(self) -> None:
        """Do nothing: nobody delivers."""

    def request_close(self, status: str) -> None:
        """Do nothing: nothing is open."""

    def end(self) -> None:
        """Do nothing: nothing runs."""


class _InProcessWorker(DeliveryWorker):
    """What the workers of this process share: a LoggingWorker whose reports are kept."""

    def __init__(
        self,
        tracker: DestinationTracker,
        journal: Journal,
        config: TrackingConfig,
        state_changed: StateChanged,
        lock: RunLock,
        previous: DeliveryState,
        beside_training: bool = True,
    ) -> None:
        self.state = DeliveryState()
        self.ended = False
        self._state_changed = state_changed
        self._worker = LoggingWorker(tracker, journal, config, self._take_report, lock, previous, beside_training)
        self._name = tracker.name

    def _take_report(self, state: DeliveryState) -> None:
        self.state = state
        self.ended = state.closed
        self._state_changed()


class CallerWorker(_InProcessWorker):
    """Delivers in the calling thread: `asynchronous_logging=False`."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._work: deque[Callable[[], None]] = deque()
        self._turn = threading.RLock()
        self._is_working = False

    def start(self) -> None:
        """Open the tracker and deliver the start of the run."""
        self._do(self._worker.deliver_available)

    def request_flush(self) -> None:
        """Deliver what the journal holds."""
        self._do(self._worker.deliver_available)

    def deliver_in_caller(self) -> None:
        """Deliver what the journal holds."""
        self._do(self._worker.deliver_available)

    def request_close(self, status: str) -> None:
        """Deliver what the journal holds and close the tracker."""
        self._worker.request_close(status)
        self._do(self._worker.run)

    def _do(self, work: Callable[[], None]) -> None:
        """Do work in turn: other threads wait; a signal handler that interrupts other work leaves its own to that."""
        self._work.append(work)
        with self._turn:
            if self._is_working:
                return
            self._is_working = True
            try:
                while self._work:
                    self._work.popleft()()
            finally:
                self._is_working = False

    def end(self) -> None:
        """Do nothing: there is no thread or process to end."""


class ThreadWorker(_InProcessWorker):
    """Delivers in a thread of this process."""

    @cached_property
    def logging_thread(self) -> threading.Thread:
        """threading.Thread: Delivers; a daemon, because a hanging backend must not keep the interpreter alive."""
        return threading.Thread(target=self._logging_worker, name=f"{self._name}-logging-thread", daemon=True)

    def start(self) -> None:
        """Start the thread; it opens the tracker."""
        try:
            self.logging_thread.start()
        except RuntimeError as error:
            logger.error("❌ Logging worker error: %s: %s; the journal keeps everything", self._name, error)
            self.state.last_error = str(error)
            self.ended = True

    def request_flush(self) -> None:
        """Wake the thread."""
        self._worker.wake()

    def request_close(self, status: str) -> None:
        """Have the thread deliver the backlog, close the tracker and end."""
        self._worker.request_close(status)

    def end(self) -> None:
        """Wait for a thread that has reported its end; a hanging one is abandoned."""
        if self.ended and self.logging_thread.ident is not None:
            self.logging_thread.join(timeout=1.0)

    def _logging_worker(self) -> None:
        self._worker.run()
