"""How a run of several ranks ended, given how each of them did."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from seo_engine.tracking.records.marks.run_marks import FIRST_ATTEMPT, Attempt, ErrorDescription

# What a rank's process raises when another one is gone: a consequence, not a cause.
_ERRORS_OF_COLLECTIVES = ("DistBackendError", "DistNetworkError", "DistStoreError", "DistError", "DistQueueEmptyError")
_WORDS_OF_COLLECTIVES = ("gloo/transport", "ncclRemoteError", "NCCL error", "Connection closed by peer", "ProcessGroup")


# A record has a size limit.
MOST_MISSING_RANKS = 1_000


@dataclass
class RankLife:
    """One rank's part in a run; `status` is None until the rank has said how it ended."""

    attempt: Attempt = FIRST_ATTEMPT
    began: float = 0.0
    status: str | None = None
    error: ErrorDescription | None = None
    ended: float = 0.0


class RunEnd(NamedTuple):
    """The end of a run of several ranks.

    `rank_status` is how rank 0's own process ended, if it came, `vanished` names the ranks whose processes were killed,
    and `missing` the first of those that never came.
    """

    status: str
    error: ErrorDescription | None
    rank_status: str | None
    vanished: list[int]
    missing: list[int]


def run_end(ranks: Mapping[int, RankLife], world_size: int) -> RunEnd:
    """Return how a run ended whose processes are all gone.

    Args:
        ranks (Mapping[int, RankLife]): The ranks that have come in the last attempt.
        world_size (int): How many there should be.

    Returns:
        RunEnd: `failed` if a rank failed by itself, with the error of the first that did; `killed` if one vanished;
            `finished` if each that came finished.

    Example:
        >>> run_end({0: RankLife(status="finished"), 1: RankLife()}, 2)
        RunEnd(status='killed', error=None, rank_status='finished', vanished=[1], missing=[])
    """
    vanished = sorted(rank for rank, life in ranks.items() if life.status is None)
    missing = list(itertools.islice((rank for rank in range(world_size) if rank not in ranks), MOST_MISSING_RANKS))
    failed = sorted((each for each in ranks.values() if each.status == "failed"), key=lambda each: each.ended)
    causes = [each for each in failed if each.error is None or not is_of_a_collective(each.error)]
    rank_status = (ranks[0].status or "killed") if 0 in ranks else None
    # An error that is known says more than an earlier one that is not.
    errors = [each.error for each in causes or (failed if not vanished else []) if each.error is not None]
    error = errors[0] if errors else None
    return RunEnd(_status(ranks.values(), causes, vanished), error, rank_status, vanished, missing)


def is_of_a_collective(error: ErrorDescription) -> bool:
    """Return whether an error only says that a collective broke, as it does in all ranks when one is gone.

    Example:
        >>> is_of_a_collective({"type": "DistBackendError", "message": "NCCL error", "traceback": ""})
        True
    """
    words = error["message"]
    return error["type"] in _ERRORS_OF_COLLECTIVES or any(each in words for each in _WORDS_OF_COLLECTIVES)


def _status(ranks: Collection[RankLife], causes: Collection[RankLife], vanished: Collection[int]) -> str:
    if causes:
        return "failed"
    if vanished:
        return "killed"
    statuses = {each.status for each in ranks}
    return next((each for each in ("failed", "interrupted", "killed") if each in statuses), "finished")
