"""Statistics -> the operations with the most own time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypedDict

from seo_engine.profiling.statistics.operation_statistics import OperationStatistics

DEFAULT = "default"
MOST_BOTTLENECKS = 5

# For a category without a threshold, if the configuration has no default either.
_DEFAULT_PERCENT = 2.0


class Bottleneck(TypedDict):
    """One operation that takes a large share of the time, as plain data."""

    operation: str
    category: str
    self_seconds: float
    share_percent: float
    calls: int
    mean_seconds: float
    p99_seconds: float
    evidence: str


def threshold_of(category: str, thresholds: Mapping[str, float]) -> float:
    """Return the share of the time at which an operation of a category is a bottleneck.

    Args:
        category (str): The category.
        thresholds (Mapping[str, float]): Percent by category, and for `default`.

    Returns:
        float: Percent.

    Example:
        >>> threshold_of("data_loading", {"default": 2.0, "data_loading": 5.0}), threshold_of("site_audit", {})
        (5.0, 2.0)
    """
    return thresholds.get(category, thresholds.get(DEFAULT, _DEFAULT_PERCENT))


def find_bottlenecks(
    operations: Iterable[OperationStatistics], seconds: float, thresholds: Mapping[str, float]
) -> list[Bottleneck]:
    """Rank operations by the time that making them faster can save: their own time, without nested operations.

    Args:
        operations (Iterable[OperationStatistics]): Their statistics.
        seconds (float): The time of which each has a share.
        thresholds (Mapping[str, float]): Percent of that time, by category.

    Returns:
        list[Bottleneck]: The largest first, at most five. Threads run in parallel, so their shares may add up to more
        than 100 %.

    Example:
        >>> slow = OperationStatistics("load_batch", "data_loading")
        >>> slow.add([4_000_000_000], own_time=3_000_000_000)
        >>> [(b["operation"], b["share_percent"]) for b in find_bottlenecks([slow], 10.0, {"default": 2.0})]
        [('load_batch', 30.0)]
    """
    bottlenecks: list[Bottleneck] = []
    for operation in sorted(operations, key=lambda each: each.self_time, reverse=True):
        share = 100 * operation.self_seconds / seconds if seconds > 0 else 0.0
        if share < threshold_of(operation.category, thresholds) or not operation.self_time:
            continue
        bottlenecks.append(
            {
                "operation": operation.name,
                "category": operation.category,
                "self_seconds": operation.self_seconds,
                "share_percent": share,
                "calls": operation.count,
                "mean_seconds": operation.mean_seconds,
                "p99_seconds": operation.quantile_seconds(0.99),
                "evidence": _evidence(operation),
            }
        )
        if len(bottlenecks) == MOST_BOTTLENECKS:
            break
    return bottlenecks


def seconds_in_words(seconds: float) -> str:
    """Return a duration in a readable unit.

    Example:
        >>> seconds_in_words(86400.0), seconds_in_words(12.3456), seconds_in_words(0.0123), seconds_in_words(0.0000042)
        ('86,400 s', '12.3 s', '12.3 ms', '4.2 µs')
    """
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 99.95:
            return f"{seconds * factor:,.0f} {unit}"
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def share_in_words(percent: float) -> str:
    """Return a share of the time; above all of it, how many ran at once.

    Example:
        >>> share_in_words(38.84), share_in_words(150.0), share_in_words(13_761.0)
        ('38.8 %', '1.5 at once', '138 at once')
    """
    return f"{percent:.1f} %" if percent < 100.05 else f"{percent / 100:,.3g} at once"


def _evidence(operation: OperationStatistics) -> str:
    if operation.count < 2:
        what = f"{seconds_in_words(operation.total_seconds)} in one run"
    else:
        median, slow = operation.quantile_seconds(0.5), operation.quantile_seconds(0.99)
        what = f"median {seconds_in_words(median)}, p99 {seconds_in_words(slow)}"
    nested = 1 - operation.self_time / operation.total if operation.total else 0.0
    within = f"; {100 * nested:.0f} % of its time is in nested operations" if nested >= 0.005 else ""
    failed = f"; {operation.failures} failed" if operation.failures else ""
    memory = operation.mean_memory_mb
    grown = f"; {memory:+.1f} MB a run" if memory is not None and abs(memory) >= 0.1 else ""
    return what + within + failed + grown
