"""Documents -> pages, read in processes that are replaced when a document ends them.

All documents are read there, not only suspicious ones. Nobody can tell from a document's text how long a parser will
take: it is quadratic in more than one thing. And a site is read on all cores this way.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Self

from seo_engine.engine.site.document.main_text import Repetition
from seo_engine.engine.site.page import TOO_COSTLY, UNREADABLE, Page
from seo_engine.engine.site.reading.reading_process import TO_KNOW, TO_READ, TO_SURVEY, take_frame, write_frame
from seo_engine.engine.site.reading.request import NOT_STORED, ReadingRequest
from seo_engine.foundation.extras import import_of_extra
from seo_engine.foundation.interpreter import NoInterpreterError, child_command, import_line, start_interpreter
from seo_engine.foundation.standard_streams import keep_standard_streams_taken

logger = logging.getLogger(__name__)

_LIBRARIES = ("selectolax.lexbor", "webencodings", "chardet", "ada_url", "msgspec.msgpack")

_PROGRAM = "seo_engine.engine.site.reading.reading_process"

# A process has this many documents before it, so that it need not wait for its parent. Even with the longest paths
# they fit into a pipe: writing more would wait for a process that waits for its parent.
_WAITING = 3

# Pages come in the order of their documents: so many may wait for one that takes longer.
_MOST_AHEAD = 256

# A process takes as long to start as to read about this many pages.
_WORTH_A_PROCESS = 100

_LONGEST_EXIT_SECONDS = 10.0

# What ends a process by these is no document: its own limits send others.
_FROM_OUTSIDE = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)

# A process that ends before it can read would end again.
_MOST_FAILED_STARTS = 2


class ReadingProcessError(RuntimeError):
    """A process that reads documents could not be started; the message says why."""


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def _without_signal_of_pipes() -> Iterator[None]:
    """Keep a pipe that nobody reads from ending this process, as commands let it that write into others."""
    if signal.getsignal(signal.SIGPIPE) is not signal.SIG_DFL:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
    try:
        yield
        if signal.SIGPIPE not in before and hasattr(signal, "sigtimedwait"):
            signal.sigtimedwait({signal.SIGPIPE}, 0)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Process:
    """A process that reads, and the documents that it has not answered yet."""

    def __init__(self) -> None:
        keep_standard_streams_taken()
        self.waiting: deque[tuple[int, ReadingRequest]] = deque()
        self.received = bytearray()
        self.can_read = False
        # Not a pipe, which somebody would have to empty.
        self.errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the process is gone)
        process: Any = start_interpreter(child_command(_PROGRAM), stdout=subprocess.PIPE, stderr=self.errors)
        self.process = process
        self.input: Any = process.stdin
        self.output: Any = process.stdout
        self.input.write(import_line())

    def send(self, message: bytes) -> None:
        with _without_signal_of_pipes():
            try:
                write_frame(self.input, message)
            except BrokenPipeError:
                # It has ended; its output says so, too, and then all that waits is read by another.
                logger.debug("A process that reads has ended")

    def end(self, *, has_ended: bool = False) -> int:
        """End it, and return what it ended with."""
        if has_ended:
            # It has closed its output, and may still be about to exit.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_LONGEST_EXIT_SECONDS)
        self.process.kill()
        for stream in (self.input, self.output):
            with _without_signal_of_pipes():
                try:
                    stream.close()
                except BrokenPipeError:
                    logger.debug("What was not sent yet is of no use")
        return int(self.process.wait())

    def discard(self) -> None:
        """End it, and forget what it has printed."""
        self.end()
        self.errors.close()

    def last_error(self) -> str:
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "no message")


class _Work:
    """The documents that are asked for, and how far that is."""

    def __init__(self, requests: Iterator[tuple[int, ReadingRequest]], kind: bytes) -> None:
        self.requests = requests
        self.kind = kind
        self.again: deque[tuple[int, ReadingRequest]] = deque()
        # Documents whose process was killed once.
        self.killed: set[int] = set()
        self.answers: dict[int, bytes | Page] = {}
        self.asked = 0
        self.following = 0


class ReadingProcesses:
    """Reads documents in processes of their own, which end with the `with` block.

    Args:
        most (int | None): How many processes at most; None for one for each core.

    Raises:
        MissingExtraError: If the extra `site` is not installed.
    """

    def __init__(self, most: int | None = None) -> None:
        for library in _LIBRARIES:
            import_of_extra(library, extra="site", needed_by="reading a page")
        self._msgpack = import_of_extra("msgspec.msgpack", extra="site", needed_by="reading a page")
        if most is not None and most < 1:
            raise ValueError(f"processes={most}: it takes at least one process to read pages")
        self._most = most or _cores()
        self._owner = os.getpid()
        self._processes: list[_Process] = []
        self._selector = selectors.DefaultSelector()
        self._knowledge = b""
        self._failed_starts = 0
        self._work = _Work(iter(()), b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        # A forked process has them, too, and they are not its own.
        if self._is_owner():
            for process in self._processes:
                process.discard()
            self._selector.close()

    def survey(self, requests: Iterable[ReadingRequest]) -> Iterator[set[int]]:
        """Yield for each document what its site may repeat; nothing for one that cannot be read.

        Args:
            requests (Iterable[ReadingRequest]): The documents. They are taken as they are needed.

        Raises:
            ReadingProcessError: If no process can be started.
        """
        decoder = self._msgpack.Decoder(set[int])
        for answer in self._answers(requests, TO_SURVEY):
            yield set() if isinstance(answer, Page) else decoder.decode(answer)

    def know(self, repetition: Repetition) -> None:
        """Tell the processes what the site repeats, before they read it."""
        self._knowledge = TO_KNOW + self._msgpack.encode(repetition)
        for process in self._processes:
            process.send(self._knowledge)

    def read(self, requests: Iterable[ReadingRequest]) -> Iterator[Page]:
        """Yield a page for each document, in their order.

        Args:
            requests (Iterable[ReadingRequest]): The documents. They are taken as they are needed.

        Raises:
            ReadingProcessError: If no process can be started.
        """
        decoder = self._msgpack.Decoder(Page)
        for answer in self._answers(requests, TO_READ):
            yield answer if isinstance(answer, Page) else decoder.decode(answer)

    def _answers(self, requests: Iterable[ReadingRequest], kind: bytes) -> Iterator[bytes | Page]:
        """Yield what the processes answer, in the order of the documents; a page for one that ended its process."""
        work = self._work = _Work(enumerate(requests), kind)
        try:
            while True:
                self._ask()
                while work.following in work.answers:
                    yield work.answers.pop(work.following)
                    work.following += 1
                    self._ask()
                if not any(process.waiting for process in self._processes):
                    return
                for key, _ in self._selector.select():
                    self._receive(key.data)
        finally:
            # Somebody may take no more of these answers; they must not be taken for those to other questions.
            for process in [each for each in self._processes if each.waiting and self._is_owner()]:
                self._remove(process)
                process.discard()

    def _ask(self) -> None:
        """Give documents to the processes that have room for them."""
        work = self._work
        while work.again or work.asked - work.following < _MOST_AHEAD:
            process = min(self._processes, key=lambda each: len(each.waiting), default=None)
            is_full = process is None or len(process.waiting) >= _WAITING
            if is_full and len(self._processes) >= min(self._most, 1 + work.asked // _WORTH_A_PROCESS):
                return
            asked = work.again.popleft() if work.again else next(work.requests, None)
            if asked is None:
                return
            if process is None or is_full:
                process = self._started()
            number, request = asked
            work.asked = max(work.asked, number + 1)
            process.waiting.append((number, request))
            process.send(work.kind + self._msgpack.encode(request))

    def _started(self) -> _Process:
        try:
            process = _Process()
        except (OSError, NoInterpreterError) as error:
            raise ReadingProcessError(f"a process that reads pages cannot be started: {error}") from None
        if self._knowledge:
            process.send(self._knowledge)
        self._processes.append(process)
        self._selector.register(process.output, selectors.EVENT_READ, process)
        return process

    def _receive(self, process: _Process) -> None:
        received = os.read(process.output.fileno(), 1 << 20)
        if not received:
            self._replace(process)
            return
        process.received += received
        while (contents := take_frame(process.received)) is not None:
            if not process.can_read:
                process.can_read = True
                continue
            number, _ = process.waiting.popleft()
            self._work.answers[number] = contents

    def _replace(self, process: _Process) -> None:
        """Say of the document that ended a process that it did, and have the others read by another."""
        self._remove(process)
        ended_with = process.end(has_ended=True)
        if ended_with in _FROM_OUTSIDE and process.waiting and process.waiting[0][0] not in self._work.killed:
            # Somebody, or a system without memory, has ended it; that says nothing of the document.
            self._work.killed.add(process.waiting[0][0])
        elif process.can_read and process.waiting:
            number, request = process.waiting.popleft()
            self._work.answers[number] = self._unread(request, ended_with, process)
        elif not process.can_read:
            self._failed_starts += 1
            if self._failed_starts >= _MOST_FAILED_STARTS:
                raise ReadingProcessError(f"a process that reads pages ends at once: {process.last_error()}")
        self._work.again.extendleft(reversed(process.waiting))
        process.errors.close()

    def _is_owner(self) -> bool:
        return os.getpid() == self._owner

    def _remove(self, process: _Process) -> None:
        self._selector.unregister(process.output)
        self._processes.remove(process)

    @staticmethod
    def _unread(request: ReadingRequest, ended_with: int, process: _Process) -> Page:
        file = Path(os.fsdecode(request.file))
        size = file.stat().st_size if request.record_at == NOT_STORED and file.exists() else 0
        if ended_with < 0:
            logger.debug("%s ended its process by signal %s", request.path, signal.Signals(-ended_with).name)
            return request.unread(TOO_COSTLY, size)
        logger.error("❌ %s could not be read: %s", request.path, process.last_error())
        return request.unread(UNREADABLE, size)
