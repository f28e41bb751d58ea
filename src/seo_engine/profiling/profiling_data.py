"""What was measured, as plain data: for the tracker, for a file, for a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from seo_engine.profiling.bottlenecks import Bottleneck
from seo_engine.profiling.call_tree import CallTreeNode
from seo_engine.profiling.recommendations import Recommendation
from seo_engine.profiling.statistics import GPU_ALLOCATED, GPU_PEAK, GPU_RESERVED, NANOSECONDS, OperationStatistics
from seo_engine.profiling.training_view import RecentStep, TrainingView

PROFILING_DATA_VERSION = 1

# What the calls of an ExperimentTracker are profiled as, in the thread that makes them.
TRACKING_CATEGORY = "experiment_tracking"
_TRACKING_CALLS = "unified_"


class OperationSummary(TypedDict):
    """One operation, as plain data."""

    operation: str
    category: str
    calls: int
    errors: int
    total_seconds: float
    self_seconds: float
    share_percent: float
    mean_seconds: float
    minimum_seconds: float
    maximum_seconds: float
    standard_deviation_seconds: float
    p50_seconds: float
    p90_seconds: float
    p99_seconds: float
    mean_memory_mb: float | None
    mean_gpu_memory_mb: float | None
    mean_gpu_reserved_mb: float | None
    mean_gpu_peak_mb: float | None
    mean_device_seconds: float | None


class CategorySummary(TypedDict):
    """All operations of one category, as plain data; operations nested in one another count in the total each."""

    category: str
    operations: int
    calls: int
    errors: int
    total_seconds: float
    self_seconds: float
    share_percent: float
    mean_seconds: float
    minimum_seconds: float
    maximum_seconds: float
    standard_deviation_seconds: float
    p50_seconds: float
    p90_seconds: float
    p99_seconds: float


class TrackingShare(TypedDict):
    """What the tracker's calls take from the training."""

    overhead_percent: float


class ProfilingData(TypedDict):
    """What `log_profiling_data` takes."""

    timings: dict[str, float]
    memory: dict[str, float]
    device_timings: dict[str, float]
    bottlenecks: list[Bottleneck]
    recommendations: list[Recommendation]
    operations: list[OperationSummary]
    categories: list[CategorySummary]
    training: TrainingView | None
    experiment_tracking: TrackingShare
    wall_seconds: float
    counting_seconds: float


class ProfilingFile(ProfilingData):
    """What `export_profiling_data` writes."""

    schema_version: int
    call_tree: list[CallTreeNode]
    recent_steps: list[RecentStep]


def shown_names(operations: Sequence[OperationStatistics]) -> list[str]:
    """Return how each operation is called where only names are shown.

    Args:
        operations (Sequence[OperationStatistics]): The operations.

    Returns:
        list[str]: Its name; `category.operation` where two categories have an operation of that name.

    Example:
        >>> shown_names([OperationStatistics("load", "data_loading"), OperationStatistics("load", "preprocessing")])
        ['data_loading.load', 'preprocessing.load']
    """
    names = [operation.name for operation in operations]
    return [
        operation.name if names.count(operation.name) == 1 else f"{operation.category}.{operation.name}"
        for operation in operations
    ]


def summarize_operation(operation: OperationStatistics, wall_seconds: float) -> OperationSummary:
    """Return one operation as plain data.

    Args:
        operation (OperationStatistics): Its statistics.
        wall_seconds (float): The time the profiler has been watching.

    Returns:
        OperationSummary: The same numbers, and its share of the time.
    """
    memory = {kind: change.mean_mb for kind, change in operation.memory.items()}
    return {
        "operation": operation.name,
        "category": operation.category,
        "calls": operation.count,
        "errors": operation.failures,
        "total_seconds": operation.total_seconds,
        "self_seconds": operation.self_seconds,
        "share_percent": _percent(operation.self_seconds, wall_seconds),
        "mean_seconds": operation.mean_seconds,
        "minimum_seconds": operation.minimum * NANOSECONDS,
        "maximum_seconds": operation.maximum * NANOSECONDS,
        "standard_deviation_seconds": operation.standard_deviation_seconds,
        "p50_seconds": operation.quantile_seconds(0.5),
        "p90_seconds": operation.quantile_seconds(0.9),
        "p99_seconds": operation.quantile_seconds(0.99),
        "mean_memory_mb": operation.mean_memory_mb,
        "mean_gpu_memory_mb": memory.get(GPU_ALLOCATED),
        "mean_gpu_reserved_mb": memory.get(GPU_RESERVED),
        "mean_gpu_peak_mb": memory.get(GPU_PEAK),
        "mean_device_seconds": operation.mean_device_seconds,
    }


def summarize_categories(operations: Sequence[OperationStatistics], wall_seconds: float) -> list[CategorySummary]:
    """Return each category as plain data, the one with the most own time first.

    Args:
        operations (Sequence[OperationStatistics]): The operations of all categories.
        wall_seconds (float): The time the profiler has been watching.

    Returns:
        list[CategorySummary]: Own times add up; totals would count nested operations twice.
    """
    by_category: dict[str, list[OperationStatistics]] = {}
    for operation in operations:
        by_category.setdefault(operation.category, []).append(operation)
    summaries: list[CategorySummary] = []
    for category, members in by_category.items():
        together = OperationStatistics(category, category)
        for member in members:
            together.merge(member)
        summaries.append(
            {
                "category": category,
                "operations": len(members),
                "calls": together.count,
                "errors": together.failures,
                "total_seconds": together.total_seconds,
                "self_seconds": together.self_seconds,
                "share_percent": _percent(together.self_seconds, wall_seconds),
                "mean_seconds": together.mean_seconds,
                "minimum_seconds": together.minimum * NANOSECONDS,
                "maximum_seconds": together.maximum * NANOSECONDS,
                "standard_deviation_seconds": together.standard_deviation_seconds,
                "p50_seconds": together.quantile_seconds(0.5),
                "p90_seconds": together.quantile_seconds(0.9),
                "p99_seconds": together.quantile_seconds(0.99),
            }
        )
    return sorted(summaries, key=lambda each: each["self_seconds"], reverse=True)


def tracking_overhead_percent(operations: Sequence[OperationStatistics], wall_seconds: float) -> float:
    """Return what the calls of an ExperimentTracker take from the training, in percent of the wall time.

    Args:
        operations (Sequence[OperationStatistics]): Of the training's profiler.
        wall_seconds (float): The time the profiler has been watching.

    Returns:
        float: Percent; what its threads and processes do in the background is not in it.
    """
    seconds = sum(
        operation.total_seconds
        for operation in operations
        if operation.category == TRACKING_CATEGORY and operation.name.startswith(_TRACKING_CALLS)
    )
    return _percent(seconds, wall_seconds)


def _percent(seconds: float, wall_seconds: float) -> float:
    return 100 * seconds / wall_seconds if wall_seconds > 0 else 0.0


def as_unicode(value: Any) -> Any:
    """Return plain data as JSON can hold them: Python has texts that are no Unicode, and JSON has none.

    Example:
        >>> as_unicode({"caf\\udce9": ["tea", 1]})
        {'caf\\\\udce9': ['tea', 1]}
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {as_unicode(key): as_unicode(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_unicode(each) for each in value]
    return value
