"""Statistics -> the operations whose own time weighs most."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from seo_engine.profiling.statistics import OperationStatistics


class Bottleneck(TypedDict):
    """One operation that takes a large share of the time, as plain data."""

    operation: str
    category: str
    self_seconds: float
    share_percent: float
    calls: int
    mean_seconds: float


# Below this share of the wall time, removing the operation altogether would hardly be noticed.
SMALLEST_SHARE_PERCENT = 1.0
MOST_BOTTLENECKS = 5


def find_bottlenecks(operations: Iterable[OperationStatistics], wall_seconds: float) -> list[Bottleneck]:
    """Rank operations by the time spent in themselves, nested operations left out.

    Args:
        operations (Iterable[OperationStatistics]): The statistics of a profiler.
        wall_seconds (float): The time the profiler has been watching.

    Returns:
        list[Bottleneck]: The largest first, at most five, none below one percent of the wall time.

    Example:
        >>> slow = OperationStatistics("load_batch", "data_loading")
        >>> slow.add(duration=4_000_000_000, self_time=3_000_000_000, failed=False)
        >>> [(b["operation"], b["share_percent"]) for b in find_bottlenecks([slow], wall_seconds=10.0)]
        [('load_batch', 30.0)]
    """
    ranked = sorted(operations, key=lambda operation: operation.self_time, reverse=True)
    bottlenecks: list[Bottleneck] = [
        {
            "operation": operation.name,
            "category": operation.category,
            "self_seconds": operation.self_seconds,
            "share_percent": 100 * operation.self_seconds / wall_seconds if wall_seconds > 0 else 0.0,
            "calls": operation.count,
            "mean_seconds": operation.mean_seconds,
        }
        for operation in ranked[:MOST_BOTTLENECKS]
    ]
    return [bottleneck for bottleneck in bottlenecks if bottleneck["share_percent"] >= SMALLEST_SHARE_PERCENT]
