"""ChildSupervisor: a LoggingWorker in a child process that is started again when it dies or hangs."""

from __future__ import annotations

import logging
import os
import select
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.statistics.operation_statistics import OperationStatistics
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery.child.child_log import ChildLog
from seo_engine.tracking.delivery.child.child_process import disown_child, start_child
from seo_engine.tracking.delivery.child.interpreter import NoInterpreterError, child_command, import_line
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

# Until its first report it imports, perhaps over a network.
LONGEST_START_SECONDS = 30.0

# No further child is started after this many in a row that delivered nothing; fewer if none has ever reported.
MOST_CHILDREN_IN_VAIN = 10
MOST_FAILED_STARTS = 3

MOST_REMEMBERED_TEXTS = 100

# Waits before a child is restarted, doubled each time.
FIRST_RESTART_SECONDS = 0.5
LONGEST_RESTART_SECONDS = 30.0

_READ_BYTES = 64 * 1024

# By its name, because it imports what only a child needs.
_MAIN_PROGRAM = "seo_engine.tracking.delivery.delivery_process"


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
        log (ChildLog): Takes what the child prints.
    """

    def __init__(
        self,
        destination: Destination,
        run_directory: Path,
        config: TrackingConfig,
        code_profiler: CodeProfiler,
        state_changed: Callable[[], None],
        previous: DeliveryState,
        log: ChildLog,
    ) -> None:
        self.state = DeliveryState(failed_records=list(previous.failed_records))
        self.ended = False
        self._was_open = False
        # What this child said, and what earlier ones did: a new one begins by saying the same again.
        self._said: set[str] = set()
        self._said_earlier: frozenset[str] = frozenset()
        self._destination = destination
        self._run_directory = run_directory
        self._config = config
        self._code_profiler = code_profiler
        self._state_changed = state_changed
        self._log = log
        # As they are at the first start: the training may change its working folder before a later one.
        self._command: list[str] = []
        self._import_line = b""
        self._has_reported = self._has_ever_reported = False
        self._process: subprocess.Popen[bytes] | None = None
        self._close_status: str | None = None
        self._ending = threading.Event()
        self._sending = threading.Lock()
        self._thread = threading.Thread(
            target=self._supervise, name=f"{destination.name}-supervisor-thread", daemon=True
        )

    def start(self) -> None:
        """Start the child; it opens the tracker."""
        try:
            self._command, self._import_line = child_command(_MAIN_PROGRAM), import_line()
        except NoInterpreterError as error:
            self._give_up(str(error))
            return
        if not self._launch():
            return
        try:
            self._thread.start()
        except RuntimeError as error:
            self._give_up(str(error))
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
        if self._process is not None:
            disown_child(self._process)
            self._process = None

    def _launch(self) -> bool:
        self._said_earlier = frozenset(self._said)
        environment = dict(os.environ)
        self._destination.tracker.prepare_environment(environment)
        arguments = [str(self._run_directory.absolute()), self._destination.name, str(os.getpid())]
        try:
            self._process = start_child([*self._command, *arguments], self._log, environment, reports=True)
        except OSError as error:
            self._give_up(str(error))
            return False
        self._write(self._import_line)
        self._send(Begin(self._config.as_dictionary(), self.state))
        if self._close_status is not None:
            self.request_close(self._close_status)
        return True

    def _send(self, request: Request) -> None:
        self._write(encode_message(request))

    def _write(self, line: bytes) -> None:
        with self._sending:
            if self._process is None or self._process.stdin is None:
                return
            try:
                self._process.stdin.write(line)
                self._process.stdin.flush()
            except (OSError, ValueError) as error:
                logger.debug("The process of %s does not take requests: %s", self._destination.name, error)

    def _supervise(self) -> None:
        """Take the child's reports, and start a new child if it ends too early."""
        seconds = FIRST_RESTART_SECONDS
        in_vain = 0
        while True:
            was_of_use = self._take_reports()
            if self.state.closed or self._ending.is_set():
                break
            if was_of_use:
                seconds, in_vain = FIRST_RESTART_SECONDS, 0
            in_vain += 1
            if in_vain == (MOST_CHILDREN_IN_VAIN if self._has_ever_reported else MOST_FAILED_STARTS):
                self._give_up(f"{self._log.last_words()} ({self._command[0]})")
                break
            if self._has_ever_reported:
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

    def _take_reports(self) -> bool:
        """Take the reports of one child until it ends, and return whether it delivered anything, or had nothing to."""
        process = self._process
        assert process is not None and process.stdout is not None
        self._has_reported = was_of_use = False
        delivered = self.state.delivered
        for line in _lines_until_silence(process.stdout.fileno(), lambda: self._has_reported):
            try:
                self._take_report(report := decode_message(line))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                # Before the first report, something else may print, such as a user's `sitecustomize`.
                level = logging.WARNING if self._has_reported else logging.DEBUG
                logger.log(level, "⚠️ Unreadable report of the %s worker: %s", self._destination.name, error)
                continue
            self._has_reported = self._has_ever_reported = True
            if isinstance(report, Ledger):
                is_up_to_date = bool(report.state.details) and not report.state.pending
                was_of_use = was_of_use or is_up_to_date or report.state.delivered > delivered
        # A child that has closed its tracker stays until it is asked to leave: it ends the run of a killed training.
        if not self.state.closed:
            self._kill()
        return was_of_use

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

    def _give_up(self, reason: str) -> None:
        self.state.last_error = reason
        logger.error(
            "❌ Logging worker error: %s: its process is given up: %s; the journal keeps everything",
            self._destination.name,
            reason,
        )
        self.ended = True

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
                extra = IN_FILES_ONLY if in_files_only else None
                is_repeated = text in self._said_earlier
                logging.getLogger(name).log(logging.DEBUG if is_repeated else level, "%s", text, extra=extra)
                if len(self._said) < MOST_REMEMBERED_TEXTS:
                    self._said.add(text)
            case Operations(operations=operations):
                self._code_profiler.merge(OperationStatistics.from_dictionary(operation) for operation in operations)


def _lines_until_silence(descriptor: int, has_reported: Callable[[], bool]) -> Iterator[bytes]:
    """Yield the lines that a child writes, until it ends, writes nothing for too long, or writes no report at all."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    rest = b""
    start_deadline = time.monotonic() + LONGEST_START_SECONDS
    while True:
        seconds = LONGEST_SILENCE_SECONDS if has_reported() else start_deadline - time.monotonic()
        if seconds <= 0 or not poll.poll(1000 * seconds):
            return
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
