"""Each rank of a run in figures: what it logged, how far it came, how late it is, and how it ended."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.records.marks.run_marks import END, INCOMPLETE_STEP, LAST_VALUES, RANK, rank_of
from seo_engine.tracking.runs.lifecycle import Lifecycle
from seo_engine.tracking.views.rank_names import MOST_RANKS

# Beyond this many moments, the skew is that of every second step, then of every fourth, and so on.
MOST_MOMENTS = 100_000

# What no rank logs: it is written for the views, perhaps days after the training, by somebody else.
WRITTEN_FOR_VIEWS = (LAST_VALUES.name, INCOMPLETE_STEP.name)

MISSING = "missing"

_LONGEST_HOST = 300


@dataclass
class RankSummary:
    """One rank of a run.

    Args:
        rank (int): The rank.
        records (int): How many records it logged.
        step (int): Its last step.
        skew_seconds (float | None): By how much it logs a step later than the earliest rank does, in seconds: the mean
            of the steps that several ranks have logged; None if there are none. Between hosts, what their clocks seem
            to differ by is taken out.
        host (str): Where it was.
        clock_offset_seconds (float): By how much the clock of another host than the first rank's seems to be ahead: at
            the same steps, the first rank of a host should log at the same time as the first rank of the other.
        status (str): How it ended; `running`, `killed` if its process is gone without a word, or `missing` if it has
            not come in the newest attempt.
        is_in_newest_attempt (bool): Whether it belongs to the newest attempt of the job.
    """

    rank: int
    records: int = 0
    step: int = 0
    skew_seconds: float | None = None
    host: str = ""
    clock_offset_seconds: float = 0.0
    status: str = MISSING
    is_in_newest_attempt: bool = False


class RankSummaries:
    """Adds up what each rank has logged.

    Example:
        >>> from seo_engine.tracking.runs.rank_ends import RankLife
        >>> summaries = RankSummaries()
        >>> for rank, moment in ((0, 10.0), (1, 10.5)):
        ...     summaries.take_in({"kind": "training", "rank": rank, "step": 7, "time": moment})
        >>> life = Lifecycle(world_size=3, ranks={0: RankLife(), 1: RankLife()})
        >>> [(each.rank, each.skew_seconds, each.status) for each in summaries.of(life, present=[0])]
        [(0, 0.0, 'running'), (1, 0.5, 'killed'), (2, None, 'missing')]
    """

    def __init__(self) -> None:
        self._ranks: dict[int, RankSummary] = {}
        # When each rank logged a step for the first time, by step.
        self._moments: defaultdict[int, dict[int, float]] = defaultdict(dict)
        self._count = 0
        self._every = 1

    def take_in(self, record: Record, *, is_superseded: bool = False) -> None:
        """Process the next record of the run, of any kind and rank.

        Args:
            record (Record): With the fields of its kind.
            is_superseded (bool): Whether a later attempt has logged it again.
        """
        rank = rank_of(record)
        is_of_run = record["kind"] in WRITTEN_FOR_VIEWS or (record["kind"] == END.name and record.get("ends") != RANK)
        if is_of_run or not 0 <= rank < MOST_RANKS:
            return
        summary = self._ranks.setdefault(rank, RankSummary(rank))
        summary.records += 1
        if "world_size" in record:
            summary.host = str(record.get("host", ""))[:_LONGEST_HOST]
        step = record.get("step")
        if record["kind"] == "training" and isinstance(step, int) and not is_superseded:
            summary.step = max(summary.step, step)
            self._note(rank, step, float(record["time"]))

    def of(self, life: Lifecycle, present: Collection[int]) -> list[RankSummary]:
        """Return each rank of a run, those that are missing in its newest attempt included.

        Args:
            life (Lifecycle): How the run went.
            present (Collection[int]): The ranks whose processes are there.
        """
        offsets = self._clock_offsets()
        skews = self._skews(offsets)
        newest = life.newest_ranks
        known = sorted(self._ranks.keys() | set(range(min(life.world_size, MOST_RANKS))))
        ranks = [self._ranks.get(rank, RankSummary(rank)) for rank in known]
        for each in ranks:
            each.skew_seconds = skews.get(each.rank)
            each.clock_offset_seconds = offsets.get(each.host, 0.0)
            # A later attempt may have fewer ranks.
            part = (newest if each.rank < life.world_size else life.ranks).get(each.rank)
            each.is_in_newest_attempt = each.rank in newest
            if part is not None:
                each.status = part.status or ("running" if each.rank in present else "killed")
        return ranks

    def _note(self, rank: int, step: int, moment: float) -> None:
        if step % self._every:
            return
        moments = self._moments[step]
        if rank not in moments:
            moments[rank] = moment
            self._count += 1
        if self._count > MOST_MOMENTS:
            self._every *= 2
            for other in [step for step in self._moments if step % self._every]:
                self._count -= len(self._moments.pop(other))

    def _clock_offsets(self) -> dict[str, float]:
        """Return by how much the clock of each host is ahead of that of the first rank's."""
        if not self._ranks:
            return {}
        reference = self._ranks[min(self._ranks)].host
        ahead: defaultdict[str, list[float]] = defaultdict(list)
        for moments in self._moments.values():
            first: dict[str, float] = {}
            for rank, moment in moments.items():
                host = self._ranks[rank].host
                first[host] = min(moment, first.get(host, moment))
            for host, moment in first.items():
                if reference in first and host != reference:
                    ahead[host].append(moment - first[reference])
        return {host: statistics.median(each) for host, each in ahead.items()}

    def _skews(self, offsets: Mapping[str, float]) -> dict[int, float]:
        delays: defaultdict[int, list[float]] = defaultdict(list)
        for moments in self._moments.values():
            if len(moments) > 1:
                there = {rank: each - offsets.get(self._ranks[rank].host, 0.0) for rank, each in moments.items()}
                first = min(there.values())
                for rank, moment in there.items():
                    delays[rank].append(moment - first)
        return {rank: statistics.fmean(each) for rank, each in delays.items()}


def most_unusual(ranks: Collection[RankSummary], most: int) -> list[RankSummary]:
    """Return rank 0 and the ranks that differ the most from the others, in the order of their numbers.

    Args:
        ranks (Collection[RankSummary]): All of them.
        most (int): How many.

    Example:
        >>> ranks = [RankSummary(rank, records=1, status="finished") for rank in range(3)] + [RankSummary(3)]
        >>> [each.rank for each in most_unusual(ranks, 2)]
        [0, 3]
    """
    usual = Counter(each.status for each in ranks).most_common(1)

    def order(each: RankSummary) -> tuple[bool, bool, float]:
        return each.rank != 0, each.status == usual[0][0], -(each.skew_seconds or 0.0)

    return sorted(sorted(ranks, key=order)[:most], key=lambda each: each.rank)
