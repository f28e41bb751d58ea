"""RankViews: what the views show of each of several ranks, and under which names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.records.forms import Medium
from seo_engine.tracking.records.kind import Shown
from seo_engine.tracking.records.marks.alert import ALERT
from seo_engine.tracking.records.marks.artifact import ARTIFACT, ARTIFACT_USE
from seo_engine.tracking.records.marks.run_marks import END, RANK, RESUME, START, Attempt, rank_of
from seo_engine.tracking.records.metrics import rank_of_line
from seo_engine.tracking.records.text import TEXT
from seo_engine.tracking.views.rank_names import (
    MOST_RANKS,
    SharedMetrics,
    is_of_one_rank,
    is_shared_by_ranks,
    names_in,
    rank_prefix,
    with_only,
)
from seo_engine.tracking.views.rank_reduction import RankReduction

# Numbers of streams that are no rank's: values of all ranks, and those of steps that some ranks have not logged.
ALL_TOGETHER = -1
INCOMPLETE = -2


# Also where the views show the first rank: somebody has chosen to say them there.
_OF_EVERY_RANK = (TEXT, ALERT, ARTIFACT, ARTIFACT_USE)


class Stream(NamedTuple):
    """Metrics of one stream, and the names under which they are shown; None if those are their own.

    A metric is thinned by its own name and with the values of its own stream. Each rank has one, with its number.
    """

    number: int
    record: Record
    names: Mapping[str, str] | None = None


class RankViews:
    """Says what a view shows of each rank. A run of one process has one stream, under the names that it logs.

    Args:
        config (TrackingConfig): Holds `rank_metrics`.

    Example:
        >>> views = RankViews(TrackingConfig(rank_metrics="all"))
        >>> views.take_in({"kind": "start", "rank": 3, "world_size": 4, "host": "node-7"})
        >>> record = {"kind": "training", "rank": 3, "epoch": 1, "step": 5, "metrics": {"training/loss": 0.5}}
        >>> [stream.names for stream in views.streams(record)]
        [{'training/loss': 'rank_3/training/loss'}]
    """

    def __init__(self, config: TrackingConfig) -> None:
        self.reduction = RankReduction(config)
        self._mode = config.rank_metrics
        self._has_ranks = False
        self._shared = SharedMetrics()
        # The newest attempt of which a rank has said from which step on it logs again.
        self._resumed: Attempt | None = None

    def leaves_out(self, line: bytes) -> bool:
        """Return whether a line holds only what the views do not show, without parsing it."""
        return self._has_ranks and self._mode == "first" and bool(rank_of_line(line))

    def take_in(self, record: Record) -> None:
        """Note how the part of a rank begins, goes on, or ends.

        Args:
            record (Record): Any.
        """
        rank = rank_of(record)
        if not 0 <= rank < MOST_RANKS:
            return
        if record["kind"] in (START.name, RESUME.name):
            if "world_size" in record:
                self._has_ranks = True
                self._shared.begin(rank, record.get("host"))
            self.reduction.begin(record)
        elif record["kind"] == END.name and record.get("ends") == RANK:
            self._shared.end(rank)
        elif record["kind"] == END.name and self._has_ranks:
            self.reduction.end(record)

    def streams(self, record: Record) -> list[Stream]:
        """Return what a record of metrics adds to the streams.

        Args:
            record (Record): Of metrics.
        """
        if not self._has_ranks:
            return [Stream(0, record)]
        rank, kind = rank_of(record), record["kind"]
        if not 0 <= rank < MOST_RANKS:
            return []
        names: dict[str, str] = {}
        together: list[str] = []
        for name in names_in(record):
            if is_shared_by_ranks(kind, name):
                if (shown := self._shared.name_of(rank, name)) is not None:
                    names[name] = shown
            elif self._mode == "reduced" and not is_of_one_rank(kind, name):
                together.append(name)
            elif self._mode != "first" or rank == 0:
                names[name] = self._prefix(rank) + name
        own = [Stream(rank, with_only(record, names), names)] if names else []
        reduced = self.reduction.take(with_only(record, together)) if together else None
        return own if reduced is None else [*own, Stream(ALL_TOGETHER, reduced)]

    def given_up(self, decision: Record) -> list[Stream]:
        """Return what is shown of a step that not all ranks have logged in time.

        Args:
            decision (Record): An `incomplete_step`.
        """
        reduced = self.reduction.give_up(decision) if self._mode == "reduced" else None
        return [Stream(INCOMPLETE, reduced)] if reduced is not None else []

    def rewound(self, record: Record) -> list[int]:
        """Return the numbers of the streams that a resumption rewinds.

        Args:
            record (Record): A `resume` that names a step.
        """
        rank = rank_of(record) if self._has_ranks else 0
        return [rank, ALL_TOGETHER, INCOMPLETE] if self._is_first_of_attempt(rank) else [rank]

    def shown(self, record: Record, shown: Shown | None) -> Shown | None:
        """Return what a view shows of a record that holds no metrics.

        Args:
            record (Record): The record.
            shown (Shown | None): What it would show of it if there were one rank.
        """
        if not self._has_ranks or shown is None:
            return shown
        rank = rank_of(record)
        if not 0 <= rank < MOST_RANKS:
            return None
        if shown.kind is RESUME:
            return self._resumption(rank, shown)
        if shown.step is None:
            # What describes the run as a whole.
            return shown if rank == 0 else None
        if self._mode == "first" and rank and shown.kind not in _OF_EVERY_RANK:
            return None
        return _with_prefix(shown, self._prefix(rank))

    def _resumption(self, rank: int, shown: Shown) -> Shown | None:
        is_first = self._is_first_of_attempt(rank)
        if shown.record["step"] is not None:
            self._resumed = self.reduction.attempt_of_rank(rank)
        elif rank:
            # It supersedes nothing, and rank 0 says that the run goes on.
            return None
        if self._mode == "first":
            return shown if rank == 0 else None
        settings = shown.settings if rank == 0 else {}
        return dataclasses.replace(shown, settings=settings, prefix="" if is_first else rank_prefix(rank))

    def _is_first_of_attempt(self, rank: int) -> bool:
        """Return whether no other rank of this attempt has said yet from which step on it logs again."""
        return self._mode == "first" or self._resumed is None or self.reduction.attempt_of_rank(rank) > self._resumed

    def _prefix(self, rank: int) -> str:
        return "" if self._mode == "first" and rank == 0 else rank_prefix(rank)


def _with_prefix(shown: Shown, prefix: str) -> Shown:
    def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
        return {prefix + name: value for name, value in values.items()}

    def renamed_medium(medium: Medium) -> Medium:
        return medium._replace(name=prefix + medium.name)

    return dataclasses.replace(
        shown,
        numbers=renamed(shown.numbers),
        texts=renamed(shown.texts),
        summary=renamed(shown.summary),
        media=tuple(tuple(renamed_medium(form) for form in forms) for forms in shown.media),
        prefix=prefix,
    )
