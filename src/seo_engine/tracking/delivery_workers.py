"""Where a LoggingWorker runs: in a thread of this process, or in a child process, behind one interface."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import orjson

from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.statistics import OperationStatistics
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery import DeliveryState
from seo_engine.tracking.logging_queue import LoggingQueue
from seo_engine.tracking.logging_worker import LoggingWorker
from seo_engine.tracking.tracker import Tracker

logger = logging.getLogger(__name__)

StateChanged = Callable[[], None]


class DeliveryWorker(Protocol):
    """One tracker's delivery, as the facade sees it."""

    state: DeliveryState
    ended: bool

    def start(self) -> None:
        """Begin to deliver."""

    def request_flush(self) -> None:
        """Ask for delivery at once."""

    def request_close(self, status: str) -> None:
        """Ask for delivery of what is there and the end of the tracker."""

    def end(self) -> None:
        """Let go of a worker that has closed, or that did not close in time."""


class _InProcessWorker:
    """What the workers of this process share: a LoggingWorker whose reports are kept."""

    def __init__(
        self, tracker: Tracker, logging_queue: LoggingQueue, config: TrackingConfig, state_changed: StateChanged
    ) -> None:
        self.state = DeliveryState()
        self.ended = False
        self._state_changed = state_changed
        self._worker = LoggingWorker(tracker, logging_queue, config, self._take_report)

    def _take_report(self, state: DeliveryState) -> None:
        self.state = state
        self.ended = state.closed
        self._state_changed()


class CallerWorker(_InProcessWorker):
    """Delivers in the calling thread: `asynchronous_logging=False`."""

    def start(self) -> None:
        """Open the tracker and deliver the start of the run."""
        self._worker.deliver_available()

    def request_flush(self) -> None:
        """Deliver what the journal holds."""
        self._worker.deliver_available()

    def request_close(self, status: str) -> None:
        """Deliver what the journal holds and close the tracker."""
        self._worker.request_close(status)
        self._worker.run()

    def end(self) -> None:
        """Do nothing: there is neither thread nor process."""


class ThreadWorker(_InProcessWorker):
    """Delivers in a thread of this process."""

    def __init__(
        self, tracker: Tracker, logging_queue: LoggingQueue, config: TrackingConfig, state_changed: StateChanged
    ) -> None:
        super().__init__(tracker, logging_queue, config, state_changed)
        # A daemon: a backend that hangs must not keep the interpreter from ending.
        self.logging_thread = threading.Thread(
            target=self._logging_worker, name=f"{tracker.name}-logging-thread", daemon=True
        )

    def start(self) -> None:
        """Start the thread; it opens the tracker."""
        self.logging_thread.start()

    def request_flush(self) -> None:
        """Wake the thread."""
        self._worker.wake()

    def request_close(self, status: str) -> None:
        """Have the thread deliver what is there, close the tracker and end."""
        self._worker.request_close(status)

    def end(self) -> None:
        """Wait for a thread that has reported its end; one that hangs is left behind."""
        if self.ended:
            self.logging_thread.join(timeout=1.0)

    def _logging_worker(self) -> None:
        self._worker.run()


class ProcessWorker:
    """Delivers in a child process, so that a backend that stalls or dies takes nothing of this one with it.

    The child reads the journal by itself. Through its standard input it is asked to flush and close; through its
    standard output it reports, as JSON lines: its ledger, log messages, and at the end what its profiler measured.

    Args:
        tracker_name (str): Which tracker the child opens.
        run_directory (Path): The run's folder.
        code_profiler (CodeProfiler): Takes in the child's measurements at the end.
        state_changed (StateChanged): Called when the ledger changed.
    """

    def __init__(
        self, tracker_name: str, run_directory: Path, code_profiler: CodeProfiler, state_changed: StateChanged
    ) -> None:
        self.state = DeliveryState()
        self.ended = False
        self._tracker_name = tracker_name
        self._run_directory = run_directory
        self._code_profiler = code_profiler
        self._state_changed = state_changed
        self._process: subprocess.Popen[bytes] | None = None
        self._report_thread = threading.Thread(
            target=self._read_reports, name=f"{tracker_name}-report-thread", daemon=True
        )

    def start(self) -> None:
        """Start the child; it opens the tracker."""
        environment = dict(os.environ)
        # With it the child would join the wandb-core of this process, and share its fate.
        environment.pop("WANDB_SERVICE", None)
        try:
            self._process = subprocess.Popen(
                # -P: a file of the user's, in the folder where the training was started, must not hide a library.
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "seo_engine.tracking.delivery_process",
                    str(self._run_directory.absolute()),
                    self._tracker_name,
                    str(os.getpid()),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                # In a session of its own it does not get the Ctrl-C that is meant for the training.
                start_new_session=True,
            )
        except OSError as error:
            self.state.last_error = str(error)
            self.ended = True
            logger.error("❌ Logging worker error: %s: the process cannot be started: %s", self._tracker_name, error)
            return
        self._report_thread.start()

    def request_flush(self) -> None:
        """Wake the child."""
        self._send({"request": "flush"})

    def request_close(self, status: str) -> None:
        """Have the child deliver what is there, close the tracker and end."""
        self._send({"request": "close", "status": status})

    def end(self) -> None:
        """Wait for a child that has reported its end; one that hangs is killed, the journal keeps the rest."""
        if self._process is None:
            return
        try:
            self._process.wait(timeout=2.0 if self.ended else 0.0)
        except subprocess.TimeoutExpired:
            _kill_with_children(self._process.pid)
            self._process.wait()
        self._report_thread.join(timeout=1.0)
        for stream in (self._process.stdin, self._process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except OSError as error:  # what was still to be sent to a dead child
                logger.debug("Closing the pipe of %s: %s", self._tracker_name, error)

    def disown_after_fork(self) -> None:
        """Close the pipe in a forked child: the worker must see its end when the training process dies."""
        if self._process is not None and self._process.stdin is not None:
            # The raw file, because the buffer around it may be locked by a thread that this process does not have.
            raw: Any = getattr(self._process.stdin, "raw", self._process.stdin)
            raw.close()
            self._process = None

    def _send(self, message: dict[str, str]) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(orjson.dumps(message) + b"\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            logger.debug("The process of %s takes no requests: %s", self._tracker_name, error)

    def _read_reports(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        for line in self._process.stdout:
            try:
                self._take_report(orjson.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                logger.warning("⚠️ Unreadable report of the %s worker: %s", self._tracker_name, error)
        if not self.state.closed:
            self.state.last_error = self.state.last_error or "the worker's process ended"
            logger.error("❌ Logging worker error: the process of %s ended; the journal keeps all", self._tracker_name)
        self.ended = True
        self._state_changed()

    def _take_report(self, report: dict[str, Any]) -> None:
        if state := report.get("state"):
            self.state = DeliveryState.from_dictionary(state)
            self._state_changed()
        if message := report.get("message"):
            logging.getLogger(message["logger"]).log(message["level"], "%s", message["text"])
        if operations := report.get("operations"):
            self._code_profiler.merge(OperationStatistics(**operation) for operation in operations)


def _kill_with_children(process_id: int) -> None:
    import psutil

    try:
        process = psutil.Process(process_id)
        for each in [*process.children(recursive=True), process]:
            each.kill()
    except psutil.NoSuchProcess:
        logger.debug("Process %d is gone already", process_id)
