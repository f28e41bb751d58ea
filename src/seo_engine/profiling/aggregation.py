"""Aggregation: spans -> statistics of operations, the call tree, training steps, and the newest spans for a trace."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from seo_engine.foundation.texts import as_json_data
from seo_engine.profiling.categories import CATEGORIES, is_of_training
from seo_engine.profiling.regions.cuda import GPU_MEMORY_SECONDS
from seo_engine.profiling.regions.measured_regions import NVTX, TORCH_PROFILER
from seo_engine.profiling.regions.readings import Reading
from seo_engine.profiling.regions.regions import Region
from seo_engine.profiling.regions.spans import FAILED, STRETCH, WHOLE_RUN, Span
from seo_engine.profiling.settings import ProfilingSettings
from seo_engine.profiling.statistics.call_tree import CallPath, CallTree
from seo_engine.profiling.statistics.covered_time import CoveredTime
from seo_engine.profiling.statistics.operation_statistics import OperationStatistics
from seo_engine.profiling.statistics.operations import Measures, Operation
from seo_engine.profiling.statistics.training_view import StepAccounting

logger = logging.getLogger(__name__)

# New names at each call, such as `step_1`, must not fill the memory: names beyond this number are counted together.
MOST_OPERATIONS = 1_000
OTHERS = "others"
# Longer names are cut, because they appear in every table and file.
_LONGEST_NAME = 200


class Aggregation:
    """Counts spans. Its owner makes sure that only one thread calls it at a time.

    Args:
        settings (ProfilingSettings): The settings.
    """

    def __init__(self, settings: ProfilingSettings) -> None:
        self.settings = settings
        # Nanoseconds of `time.perf_counter_ns`; what lies before is left out. At first, nothing does.
        self.began = -1
        self.operations: dict[tuple[str, str], Operation] = {}
        self.tree = CallTree()
        self.steps = StepAccounting()
        # Names of the tracker's operations that no training waits for.
        self.in_background: set[str] = set()
        self._covered = CoveredTime()
        self.newest_spans: deque[Span] = deque(maxlen=settings.trace_spans)
        self.newest_readings: deque[Reading] = deque(maxlen=settings.trace_spans)
        self.spans = 0
        self._memory_seconds = settings.memory_threshold_seconds
        marks = ((TORCH_PROFILER, settings.annotate_torch_profiler), (NVTX, settings.annotate_nvtx))
        self._marks = tuple(name for name, wanted in marks if wanted)
        self._touched: list[CallPath] = []
        self._unknown_categories: set[str] = set()

    def operation(self, name: str, category: str) -> Operation:
        """Return an operation, created at first use.

        Args:
            name (str): Its name.
            category (str): Its category; an unknown one causes a warning, once.

        Returns:
            Operation: The same object for the same name and category.
        """
        name, category = as_json_data(str(name)[:_LONGEST_NAME]), as_json_data(str(category)[:_LONGEST_NAME])
        operation = self.operations.get((name, category))
        if operation is not None:
            return operation
        if category not in CATEGORIES:
            self._warn_of_unknown_category(category)
        if len(self.operations) >= MOST_OPERATIONS:
            name, category = OTHERS, category if category in CATEGORIES else OTHERS
            if (name, category) in self.operations:
                return self.operations[name, category]
            logger.warning(
                "⚠️ More than %d operations are profiled: further ones are counted as %r", MOST_OPERATIONS, name
            )
        # `setdefault` is atomic.
        return self.operations.setdefault(
            (name, category),
            Operation(OperationStatistics(name, category), Measures(marks=self._marks), bool(self._marks)),
        )

    def count(self, spans: Sequence[Span]) -> None:
        """Count spans; those of one lane must come in the order in which their regions closed.

        Args:
            spans (Sequence[Span]): The spans of closed regions.
        """
        paths, touched, steps = self.tree.paths, self._touched, self.steps
        began, whole_runs, is_crossed = self.began, 0, False
        # Of the outermost regions, as two lists: they are compared and added up as such.
        starts: list[int] = []
        ends: list[int] = []
        for number, lane, start, end, own_time, flags in spans:
            path = paths.get(number)
            if path is None:
                # A generator that began before a fork or the end of an earlier run, and ended after it.
                continue
            if start <= began:
                is_crossed = True
                if end <= began:
                    continue
                start, own_time = began, _own_time_since(began, end, own_time)
            if not path.is_touched:
                touched.append(path)
                path.is_touched = True
            path.own_time += own_time
            if flags:
                whole_runs += flags >= WHOLE_RUN
                path.failures += flags & FAILED and not flags & STRETCH
            if not flags & STRETCH:
                path.durations.append(end - start)
            if (
                path.is_outermost
                and flags < WHOLE_RUN
                and (path.phase != "logging" or self._is_of_training(path.operation))
            ):
                starts.append(start)
                ends.append(end)
            if path.concerns_steps and flags < WHOLE_RUN:
                steps.count(path, lane, start, end, own_time)
            elif path.separates_steps:
                # Other work between loading and a step: the data was not for that step.
                steps.forget_loading(lane)
        self._covered.add_in_order(starts, ends)
        # A generator's whole run is not shown: it overlaps what its consumer did between the values.
        shown = spans if not whole_runs else [span for span in spans if span[-1] < WHOLE_RUN]
        if is_crossed:
            shown = [
                (number, lane, max(start, began), end, _own_time_since(max(start, began), end, own_time), flags)
                for number, lane, start, end, own_time, flags in shown
                if end > began
            ]
        self.newest_spans.extend(shown)
        self.spans += len(shown)
        while touched:
            path = touched[-1]
            path.add_batch()
            if path.operation is not None:
                self._choose_measures(path.operation)
            # Only now, so that the others are still added if a signal handler raises.
            touched.pop()

    def move(self, paths: Mapping[int, CallPath], lane: int, since: int) -> None:
        """Count the newest spans of a lane along other paths instead.

        Args:
            paths (Mapping[int, CallPath]): The path of the same operation to move to, by the number of the present one.
            lane (int): The number of the lane.
            since (int): Only what began then or later, in nanoseconds of `time.perf_counter_ns`.
        """
        for position, span in enumerate(list(self.newest_spans)):
            number, its_lane, start, end, own_time, flags = span
            if its_lane == lane and start >= since and number in paths:
                path = self._own_path(paths[number])
                self.tree.paths[number].move(path, start, end, own_time, is_run=not flags & STRETCH)
                self.newest_spans[position] = (path.number, *span[1:])
                if path.is_outermost and self._is_of_training(path.operation):
                    self._covered.add([(start, end)])

    def covered_nanoseconds(self, open_regions: Iterable[Region], moment: int) -> int:
        """Return how much of the time lies in any region of the training.

        Args:
            open_regions (Iterable[Region]): The regions that are open now.
            moment (int): Now, in nanoseconds of `time.perf_counter_ns`.
        """
        covered = self._covered.copy()
        # A region that is just being entered has no start yet.
        outermost = [each for each in open_regions if each.start and each.parent is None]
        covered.add((max(each.start, self.began), moment) for each in outermost if self._is_of_training(each.operation))
        return covered.total()

    def count_readings(self, readings: Sequence[Reading]) -> None:
        """Count what regions read besides the clock.

        Args:
            readings (Sequence[Reading]): The readings of closed regions.
        """
        since = [reading for reading in readings if reading.start >= self.began]
        for reading in since:
            reading.count(self._statistics_of(reading))
        self.newest_readings.extend(since)

    def forget_all(self) -> None:
        """Start over with the same operations."""
        for operation in self.operations.values():
            operation.statistics = OperationStatistics(operation.name, operation.category)
        self.tree = CallTree()
        self.steps = StepAccounting()
        self._covered = CoveredTime()
        self.newest_spans.clear()
        self.newest_readings.clear()
        self.spans = 0
        self._touched = []

    def merge(self, operations: Iterable[OperationStatistics]) -> None:
        """Add the statistics of another process."""
        for statistics in operations:
            self.operation(statistics.name, statistics.category).statistics.merge(statistics)

    def statistics(self) -> list[OperationStatistics]:
        """Return copies of the statistics of every operation that ran, the largest total first."""
        counted = [operation.statistics.copy() for operation in list(self.operations.values())]
        return sorted(
            (each for each in counted if each.count or each.self_time), key=lambda each: each.total, reverse=True
        )

    def _statistics_of(self, reading: Reading) -> OperationStatistics:
        return reading.operation.statistics

    def _own_path(self, path: CallPath) -> CallPath:
        return path

    def _is_of_training(self, operation: Operation | None) -> bool:
        return operation is None or is_of_training(operation.name, operation.category, self.in_background)

    def _choose_measures(self, operation: Operation) -> None:
        """Read memory only in operations that take long enough to justify the cost of reading."""
        seconds = operation.statistics.mean_seconds
        memory, gpu_memory = seconds >= self._memory_seconds, seconds >= max(GPU_MEMORY_SECONDS, self._memory_seconds)
        operation.measures = operation.measures._replace(memory=memory, gpu_memory=gpu_memory)
        operation.is_measured = memory or bool(self._marks)

    def _warn_of_unknown_category(self, category: str) -> None:
        if category in self._unknown_categories or len(self._unknown_categories) >= MOST_OPERATIONS:
            return
        self._unknown_categories.add(category)
        known = sorted(CATEGORIES)
        meant = get_close_matches(category, known, n=1, cutoff=0.5)
        hint = f"did you mean {meant[0]!r}?" if meant else f"the known ones are {', '.join(known)}"
        logger.warning("⚠️ Unknown profiling category %r is kept; %s", category, hint)


def _own_time_since(start: int, end: int, own_time: int) -> int:
    """Return a region's own time since a later start: how much of it came before is not known."""
    return max(0, min(own_time, end - start))
