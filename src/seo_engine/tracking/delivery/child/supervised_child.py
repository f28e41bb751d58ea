"""SupervisedChild: a child process that is started again when it dies or hangs."""

from __future__ import annotations

import logging
import os
import select
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from seo_engine.foundation.interpreter import NoInterpreterError, child_command, disown_child, import_line
from seo_engine.tracking.delivery.child.child_log import ChildLog
from seo_engine.tracking.delivery.child.child_process import start_child
from seo_engine.tracking.delivery.child.messages import (
    Leave,
    LogMessage,
    Report,
    Request,
    decode_message,
    encode_message,
)
from seo_engine.tracking.runs.console import IN_FILES_ONLY

logger = logging.getLogger(__name__)

# A child reports every second that it is alive. One that is silent for this long is stuck.
LONGEST_SILENCE_SECONDS = 10.0

# Until its first report it imports, perhaps over a network.
LONGEST_START_SECONDS = 30.0

# No further child is started after this many in a row that were of no use; fewer if none has ever reported.
MOST_CHILDREN_IN_VAIN = 10
MOST_FAILED_STARTS = 3

MOST_REMEMBERED_TEXTS = 100

# Waits before a child is restarted, doubled each time.
FIRST_RESTART_SECONDS = 0.5
LONGEST_RESTART_SECONDS = 30.0

_READ_BYTES = 64 * 1024


class SupervisedChild(ABC):
    """A child process, which takes requests on its standard input and reports on its standard output, as JSON lines.

    A subclass says what it begins with and what its reports mean.

    Args:
        name (str): What it delivers to, for messages.
        main_program (str): The child's module; by its name, because it imports what only a child needs.
        arguments (Sequence[str]): The child's own arguments.
        log (ChildLog): Takes what the child prints.
    """

    def __init__(self, name: str, main_program: str, arguments: Sequence[str], log: ChildLog) -> None:
        self.ended = False
        self.last_error: str | None = None
        self._name = name
        self._main_program = main_program
        self._arguments = arguments
        self._log = log
        # What this child said, and what earlier ones did: a new one begins by saying the same again.
        self._said: set[str] = set()
        self._said_earlier: frozenset[str] = frozenset()
        # As they are at the first start: the training may change its working folder before a later one.
        self._command: list[str] = []
        self._import_line = b""
        self._has_reported = self._has_ever_reported = False
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()
        self._is_let_go = False
        self._sending = threading.Lock()
        self._thread = threading.Thread(target=self._supervise, name=f"{name}-supervisor-thread", daemon=True)

    @abstractmethod
    def beginning(self) -> list[Request]:
        """Return the first requests to a new child."""

    @abstractmethod
    def take_report(self, report: Request | Report) -> bool:
        """Take a report, and return whether it shows that this child is of use."""

    @property
    @abstractmethod
    def has_done_its_work(self) -> bool:
        """bool: Whether a child that ends now need not be started again."""

    def variables(self) -> dict[str, str]:
        """Return the environment variables of a new child."""
        return dict(os.environ)

    def state_changed(self) -> None:
        """Hear that the child was lost or given up, or has ended."""
        return None

    def start(self) -> None:
        """Start the child, and look after it in a thread."""
        try:
            self._command, self._import_line = child_command(self._main_program), import_line()
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

    def send(self, request: Request) -> None:
        """Send a request; a child that is gone does not get it."""
        self._write(encode_message(request))

    def end(self) -> None:
        """Dismiss a child that has reported its end; kill one that hangs, as the journal keeps the backlog."""
        process = self._process
        if process is None:
            return
        self._is_let_go = False
        self._ending.set()
        if self.ended:
            self.send(Leave())
            self._close_pipes(process)
        try:
            process.wait(timeout=2.0 if self.ended else 0.0)
        except subprocess.TimeoutExpired:
            _kill_with_children(process.pid)
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)

    def let_go(self) -> None:
        """Leave the child to itself, which has more to do than this process, but is started again while this one is."""
        self._is_let_go = True
        self._ending.set()

    def disown_after_fork(self) -> None:
        """Close the pipes in a forked process: the child must see their ends when the training process dies."""
        if self._process is not None:
            disown_child(self._process)
            self._process = None

    def _launch(self) -> bool:
        self._said_earlier = frozenset(self._said)
        try:
            self._process = start_child([*self._command, *self._arguments], self._log, self.variables(), reports=True)
        except OSError as error:
            self._give_up(str(error))
            return False
        self._write(self._import_line)
        for request in self.beginning():
            self.send(request)
        return True

    def _write(self, line: bytes) -> None:
        with self._sending:
            if self._process is None or self._process.stdin is None:
                return
            try:
                self._process.stdin.write(line)
                self._process.stdin.flush()
            except (OSError, ValueError) as error:
                logger.debug("The process of %s does not take requests: %s", self._name, error)

    def _supervise(self) -> None:
        """Take the child's reports, and start a new child if it ends too early."""
        seconds = FIRST_RESTART_SECONDS
        in_vain = 0
        while True:
            was_of_use = self._take_reports()
            if self.has_done_its_work or (self._ending.is_set() and not self._is_let_go):
                break
            if was_of_use:
                seconds, in_vain = FIRST_RESTART_SECONDS, 0
            in_vain += 1
            if in_vain == (MOST_CHILDREN_IN_VAIN if self._has_ever_reported else MOST_FAILED_STARTS):
                self._give_up(f"{self._log.last_words()} ({self._command[0]})")
                break
            if self._has_ever_reported:
                self.last_error = "the worker's process ended"
                logger.error(
                    "❌ Logging worker error: the process of %s ended and is restarted; the journal keeps everything",
                    self._name,
                )
                self.state_changed()
            if (self._ending.wait(seconds) and not self._is_let_go) or not self._launch():
                break
            seconds = min(2 * seconds, LONGEST_RESTART_SECONDS)
        if self._is_let_go and self._process is not None:
            self._process.wait()
            self._close_pipes(self._process)
        self.ended = True
        self.state_changed()

    def _take_reports(self) -> bool:
        """Take the reports of one child until it ends, and return whether it was of use."""
        process = self._process
        assert process is not None and process.stdout is not None
        self._has_reported = was_of_use = False
        for line in self._lines_until_silence(process.stdout.fileno()):
            try:
                report = decode_message(line)
                if isinstance(report, LogMessage):
                    self._repeat(report)
                else:
                    was_of_use = self.take_report(report) or was_of_use
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                # Before the first report, something else may print, such as a user's `sitecustomize`.
                level = logging.WARNING if self._has_reported else logging.DEBUG
                logger.log(level, "⚠️ Unreadable report of the %s worker: %s", self._name, error)
                continue
            self._has_reported = self._has_ever_reported = True
        # A child that has done its work stays until it is asked to leave: it ends the run of a killed training.
        if not self.has_done_its_work and not self._is_let_go:
            self._kill()
        return was_of_use

    def _lines_until_silence(self, descriptor: int) -> Iterator[bytes]:
        """Yield the lines that a child writes, until it ends, or writes nothing or no report for too long."""
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        rest = b""
        start_deadline = time.monotonic() + LONGEST_START_SECONDS
        while True:
            seconds = LONGEST_SILENCE_SECONDS if self._has_reported else start_deadline - time.monotonic()
            if self._is_let_go:
                # It may be silent for longer while it has its own end to make. Its pipe must not fill up.
                seconds = LONGEST_SILENCE_SECONDS
            if seconds <= 0:
                return
            if not poll.poll(1000 * seconds):
                if self._is_let_go:
                    continue
                return
            data = os.read(descriptor, _READ_BYTES)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            yield from lines

    def _repeat(self, message: LogMessage) -> None:
        """Log in this process what the child has logged."""
        extra = IN_FILES_ONLY if message.in_files_only else None
        level = logging.DEBUG if message.text in self._said_earlier else message.level
        logging.getLogger(message.logger).log(level, "%s", message.text, extra=extra)
        if len(self._said) < MOST_REMEMBERED_TEXTS:
            self._said.add(message.text)

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
                    logger.debug("Closing the pipe of %s: %s", self._name, error)

    def _give_up(self, reason: str) -> None:
        self.last_error = reason
        logger.error(
            "❌ Logging worker error: %s: its process is given up: %s; the journal keeps everything",
            self._name,
            reason,
        )
        self.ended = True
        self.state_changed()


def _kill_with_children(process_id: int) -> None:
    import psutil

    try:
        process = psutil.Process(process_id)
        for each in [*process.children(recursive=True), process]:
            each.kill()
    except psutil.NoSuchProcess:
        logger.debug("Process %d is gone already", process_id)
