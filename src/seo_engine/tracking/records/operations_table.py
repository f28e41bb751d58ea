"""The profiled operations as a table of W&B: profiling data -> rows -> a file of the run."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.texts import one_line
from seo_engine.tracking.records.profiling import entries, finite_number

if TYPE_CHECKING:
    import wandb

TABLE_NAME = "profiling/operations"

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
        list[list[Any]]: At most `MOST_ROWS`, of numbers, texts and None for what was not measured. An operation in
        another profiler's words is a text in the first column.

    Example:
        >>> operation_rows({"operations": [{"operation": "forward_pass", "calls": 3}]})[0][:4]
        ['forward_pass', None, 3, None]
    """
    return [_row(operation) for operation in entries(profiling_data, "operations")[:MOST_ROWS]]


def operations_table(run: wandb.Run, profiling_data: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return what a row of W&B holds of the operations.

    Args:
        run (wandb.Run): Gets the table's file at once.
        profiling_data (Mapping[str, Any]): As `CodeProfiler.profiling_data()` returns it.
        number (int): Of the row; the file is named by it.

    Returns:
        dict[str, Any]: The table by its name; nothing if there are no operations.

    Raises:
        OSError: If the file cannot be written.
    """
    rows = operation_rows(profiling_data)
    # A disabled run has no folder of its own.
    if not rows or not isinstance(run.dir, str) or run.disabled:
        return {}
    # Untyped in wandb.
    table: Any = importlib.import_module("wandb").Table(columns=list(COLUMNS), data=rows, allow_mixed_types=True)
    # Bound here, because `run.log` would make an artifact of it as well: that asks the server, raises while it is down,
    # and leaves copies in the user's folders outside of the run.
    table.bind_to_run(run, TABLE_NAME, number)
    return {TABLE_NAME: table}


def _row(operation: Any) -> list[Any]:
    if not isinstance(operation, Mapping) or not any(column in operation for column in COLUMNS):
        return [_cell(operation), *[None] * (len(COLUMNS) - 1)]
    return [_cell(operation.get(column)) for column in COLUMNS]


def _cell(value: Any) -> int | float | str | None:
    """Return what JSON has; it has no number that is not finite."""
    number = finite_number(value)
    if number is not None or value is None or isinstance(value, float):
        return number
    return redact_text(one_line(value))
