"""One operation as the words of a table, for a terminal and for a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seo_engine.foundation.texts import one_line
from seo_engine.profiling.reports.bottlenecks import seconds_in_words, share_in_words

OPERATION_COLUMNS = ("slowest operations", "category", "own time", "of the total", "calls", "median", "p99")


def operation_in_words(operation: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the cells of `OPERATION_COLUMNS`.

    Args:
        operation (Mapping[str, Any]): An `OperationSummary`.

    Example:
        >>> operation_in_words(
        ...     {"operation": "forward_pass", "category": "training_loop", "self_seconds": 1.5, "share_percent": 75.0,
        ...      "calls": 3, "p50_seconds": 0.5, "p99_seconds": 0.6}
        ... )
        ('forward_pass', 'training_loop', '1.5 s', '75.0 %', '3', '500 ms', '600 ms')
    """
    return (
        one_line(operation["operation"]),
        one_line(operation["category"]),
        seconds_in_words(operation["self_seconds"]),
        share_in_words(operation["share_percent"]),
        f"{operation['calls']:,}",
        seconds_in_words(operation["p50_seconds"]),
        seconds_in_words(operation["p99_seconds"]),
    )
