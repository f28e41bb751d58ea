"""AwaitedQueue: the queue to a journal that another process has not created yet."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from seo_engine.tracking.journal.logging_queue import RETRY_SECONDS, LoggingQueue
from seo_engine.tracking.journal.rank_files import JOURNAL, journal_to_append_to

logger = logging.getLogger(__name__)

_NOT_OPEN = -1


class AwaitedQueue(LoggingQueue):
    """Keeps lines in memory until another process has created the journal, and then appends to that.

    It creates no file and no folder: whether there will be a run is up to the other process.

    Args:
        run_directory (Path): Where the run will be.
        rank (int): Rank of this process, for a run that has a journal for each.

    Example:
        >>> import tempfile
        >>> directory = Path(tempfile.mkdtemp())
        >>> awaited = AwaitedQueue(directory, 0)
        >>> awaited.append(b'{"kind":"text"}' + b"\\n")
        >>> len(awaited.waiting), awaited.size()
        (1, 0)
        >>> LoggingQueue(directory / JOURNAL).append(b'{"kind":"start"}' + b"\\n")
        >>> awaited.write_waiting()
        >>> len(awaited.waiting)
        0
    """

    def __init__(self, run_directory: Path, rank: int) -> None:
        self._run_directory = run_directory
        self._rank = rank
        self._stopped = threading.Event()
        # Reentrant: a signal handler that logs may interrupt the thread that holds it.
        self._looking = threading.RLock()
        super().__init__(run_directory / JOURNAL)

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
            try:
                path = journal_to_append_to(self._run_directory, self._rank)
                if path is not None and not self._stopped.is_set():
                    self.path = path
                    self.descriptor = super()._open()
                    return True
            except (OSError, ValueError) as error:
                logger.debug("There is no run yet: %s", error)
            return False
