"""What was measured, as plain data: for the tracker, for a file, for a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from seo_engine.profiling.categories import TRACKING, is_of_training, is_tracking_call
from seo_engine.profiling.reports.advice.recommendation import Recommendation
from seo_engine.profiling.reports.bottlenecks import Bottleneck, find_bottlenecks
from seo_engine.profiling.reports.measurements import Measurements
from seo_engine.profiling.reports.outside_training import (
    OutsideTraining,
    time_outside,
    training_seconds,
)
from seo_engine.profiling.reports.recommendations import recommend
from seo_engine.profiling.statistics.call_tree import CallTreeNode
from seo_engine.profiling.statistics.operation_statistics import (
    GPU_ALLOCATED,
    GPU_PEAK,
    GPU_RESERVED,
    NANOSECONDS,
    OperationStatistics,
)
from seo_engine.profiling.statistics.training_view import RecentStep, TrainingView

PROFILING_DATA_VERSION = 1


class TimeSummary(TypedDict):
    """How often something ran, and how long it took, as plain data."""

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


class OperationSummary(TimeSummary):
    """One operation, as plain data."""

    operation: str
    category: str
    mean_memory_mb: float | None
    mean_gpu_memory_mb: float | None
    mean_gpu_reserved_mb: float | None
    mean_gpu_peak_mb: float | None
    mean_device_seconds: float | None


class CategorySummary(TimeSummary):
    """All operations of one category, as plain data; an operation nested in another adds to the total, too."""

    category: str
    operations: int


class TrackingShare(TypedDict):
    """How much of the training's time the tracker's calls take."""

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
    outside_training: OutsideTraining
    unranked_operations: list[OperationSummary]
    experiment_tracking: TrackingShare
    wall_seconds: float
    # What the shares of operations are of, and how much of it lies in no region.
    total_seconds: float
    uncovered_seconds: float
    counting_seconds: float


class ProfilingFile(ProfilingData):
    """What `export_profiling_data` writes."""

    schema_version: int
    call_tree: list[CallTreeNode]
    recent_steps: list[RecentStep]


def shown_names(operations: Sequence[OperationStatistics]) -> list[str]:
    """Return the name under which to show each operation.

    Args:
        operations (Sequence[OperationStatistics]): The operations.

    Returns:
        list[str]: Its name; `category.operation` if two categories have an operation of that name.

    Example:
        >>> shown_names([OperationStatistics("load", "data_loading"), OperationStatistics("load", "preprocessing")])
        ['data_loading.load', 'preprocessing.load']
    """
    names = [operation.name for operation in operations]
    return [
        operation.name if names.count(operation.name) == 1 else f"{operation.category}.{operation.name}"
        for operation in operations
    ]


def summarize_operation(operation: OperationStatistics, seconds: float) -> OperationSummary:
    """Return one operation as plain data.

    Args:
        operation (OperationStatistics): Its statistics.
        seconds (float): The time of which it has a share.

    Returns:
        OperationSummary: The same numbers, and its share of the time.
    """
    memory = {kind: change.mean_mb for kind, change in operation.memory.items()}
    return {
        "operation": operation.name,
        "category": operation.category,
        **_summarize_times(operation, seconds),
        "mean_memory_mb": operation.mean_memory_mb,
        "mean_gpu_memory_mb": memory.get(GPU_ALLOCATED),
        "mean_gpu_reserved_mb": memory.get(GPU_RESERVED),
        "mean_gpu_peak_mb": memory.get(GPU_PEAK),
        "mean_device_seconds": operation.mean_device_seconds,
    }


def summarize_categories(operations: Sequence[OperationStatistics], seconds: float) -> list[CategorySummary]:
    """Return each category as plain data, the one with the most own time first.

    Args:
        operations (Sequence[OperationStatistics]): The operations of all categories.
        seconds (float): The time of which each has a share.

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
        times = _summarize_times(together, seconds)
        summaries.append({"category": category, "operations": len(members), **times})
    return sorted(summaries, key=lambda each: each["self_seconds"], reverse=True)


def summarize(measurements: Measurements) -> ProfilingData:
    """Return what was measured as plain data.

    Args:
        measurements (Measurements): The measurements of a run.

    Returns:
        ProfilingData: A name in two categories is two operations, shown as `category.operation`.
    """
    operations, wall_seconds = measurements.operations, measurements.wall_seconds
    outside = time_outside(operations, measurements.in_background, measurements.closing_seconds)
    seconds = training_seconds(wall_seconds, outside)
    named = list(zip(shown_names(operations), operations, strict=True))
    by_own_time = sorted(operations, key=lambda each: each.self_time, reverse=True)
    ranked: list[OperationStatistics] = []
    unranked: list[OperationStatistics] = []
    for each in by_own_time:
        (ranked if is_of_training(each.name, each.category, measurements.in_background) else unranked).append(each)
    return {
        "timings": {name: operation.mean_seconds for name, operation in named},
        "memory": {name: operation.mean_memory_mb for name, operation in named if operation.mean_memory_mb is not None},
        "device_timings": {
            name: operation.mean_device_seconds
            for name, operation in named
            if operation.mean_device_seconds is not None
        },
        "bottlenecks": find_bottlenecks(ranked, seconds, measurements.thresholds),
        "recommendations": recommend(measurements),
        "operations": [summarize_operation(operation, seconds) for operation in ranked],
        "categories": summarize_categories(ranked, seconds),
        "training": measurements.training,
        "outside_training": outside,
        "unranked_operations": [summarize_operation(operation, wall_seconds) for operation in unranked],
        "experiment_tracking": {"overhead_percent": tracking_overhead_percent(operations, wall_seconds)},
        "wall_seconds": wall_seconds,
        "total_seconds": seconds,
        "uncovered_seconds": max(0.0, seconds - measurements.covered_seconds),
        "counting_seconds": measurements.counting_seconds,
    }


def tracking_overhead_percent(operations: Sequence[OperationStatistics], wall_seconds: float) -> float:
    """Return how much of the wall time the calls of an ExperimentTracker take, in percent.

    Args:
        operations (Sequence[OperationStatistics]): The statistics of the training's profiler.
        wall_seconds (float): How long the profiler has been running.

    Returns:
        float: Percent, without the work of its threads and processes in the background.
    """
    seconds = sum(
        operation.total_seconds
        for operation in operations
        if operation.category == TRACKING and is_tracking_call(operation.name)
    )
    return _percent(seconds, wall_seconds)


def _summarize_times(statistics: OperationStatistics, seconds: float) -> TimeSummary:
    return {
        "calls": statistics.count,
        "errors": statistics.failures,
        "total_seconds": statistics.total_seconds,
        "self_seconds": statistics.self_seconds,
        "share_percent": _percent(statistics.self_seconds, seconds),
        "mean_seconds": statistics.mean_seconds,
        "minimum_seconds": statistics.minimum * NANOSECONDS,
        "maximum_seconds": statistics.maximum * NANOSECONDS,
        "standard_deviation_seconds": statistics.standard_deviation_seconds,
        "p50_seconds": statistics.quantile_seconds(0.5),
        "p90_seconds": statistics.quantile_seconds(0.9),
        "p99_seconds": statistics.quantile_seconds(0.99),
    }


def _percent(seconds: float, of_seconds: float) -> float:
    return 100 * seconds / of_seconds if of_seconds > 0 else 0.0
