"""CodeProfiler: named regions of code, timed for well under a microsecond each."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterable
from contextlib import AbstractContextManager
from difflib import get_close_matches
from types import TracebackType
from typing import TypedDict

from seo_engine.profiling.bottlenecks import Bottleneck, find_bottlenecks
from seo_engine.profiling.statistics import OperationStatistics
from seo_engine.profiling.system_metrics import process_memory_bytes

logger = logging.getLogger(__name__)

CATEGORIES = frozenset(
    {
        "experiment_tracking",
        "progress_monitoring",
        "performance_benchmarking",
        "memory_usage",
        "parallel_computation",
        "data_loading",
        "preprocessing",
        "training_loop",
        "model_inference",
        "site_audit",
    }
)

# The caller only appends a span; once this many wait, the one that appended the last makes the statistics.
SPANS_PER_BATCH = 4096

_now = time.perf_counter_ns

# name, category, duration, duration without nested regions, an exception passed, change of memory or None
Span = tuple[str, str, int, int, bool, int | None]


class ProfilingData(TypedDict):
    """What `log_profiling_data` takes: mean seconds, mean MB, and the bottlenecks."""

    timings: dict[str, float]
    memory: dict[str, float]
    bottlenecks: list[Bottleneck]


class CodeProfiler:
    """Times named regions of code, nested and on any thread, and says which weigh most.

    Args:
        enabled (bool): When False a region costs next to nothing and nothing is kept.

    Example:
        >>> profiler = CodeProfiler()
        >>> with profiler.profile_operation("forward_pass", "training_loop"):
        ...     pass
        >>> profiler.statistics()[0].count
        1
    """

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled
        self._started = _now()
        self._spans: deque[Span] = deque()
        self._open_regions = _OpenRegions()
        self._statistics: dict[tuple[str, str], OperationStatistics] = {}
        self._statistics_lock = threading.Lock()
        self._unknown_categories: set[str] = set()
        _profilers.add(self)

    def profile_operation(
        self, name: str, category: str, *, measure_memory: bool = False
    ) -> AbstractContextManager[object]:
        """Time the region of code in the `with` block.

        Args:
            name (str): The operation, such as `forward_pass`.
            category (str): One of `CATEGORIES`; another is accepted and warned of once.
            measure_memory (bool): Also read the change of the process memory, about ten microseconds.

        Returns:
            AbstractContextManager: To be used in a `with` statement; an exception passes through.

        Example:
            >>> with CodeProfiler().profile_operation("load_batch", "data_loading"):
            ...     pass
        """
        if not self.enabled:
            return _DISABLED_REGION
        return _Region(self, name, category, measure_memory)

    def add_span(self, name: str, category: str, duration: int) -> None:
        """Add a region without nested ones that was timed by the caller, where even a `with` block is too dear.

        Args:
            name (str): The operation.
            category (str): Its category.
            duration (int): Nanoseconds.
        """
        if self.enabled:
            stack = self._open_regions.stack
            if stack:
                stack[-1]._children += duration
            self._spans.append((name, category, duration, duration, False, None))
            if len(self._spans) >= SPANS_PER_BATCH:
                self._make_statistics_if_free()

    def statistics(self) -> list[OperationStatistics]:
        """Return the statistics of every operation, the largest total first.

        Returns:
            list[OperationStatistics]: One for each name and category.
        """
        with self._statistics_lock:
            self._make_statistics()
            return sorted(self._statistics.values(), key=lambda operation: operation.total, reverse=True)

    def merge(self, operations: Iterable[OperationStatistics]) -> None:
        """Take in what a profiler in another process measured.

        Args:
            operations (Iterable[OperationStatistics]): Its statistics.
        """
        with self._statistics_lock:
            for operation in operations:
                self._operation(operation.name, operation.category).merge(operation)

    def wall_seconds(self) -> float:
        """Return the seconds since the profiler was made."""
        return (_now() - self._started) * 1e-9

    def bottlenecks(self) -> list[Bottleneck]:
        """Return the operations whose own time weighs most, the largest first."""
        return find_bottlenecks(self.statistics(), self.wall_seconds())

    def profiling_data(self) -> ProfilingData:
        """Return what was measured as plain data, ready for `ExperimentTracker.log_profiling_data`.

        Returns:
            ProfilingData: `timings` (mean seconds), `memory` (mean MB) and `bottlenecks`. One name in two
            categories is two operations, shown as `category.operation`.
        """
        operations = self.statistics()
        names = [operation.name for operation in operations]
        shown = {
            id(operation): operation.name
            if names.count(operation.name) == 1
            else f"{operation.category}.{operation.name}"
            for operation in operations
        }
        return {
            "timings": {shown[id(operation)]: operation.mean_seconds for operation in operations},
            "memory": {
                shown[id(operation)]: operation.mean_memory_mb for operation in operations if operation.memory_readings
            },
            "bottlenecks": find_bottlenecks(operations, self.wall_seconds()),
        }

    def _make_statistics_if_free(self) -> None:
        if self._statistics_lock.acquire(blocking=False):
            try:
                self._make_statistics()
            finally:
                self._statistics_lock.release()

    def _make_statistics(self) -> None:
        # Taken one by one from the left: appending threads are never locked out, and no span is lost.
        for _ in range(len(self._spans)):
            name, category, duration, self_time, failed, memory = self._spans.popleft()
            operation = self._operation(name, category)
            operation.add(duration, self_time, failed)
            if memory is not None:
                operation.add_memory(memory)

    def _operation(self, name: str, category: str) -> OperationStatistics:
        operation = self._statistics.get((name, category))
        if operation is None:
            if category not in CATEGORIES:
                self._warn_of_unknown_category(category)
            operation = self._statistics[name, category] = OperationStatistics(name, category)
        return operation

    def _warn_of_unknown_category(self, category: str) -> None:
        if category in self._unknown_categories:
            return
        self._unknown_categories.add(category)
        nearest = get_close_matches(str(category), sorted(CATEGORIES), n=1, cutoff=0.0)
        logger.warning(
            "⚠️ Unknown profiling category %r is kept as it is; the nearest known is %r", category, nearest[0]
        )

    def _renew_after_fork(self) -> None:
        # Another thread may have held the lock at the fork, and its open regions do not go on here.
        self._statistics_lock = threading.Lock()
        self._open_regions = _OpenRegions()
        self._spans = deque()
        self._statistics = {}


class _OpenRegions(threading.local):
    def __init__(self) -> None:
        self.stack: list[_Region] = []


class _Region:
    """One run of an operation; a class with slots is the cheapest context manager there is."""

    __slots__ = ("_category", "_children", "_memory", "_name", "_profiler", "_stack", "_start")

    _stack: list[_Region]
    _start: int

    def __init__(self, profiler: CodeProfiler, name: str, category: str, measure_memory: bool) -> None:
        self._profiler = profiler
        self._name = name
        self._category = category
        self._children = 0
        self._memory: int | None = process_memory_bytes() if measure_memory else None

    def __enter__(self) -> _Region:
        self._stack = stack = self._profiler._open_regions.stack
        stack.append(self)
        self._start = _now()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        duration = _now() - self._start
        stack = self._stack
        if stack and stack[-1] is self:
            stack.pop()
        elif self in stack:
            # Regions within this one that were never left, such as a step that an exception ended.
            del stack[stack.index(self) :]
        if stack:
            stack[-1]._children += duration
        memory = self._memory
        if memory is not None:
            memory = process_memory_bytes() - memory
        profiler = self._profiler
        spans = profiler._spans
        spans.append((self._name, self._category, duration, duration - self._children, error_type is not None, memory))
        if len(spans) >= SPANS_PER_BATCH:
            profiler._make_statistics_if_free()


class _DisabledRegion:
    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        return None


_DISABLED_REGION = _DisabledRegion()
_profilers: weakref.WeakSet[CodeProfiler] = weakref.WeakSet()


def _renew_profilers_after_fork() -> None:
    for profiler in list(_profilers):
        profiler._renew_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_profilers_after_fork)
