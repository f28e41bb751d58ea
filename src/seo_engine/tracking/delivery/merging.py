"""Merging: makes one run of the parts that hosts without a shared folder have kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from seo_engine.foundation.whole_files import PRIVATE_FOLDER, write_whole
from seo_engine.tracking.delivery.recovery import Progress, is_complete, recover_run
from seo_engine.tracking.journal.rank_files import has_first_rank, journal_name, rank_name, ranks_in
from seo_engine.tracking.journal.reader import JournalReader
from seo_engine.tracking.payloads.media_copy import copy_media
from seo_engine.tracking.records.kinds import decode_record
from seo_engine.tracking.records.marks.run_marks import Attempt, attempt_of, rank_of, world_size_of
from seo_engine.tracking.records.metrics import is_metric_line
from seo_engine.tracking.runs.ledger import DeliveryState, read_delivery
from seo_engine.tracking.runs.lifecycle import RunStillOpenError, read_lifecycle, still_written
from seo_engine.tracking.runs.places import DELIVERY, LOGS, profile_folder
from seo_engine.tracking.runs.rank_presence import signatures
from seo_engine.tracking.runs.run_lock import MOMENT_SECONDS, RUN_LOCK, RunLock, is_locked

logger = logging.getLogger(__name__)

# Of a job without a known identity, all ranks begin within this time.
LONGEST_BEGINNING_SECONDS = 3_600.0

# Profiles and logs that are copied; a folder that somebody sent may hold anything.
LARGEST_COPIED_BYTES = 200_000_000

_PIECE_BYTES = 1 << 20


class MergedRun(NamedTuple):
    """A run of several parts.

    Args:
        directory (Path): Its folder, that of the part with rank 0.
        ranks (list[int]): All of its ranks.
        bytes_added (int): How much of their journals was new.
        delivery (dict[str, DeliveryState]): The ledger of each view.
    """

    directory: Path
    ranks: list[int]
    bytes_added: int
    delivery: dict[str, DeliveryState]


class _Beginning(NamedTuple):
    """How the journal of a rank begins: when, and in each attempt of how many ranks it is one."""

    time: float
    world_sizes: dict[Attempt, int]


def merge_runs(run_directories: Sequence[Path], progress: Progress = lambda states: None) -> MergedRun:
    """Give the part with rank 0 what the ranks of the others have logged, and complete its views.

    The other parts stay as they are. The same parts again add nothing, and parts that have grown only what is new.

    Args:
        run_directories (Sequence[Path]): The parts of one run, in any order.
        progress (Progress): Called about once a second with the ledgers of the views.

    Returns:
        MergedRun: The run.

    Raises:
        RunStillOpenError: If a process still writes one of them.
        OSError: If a journal cannot be read or written.
        ValueError: If they are not the parts of one run.
    """
    run, *parts = _with_first_rank_first(run_directories)
    lock = RunLock(run, RUN_LOCK)
    if not lock.acquire(MOMENT_SECONDS):
        raise RunStillOpenError(f"{run} is still running")
    try:
        for part in (run, *parts):
            if writing := still_written(part):
                raise RunStillOpenError(
                    f"{part} is still running: rank {min(writing)}; if it was killed and just copied, try in a minute"
                )
            if part != run and is_locked(part, RUN_LOCK):
                raise RunStillOpenError(f"{part} is still running")
        ranks = _ranks_by_part(parts)
        _check_job(run, ranks)
        # Before anything is written, because a folder that is half merged would be hard to explain.
        new = {rank: _new_bytes(part / journal_name(rank), run / journal_name(rank)) for rank, part in ranks.items()}
        for part in parts:
            # Before the records that refer to them.
            copy_media(part, run)
        for rank, part in ranks.items():
            if new[rank]:
                write_whole(run / journal_name(rank), _whole_lines(part / journal_name(rank)))
            _copy_files(part, run, rank)
    finally:
        lock.release()
    # A merge that was killed may have left it to this one.
    is_new = any(new.values()) or not is_complete(run, read_lifecycle(run))
    delivery = recover_run(run, progress=progress) if is_new else read_delivery(run / DELIVERY)
    return MergedRun(run, [rank for rank in ranks_in(run) if rank is not None], sum(new.values()), delivery)


def _with_first_rank_first(run_directories: Sequence[Path]) -> list[Path]:
    directories = list(dict.fromkeys(each.resolve() for each in run_directories))
    for each in directories:
        if ranks_in(each) == [None]:
            raise ValueError(f"{each} is a run of one process, which has no parts")
        if not ranks_in(each):
            raise ValueError(f"{each} has no journal")
    first = [each for each in directories if has_first_rank(each)]
    if len(first) != 1:
        which = "none of them has" if not first else f"{' and '.join(map(str, first))} have"
        raise ValueError(f"of the parts of a run, one has rank 0; {which} it")
    return [first[0], *(each for each in directories if each != first[0])]


def _ranks_by_part(parts: Sequence[Path]) -> dict[int, Path]:
    """Return which part brings which rank."""
    ranks: dict[int, Path] = {}
    for part in parts:
        for rank in ranks_in(part):
            if rank is None:
                raise ValueError(f"{part} began as a run of one process, which is no part of another run")
            if rank == 0:
                # Its file only has the end that `runs recover` has written.
                continue
            if rank in ranks:
                raise ValueError(f"rank {rank} is in {ranks[rank]} and in {part}")
            ranks[rank] = part
    return ranks


def _check_job(run: Path, ranks: Mapping[int, Path]) -> None:
    """Refuse what belongs to another job, as far as the parts tell.

    Raises:
        ValueError: If one does.
    """
    first = _beginning(run, 0)
    jobs = {part: _job_of(part) for part in (run, *dict.fromkeys(ranks.values()))}
    job = jobs[run]
    most = max(first.world_sizes.values(), default=0)
    for rank, part in ranks.items():
        beginning, other_job = _beginning(part, rank), jobs[part]
        for attempt, size in beginning.world_sizes.items():
            expected = first.world_sizes.get(attempt, size)
            if size != expected:
                raise ValueError(f"{part} is a part of a run of {size} ranks, and {run} of {expected}")
        if rank >= max(most, *beginning.world_sizes.values()):
            raise ValueError(f"{part} has rank {rank} of a run of {most} ranks")
        if job and other_job and job != other_job:
            raise ValueError(f"{part} is a part of another job ({other_job}) than {run} ({job})")
        apart = abs(beginning.time - first.time)
        if not (job and other_job) and apart > LONGEST_BEGINNING_SECONDS:
            raise ValueError(
                f"{part} began {apart / 3600:.0f} hours apart from {run}, and nothing says that they are one job"
            )


def _beginning(part: Path, rank: int) -> _Beginning:
    """Return how a rank's journal begins.

    Raises:
        ValueError: If it is not one.
    """
    path = part / journal_name(rank)
    if not path.is_file():
        raise ValueError(f"{path} is no file")
    began, world_sizes = 0.0, dict[Attempt, int]()
    with JournalReader(path) as journal:
        for line in journal.lines():
            record = None if is_metric_line(line.content) else decode_record(line.content)
            if record is None or "world_size" not in record:
                continue
            if rank_of(record) != rank:
                raise ValueError(f"{path} holds what rank {rank_of(record)} has logged")
            began = began or float(record["time"])
            world_sizes[attempt_of(record)] = world_size_of(record)
    if not world_sizes:
        raise ValueError(f"{path} does not say how it began")
    return _Beginning(began, world_sizes)


def _job_of(directory: Path) -> str | None:
    return next((each.job for each in signatures(directory).values() if each.job), None)


def _new_bytes(source: Path, target: Path) -> int:
    """Return how much of a rank's journal is new.

    Raises:
        ValueError: If what is there is not its beginning.
    """
    pieces, beginning = _whole_lines(source), b""
    if target.exists():
        if not target.is_file():
            raise ValueError(f"{target} is no file")
        with target.open("rb") as there:
            while piece := there.read(_PIECE_BYTES):
                while len(beginning) < len(piece) and (more := next(pieces, b"")):
                    beginning += more
                # A copy that ends earlier adds nothing.
                if not piece.startswith(beginning[: len(piece)]):
                    raise ValueError(f"{target} is not the beginning of {source}: another rank of that number")
                beginning = beginning[len(piece) :]
    return len(beginning) + sum(map(len, pieces))


def _whole_lines(path: Path) -> Iterator[bytes]:
    """Yield a file up to its last newline: a copy may have been made in the middle of a line."""
    rest = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            whole, newline, rest_of_piece = piece.rpartition(b"\n")
            if not newline:
                rest += piece
                continue
            yield rest + whole + newline
            rest = rest_of_piece


def _copy_files(part: Path, run: Path, rank: int) -> None:
    """Copy the profile and the logs of a rank; the run is complete without them."""
    for path in [*profile_folder(part, rank).glob("*.json"), *(part / LOGS).glob(f"*{rank_name(rank)}_*.log")]:
        target = run / path.relative_to(part)
        try:
            # Folders of somebody else may be links to anywhere.
            is_within = path.resolve() == path and target.parent.resolve() == target.parent
            if is_within and path.is_file() and path.stat().st_size <= LARGEST_COPIED_BYTES:
                target.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
                write_whole(target, [path.read_bytes()])
            else:
                logger.warning("⚠️ %s is not copied: it is a link, or too large", path)
        except OSError as error:
            logger.warning("⚠️ %s is not copied: %s", path, error)
