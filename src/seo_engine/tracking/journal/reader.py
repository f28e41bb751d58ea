"""JournalReader: reads the lines of a journal from a position."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from seo_engine.foundation.standard_streams import keep_standard_streams_taken
from seo_engine.foundation.whole_files import PRIVATE_FILE

logger = logging.getLogger(__name__)

# Bytes per read: large enough to be fast, small enough that memory does not depend on the backlog.
READ_BYTES = 256 * 1024

_USUAL_LINE_BYTES = 1024

# What a run says of itself is among its newest lines.
_NEWEST_BYTES = 1_000_000

# We never write such a line; a damaged file may hold one.
LONGEST_LINE_BYTES = 8 * 1024 * 1024

# Read in place of a longer line; it is not a record.
ENDLESS_LINE = b"(a line too long to read)"


@dataclass(frozen=True)
class Position:
    """A reader's progress: bytes and lines already read.

    Example:
        >>> Position()
        Position(offset=0, number=0)
    """

    offset: int = 0
    number: int = 0


_BEGINNING = Position()


class JournalLine(NamedTuple):
    """One line of the journal, and the position after it, whose number is also the line's, counted from 1."""

    content: bytes
    end: Position


class Journal(Protocol):
    """What a worker reads: one file, or those of several ranks in their order."""

    path: Path

    @property
    def generation(self) -> int:
        """int: Counts the journals seen at this place: positions in an old one mean nothing in a new one."""

    def follow(self) -> None:
        """Switch to the journal that is there now."""

    def read(self, position: Position) -> list[JournalLine]:
        """Return the next complete lines after a position; an empty list means that there is nothing new."""

    def size(self) -> int:
        """Return the offset of the end."""

    def count_lines(self, start: int, end: int) -> int:
        """Return the number of lines that end between two offsets."""

    def __enter__(self) -> Self:
        """Return the journal, which is closed at the end of the block."""

    def __exit__(self, *error: object) -> None:
        """Close the journal."""


class JournalReader:
    """Reads the lines of a journal from a position; the file may grow meanwhile.

    Args:
        path (str | Path): The journal.
        flags (int): How the file is opened.

    Raises:
        OSError: If the file cannot be opened.
    """

    def __init__(self, path: str | Path, flags: int = os.O_RDONLY) -> None:
        self.path = Path(path)
        self._generation = 0
        self._flags = flags
        self.descriptor = self._open()

    def _open(self) -> int:
        keep_standard_streams_taken()
        return os.open(self.path, self._flags | os.O_CLOEXEC, PRIVATE_FILE)

    @property
    def generation(self) -> int:
        """int: Counts the files seen at this path: positions in the old file mean nothing in a new one."""
        return self._generation

    def follow(self) -> None:
        """Switch to the file now at the path, if it was recreated after the folder was deleted."""
        try:
            if not self._is_at(self.path):
                self._replace_descriptor(self._open())
        except OSError as error:
            # There is no file now: the old one lives on while it is open.
            logger.debug("%s cannot be reopened: %s", self.path, error)

    def read(self, position: Position, most_lines: int | None = None) -> list[JournalLine]:
        """Read the next complete lines.

        Args:
            position (Position): Where to continue.
            most_lines (int | None): How many are wanted; None means as many as one read has.

        Returns:
            list[JournalLine]: Lines without their newline; an empty list means that there is nothing new.
        """
        size = READ_BYTES if most_lines is None else min(most_lines * _USUAL_LINE_BYTES, READ_BYTES)
        while True:
            data = os.pread(self.descriptor, size, position.offset)
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
        for content in data[: end - 1].split(b"\n")[:most_lines]:
            offset, number = offset + len(content) + 1, number + 1
            lines.append(JournalLine(content, Position(offset, number)))
        return lines

    def lines(self, position: Position = _BEGINNING) -> Iterator[JournalLine]:
        """Yield every line that the journal holds now after a position."""
        while lines := self.read(position):
            yield from lines
            position = lines[-1].end

    def newest_lines(self) -> list[bytes]:
        """Return the newest lines; the first may have lost its beginning."""
        size = self.size()
        start = max(0, size - _NEWEST_BYTES)
        return os.pread(self.descriptor, size - start, start).split(b"\n")

    def size(self) -> int:
        """Return the size of the journal in bytes."""
        return os.fstat(self.descriptor).st_size

    def count_lines(self, start: int, end: int) -> int:
        """Return the number of lines that end between two offsets.

        Args:
            start (int): Offset of the first byte.
            end (int): Offset after the last byte.

        Returns:
            int: The number of newlines there.
        """
        count = 0
        while start < end:
            data = os.pread(self.descriptor, min(READ_BYTES, end - start), start)
            if not data:
                break
            count += data.count(b"\n")
            start += len(data)
        return count

    def position_after(self, number: int) -> Position | None:
        """Return the position after a line; None if there are not so many.

        Args:
            number (int): The line's number.
        """
        offset, left = 0, number
        while left:
            data = os.pread(self.descriptor, READ_BYTES, offset)
            if not data:
                return None
            count = data.count(b"\n")
            if count < left:
                offset, left = offset + len(data), left - count
                continue
            end = -1
            for _ in range(left):
                end = data.index(b"\n", end + 1)
            return Position(offset + end + 1, number)
        return Position(offset, number)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        # Forgotten first: a call that a closing signal handler interrupted must not write to another file.
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _is_at(self, path: Path) -> bool:
        there, here = path.stat(), os.fstat(self.descriptor)
        return (there.st_ino, there.st_dev) == (here.st_ino, here.st_dev)

    def _replace_descriptor(self, descriptor: int) -> None:
        # In one step, so that a thread that appends meanwhile finds either the old file or the new one.
        os.dup2(descriptor, self.descriptor, inheritable=False)
        os.close(descriptor)
        self._generation += 1

    def _skip_endless_line(self, position: Position, read: int) -> list[JournalLine]:
        offset = position.offset + read
        while data := os.pread(self.descriptor, READ_BYTES, offset):
            end = data.find(b"\n") + 1
            if end:
                # It keeps its place, so that the numbers of later lines do not change.
                return [JournalLine(ENDLESS_LINE, Position(offset + end, position.number + 1))]
            offset += len(data)
        return []
