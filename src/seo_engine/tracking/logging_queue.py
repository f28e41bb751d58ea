"""LoggingQueue: the journal file as a queue that survives the process."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

# Read at a time: large enough to be fast, small enough that memory does not depend on the backlog.
READ_BYTES = 256 * 1024

# No writer of ours makes such a line; a damaged file may hold one.
LONGEST_LINE_BYTES = 8 * 1024 * 1024

# What is read in place of a longer line: no record.
ENDLESS_LINE = b"(a line too long to read)"


@dataclass(frozen=True)
class Position:
    """How far a reader has come: bytes and lines already read.

    Example:
        >>> Position()
        Position(offset=0, number=0)
    """

    offset: int = 0
    number: int = 0


class JournalLine(NamedTuple):
    """One line of the journal, and the position behind it; its number is that position's, counted from 1."""

    content: bytes
    end: Position


class JournalReader:
    """Reads the lines of a journal from a position on; the file may grow meanwhile.

    Args:
        path (str | Path): The journal.
        flags (int): How the file is opened.

    Raises:
        OSError: If the file cannot be opened.
    """

    def __init__(self, path: str | Path, flags: int = os.O_RDONLY) -> None:
        self.path = Path(path)
        self._descriptor = os.open(self.path, flags | os.O_CLOEXEC, 0o644)

    def read(self, position: Position) -> list[JournalLine]:
        """Read the next complete lines.

        Args:
            position (Position): Where to go on.

        Returns:
            list[JournalLine]: Lines without their newline; an empty list means that there is nothing new.
        """
        size = READ_BYTES
        while True:
            data = os.pread(self._descriptor, size, position.offset)
            end = data.rfind(b"\n") + 1
            if end:
                break
            if len(data) < size:
                return []
            if size >= LONGEST_LINE_BYTES:
                return self._skip_endless_line(position, len(data))
            size *= 2
        lines = []
        offset, number = position.offset, position.number
        for content in data[: end - 1].split(b"\n"):
            offset, number = offset + len(content) + 1, number + 1
            lines.append(JournalLine(content, Position(offset, number)))
        return lines

    def size(self) -> int:
        """Return the bytes in the journal."""
        return os.fstat(self._descriptor).st_size

    def count_lines(self, start: int, end: int) -> int:
        """Return the number of lines that end between two offsets.

        Args:
            start (int): Offset of the first byte.
            end (int): Offset behind the last byte.

        Returns:
            int: The newlines there.
        """
        count = 0
        while start < end:
            data = os.pread(self._descriptor, min(READ_BYTES, end - start), start)
            if not data:
                break
            count += data.count(b"\n")
            start += len(data)
        return count

    def close(self) -> None:
        """Give the descriptor back; twice does nothing more."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _skip_endless_line(self, position: Position, read: int) -> list[JournalLine]:
        offset = position.offset + read
        while data := os.pread(self._descriptor, READ_BYTES, offset):
            end = data.find(b"\n") + 1
            if end:
                # Its place is kept, so that the numbers of the lines behind it stay what they are.
                return [JournalLine(ENDLESS_LINE, Position(offset + end, position.number + 1))]
            offset += len(data)
        return []


class LoggingQueue(JournalReader):
    """Appends lines to a run's journal, and reads them from a position on.

    Any number of threads and processes may append at the same time: each line is one `write` on a descriptor
    opened `O_APPEND`, so lines do not mix, and the page cache keeps them when the process dies.

    Args:
        path (str | Path): The journal; made if it is not there.

    Raises:
        OSError: If the file cannot be opened for writing.

    Example:
        >>> import tempfile
        >>> logging_queue = LoggingQueue(tempfile.mkdtemp() + "/journal.jsonl")
        >>> logging_queue.append(b'{"kind": "text"}' + b"\\n")
        >>> logging_queue.read(Position())
        [JournalLine(content=b'{"kind": "text"}', end=Position(offset=17, number=1))]
    """

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        size = os.fstat(self._descriptor).st_size
        # A torn last line, left by a writer that was killed, must spoil only itself.
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            os.write(self._descriptor, b"\n")

    def append(self, line: bytes) -> None:
        """Append one line; when this returns, a kill of the process loses nothing of it.

        Args:
            line (bytes): Content and newline.

        Raises:
            OSError: If it could not be written.
        """
        written = os.write(self._descriptor, line)
        if written != len(line):
            self._append_again(line)

    def _append_again(self, line: bytes) -> None:
        # The disk took a part only. End that part, so that it spoils itself alone, and write the whole again.
        os.write(self._descriptor, b"\n")
        if os.write(self._descriptor, line) != len(line):
            raise OSError(f"{self.path}: the disk takes no whole line")
