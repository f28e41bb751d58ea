"""Names of the journal's files: one for a single process, or one for each rank, and their order."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from seo_engine.tracking.journal.lines import LINE_BEGINNING

JOURNAL = "journal.jsonl"
ORDER = "order.jsonl"

# How the file of a rank that was there begins.
_BEGINNINGS = (LINE_BEGINNING + b'"start"', LINE_BEGINNING + b'"resume"')

# As many digits as a file's name may have.
HIGHEST_RANK = 9_999_999

_RANK_JOURNAL = re.compile(r"journal\.rank-(\d{5,7})\.jsonl")


def rank_name(rank: int) -> str:
    """Return a rank as it is written in the names of its files.

    Example:
        >>> rank_name(3)
        'rank-00003'
    """
    return f"rank-{rank:05}"


def journal_name(rank: int | None) -> str:
    """Return the name of the file that a process writes.

    Args:
        rank (int | None): Its rank; None for a process that trains alone.

    Example:
        >>> journal_name(None), journal_name(3)
        ('journal.jsonl', 'journal.rank-00003.jsonl')
    """
    return JOURNAL if rank is None else f"journal.{rank_name(rank)}.jsonl"


def rank_of_journal(journal: Path) -> int | None:
    """Return whose file this is, as for `journal_name`.

    Args:
        journal (Path): A journal.

    Example:
        >>> rank_of_journal(Path("runs/cnn/journal.rank-00003.jsonl"))
        3
    """
    match = _RANK_JOURNAL.fullmatch(journal.name)
    return int(match[1]) if match else None


def is_journal(name: str) -> bool:
    """Return whether a file's name is that of a journal.

    Example:
        >>> [is_journal(name) for name in ("journal.jsonl", "journal.rank-00012.jsonl", "order.jsonl")]
        [True, True, False]
    """
    return name == JOURNAL or _RANK_JOURNAL.fullmatch(name) is not None


def ranks_in(run_directory: Path) -> list[int | None]:
    """Return whose files there are in a run's folder.

    Args:
        run_directory (Path): The run's folder.

    Returns:
        list[int | None]: As for `journal_name`: None first, and then the ranks in their order.
    """
    names = [path.name for path in run_directory.glob("journal*.jsonl") if path.is_file()]
    ranks = sorted(int(match[1]) for match in map(_RANK_JOURNAL.fullmatch, names) if match)
    return [None, *ranks] if JOURNAL in names else list(ranks)


def ranks_in_words(ranks: Iterable[int | None]) -> str:
    """Return ranks as people write them.

    Args:
        ranks (Iterable[int | None]): In their order; None is left out.

    Example:
        >>> ranks_in_words([3]), ranks_in_words([None, 0, 1, 2, 5])
        ('rank 3', 'ranks 0 to 2 and 5')
    """
    numbers = [rank for rank in ranks if rank is not None]
    stretches: list[tuple[int, int]] = []
    for rank in numbers:
        if stretches and stretches[-1][1] == rank - 1:
            stretches[-1] = (stretches[-1][0], rank)
        else:
            stretches.append((rank, rank))
    words = [str(first) if first == last else f"{first} to {last}" for first, last in stretches]
    together = " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
    return f"{'rank' if len(numbers) == 1 else 'ranks'} {together}"


def has_ranks(run_directory: Path) -> bool:
    """Return whether the journal of a run has a file for each rank.

    Args:
        run_directory (Path): The run's folder.
    """
    return any(rank is not None for rank in ranks_in(run_directory))


def has_first_rank(run_directory: Path) -> bool:
    """Return whether rank 0 has begun in this folder; what another host keeps is a part of the run that it has.

    Args:
        run_directory (Path): The run's folder.
    """
    path = run_directory / journal_name(0)
    try:
        # No pipe, which would block.
        if not path.is_file():
            return False
        with path.open("rb") as journal:
            # An end that is all there is was written by somebody else.
            return journal.read(max(map(len, _BEGINNINGS))).startswith(_BEGINNINGS)
    except OSError:
        return False


def is_part(run_directory: Path) -> bool:
    """Return whether a folder holds only the part of some ranks, without the first.

    Args:
        run_directory (Path): The folder.
    """
    ranks = ranks_in(run_directory)
    return bool(ranks) and None not in ranks and not has_first_rank(run_directory)


def main_journal(run_directory: Path) -> Path:
    """Return the file that holds the run's end: that of rank 0, or of the only process.

    Args:
        run_directory (Path): The run's folder.
    """
    return run_directory / journal_name(0 if has_ranks(run_directory) else None)


def journal_to_append_to(run_directory: Path, rank: int) -> Path | None:
    """Return the file that takes what a process of a rank logs; None until the run has begun.

    Args:
        run_directory (Path): The run's folder.
        rank (int): The rank.

    Raises:
        OSError: If a file cannot be read.
    """
    for each in ranks_in(run_directory):
        descriptor = os.open(run_directory / journal_name(each), os.O_RDONLY | os.O_CLOEXEC)
        try:
            if os.pread(descriptor, len(LINE_BEGINNING), 0) == LINE_BEGINNING:
                return run_directory / journal_name(rank if has_ranks(run_directory) else None)
        finally:
            os.close(descriptor)
    return None
