"""The console of Python: what it writes to `sys.stdout` and `sys.stderr`, for every run that is open."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from seo_engine.tracking.observers.console.records import ConsoleRecords

logger = logging.getLogger(__name__)

_STREAMS = ("stdout", "stderr")

_LONGEST_WAIT_SECONDS = 1.0

_this_thread = threading.local()


@contextmanager
def unheard() -> Iterator[None]:
    """Record nothing of what this thread prints meanwhile.

    It is for trackers that print what they are shown: if that was recorded, it would be shown to them, without end.
    """
    before = getattr(_this_thread, "is_unheard", False)
    _this_thread.is_unheard = True
    try:
        yield
    finally:
        _this_thread.is_unheard = before


class _WatchedStream:
    """Hears what is written to a stream. The stream stays the same object; only its `write` is replaced meanwhile."""

    def __init__(self, name: str, stream: Any, hear: Callable[[str, str], None]) -> None:
        self._stream = stream
        self._write = write = stream.write
        self._is_own = "write" in vars(stream)
        self._is_left = False

        # A user's stream may take more than a text.
        def heard(*arguments: Any, **options: Any) -> Any:
            result = write(*arguments, **options)
            if arguments and not self._is_left:
                try:
                    hear(name, arguments[0])
                except Exception as error:  # no memory is left, or a text is odd: it was printed all the same
                    with unheard():
                        logger.debug("A text that was printed is not recorded: %s", error)
            return result

        self._heard = heard
        stream.write = heard

    def leave(self) -> None:
        """Give the stream its own `write` back; where somebody else has wrapped ours since, ours stays and is deaf."""
        self._is_left = True
        if vars(self._stream).get("write") is not self._heard:
            return
        if self._is_own:
            self._stream.write = self._write
        else:
            del self._stream.write


class PythonConsole:
    """Passes on what Python prints to the records of every open run."""

    def __init__(self) -> None:
        self._records: list[ConsoleRecords] = []
        self._watched: list[_WatchedStream] = []
        # Joining and leaving.
        self._changing = threading.RLock()
        self._heard: deque[tuple[str, str]] = deque()
        self._recording = threading.Lock()

    def join(self, records: ConsoleRecords) -> None:
        """Record from now on what is printed.

        Args:
            records (ConsoleRecords): Those of a run.
        """
        with self._changing:
            self._records = [*self._records, records]
            if len(self._records) == 1:
                self._watch()

    def leave(self, records: ConsoleRecords) -> None:
        """Record nothing more for a run; a second call does nothing.

        Args:
            records (ConsoleRecords): Those of the run.
        """
        with self._changing:
            if records not in self._records:
                return
            # Not for ever: a signal handler that closes the run may have interrupted this thread while it records.
            is_ours = self._recording.acquire(timeout=_LONGEST_WAIT_SECONDS)
            try:
                self._record()
            finally:
                self._records = [each for each in self._records if each is not records]
                if is_ours:
                    self._recording.release()
            if not self._records:
                for watched in self._watched:
                    watched.leave()
                self._watched = []
        records.close()

    def renew_after_fork(self) -> None:
        """Replace the locks, which threads of the parent process may hold, and forget what it records."""
        self._changing, self._recording = threading.RLock(), threading.Lock()
        self._heard.clear()
        for records in self._records:
            records.renew_after_fork()

    def _watch(self) -> None:
        for name in _STREAMS:
            stream = getattr(sys, name)
            # Both names may stand for one object.
            if stream is None or (name == "stderr" and stream is sys.stdout):
                continue
            try:
                self._watched.append(_WatchedStream(name, stream, self._hear))
            except Exception as error:  # a user's object that is closed to changes, with an error of its own
                logger.debug("What is written to sys.%s is not recorded: %s", name, error)

    def _hear(self, stream: str, text: str) -> None:
        if not isinstance(text, str) or not text or getattr(_this_thread, "is_unheard", False):
            return
        self._heard.append((stream, text))
        # Never waits: another thread that records may itself wait for this one, to print a warning. It records this,
        # too; so does this thread, if it is recording already.
        while self._heard and self._recording.acquire(blocking=False):
            try:
                self._record()
            finally:
                self._recording.release()

    def _record(self) -> None:
        while self._heard:
            stream, text = self._heard.popleft()
            for records in self._records:
                records.feed(stream, text)


PYTHON_CONSOLE = PythonConsole()
os.register_at_fork(after_in_child=PYTHON_CONSOLE.renew_after_fork)
