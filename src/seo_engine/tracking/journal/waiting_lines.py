"""WaitingLines: what the journal cannot take yet, kept in memory within a limit."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

# Memory that lines may take while the disk refuses them; beyond it the oldest go.
MAXIMUM_WAITING_BYTES = 16 * 1024 * 1024


class WaitingLines:
    """A ring of lines, bounded in bytes; from any thread.

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
        # Looked at by every call that logs, which asks nothing but whether there is any.
        self.lines: deque[bytes] = deque()
        self._maximum_bytes = maximum_bytes
        self._bytes = 0
        # A handler of a signal, which may log, can interrupt whoever holds it.
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
            write (Callable[[bytes], None]): Takes one line; what it raises is passed on, and the line stays.
        """
        with self._lock:
            while self.lines:
                write(self.lines[0])
                self._bytes -= len(self.lines.popleft())
