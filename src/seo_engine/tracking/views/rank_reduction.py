"""RankReduction: one value for each step and metric, of all ranks together."""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.records.marks.run_marks import FIRST_ATTEMPT, Attempt, attempt_of, rank_of, world_size_of
from seo_engine.tracking.records.metrics import nonfinite_numbers
from seo_engine.tracking.records.plain_values import nonfinite_word
from seo_engine.tracking.views.patterns import is_named
from seo_engine.tracking.views.rank_names import MOST_RANKS

# Of more values that wait for other ranks than this, the oldest are left out, so that memory is bounded. As many are
# remembered of steps that were given up. Of many ranks, fewer, because each is a bit of every value.
MOST_OPEN_VALUES = 200_000
_MOST_BITS = 400_000_000

# A journal that somebody sent may name any number of them.
_MOST_ATTEMPTS = 100


class StepOfRanks(NamedTuple):
    """What the ranks log at the same place of their training."""

    attempt: Attempt
    metrics_kind: str
    step: int


class _Reduced:
    """One value of the ranks that have logged it so far; they are bits of a number."""

    __slots__ = ("count", "ranks", "value")

    def __init__(self) -> None:
        self.value = 0.0
        self.count = 0
        self.ranks = 0

    def add(self, value: float, bit: int, rule: str) -> None:
        if rule in ("mean", "sum"):
            self.value += value
        elif not self.count:
            self.value = value
        elif value != value or (self.value == self.value and (value < self.value) == (rule == "minimum")):
            # What is not a number stays so: it is never replaced by the value of another rank.
            self.value = value
        self.count += 1
        self.ranks |= bit

    def result(self, rule: str) -> float:
        return self.value / self.count if rule == "mean" else self.value


class _OpenStep:
    """What has been logged at a step that is not complete: by metric, one value or, if logged again, several."""

    __slots__ = ("epoch", "is_thinned", "metrics", "time", "values_begun")

    def __init__(self, epoch: float) -> None:
        self.epoch = epoch
        self.time = 0.0
        self.is_thinned = True
        self.metrics: dict[str, list[_Reduced]] = {}
        # Ever, so that it can be seen whether there is a new one.
        self.values_begun = 0


class RankReduction:
    """Puts the metrics of all ranks together, step by step: mean, minimum, maximum or sum.

    A metric is complete at a step when every rank has logged it. What some ranks lack is given up when the journal says
    so; what they log after that is left out.

    Args:
        config (TrackingConfig): Says which metrics are reduced how.

    Example:
        >>> reduction = RankReduction(TrackingConfig(rank_maximum_metrics=["*_seconds"]))
        >>> for rank in (0, 1):
        ...     reduction.begin({"kind": "start", "rank": rank, "world_size": 2})
        >>> def record(rank, metrics):
        ...     return {"kind": "training", "rank": rank, "epoch": 1, "step": 5, "time": 1.0, "metrics": metrics}
        >>> reduction.take(record(0, {"training/loss": 1.0, "training/step_seconds": 4.0})) is None
        True
        >>> reduction.take(record(1, {"training/loss": 2.0, "training/step_seconds": 3.0}))["metrics"]
        {'training/loss': 1.5, 'training/step_seconds': 4.0}
    """

    def __init__(self, config: TrackingConfig) -> None:
        # How many values are not shown, because they came too late or were too many.
        self.values_left_out = 0
        self.open_values = 0
        self._patterns = {
            "minimum": tuple(config.rank_minimum_metrics),
            "maximum": tuple(config.rank_maximum_metrics),
            "sum": tuple(config.rank_sum_metrics),
        }
        self._rules: dict[str, str] = {}
        self._attempts: dict[int, Attempt] = {}
        # As bits, all ranks of each attempt.
        self._everyone: dict[Attempt, int] = {}
        # The first step that each attempt logs again.
        self._resumed_at: dict[Attempt, int] = {}
        # The newest attempt that has ended, and the ranks that merging has added after that: their steps were given up.
        self._ended: Attempt | None = None
        self._merged: set[int] = set()
        self._open: dict[StepOfRanks, _OpenStep] = {}
        # Which ranks had logged a metric when a step was given up.
        self._given_up: dict[StepOfRanks, dict[str, int]] = {}
        self._given_up_values = 0

    def begin(self, record: Record) -> None:
        """Note how the part of a rank begins, or where it goes on.

        Args:
            record (Record): A `start` or `resume` of a rank.
        """
        rank = rank_of(record)
        if "world_size" in record:
            attempt = attempt_of(record)
            self._attempts[rank] = attempt
            (self._merged.add if self._ended is not None and attempt <= self._ended else self._merged.discard)(rank)
            if rank == 0 or attempt not in self._everyone:
                self._everyone[attempt] = (1 << min(max(world_size_of(record), 1), MOST_RANKS)) - 1
                _keep_newest(self._everyone, _MOST_ATTEMPTS)
        step = record.get("step")
        if isinstance(step, int) and rank in self._attempts:
            attempt = self._attempts[rank]
            self._resumed_at[attempt] = min(step, self._resumed_at.get(attempt, step))
            _keep_newest(self._resumed_at, _MOST_ATTEMPTS)

    def end(self, record: Record) -> None:
        """Note that the run has ended.

        Args:
            record (Record): The `end` of the run.
        """
        self._ended = max(attempt_of(record), self._ended or FIRST_ATTEMPT)

    def attempt_of_rank(self, rank: int) -> Attempt:
        """Return in which attempt a rank is."""
        return self._attempts.get(rank, FIRST_ATTEMPT)

    @property
    def most_open_values(self) -> int:
        """int: Of more open values than this, the oldest are left out."""
        everyone = max((each.bit_length() for each in self._everyone.values()), default=1)
        return min(MOST_OPEN_VALUES, _MOST_BITS // everyone)

    def take(self, record: Record) -> Record | None:
        """Take in what one rank has logged.

        Args:
            record (Record): Of metrics, of a rank below `MOST_RANKS`.

        Returns:
            Record | None: What is complete now, if anything is.
        """
        rank = rank_of(record)
        attempt = self.attempt_of_rank(rank)
        everyone, bit = self._everyone.get(attempt, 1), 1 << rank
        values = {**record["metrics"], **nonfinite_numbers(record.get("nonfinite", {}))}
        if not bit & everyone or rank in self._merged:
            self.values_left_out += len(values)
            return None
        key = StepOfRanks(attempt, record["kind"], record["step"])
        complete = {}
        for name, value in values.items():
            if self._is_late(key, name, bit):
                self.values_left_out += 1
            elif (reduced := self._add(key, record, name, value, bit)).ranks == everyone:
                complete[name] = reduced.result(self._rule(name))
                self._remove(key, name, reduced)
        result = self._result(key, complete) if complete else None
        while self.open_values > self.most_open_values:
            # Whoever writes the journal gives steps up before there are so many.
            self.values_left_out += self._close(next(iter(self._open)))
        return result

    def give_up(self, decision: Record) -> Record | None:
        """Complete a step with what there is.

        Args:
            decision (Record): An `incomplete_step`.

        Returns:
            Record | None: What the ranks have logged there; None if there is nothing.
        """
        key = StepOfRanks(attempt_of(decision), decision["metrics_kind"], decision["step"])
        if key not in self._open:
            return None
        # If a metric was logged several times, the newest, as in other curves.
        newest = {name: values[-1].result(self._rule(name)) for name, values in self._open[key].metrics.items()}
        result = self._shown(key, newest)
        self.values_left_out += self._close(key) - len(newest)
        return result

    def open_steps(self) -> dict[StepOfRanks, int]:
        """Return the steps that are not complete, the oldest first, and how many values were ever begun there."""
        return {key: step.values_begun for key, step in self._open.items()}

    def ranks_at(self, step: StepOfRanks) -> list[int]:
        """Return which ranks have logged a value that is not complete at a step."""
        union = 0
        for values in self._open[step].metrics.values():
            for each in values:
                union |= each.ranks
        return [rank for rank, digit in enumerate(reversed(f"{union:b}")) if digit == "1"]

    def _add(self, key: StepOfRanks, record: Record, name: str, value: float, bit: int) -> _Reduced:
        step = self._open.get(key)
        if step is None:
            step = self._open[key] = _OpenStep(record["epoch"])
        step.time = record["time"]
        step.is_thinned = step.is_thinned and record.get("thinned") is not False
        values = step.metrics.setdefault(name, [])
        # A rank that logs a metric again at the same step means another value, behind those that it has logged.
        place = bisect.bisect_left(values, True, key=lambda each: not each.ranks & bit)
        if place == len(values):
            values.append(_Reduced())
            step.values_begun += 1
            self.open_values += 1
        values[place].add(value, bit, self._rule(name))
        return values[place]

    def _remove(self, key: StepOfRanks, name: str, reduced: _Reduced) -> None:
        metrics = self._open[key].metrics
        metrics[name].remove(reduced)
        self.open_values -= 1
        if not metrics[name]:
            del metrics[name]

    def _result(self, key: StepOfRanks, values: Mapping[str, float]) -> Record | None:
        result = self._shown(key, values)
        if not self._open[key].metrics:
            del self._open[key]
        return result

    def _shown(self, key: StepOfRanks, values: Mapping[str, float]) -> Record | None:
        """Return the record of some values; None if a later attempt has logged the step again."""
        if any(attempt > key.attempt and key.step >= step for attempt, step in self._resumed_at.items()):
            self.values_left_out += len(values)
            return None
        step = self._open[key]
        return {
            "kind": key.metrics_kind,
            "rank": 0,
            "epoch": step.epoch,
            "step": key.step,
            "time": step.time,
            **({} if step.is_thinned else {"thinned": False}),
            **_parted(values),
        }

    def _close(self, key: StepOfRanks) -> int:
        """Forget what has been logged at a step, but not who has, and return how many values that was."""
        metrics = self._open.pop(key).metrics
        count = sum(map(len, metrics.values()))
        self.open_values -= count
        ranks = self._given_up.pop(key, {})
        self._given_up_values -= len(ranks)
        self._given_up[key] = ranks | {name: values[0].ranks for name, values in metrics.items()}
        self._given_up_values += len(self._given_up[key])
        while self._given_up_values > self.most_open_values:
            self._given_up_values -= len(self._given_up.pop(next(iter(self._given_up))))
        return count

    def _is_late(self, key: StepOfRanks, name: str, bit: int) -> bool:
        """Return whether a step was given up without this value, which is then no new one."""
        given_up = self._given_up.get(key, {})
        ranks = given_up.get(name)
        if ranks is None:
            return False
        if ranks & bit:
            # A rank that had logged it logs it again: the training is at this step once more.
            del given_up[name]
            self._given_up_values -= 1
            return False
        given_up[name] = ranks | bit
        return True

    def _rule(self, name: str) -> str:
        if name not in self._rules:
            self._rules[name] = next((rule for rule, each in self._patterns.items() if is_named(name, each)), "mean")
        return self._rules[name]


def _parted(values: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Return numbers as records of metrics have them: those that JSON does not have, apart from the others."""
    nonfinite = {name: nonfinite_word(value) for name, value in values.items() if not math.isfinite(value)}
    metrics = {name: value for name, value in values.items() if name not in nonfinite}
    return {"metrics": metrics, "nonfinite": nonfinite} if nonfinite else {"metrics": metrics}


def _keep_newest(by_attempt: dict[Attempt, int], most: int) -> None:
    while len(by_attempt) > most:
        del by_attempt[next(iter(by_attempt))]
