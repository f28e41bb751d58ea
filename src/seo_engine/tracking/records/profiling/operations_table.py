"""The profiled operations as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.texts import one_line
from seo_engine.tracking.records.metrics import finite_number
from seo_engine.tracking.records.profiling.profiling_metrics import entries

MOST_ROWS = 200

COLUMNS = (
    "operation",
    "category",
    "calls",
    "errors",
    "total_seconds",
    "self_seconds",
    "share_percent",
    "mean_seconds",
    "minimum_seconds",
    "maximum_seconds",
    "standard_deviation_seconds",
    "p50_seconds",
    "p90_seconds",
    "p99_seconds",
    "mean_memory_mb",
    "mean_gpu_memory_mb",
    "mean_gpu_reserved_mb",
    "mean_gpu_peak_mb",
    "mean_device_seconds",
)


def operation_rows(profiling_data: Mapping[str, Any]) -> list[list[Any]]:
    """Return the operations as rows of `COLUMNS`, without secrets.

    Args:
        profiling_data (Mapping[str, Any]): As `CodeProfiler.profiling_data()` returns it.

    Returns:
        list[list[Any]]: At most `MOST_ROWS` rows of numbers and texts, with None for what was not measured. An
        operation in another profiler's format is a text in the first column.

    Example:
        >>> operation_rows({"operations": [{"operation": "forward_pass", "calls": 3}]})[0][:4]
        ['forward_pass', None, 3, None]
    """
    return [_row(operation) for operation in entries(profiling_data, "operations")[:MOST_ROWS]]


def _row(operation: Any) -> list[Any]:
    if not isinstance(operation, Mapping) or not any(column in operation for column in COLUMNS):
        return [_cell(operation), *[None] * (len(COLUMNS) - 1)]
    return [_cell(operation.get(column)) for column in COLUMNS]


def _cell(value: Any) -> int | float | str | None:
    """Return a value that JSON can hold; NaN and infinities become None."""
    number = finite_number(value)
    if number is not None or value is None or isinstance(value, float):
        return number
    return redact_text(one_line(value))
