"""WaitingLines: lines that the journal cannot take yet, kept in bounded memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

# The most memory for lines that the disk refuses; beyond it the oldest are dropped.
MAXIMUM_WAITING_BYTES = 16 * 1024 * 1024


class WaitingLines:
    """A thread-safe ring of lines, bounded in bytes.

    Example:
        >>> waiting = WaitingLines(maximum_bytes=10)
        >>> for line in (b"first", b"second", b"third"):
        ...     waiting.add(line)
        >>> waiting.overflowed, len(waiting)
        (2, 1)
        >>> taken = []
        >>> waiting.write(taken.append)
        >>> taken
        [b'third']
    """

    def __init__(self, maximum_bytes: int = MAXIMUM_WAITING_BYTES) -> None:
        self.overflowed = 0
        # Every logging call checks whether there are any, without the lock.
        self.lines: deque[bytes] = deque()
        self._maximum_bytes = maximum_bytes
        self._bytes = 0
        # Reentrant: a signal handler that logs may interrupt the thread that holds it.
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self.lines)

    def add(self, line: bytes) -> None:
        """Keep a line; the oldest are dropped, and counted, when the limit is reached."""
        with self._lock:
            self.lines.append(line)
            self._bytes += len(line)
            while self._bytes > self._maximum_bytes:
                self._bytes -= len(self.lines.popleft())
                self.overflowed += 1

    def write(self, write: Callable[[bytes], None]) -> None:
        """Write the lines, the oldest first.

        Args:
            write (Callable[[bytes], None]): Takes one line; if it raises, the error is passed on and the line stays.
        """
        with self._lock:
            while self.lines:
                write(self.lines[0])
                self._bytes -= len(self.lines.popleft())
