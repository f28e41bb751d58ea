"""Training steps: the time each spends on data, forward, backward, optimizer and logging, and the outliers."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from seo_engine.profiling.statistics.call_tree import CallPath
from seo_engine.profiling.statistics.operation_statistics import NANOSECONDS, OperationStatistics
from seo_engine.profiling.statistics.operations import PHASES, TRAINING_STEP, Operation
from seo_engine.profiling.statistics.optimizer_steps import BatchTimes, OptimizerSteps

# The first steps allocate, compile and fill caches; they are not typical, and never count as outliers.
WARM_UP_STEPS = 3

# A step is an outlier if it took more than this many times the median.
OUTLIER_FACTOR = 2.0

_MOST_RECENT_STEPS = 1_000
_STEPS_PER_BATCH = 256
_MOST_OUTLIERS = 10
# Lanes with parts of an unfinished step; a step that an exception ended never finishes.
_MOST_OPEN_STEPS = 1_000
# At this number, the parts of a step are added up to one for each phase.
_MOST_PARTS = 1_000

# Start, phase, operation, own time; in nanoseconds.
Part = tuple[int, str, Operation, int]


@dataclass(frozen=True, slots=True)
class StepTimes:
    """One training step, counted from 1; times in nanoseconds. Data loading just before it is part of it."""

    number: int
    total: int
    phases: dict[str, int]
    # The own time of the operations of the phase `other`.
    others: dict[Operation, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Share:
    """An operation that takes time from the training, as percent of the time of which it is a part."""

    operation: Operation
    percent: float
    runs: int = 0
    seconds: float = 0.0


class OutlierStep(TypedDict):
    """A step that took much longer than the median, as plain data."""

    step: int
    seconds: float
    median_seconds: float
    # The part that exceeded its mean the most, and its time in this step.
    largest_phase: str
    largest_phase_seconds: float
    # Of the part `other`, the operation that exceeded its mean the most; None if it is in no region.
    largest_operation: str | None


class RecentStep(TypedDict):
    """One training step and the seconds of its parts, as plain data."""

    step: int
    seconds: float
    parts: dict[str, float]


class TrainingView(TypedDict):
    """Where the training steps of a run spent their time, as plain data; the shares add up to 100."""

    # One optimizer step is one step, over however many batches the gradients accumulate.
    steps: int
    batches: int
    steps_per_second: float
    samples_per_second: float | None
    mean_step_seconds: float
    p50_step_seconds: float
    p99_step_seconds: float
    data_loading_percent: float
    forward_percent: float
    backward_percent: float
    optimizer_percent: float
    logging_percent: float
    other_percent: float
    # Of the other part, what no region within the step covers.
    mean_uncovered_seconds: float
    outlier_steps: int
    outlier_percent: float
    outliers: list[OutlierStep]


class StepAccounting:
    """Adds up the spans of training steps for a `TrainingView`; only the aggregation uses it."""

    def __init__(self) -> None:
        self.recent: deque[StepTimes] = deque(maxlen=_MOST_RECENT_STEPS)
        self.samples = 0
        # By lane: the parts of the open step, and the time spent on loading since the last step.
        self._parts: dict[int, list[Part]] = {}
        self._loading: dict[int, int] = {}
        # From the start of the first step to the end of the last.
        self.began: int | None = None
        self.ended = 0
        self._totals = dict.fromkeys(PHASES, 0)
        self._warm_up_totals = dict.fromkeys(PHASES, 0)
        self._others: dict[Operation, int] = {}
        self._warm_up_others: dict[Operation, int] = {}
        # Evaluations and checkpoints: how many, and how long. Those outside of steps wait for the next step.
        self._interruptions: dict[Operation, list[int]] = {}
        self._interruptions_before: dict[int, dict[Operation, list[int]]] = {}
        self._between_steps = 0
        self._optimizer_steps = OptimizerSteps()
        self._batches = 0
        self._steps = 0
        self._warm_up: list[int] = []
        self._after_warm_up = OperationStatistics(TRAINING_STEP, "training_loop")
        # Durations that wait to be added, a batch at a time.
        self._waiting: list[int] = []
        self._slowest: list[StepTimes] = []

    def count(self, path: CallPath, lane: int, start: int, end: int, own_time: int) -> None:
        """Count a span that is a training step, a part of one, or the loading of data before one.

        Args:
            path (CallPath): The path along which it was called.
            lane (int): Number of the lane.
            start (int): Nanoseconds of `time.perf_counter_ns`.
            end (int): The same at the end.
            own_time (int): Nanoseconds without nested regions.
        """
        operation = path.operation
        assert operation is not None
        if path.within_step:
            self._count_part(path.phase or "other", lane, start, path.interruption or operation, own_time)
            if path.is_interruption:
                _add_run(self._interruptions, operation, end - start)
        elif path.is_interruption:
            self.forget_loading(lane)
            if len(self._interruptions_before) >= _MOST_OPEN_STEPS:
                self._interruptions_before.clear()
            _add_run(self._interruptions_before.setdefault(lane, {}), operation, end - start)
        elif path.phase == "data_loading":
            self._loading[lane] = self._loading.get(lane, 0) + own_time
            if len(self._loading) > _MOST_OPEN_STEPS:
                self._loading.clear()
        else:
            self._count_batch(lane, start, end)

    def forget_loading(self, lane: int) -> None:
        """Forget the data loading so far: it was not for a step."""
        if lane in self._loading:
            del self._loading[lane]

    def view(self) -> TrainingView | None:
        """Return where the steps spent their time; None if there was no step."""
        self._settle()
        total = sum(self._totals.values())
        if not self._steps or not total:
            return None
        self._add_waiting()
        percent = _percent_of(self._totals)
        seconds = total * NANOSECONDS
        measured = self._after_warm_up
        if not measured.count:
            measured = OperationStatistics(TRAINING_STEP, "training_loop")
            measured.add(self._warm_up, total)
        median = measured.quantile_seconds(0.5)
        usual = {phase: self._totals[phase] / self._steps for phase in PHASES}
        usual_others = {operation: time / self._steps for operation, time in self._others.items()}
        count, excess = self._outliers(median)
        return TrainingView(
            steps=self._steps,
            batches=self._batches,
            steps_per_second=self._steps / seconds,
            samples_per_second=self.samples / seconds if self.samples else None,
            mean_step_seconds=seconds / self._steps,
            p50_step_seconds=median,
            p99_step_seconds=measured.quantile_seconds(0.99),
            outlier_steps=count,
            outlier_percent=100 * excess / seconds,
            outliers=_describe_outliers(self._slowest, median, usual, usual_others),
            data_loading_percent=percent["data_loading"],
            forward_percent=percent["forward"],
            backward_percent=percent["backward"],
            optimizer_percent=percent["optimizer"],
            logging_percent=percent["logging"],
            other_percent=percent["other"],
            mean_uncovered_seconds=max(0, self._totals["other"] - sum(self._others.values()))
            * NANOSECONDS
            / self._steps,
        )

    def recent_steps(self) -> list[RecentStep]:
        """Return the newest steps one by one, as plain data."""
        self._settle()
        return [
            {
                "step": step.number,
                "seconds": step.total * NANOSECONDS,
                "parts": {phase: time * NANOSECONDS for phase, time in step.phases.items()},
            }
            for step in self.recent
        ]

    def percent_after_warm_up(self) -> dict[str, float]:
        """Return each phase's share of the time of all steps after the warm-up, in percent."""
        return _percent_of({phase: self._totals[phase] - self._warm_up_totals[phase] for phase in PHASES})

    def others_after_warm_up(self) -> list[Share]:
        """Return the operations of the part `other`, the largest first, by their share of all steps after the warm-up.

        Evaluations and checkpoints count with all that is nested in them, other operations without.
        """
        total = sum(self._totals.values()) - sum(self._warm_up_totals.values())
        times = {each: time - self._warm_up_others.get(each, 0) for each, time in self._others.items()}
        return [
            Share(each, 100 * time / total, seconds=time * NANOSECONDS)
            for each, time in sorted(times.items(), key=lambda item: item[1], reverse=True)
            if total and time
        ]

    def interruptions(self) -> list[Share]:
        """Return the evaluations and checkpoints, by their share of the steps and what came between them."""
        total = sum(self._totals.values()) + self._between_steps
        return [
            Share(each, 100 * time / total, runs, time * NANOSECONDS)
            for each, (runs, time) in self._interruptions.items()
            if total
        ]

    def _settle(self) -> None:
        for step in self._optimizer_steps.settle():
            self._count_step(step)

    def _count_part(self, phase: str, lane: int, start: int, operation: Operation, own_time: int) -> None:
        parts = self._parts.get(lane)
        if parts is None:
            if len(self._parts) >= _MOST_OPEN_STEPS:
                self._parts.clear()
            parts = self._parts[lane] = []
        parts.append((start, phase, operation, own_time))
        if len(parts) >= _MOST_PARTS:
            latest = parts[-1][0]
            sums: dict[tuple[str, Operation], int] = {}
            for _, part, what, time in parts:
                sums[part, what] = sums.get((part, what), 0) + time
            self._parts[lane] = [(latest, part, what, time) for (part, what), time in sums.items()]

    def _count_batch(self, lane: int, start: int, end: int) -> None:
        # Parts that began before it, or after it, belong to a step that an exception ended.
        parts = [part for part in self._parts.pop(lane, ()) if start <= part[0] < end]
        phases, others = dict.fromkeys(PHASES, 0), dict[Operation, int]()
        for _, phase, operation, own_time in parts:
            if phase == "other":
                others[operation] = others.get(operation, 0) + own_time
            else:
                phases[phase] += own_time
        loading = self._loading.pop(lane, 0)
        if phases["data_loading"]:
            # The step loaded its own batch; whatever was loaded before it is a data set, for example.
            loading = 0
        phases["data_loading"] += loading
        total = end - start + loading
        phases["other"] = max(0, total - sum(phases.values()))
        interruptions = self._interruptions_before.pop(lane, {})
        if self.began is not None:
            for operation, (runs, time) in interruptions.items():
                _add_run(self._interruptions, operation, time, runs)
                self._between_steps += time
        if self.began is None:
            self.began = start
        self.ended = max(self.ended, end)
        for step in self._optimizer_steps.add(lane, BatchTimes(start, end, total, phases, others)):
            self._count_step(step)

    def _count_step(self, times: BatchTimes) -> None:
        total, phases, others = times.total, times.phases, times.others
        self._steps += 1
        self._batches += times.batches
        for phase, own_time in phases.items():
            self._totals[phase] += own_time
        for operation, own_time in others.items():
            self._others[operation] = self._others.get(operation, 0) + own_time
        step = StepTimes(self._steps, total, phases, others)
        self.recent.append(step)
        if self._steps <= WARM_UP_STEPS:
            self._warm_up.append(total)
            self._warm_up_totals, self._warm_up_others = dict(self._totals), dict(self._others)
            return
        self._waiting.append(total)
        if len(self._waiting) >= _STEPS_PER_BATCH:
            self._add_waiting()
        if len(self._slowest) < _MOST_OUTLIERS or total > self._slowest[-1].total:
            self._slowest = sorted([*self._slowest, step], key=lambda each: each.total, reverse=True)[:_MOST_OUTLIERS]

    def _add_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._after_warm_up.add(waiting, sum(waiting))

    def _outliers(self, median: float) -> tuple[int, float]:
        """Return how many steps took much longer than the median, and how many seconds longer in total."""
        limit = OUTLIER_FACTOR * median
        durations = self._after_warm_up.histogram.durations()
        slow = [(seconds * NANOSECONDS, count) for seconds, count in durations if seconds * NANOSECONDS > limit]
        return sum(count for _, count in slow), sum((seconds - median) * count for seconds, count in slow)


def _add_run(sums: dict[Operation, list[int]], operation: Operation, nanoseconds: int, runs: int = 1) -> None:
    sums.setdefault(operation, [0, 0])
    sums[operation][0] += runs
    sums[operation][1] += nanoseconds


def _percent_of(totals: Mapping[str, int]) -> dict[str, float]:
    total = sum(totals.values())
    return {phase: 100 * totals[phase] / total if total else 0.0 for phase in PHASES}


def _describe_outliers(
    slowest: Sequence[StepTimes], median: float, usual: Mapping[str, float], usual_others: Mapping[Operation, float]
) -> list[OutlierStep]:
    described: list[OutlierStep] = []
    for step in slowest:
        seconds = step.total * NANOSECONDS
        if seconds <= OUTLIER_FACTOR * median:
            break
        phase = max(step.phases, key=lambda name: step.phases[name] - usual[name])
        described.append(
            {
                "step": step.number,
                "seconds": seconds,
                "median_seconds": median,
                "largest_phase": phase,
                "largest_phase_seconds": step.phases[phase] * NANOSECONDS,
                "largest_operation": _largest_operation(step, usual, usual_others) if phase == "other" else None,
            }
        )
    return described


def _largest_operation(
    step: StepTimes, usual: Mapping[str, float], usual_others: Mapping[Operation, float]
) -> str | None:
    excess: dict[str | None, float] = {each.name: time - usual_others[each] for each, time in step.others.items()}
    in_no_region = step.phases["other"] - sum(step.others.values())
    excess[None] = in_no_region - (usual["other"] - sum(usual_others.values()))
    return max(excess, key=lambda name: excess[name])
