"""JournalUpkeep: what a journal needs done once a second, so that no caller waits for it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.payloads.payload_file import PayloadFile

logger = logging.getLogger(__name__)

UPKEEP_SECONDS = 1.0

# How often to retry while closing, if the disk refuses lines.
CLOSING_LOOK_SECONDS = 0.2


class JournalUpkeep:
    """A thread that keeps the journal safe: synced to disk, complete, and in its place.

    Args:
        logging_queue (LoggingQueue): The journal.
        keep_up (Callable[[], None]): What else is due once a second; it does not raise.
        payload_file (PayloadFile | None): What its records refer to, if this process writes them.
    """

    def __init__(
        self,
        logging_queue: LoggingQueue,
        keep_up: Callable[[], None] = lambda: None,
        payload_file: PayloadFile | None = None,
    ) -> None:
        self._logging_queue = logging_queue
        self._payload_file = payload_file
        self._keep_up = keep_up
        self._also: Callable[[], None] = lambda: None
        self._synchronized_bytes = 0
        self._failed = False
        self._closing = threading.Event()
        self._closing_deadline = 0.0
        # A daemon: a disk that hangs must not keep the interpreter from exiting.
        self._thread = threading.Thread(target=self._run, name="journal-upkeep-thread", daemon=True)

    def also(self, keep_up: Callable[[], None]) -> None:
        """Do something else once a second, too.

        Args:
            keep_up (Callable[[], None]): Is called from now on, while the files are in place; it does not raise.
        """
        self._also = keep_up

    def start(self) -> None:
        """Start the thread; if that fails, `close` does its work."""
        try:
            self._thread.start()
        except RuntimeError as error:
            logger.error("❌ The journal is not synced to disk until the run ends: %s", error)

    def close(self, timeout_seconds: float) -> None:
        """Continue until no line waits in memory, and end the thread.

        Args:
            timeout_seconds (float): The longest time to wait for the disk.
        """
        self._closing_deadline = time.monotonic() + timeout_seconds
        self._closing.set()
        if self._thread.ident is None:
            self._run()
        else:
            self._thread.join(timeout_seconds)

    def once(self) -> None:
        """Restore a deleted journal, write the lines that wait in memory, and sync what is new to disk."""
        is_in_place = self._succeeds(self._put_in_place)
        # Before the sync, which may take long.
        self._keep_up()
        if is_in_place:
            self._also()
        self._failed = not (self._succeeds(self._synchronize) and is_in_place)

    def _put_in_place(self) -> None:
        if self._payload_file is not None:
            # Before the records that refer to it.
            self._payload_file.restore()
        if self._logging_queue.restore():
            self._synchronized_bytes = 0
            logger.warning("⚠️ %s was deleted and has been recreated", self._logging_queue.path)
        self._logging_queue.write_waiting()

    def _synchronize(self) -> None:
        size = self._logging_queue.size()
        if size != self._synchronized_bytes:
            if self._payload_file is not None:
                self._payload_file.synchronize()
            self._logging_queue.synchronize()
            self._synchronized_bytes = size

    def _succeeds(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except OSError as error:
            if not self._failed:
                logger.error("❌ The journal is not safely on disk: %s", error)
            self._failed = True
            return False
        return True

    def _run(self) -> None:
        while not self._closing.wait(UPKEEP_SECONDS):
            self.once()
        self.once()
        while self._logging_queue.waiting and time.monotonic() < self._closing_deadline:
            time.sleep(CLOSING_LOOK_SECONDS)
            self.once()
