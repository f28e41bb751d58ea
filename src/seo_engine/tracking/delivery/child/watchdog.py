"""Watchdog: reports that a child process is alive, and kills a backend that hangs."""

from __future__ import annotations

import logging
import os
import threading
import time

from seo_engine.tracking.delivery.child.report_pipe import ReportPipe
from seo_engine.tracking.delivery.logging_worker import LoggingWorker

logger = logging.getLogger(__name__)

# How often to report; the training process considers a child that is silent for much longer stuck.
ALIVE_SECONDS = 1.0

# A server that has not answered by then is reported to people.
SAID_SECONDS = 10.0

# If a call has not returned this long after its backend was killed, the process exits.
GRACE_SECONDS = 10.0


class Watchdog:
    """Reports that the process is alive, and kills a backend that blocks a call of the worker for too long.

    Args:
        worker (LoggingWorker): The worker whose calls are watched.
        pipe (ReportPipe): Takes the reports.
    """

    def __init__(self, worker: LoggingWorker, pipe: ReportPipe) -> None:
        self._worker = worker
        self._pipe = pipe
        self._killed_for: float | None = None
        self._said_no_answer = False

    def start(self) -> None:
        """Start watching, in a thread."""
        threading.Thread(target=self._run, name="watchdog-thread", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._pipe.send_alive()
            self._look()
            time.sleep(ALIVE_SECONDS)

    def _look(self) -> None:
        call = self._worker.call
        if call is None:
            return
        seconds = time.monotonic() - call.started
        tracker, state = self._worker.tracker, self._worker.state
        if not self._said_no_answer and (reason := tracker.why_no_answer(call.name, seconds)):
            if self._worker.call is not call:
                # It has been answered meanwhile.
                return
            if state.no_answer is None:
                # Closing must know it early, people need not.
                state.no_answer = reason
                self._pipe.send_state(state)
            if seconds >= SAID_SECONDS:
                self._said_no_answer = True
                title = tracker.title or tracker.name
                logger.warning(
                    "⚠️ %s does not answer (%s); the training goes on, and the run is delivered later", title, reason
                )
        limit = tracker.longest_seconds(call.name)
        if seconds > limit and self._killed_for != call.started:
            self._killed_for = call.started
            logger.error("❌ Logging worker error: %s hangs in %s: its backend is killed", tracker.name, call.name)
            tracker.kill_backend()
        elif seconds > limit + GRACE_SECONDS:
            # The training process starts a new one.
            os._exit(1)
