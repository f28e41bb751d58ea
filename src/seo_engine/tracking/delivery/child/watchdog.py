"""Watchdog: says that a child process lives, and kills what hangs behind its tracker."""

from __future__ import annotations

import logging
import os
import threading
import time

from seo_engine.tracking.delivery.child.report_pipe import ReportPipe
from seo_engine.tracking.delivery.logging_worker import LoggingWorker

logger = logging.getLogger(__name__)

# The training process takes a child that is silent for much longer than this as stuck.
ALIVE_SECONDS = 1.0

# A call that does not return although its backend is dead ends the process.
GRACE_SECONDS = 10.0


class Watchdog:
    """Says that the process lives, and kills a backend that keeps a call of the worker too long.

    Args:
        worker (LoggingWorker): Whose calls are watched.
        pipe (ReportPipe): Where the process says that it lives.
    """

    def __init__(self, worker: LoggingWorker, pipe: ReportPipe) -> None:
        self._worker = worker
        self._pipe = pipe
        self._killed_for: float | None = None

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
        tracker = self._worker.tracker
        limit = tracker.longest_seconds(call.name)
        if seconds > limit and self._killed_for != call.started:
            self._killed_for = call.started
            logger.error("❌ Logging worker error: %s hangs in %s: its backend is killed", tracker.name, call.name)
            tracker.kill_backend()
        elif seconds > limit + GRACE_SECONDS:
            # The training process starts another.
            os._exit(1)
