"""Aggregation: spans -> statistics of operations, the call tree, training steps, and the newest spans for a trace."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from seo_engine.profiling.call_tree import CallPath, CallTree, Operation
from seo_engine.profiling.categories import CATEGORIES
from seo_engine.profiling.configuration import ProfilingConfig
from seo_engine.profiling.measured_region import (
    GPU_MEMORY_SECONDS,
    NVTX,
    TORCH_PROFILER,
    MeasuredRegion,
    Measures,
)
from seo_engine.profiling.regions import Region
from seo_engine.profiling.statistics import OperationStatistics
from seo_engine.profiling.training_view import StepAccounting

logger = logging.getLogger(__name__)

# Names made up anew at each call, such as `step_1`, must not fill the memory: further ones are counted as one.
MOST_OPERATIONS = 1_000
OTHERS = "others"

# Regions timed by a GPU that does not come to their end.
_MOST_DEVICE_SPANS = 10_000


class Aggregation:
    """Counts spans; one thread at a time, as its owner sees to.

    Args:
        config (ProfilingConfig): The settings.
    """

    def __init__(self, config: ProfilingConfig) -> None:
        self.operations: dict[tuple[str, str], Operation] = {}
        self.tree = CallTree()
        self.steps = StepAccounting()
        self.newest_spans: deque[Region] = deque(maxlen=config.trace_spans)
        self.spans = 0
        self.device_spans: deque[MeasuredRegion] = deque(maxlen=_MOST_DEVICE_SPANS)
        self._memory_seconds = config.memory_threshold_seconds
        marks = ((TORCH_PROFILER, config.annotate_torch_profiler), (NVTX, config.annotate_nvtx))
        self._marks = tuple(name for name, wanted in marks if wanted)
        self._touched: list[CallPath] = []
        self._unknown_categories: set[str] = set()

    def operation(self, name: str, category: str) -> Operation:
        """Return an operation, made at its first use.

        Args:
            name (str): Its name.
            category (str): Its category; an unknown one is warned of once.

        Returns:
            Operation: The same for the same name and category.
        """
        # JSON holds Unicode only; Python's texts may be something else, as the names of files are.
        name, category = (str(text).encode("utf-8", "backslashreplace").decode() for text in (name, category))
        operation = self.operations.get((name, category))
        if operation is not None:
            return operation
        if category not in CATEGORIES:
            self._warn_of_unknown_category(category)
        if len(self.operations) >= MOST_OPERATIONS:
            name, category = OTHERS, category if category in CATEGORIES else OTHERS
            if (name, category) in self.operations:
                return self.operations[name, category]
            logger.warning("⚠️ More than %d operations are profiled: further ones are %r", MOST_OPERATIONS, name)
        # `setdefault` is one step for all threads.
        return self.operations.setdefault(
            (name, category),
            Operation(OperationStatistics(name, category), Measures(marks=self._marks), bool(self._marks)),
        )

    def count(self, spans: Sequence[Region]) -> None:
        """Count spans, those of one lane in the order in which they were left.

        Args:
            spans (Sequence[Region]): Regions that were left.
        """
        hidden = 0
        for span in spans:
            if type(span) is not Region:
                span.count_in(self)
                hidden += not span.shown_in_trace
                continue
            # `count_time` without its calls, because nearly all spans come this way.
            path = self.count_stretch(span)
            path.durations.append(span.end - span.start)
            if span.failed:
                path.failures += 1
        self.newest_spans.extend(spans if not hidden else [span for span in spans if span.shown_in_trace])
        self.spans += len(spans) - hidden
        while self._touched:
            path = self._touched[-1]
            path.add_batch()
            if path.operation is not None:
                self._choose_measures(path.operation)
            # Only now, so that after an exception out of a signal's handler the others are still added.
            self._touched.pop()
        self._read_device_times()

    def count_time(self, span: Region) -> None:
        """Count one run of an operation, and its time."""
        path = self.count_stretch(span)
        self.count_run(path, span.end - span.start, span.failed)

    def count_run(self, path: CallPath, duration: int, failed: bool) -> None:
        """Count one run of an operation.

        Args:
            path (CallPath): Where it was called.
            duration (int): Nanoseconds from its start to its end.
            failed (bool): Whether an exception passed through.
        """
        if not path.is_touched:
            self._touch(path)
        path.durations.append(duration)
        path.failures += failed

    def count_stretch(self, span: Region) -> CallPath:
        """Count the own time of a span, without counting a run.

        Args:
            span (Region): A region that was left.

        Returns:
            CallPath: Where it was called.
        """
        path = span.path or self.tree.path_of(span)
        if not path.is_touched:
            self._touch(path)
        duration = span.end - span.start
        own_time = duration - span.children
        path.own_time += own_time
        if path.concerns_steps:
            self.steps.count(span, path, own_time)
        elif path.separates_steps:
            # Whatever is done between loading and a step: the data were not for that step.
            span.lane.loading_before_step = 0
        parent = span.parent
        if parent is not None:
            parent.children += duration
            # Its ancestors are not kept by it.
            span.parent = None
        return path

    def _touch(self, path: CallPath) -> None:
        self._touched.append(path)
        path.is_touched = True

    def forget_all(self) -> None:
        """Begin anew with the same operations."""
        for operation in self.operations.values():
            operation.statistics = OperationStatistics(operation.name, operation.category)
        self.tree = CallTree()
        self.steps = StepAccounting()
        self.newest_spans.clear()
        self.spans = 0
        self.device_spans.clear()
        self._touched = []

    def merge(self, operations: Iterable[OperationStatistics]) -> None:
        """Take in the statistics of another process."""
        for statistics in operations:
            self.operation(statistics.name, statistics.category).statistics.merge(statistics)

    def statistics(self) -> list[OperationStatistics]:
        """Return copies of the statistics of every operation that ran, the largest total first."""
        counted = [operation.statistics.copy() for operation in list(self.operations.values())]
        return sorted(
            (each for each in counted if each.count or each.self_time), key=lambda each: each.total, reverse=True
        )

    def _choose_measures(self, operation: Operation) -> None:
        """Read memory in the regions of an operation that lasts long enough to pay for the reading."""
        seconds = operation.statistics.mean_seconds
        memory, gpu_memory = seconds >= self._memory_seconds, seconds >= max(GPU_MEMORY_SECONDS, self._memory_seconds)
        operation.measures = operation.measures._replace(memory=memory, gpu_memory=gpu_memory)
        operation.is_measured = memory or bool(self._marks)

    def _read_device_times(self) -> None:
        for _ in range(len(self.device_spans)):
            span = self.device_spans.popleft()
            try:
                is_read = span.read_device_time()
            except Exception as error:  # the GPU is lost, for example
                logger.debug("GPU time cannot be read: %s", error)
                continue
            if not is_read:
                # A GPU passes the events in the order in which they were recorded.
                self.device_spans.appendleft(span)
                return

    def _warn_of_unknown_category(self, category: str) -> None:
        if category in self._unknown_categories or len(self._unknown_categories) >= MOST_OPERATIONS:
            return
        self._unknown_categories.add(category)
        nearest = get_close_matches(category, sorted(CATEGORIES), n=1, cutoff=0.0)
        logger.warning(
            "⚠️ Unknown profiling category %r is kept as it is; the nearest known is %r", category, nearest[0]
        )
