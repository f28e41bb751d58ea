"""LoggingQueue: the journal file as a queue that survives the process."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from pathlib import Path

from seo_engine.foundation.whole_files import PRIVATE_FILE, copy_from
from seo_engine.tracking.journal.reader import JournalReader
from seo_engine.tracking.journal.waiting_lines import MAXIMUM_WAITING_BYTES, WaitingLines

logger = logging.getLogger(__name__)

# How often to retry while the disk refuses lines.
RETRY_SECONDS = 1.0

# How often a process without journal upkeep checks whether the file was recreated.
FOLLOW_SECONDS = 1.0


class LoggingQueue(JournalReader):
    """Appends lines to a run's journal, and reads them from a position.

    Any number of threads and processes may append at the same time: each line is one `write` on a descriptor
    opened `O_APPEND`, so lines do not mix, and the page cache keeps them when the process dies.

    Args:
        path (str | Path): The journal; created if missing.

    Raises:
        OSError: If the file cannot be opened for writing.

    Example:
        >>> import tempfile
        >>> from seo_engine.tracking.journal.reader import Position
        >>> logging_queue = LoggingQueue(tempfile.mkdtemp() + "/journal.jsonl")
        >>> logging_queue.append(b'{"kind": "text"}' + b"\\n")
        >>> logging_queue.read(Position())
        [JournalLine(content=b'{"kind": "text"}', end=Position(offset=17, number=1))]
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        self.waiting = WaitingLines()
        self._retry_at = 0.0
        self._written_late = 0
        self._is_gone = False
        self._follow_at = 0.0
        self.follows_by_itself = False
        size = self.size()
        # A torn last line, left by a killed writer, must not spoil the next one. If a living writer is in the middle of
        # its line, a blank line follows it.
        if size and os.pread(self.descriptor, 1, size - 1) != b"\n":
            os.write(self.descriptor, b"\n")

    def append(self, line: bytes) -> None:
        """Append one line; once this returns, a kill of the process does not lose it.

        Lines that the disk refuses wait in memory, at most `MAXIMUM_WAITING_BYTES`, until it takes them.

        Args:
            line (bytes): Content and newline.
        """
        if self.follows_by_itself and time.monotonic() >= self._follow_at:
            self._follow_at = time.monotonic() + FOLLOW_SECONDS
            # What is written to a file that was deleted is lost.
            self._see_whether_gone()
            self.follow()
        if self.waiting.lines or self._is_gone:
            # After the lines that already wait.
            self._wait(line)
            return
        try:
            written = os.write(self.descriptor, line)
        except OSError as error:
            self._take_refused(line, error)
        else:
            if written != len(line):
                self.append_again(line)

    def append_again(self, line: bytes) -> None:
        """Append a line of which the disk took only a part."""
        try:
            self._append_again(line)
        except OSError as error:
            self._take_refused(line, error)

    def write_waiting(self) -> None:
        """Write the lines that wait in memory, if the disk takes them now."""
        if not self.waiting:
            return
        if self._is_gone:
            self._see_whether_gone()
            if self._is_gone:
                return
            self.follow()
        self._retry_at = time.monotonic() + RETRY_SECONDS
        try:
            self.waiting.write(self._append_late)
        except OSError as error:
            logger.debug("The journal cannot be written yet: %s", error)
        else:
            count, self._written_late = self._written_late, 0
            logger.info("✅ The journal can be written again; it now holds %d records that were waiting", count)

    def synchronize(self) -> None:
        """Sync what was appended to disk, so that a power cut does not lose it; this may be slow."""
        os.fsync(self.descriptor)

    def restore(self) -> bool:
        """Recreate the journal if its folder was deleted; the open descriptor still holds all of it.

        Returns:
            bool: Whether it was recreated.

        Raises:
            OSError: If it cannot be written.
        """
        if self.path.exists():
            return False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(f".{os.getpid()}.tmp")
        descriptor = os.open(temporary, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
        old = os.dup(self.descriptor)
        try:
            copied = copy_from(old, 0, descriptor)
            temporary.replace(self.path)
            self._replace_descriptor(os.dup(descriptor))
            # What a thread appended between the first copy and the replacement.
            copy_from(old, copied, descriptor)
        finally:
            os.close(old)
            os.close(descriptor)
            temporary.unlink(missing_ok=True)
        return True

    def follow_by_itself(self) -> None:
        """Check now and then whether the journal was recreated, in a process without journal upkeep."""
        self.follows_by_itself = True

    def renew_after_fork(self) -> None:
        """Leave the waiting lines and the upkeep to the parent process."""
        self.waiting = WaitingLines()
        self.follow_by_itself()

    def _see_whether_gone(self) -> None:
        try:
            self.path.stat()
            self._is_gone = False
        except (FileNotFoundError, NotADirectoryError):
            self._is_gone = True
        except OSError as error:
            # The folder may not be read, or its server is out of reach: the open file may still take what is written.
            logger.debug("%s cannot be looked for: %s", self.path, error)
            with contextlib.suppress(OSError):
                self._is_gone = os.fstat(self.descriptor).st_nlink == 0

    def _take_refused(self, line: bytes, error: OSError) -> None:
        if self.descriptor < 0:
            logger.warning("⚠️ The run was closed during a call, which is not recorded")
            return
        logger.error(
            "❌ The journal cannot be written (%s): records wait in memory, at most %d MB of them",
            error,
            MAXIMUM_WAITING_BYTES >> 20,
        )
        self._retry_at = time.monotonic() + RETRY_SECONDS
        self._wait(line)

    def _wait(self, line: bytes) -> None:
        self.waiting.add(line)
        if time.monotonic() >= self._retry_at:
            self.write_waiting()

    def _append_late(self, line: bytes) -> None:
        self._append_again(line)
        self._written_late += 1

    def _append_again(self, line: bytes) -> None:
        # The disk may have taken only part of the line: end that part, so that it spoils nothing else, and retry.
        again = b"\n" + line
        if os.write(self.descriptor, again) != len(again):
            raise OSError(f"{self.path}: the disk did not take the whole line")
