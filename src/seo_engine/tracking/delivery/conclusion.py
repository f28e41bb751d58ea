"""Conclusion: writes the end of a run whose processes are gone."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.journal.order import JournalOrder
from seo_engine.tracking.journal.rank_files import JOURNAL, has_ranks, journal_name, ranks_in
from seo_engine.tracking.journal.rank_journals import every_line
from seo_engine.tracking.records.kinds import decode_record
from seo_engine.tracking.runs.lifecycle import (
    Lifecycle,
    RunStillOpenError,
    end_lines,
    read_configuration,
    read_lifecycle,
    still_written,
)
from seo_engine.tracking.runs.rank_ends import run_end
from seo_engine.tracking.runs.rank_presence import rank_lock
from seo_engine.tracking.runs.run_lock import MOMENT_SECONDS, RUN_LOCK, RunLock
from seo_engine.tracking.views.incomplete_steps import IncompleteSteps
from seo_engine.tracking.views.journal_selection import JournalSelection

logger = logging.getLogger(__name__)


def conclude(run_directory: Path, status: str) -> Lifecycle:
    """Write the end of a run that has none, because its process was killed.

    Args:
        run_directory (Path): The run's folder.
        status (str): How it ended; of several ranks, the journal says it.

    Returns:
        Lifecycle: The run's life, which now has a status.

    Raises:
        RunStillOpenError: If its process is alive, or another process has resumed it.
        OSError: If the journal cannot be read or written.
        ValueError: If the journal does not say how the run began.
    """
    lock = RunLock(run_directory, RUN_LOCK)
    if not lock.acquire(MOMENT_SECONDS):
        raise RunStillOpenError(f"{run_directory} is still running")
    try:
        if writing := still_written(run_directory):
            raise RunStillOpenError(f"{run_directory} is still running: rank {min(writing)}")
        for rank in ranks_in(run_directory):
            # Ends a torn last line.
            LoggingQueue(run_directory / journal_name(rank)).close()
        if has_ranks(run_directory):
            return _conclude_ranks(run_directory)
        life = read_lifecycle(run_directory)
        if life.status is None:
            withheld = withheld_in(run_directory, read_configuration(life.configuration))
            _append(run_directory / JOURNAL, end_lines(status, withheld, dropped={}, nonfinite_counts={}))
            life.status = status
        return life
    finally:
        lock.release()


def end_ranks(run_directory: Path, order: JournalOrder, life: Lifecycle, withheld: int) -> None:
    """Write the end of a run of several ranks, whose processes are all gone.

    Args:
        run_directory (Path): The run's folder.
        order (JournalOrder): Its order, which has every line that the ranks have written.
        life (Lifecycle): How they ended; gets the run's status.
        withheld (int): How many `last_values` records the views may need.

    Raises:
        OSError: If the journal cannot be written.
    """
    if order.queue.waiting:
        # Whoever finds an end decides nothing any more.
        raise OSError(f"{order.queue.path} cannot be written")
    end = run_end(life.newest_ranks, life.world_size)
    contents: dict[str, Any] = {"error": end.error} if end.error is not None else {}
    lines = end_lines(
        end.status,
        withheld,
        attempt=list(life.newest_attempt),
        rank_status=end.rank_status,
        vanished_ranks=end.vanished,
        missing_ranks=end.missing,
        **contents,
    )
    _append(run_directory / journal_name(0), lines)
    order.take_in()
    life.status, life.error = end.status, end.error


def _conclude_ranks(run_directory: Path) -> Lifecycle:
    with JournalOrder(run_directory) as order:
        # Whoever could restore a file that has lost lines is gone.
        order.fill_gaps()
        order.take_in()
        life = read_lifecycle(run_directory)
        config = read_configuration(life.configuration)
        with _no_attempt_begins(run_directory):
            # Also of a run that has ended, to which merging may have added ranks.
            _give_up_incomplete_steps(run_directory, order, config)
            if life.status is None or life.has_changed_after_end:
                end_ranks(run_directory, order, life, withheld_in(run_directory, config))
    return life


def _give_up_incomplete_steps(run_directory: Path, order: JournalOrder, config: TrackingConfig) -> None:
    """Have the views show what not all ranks have logged: whoever has not is gone."""
    incomplete = IncompleteSteps(config)
    if not incomplete.is_needed:
        return
    for line in every_line(run_directory):
        if record := decode_record(line.content):
            incomplete.take_in(record)
    decisions = incomplete.rest()
    for decision in decisions:
        order.decide(decision)
    if decisions:
        logger.warning(
            "⚠️ Not all ranks have logged the same metrics at %d steps: the views show the values that are there",
            len(decisions),
        )


@contextmanager
def _no_attempt_begins(run_directory: Path) -> Iterator[None]:
    """Keep rank 0 of a further attempt waiting.

    Raises:
        RunStillOpenError: If an attempt has begun.
    """
    first_rank = rank_lock(run_directory, 0)
    try:
        if not first_rank.acquire() or still_written(run_directory) - {0}:
            raise RunStillOpenError(f"{run_directory} is still running")
        yield
    finally:
        first_rank.release()


def _append(path: Path, lines: Iterable[bytes]) -> None:
    with LoggingQueue(path) as journal:
        for line in lines:
            journal.append(line)
        if journal.waiting:
            raise OSError(f"{path} cannot be written")


def withheld_in(run_directory: Path, config: TrackingConfig) -> int:
    """Return how many records of a run hold last values that a view does not show yet.

    Args:
        run_directory (Path): The run's folder.
        config (TrackingConfig): The settings.
    """
    selection = JournalSelection(config)
    for line in every_line(run_directory):
        selection.take(line)
    return selection.withheld
