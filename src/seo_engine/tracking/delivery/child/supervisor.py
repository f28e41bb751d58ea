"""ChildSupervisor: a LoggingWorker in a child process that is started again when it dies or hangs."""

from __future__ import annotations

import logging
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.statistics.operation_statistics import OperationStatistics
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery.child.messages import (
    Begin,
    Close,
    Flush,
    Leave,
    Ledger,
    LogMessage,
    Operations,
    Report,
    Request,
    decode_message,
    encode_message,
)
from seo_engine.tracking.delivery.local_workers import DeliveryWorker
from seo_engine.tracking.runs.console import IN_FILES_ONLY
from seo_engine.tracking.runs.ledger import DeliveryState
from seo_engine.tracking.trackers.registry import Destination

logger = logging.getLogger(__name__)

# A child reports every second that it is alive. One that is silent for this long is stuck.
LONGEST_SILENCE_SECONDS = 10.0

# Waits before a child is restarted, doubled each time.
FIRST_RESTART_SECONDS = 0.5
LONGEST_RESTART_SECONDS = 30.0

_READ_BYTES = 64 * 1024


class ChildSupervisor(DeliveryWorker):
    """Delivers in a child process, so that a backend that stalls or dies does no harm to this process.

    The child reads the journal itself. On its standard input it is asked to flush, to close, and to leave; on its
    standard output it reports, as JSON lines, that it is alive, its ledger, log messages, and at the end what its
    profiler measured. Until it is asked to leave, it completes the run if this process dies.

    Args:
        destination (Destination): The tracker that the child opens.
        run_directory (Path): The run's folder.
        config (TrackingConfig): The settings.
        code_profiler (CodeProfiler): Receives the child's measurements at the end.
        state_changed (Callable[[], None]): Called when the ledger changes.
        previous (DeliveryState): The ledger that an earlier worker left.
    """

    def __init__(
        self,
        destination: Destination,
        run_directory: Path,
        config: TrackingConfig,
        code_profiler: CodeProfiler,
        state_changed: Callable[[], None],
        previous: DeliveryState,
    ) -> None:
        self.state = DeliveryState(failed_records=list(previous.failed_records))
        self.ended = False
        self._was_open = False
        self._destination = destination
        self._run_directory = run_directory
        self._config = config
        self._code_profiler = code_profiler
        self._state_changed = state_changed
        self._process: subprocess.Popen[bytes] | None = None
        self._close_status: str | None = None
        self._ending = threading.Event()
        self._sending = threading.Lock()
        self._thread = threading.Thread(
            target=self._supervise, name=f"{destination.name}-supervisor-thread", daemon=True
        )

    def start(self) -> None:
        """Start the child; it opens the tracker."""
        self.ended = not self._launch()
        if self.ended:
            return
        try:
            self._thread.start()
        except RuntimeError as error:
            self._say_not_started(error)
            self.ended = True
            self._kill()

    def request_flush(self) -> None:
        """Wake the child."""
        self._send(Flush())

    def request_close(self, status: str) -> None:
        """Have the child deliver the backlog and close the tracker; it stays alive until `end`."""
        self._close_status = status
        self._send(Close(status))

    def end(self) -> None:
        """Dismiss a child that has reported its end; kill one that hangs, as the journal keeps the backlog."""
        process = self._process
        if process is None:
            return
        self._ending.set()
        if self.ended:
            self._send(Leave())
            self._close_pipes(process)
        try:
            process.wait(timeout=2.0 if self.ended else 0.0)
        except subprocess.TimeoutExpired:
            _kill_with_children(process.pid)
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)

    def disown_after_fork(self) -> None:
        """Close the pipes in a forked process: the child must see their ends when the training process dies."""
        if self._process is None:
            return
        for stream in (self._process.stdin, self._process.stdout):
            # The raw file, because the buffer around it may be locked by a thread that this process does not have.
            raw: Any = getattr(stream, "raw", stream)
            raw.close()
        self._process = None

    def _launch(self) -> bool:
        environment = dict(os.environ)
        self._destination.tracker.prepare_environment(environment)
        try:
            self._process = subprocess.Popen(
                # -P: a user's file in the folder where the training was started must not shadow a library.
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "seo_engine.tracking.delivery.delivery_process",
                    str(self._run_directory.absolute()),
                    self._destination.name,
                    str(os.getpid()),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                # In its own session, it does not get the Ctrl-C that is meant for the training.
                start_new_session=True,
            )
        except OSError as error:
            self._say_not_started(error)
            return False
        self._send(Begin(self._config.as_dictionary(), self.state))
        if self._close_status is not None:
            self.request_close(self._close_status)
        return True

    def _send(self, request: Request) -> None:
        with self._sending:
            if self._process is None or self._process.stdin is None:
                return
            try:
                self._process.stdin.write(encode_message(request))
                self._process.stdin.flush()
            except (OSError, ValueError) as error:
                logger.debug("The process of %s does not take requests: %s", self._destination.name, error)

    def _supervise(self) -> None:
        """Take the child's reports, and start a new child if it ends too early."""
        seconds = FIRST_RESTART_SECONDS
        while True:
            delivered = self.state.delivered
            self._take_reports()
            if self.state.closed or self._ending.is_set():
                break
            # A child that made progress resets the wait.
            seconds = FIRST_RESTART_SECONDS if self.state.delivered > delivered else seconds
            self.state.last_error = "the worker's process ended"
            logger.error(
                "❌ Logging worker error: the process of %s ended and is restarted; the journal keeps everything",
                self._destination.name,
            )
            if self._ending.wait(seconds) or not self._launch():
                break
            seconds = min(2 * seconds, LONGEST_RESTART_SECONDS)
        self.ended = True
        self._state_changed()

    def _take_reports(self) -> None:
        process = self._process
        assert process is not None and process.stdout is not None
        for line in _lines_until_silence(process.stdout.fileno()):
            try:
                self._take_report(decode_message(line))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                logger.warning("⚠️ Unreadable report of the %s worker: %s", self._destination.name, error)
        # A child that has closed its tracker stays until it is asked to leave: it ends the run of a killed training.
        if not self.state.closed:
            self._kill()

    def _kill(self) -> None:
        process = self._process
        assert process is not None
        _kill_with_children(process.pid)
        process.wait()
        self._close_pipes(process)

    def _close_pipes(self, process: subprocess.Popen[bytes]) -> None:
        with self._sending:
            for stream in (process.stdin, process.stdout):
                assert stream is not None
                try:
                    stream.close()
                except OSError as error:  # unsent requests to a dead child
                    logger.debug("Closing the pipe of %s: %s", self._destination.name, error)

    def _say_not_started(self, error: Exception) -> None:
        self.state.last_error = str(error)
        logger.error(
            "❌ Logging worker error: %s: its process cannot be started: %s; the journal keeps everything",
            self._destination.name,
            error,
        )

    def _take_report(self, report: Request | Report) -> None:
        match report:
            case Ledger(state=state):
                # A new child of a run that was open before has not found out yet whether the server answers.
                self._was_open = self._was_open or bool(state.details)
                if self._was_open:
                    state.no_answer = None
                self.state = state
                self._state_changed()
            case LogMessage(logger=name, level=level, text=text, in_files_only=in_files_only):
                logging.getLogger(name).log(level, "%s", text, extra=IN_FILES_ONLY if in_files_only else None)
            case Operations(operations=operations):
                self._code_profiler.merge(OperationStatistics.from_dictionary(operation) for operation in operations)


def _lines_until_silence(descriptor: int) -> Iterator[bytes]:
    """Yield the lines that a child writes, until it ends or writes nothing for too long."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    rest = b""
    while poll.poll(LONGEST_SILENCE_SECONDS * 1000):
        data = os.read(descriptor, _READ_BYTES)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        yield from lines


def _kill_with_children(process_id: int) -> None:
    import psutil

    try:
        process = psutil.Process(process_id)
        for each in [*process.children(recursive=True), process]:
            each.kill()
    except psutil.NoSuchProcess:
        logger.debug("Process %d is gone already", process_id)
