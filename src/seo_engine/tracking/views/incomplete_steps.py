"""IncompleteSteps: decides which steps are shown although not all ranks have logged them."""

from __future__ import annotations

import itertools
import time

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.records.kind import new_record
from seo_engine.tracking.records.kinds import KINDS
from seo_engine.tracking.records.marks.run_marks import INCOMPLETE_STEP
from seo_engine.tracking.views.rank_reduction import StepOfRanks
from seo_engine.tracking.views.rank_views import RankViews

# How long a step waits for the ranks that have not logged it.
LONGEST_WAIT_SECONDS = 30.0

# Of what the views can hold, so much may wait so long: beyond it, they would leave out the oldest.
_WAITING_SHARE = 0.25


class IncompleteSteps:
    """Follows what the ranks log as the views do, and gives up what is not complete in time.

    Only one process decides, and writes its decisions down in the order of the journal: so every view that is made of
    it shows the same, whenever it is made. A decision counts once it is read there.

    Args:
        config (TrackingConfig): Says whether and how metrics are reduced.

    Example:
        >>> steps = IncompleteSteps(TrackingConfig(rank_metrics="reduced"))
        >>> steps.take_in({"kind": "start", "rank": 0, "world_size": 2, "attempt": [0, 0, 0]})
        >>> moment = {"epoch": 1, "step": 5, "time": 1.0}
        >>> steps.take_in({"kind": "training", "rank": 0, **moment, "metrics": {"training/loss": 0.5}})
        >>> steps.overdue(time.monotonic())
        []
        >>> [(decision["step"], decision["ranks"]) for decision in steps.rest()]
        [(5, [0])]
    """

    def __init__(self, config: TrackingConfig) -> None:
        self.is_needed = config.rank_metrics == "reduced"
        self._rank_views = RankViews(config)
        # When a step had how many values for the first time; not by the clocks of the ranks, which differ.
        self._waiting: dict[StepOfRanks, tuple[int, float]] = {}

    def take_in(self, record: Record) -> None:
        """Process the next record of the run.

        Args:
            record (Record): With the fields of its kind.
        """
        if not self.is_needed:
            return
        self._rank_views.take_in(record)
        kind = KINDS.get(record["kind"])
        if kind is INCOMPLETE_STEP:
            self._rank_views.given_up(record)
        elif kind is not None and kind.is_metrics:
            self._rank_views.streams(record)

    def overdue(self, looked_at: float) -> list[Record]:
        """Return a decision for each step that has waited long enough; called after each look at the journals.

        Args:
            looked_at (float): When the last look began, by `time.monotonic`: what a rank has logged since then may not
                have been taken in.
        """
        if not self.is_needed:
            return []
        now = time.monotonic()
        reduction = self._rank_views.reduction
        before, self._waiting = self._waiting, {}
        for step, values in reduction.open_steps().items():
            known = before.get(step)
            # The wait begins anew with a further metric.
            self._waiting[step] = known if known is not None and known[0] == values else (values, now)
        overdue = [step for step, (_, seen) in self._waiting.items() if looked_at - seen > LONGEST_WAIT_SECONDS]
        # What is complete soon is among the newest.
        many = _WAITING_SHARE * reduction.most_open_values
        most = int(len(self._waiting) * max(0.0, 1 - many / max(reduction.open_values, 1)))
        return list(map(self._decision, dict.fromkeys([*overdue, *itertools.islice(self._waiting, most)])))

    def rest(self) -> list[Record]:
        """Return a decision for each step that is not complete."""
        return list(map(self._decision, self._rank_views.reduction.open_steps()))

    def _decision(self, step: StepOfRanks) -> Record:
        ranks = self._rank_views.reduction.ranks_at(step)
        return new_record(INCOMPLETE_STEP.name, **{**step._asdict(), "attempt": list(step.attempt)}, ranks=ranks)
