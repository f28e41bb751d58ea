"""JournalOrder: writes down in which order the lines of all ranks count."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Self

import orjson

from seo_engine.tracking.journal.lines import Record, encode_record
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.journal.rank_files import ORDER, journal_name, ranks_in
from seo_engine.tracking.journal.rank_journals import Batch, Entries
from seo_engine.tracking.journal.reader import JournalReader, Position

logger = logging.getLogger(__name__)

# How many lines of a rank follow each other: ranks that log the same steps stay beside one another in a backlog.
LINES_IN_TURN = 1_000

# An order that names more lines than this which are not there is not worth a file of blank ones.
MOST_LOST_LINES = 10_000_000


def count_lost(journal: JournalReader, placed: int) -> int:
    """Return how many lines have a place, but are no longer in a rank's file.

    Args:
        journal (JournalReader): The file.
        placed (int): How many of its lines have a place.
    """
    return max(0, placed - journal.count_lines(0, journal.size())) if placed else 0


class JournalOrder:
    """Gives each line of each rank its place, once and for all, in `order.jsonl`; one process at a time may do it.

    Args:
        run_directory (Path): The run's folder.

    Raises:
        OSError: If the order cannot be read or written.
    """

    def __init__(self, run_directory: Path) -> None:
        self.queue = LoggingQueue(run_directory / ORDER)
        self._run_directory = run_directory
        entries = Entries()
        while entries.read(self.queue):
            pass
        # How many lines of each rank have a place, and how far its file was read, once it has as many.
        self._placed = entries.placed
        self._positions: dict[int | None, Position] = {}

    def take_in(self) -> int:
        """Give a place to every line that has none, in turn for each rank.

        Returns:
            int: How many lines got one.
        """
        # What is appended meanwhile is for the next time: a thousand ranks may never pause.
        sizes = {rank: self._size_of(rank) for rank in ranks_in(self._run_directory)}
        taken = 0
        # What a single process wrote keeps its numbers, which are those of its lines.
        while None in sizes and (count := self._take_in_from(None, sizes[None])):
            taken += count
        while count := sum(self._take_in_from(rank, size) for rank, size in sizes.items()):
            taken += count
        return taken

    def decide(self, record: Record) -> None:
        """Give a place to a record of the order itself.

        Args:
            record (Record): What time has decided.
        """
        self.queue.append(encode_record(record))

    def fill_gaps(self, alive: Collection[int | None] = ()) -> None:
        """Give files that have lost lines as many blank ones, so that the later lines keep their numbers.

        A power cut may take lines that had a place, and somebody may delete a file. A living process restores its file.

        Args:
            alive (Collection[int | None]): The ranks whose processes are there.

        Raises:
            OSError: If a file cannot be written.
        """
        lost = {rank: self._count_lost(rank) for rank in self._placed if rank not in alive}
        if sum(lost.values()) > MOST_LOST_LINES:
            raise OSError(f"{self.queue.path} names {sum(lost.values()):,} lines that are not there")
        for rank, lines in lost.items():
            if lines:
                with LoggingQueue(self._run_directory / journal_name(rank)) as journal:
                    logger.warning("⚠️ %s has lost %d lines, which stay blank", journal.path, lines)
                    journal.append(b"\n" * lines)
                self._positions.pop(rank, None)

    def _count_lost(self, rank: int | None) -> int:
        try:
            with JournalReader(self._run_directory / journal_name(rank)) as journal:
                return count_lost(journal, self._placed[rank])
        except FileNotFoundError:
            return self._placed[rank]

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self.queue.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _size_of(self, rank: int | None) -> int:
        try:
            return (self._run_directory / journal_name(rank)).stat().st_size
        except OSError:
            return 0

    def _take_in_from(self, rank: int | None, size: int) -> int:
        position = self._positions.get(rank)
        if position is not None and position.offset >= size:
            return 0
        try:
            with JournalReader(self._run_directory / journal_name(rank)) as journal:
                position = position or journal.position_after(self._placed.get(rank, 0))
                # At first only how it begins, so that what all ranks log comes after that.
                most = 1 if rank is not None and position is not None and not position.number else LINES_IN_TURN
                lines = journal.read(position, most) if position is not None else []
        except OSError as error:
            logger.debug("The journal of rank %s cannot be read: %s", rank, error)
            return 0
        if position is not None and lines:
            batch = Batch(rank, position.number + 1, lines[-1].end.number)
            self.queue.append(orjson.dumps(batch._asdict(), option=orjson.OPT_APPEND_NEWLINE))
            self._placed[rank] = batch.last_line
            self._positions[rank] = lines[-1].end
        return len(lines)
