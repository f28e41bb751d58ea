"""RankJournals: reads the journals of all ranks as one, in the order that is written down."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

from seo_engine.tracking.journal.lines import parse_line
from seo_engine.tracking.journal.rank_files import HIGHEST_RANK, JOURNAL, ORDER, has_ranks, journal_name, ranks_in
from seo_engine.tracking.journal.reader import (
    LONGEST_LINE_BYTES,
    READ_BYTES,
    Journal,
    JournalLine,
    JournalReader,
    Position,
)

logger = logging.getLogger(__name__)

# Of those that each reader keeps open.
_MOST_OPEN_FILES = 100


class Batch(NamedTuple):
    """Lines of one rank that follow each other in the order; lines are counted from 1."""

    rank: int | None
    first_line: int
    last_line: int

    @property
    def places(self) -> int:
        """int: How many places in the order it takes."""
        return self.last_line - self.first_line + 1


class Decision(NamedTuple):
    """A record in the order itself, of something that no rank logs, because time decides it."""

    line: bytes

    @property
    def places(self) -> int:
        """int: How many places in the order it takes."""
        return 1


Entry = Batch | Decision


def read_entry(line: bytes) -> Entry | None:
    """Return what a line of the order gives a place; None if it holds nothing that can be read.

    Args:
        line (bytes): One line of `order.jsonl`.

    Example:
        >>> read_entry(b'{"rank":3,"first_line":1,"last_line":20}')
        Batch(rank=3, first_line=1, last_line=20)
        >>> read_entry(b'{"kind":"incomplete_step","time":1.0}')
        Decision(line=b'{"kind":"incomplete_step","time":1.0}')
        >>> [read_entry(b'{"rank":%d,"first_line":1,"last_line":2}' % rank) for rank in (-1, 99_999_999_999)]
        [None, None]
    """
    data = parse_line(line)
    if not isinstance(data, dict):
        return None
    if "first_line" not in data:
        return Decision(line) if isinstance(data.get("kind"), str) else None
    rank, first, last = (data.get(name) for name in Batch._fields)
    # Somebody's order may name what no file has.
    if rank is not None and not (type(rank) is int and 0 <= rank <= HIGHEST_RANK):
        return None
    if not (isinstance(first, int) and isinstance(last, int) and 0 < first <= last):
        return None
    # A batch comes from one read of a file, and a line has at least one byte.
    return Batch(rank, first, last) if last - first < LONGEST_LINE_BYTES else None


class Entries:
    """Reads on in an order. A batch that does not follow on those of its rank is damaged, and left out."""

    def __init__(self) -> None:
        # How many lines of each rank have a place.
        self.placed: dict[int | None, int] = {}
        self._position = Position()

    def read(self, order: JournalReader) -> list[Entry]:
        """Return the next entries; an empty list means that there is nothing new.

        Args:
            order (JournalReader): The order.
        """
        while lines := order.read(self._position):
            self._position = lines[-1].end
            entries = [entry for line in lines if (entry := read_entry(line.content)) and self._follows(entry)]
            if entries:
                return entries
        return []

    def _follows(self, entry: Entry) -> bool:
        return isinstance(entry, Decision) or self._is_next(entry)

    def _is_next(self, batch: Batch) -> bool:
        if batch.first_line != self.placed.get(batch.rank, 0) + 1:
            return False
        self.placed[batch.rank] = batch.last_line
        return True


class RankJournals:
    """Reads the journals of all ranks as if they were one, like a `JournalReader`.

    The number of a record is its place in the order. A rank's file may hold more; that has no place yet. Offsets are
    counted in lines here, because the order counts lines. It reads on from where it was, so its memory does not grow.

    Args:
        run_directory (Path): The run's folder.
        shows_gaps (bool): Whether lines that are gone from a rank's file are blank. Otherwise reading raises an OSError
            until they are there again.

    Raises:
        OSError: If there is no order.
    """

    def __init__(self, run_directory: Path, *, shows_gaps: bool = False) -> None:
        self.path = run_directory / ORDER
        self._shows_gaps = shows_gaps
        self._run_directory = run_directory
        self._readers: dict[int | None, JournalReader] = {}
        self._order = JournalReader(self.path)
        self._start_over()

    @property
    def generation(self) -> int:
        """int: Counts the orders seen at this path: numbers of an old one mean nothing in a new one."""
        return self._order.generation

    def follow(self) -> None:
        """Switch to the order now at the path, if it was recreated after the folder was deleted."""
        generation = self.generation
        self._order.follow()
        if self.generation != generation:
            self._start_over()

    def read(self, position: Position) -> list[JournalLine]:
        """Read the next lines that have a place.

        Args:
            position (Position): Where to continue.

        Returns:
            list[JournalLine]: Lines without their newline; an empty list means that there is nothing new.
        """
        if position.number < self._number:
            self._go_back()
        lines: list[JournalLine] = []
        size = 0
        try:
            while size < READ_BYTES and (more := self._read_on()):
                lines += [line for line in more if line.end.number > position.number]
                size += sum(len(line.content) for line in more)
        except OSError:
            if not lines:
                raise
        return lines

    def lines(self) -> Iterator[JournalLine]:
        """Yield every line that has a place now, from the first one."""
        position = Position()
        while lines := self.read(position):
            yield from lines
            position = lines[-1].end

    def size(self) -> int:
        """Return how many lines have a place."""
        while entries := self._counted.read(self._order):
            self._size += sum(each.places for each in entries)
        return self._size

    def count_lines(self, start: int, end: int) -> int:
        """Return the number of lines between two offsets, which are counted in lines."""
        return max(0, end - start)

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        self._close_readers()
        self._order.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def places(self) -> dict[int | None, Position]:
        """Return how far each rank's file has been read."""
        return dict(self._places)

    def _start_over(self) -> None:
        self._counted = Entries()
        self._size = 0
        self._close_readers()
        self._go_back()

    def _go_back(self) -> None:
        self._entries = Entries()
        self._next: deque[Entry] = deque()
        self._number = 0
        self._places: dict[int | None, Position] = {}

    def _read_on(self) -> list[JournalLine]:
        """Return the rest of the current entry, as far as one read goes."""
        entry = self._next_entry()
        if entry is None:
            return []
        if isinstance(entry, Decision):
            self._next.popleft()
            self._number += 1
            return [JournalLine(entry.line, Position(self._number, self._number))]
        return self._read_batch(entry)

    def _read_batch(self, batch: Batch) -> list[JournalLine]:
        place = self._places.get(batch.rank, Position())
        lines = self._lines_of(batch, place)
        if not lines:
            if not self._shows_gaps:
                # The file was deleted, and may be restored.
                raise OSError(f"the journal of rank {batch.rank} has fewer lines than {self.path} says")
            lines = [JournalLine(b"", Position(place.offset, batch.last_line))]
        self._places[batch.rank] = lines[-1].end
        if lines[-1].end.number == batch.last_line:
            self._next.popleft()
        shift = self._number - place.number
        self._number = shift + lines[-1].end.number
        numbers = [shift + line.end.number for line in lines]
        return [JournalLine(line.content, Position(n, n)) for n, line in zip(numbers, lines, strict=True)]

    def _lines_of(self, batch: Batch, place: Position) -> list[JournalLine]:
        try:
            lines = self._reader_of(batch.rank).read(place, batch.last_line - place.number)
            if not lines:
                # It may be another file now, with blank lines in place of those that it has lost.
                self._readers.pop(batch.rank).close()
                lines = self._lines_of_another(batch, place.number)
        except OSError:
            if self._shows_gaps:
                return []
            raise
        return lines

    def _lines_of_another(self, batch: Batch, number: int) -> list[JournalLine]:
        with JournalReader(self._run_directory / journal_name(batch.rank)) as journal:
            place = journal.position_after(number)
            return journal.read(place, batch.last_line - number) if place is not None else []

    def _reader_of(self, rank: int | None) -> JournalReader:
        """Return a rank's file, open; a thousand ranks have more files than a process may keep open."""
        if rank not in self._readers:
            if len(self._readers) >= _MOST_OPEN_FILES:
                self._readers.pop(next(iter(self._readers))).close()
            self._readers[rank] = JournalReader(self._run_directory / journal_name(rank))
        return self._readers[rank]

    def _close_readers(self) -> None:
        while self._readers:
            self._readers.popitem()[1].close()

    def _next_entry(self) -> Entry | None:
        if not self._next:
            self._next.extend(self._entries.read(self._order))
        return self._next[0] if self._next else None


class PlacedLines:
    """Follows how many lines of one rank have their place.

    Args:
        run_directory (Path): The run's folder.
        rank (int): The rank.
    """

    def __init__(self, run_directory: Path, rank: int) -> None:
        self._path = run_directory / ORDER
        self._rank = rank
        self._entries = Entries()
        self._lines = self._place = self._last_place = 0

    def read(self) -> tuple[int, int]:
        """Return how many lines of the rank have their place, and the place of the last of them."""
        try:
            with JournalReader(self._path) as order:
                while entries := self._entries.read(order):
                    for entry in entries:
                        self._place += entry.places
                        if isinstance(entry, Batch) and entry.rank == self._rank:
                            self._lines, self._last_place = entry.last_line, self._place
        except OSError as error:
            logger.debug("There is no order yet: %s", error)
        return self._lines, self._last_place


def open_journal(run_directory: Path) -> Journal:
    """Open the journal of a run, of one process or of several ranks.

    Args:
        run_directory (Path): The run's folder.

    Raises:
        OSError: If it cannot be opened.
    """
    return RankJournals(run_directory) if has_ranks(run_directory) else JournalReader(run_directory / JOURNAL)


def every_line(run_directory: Path) -> Iterator[JournalLine]:
    """Yield every line of a run: those of several ranks in their order, and then those that have no place yet.

    Args:
        run_directory (Path): The run's folder.

    Raises:
        OSError: If it cannot be read.
    """
    places: dict[int | None, Position] = {}
    number = 0
    if (run_directory / ORDER).is_file():
        with RankJournals(run_directory, shows_gaps=True) as journals:
            for line in journals.lines():
                yield line
                number = line.end.number
            places = journals.places()
    elif not has_ranks(run_directory):
        with JournalReader(run_directory / JOURNAL) as journal:
            yield from journal.lines()
        return
    for rank in ranks_in(run_directory):
        with JournalReader(run_directory / journal_name(rank)) as journal:
            for line in journal.lines(places.get(rank, Position())):
                number += 1
                yield JournalLine(line.content, Position(number, number))


def end_of_journal(run_directory: Path) -> int:
    """Return the offset of the end of a run's journal, as if every line had its place.

    Args:
        run_directory (Path): The run's folder.

    Raises:
        OSError: If it cannot be read.
    """
    if not has_ranks(run_directory):
        return (run_directory / JOURNAL).stat().st_size
    lines = 0
    for rank in ranks_in(run_directory):
        with JournalReader(run_directory / journal_name(rank)) as journal:
            lines += journal.count_lines(0, journal.size())
    return lines + _count_decisions(run_directory / ORDER)


def _count_decisions(order: Path) -> int:
    try:
        with JournalReader(order) as reader:
            return sum(isinstance(read_entry(line.content), Decision) for line in reader.lines())
    except FileNotFoundError:
        return 0
