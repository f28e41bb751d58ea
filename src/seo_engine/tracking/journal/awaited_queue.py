"""AwaitedQueue: the queue to a journal that another process has not created yet."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

from seo_engine.tracking.journal.lines import LINE_BEGINNING
from seo_engine.tracking.journal.logging_queue import RETRY_SECONDS, LoggingQueue

logger = logging.getLogger(__name__)

_NOT_OPEN = -1


class AwaitedQueue(LoggingQueue):
    """Keeps lines in memory until another process has created the journal, and then appends to that.

    It creates no file and no folder: whether there will be a run is up to the other process.

    Args:
        path (str | Path): Where the journal will be.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/journal.jsonl"
        >>> awaited = AwaitedQueue(path)
        >>> awaited.append(b'{"kind":"text"}' + b"\\n")
        >>> len(awaited.waiting), awaited.size()
        (1, 0)
        >>> LoggingQueue(path).append(b'{"kind":"start"}' + b"\\n")
        >>> awaited.write_waiting()
        >>> len(awaited.waiting)
        0
    """

    def __init__(self, path: str | Path) -> None:
        self._stopped = threading.Event()
        # Reentrant: a signal handler that logs may interrupt the thread that holds it.
        self._looking = threading.RLock()
        super().__init__(path)

    def renew_after_fork(self) -> None:
        """Start over in a forked child, with nothing that waits."""
        # The thread may have held it at the fork.
        self._looking = threading.RLock()
        super().renew_after_fork()

    def _open(self) -> int:
        return _NOT_OPEN

    def append(self, line: bytes) -> None:
        """Append one line, or keep it until there is a journal.

        Args:
            line (bytes): Content and newline.
        """
        if self.descriptor == _NOT_OPEN and not self._stopped.is_set():
            self._wait(line)
        else:
            super().append(line)

    def size(self) -> int:
        """Return the size of the journal in bytes; 0 if there is none yet."""
        return 0 if self.descriptor == _NOT_OPEN else super().size()

    def write_waiting(self) -> None:
        """Write the lines that wait in memory, if there is a journal now."""
        if self.descriptor == _NOT_OPEN and not self._appears():
            return
        super().write_waiting()

    def start_waiting(self) -> None:
        """Look once a second whether the journal has appeared, in a thread that ends when it has."""
        try:
            threading.Thread(target=self._look, name="awaited-run-thread", daemon=True).start()
        except RuntimeError as error:
            logger.debug("The next call looks for the run: %s", error)

    def close(self) -> None:
        """Close the file, and stop waiting for it."""
        self._stopped.set()
        super().close()

    def _look(self) -> None:
        while self.descriptor == _NOT_OPEN and not self._stopped.wait(RETRY_SECONDS):
            self.write_waiting()

    def _appears(self) -> bool:
        """Open the journal once its first line shows that a run has begun."""
        # A call and the thread may look at the same time.
        with self._looking:
            if self.descriptor != _NOT_OPEN:
                return True
            descriptor = _NOT_OPEN
            try:
                descriptor = os.open(self.path, self._flags & ~os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK)
                if os.pread(descriptor, len(LINE_BEGINNING), 0) == LINE_BEGINNING and not self._stopped.is_set():
                    self.descriptor = descriptor
                    return True
            except (OSError, ValueError) as error:  # a FIFO or another file that is no journal, too
                logger.debug("There is no run yet: %s", error)
            if descriptor != _NOT_OPEN:
                os.close(descriptor)
            return False
