"""Where time and memory went: a record of profiling data, from our profiler or another."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.forms import Image, Picture, Table
from seo_engine.tracking.records.kind import MOMENT, Kind, Shown
from seo_engine.tracking.records.metrics import finite_number, metric_name
from seo_engine.tracking.records.profiling import automatic_profile
from seo_engine.tracking.records.profiling.bottleneck_chart import bottleneck_chart
from seo_engine.tracking.records.profiling.operations_table import COLUMNS, operation_rows
from seo_engine.tracking.records.profiling.profiling_metrics import profiling_metrics

CHART_NAME = "profiling/bottlenecks/chart"
TABLE_NAME = "profiling/operations"
SUMMARY_NAME = "profiling/summary"


def _shown(record: Record, payloads: Payloads) -> Shown:
    profiling_data = record["profiling_data"]
    metrics, texts = profiling_metrics(profiling_data)
    match record.get("shown_as"):
        # Of a profile that the run logged by itself; what the user logs is shown whole.
        case automatic_profile.TABLE:
            metrics, texts = {}, texts | {SUMMARY_NAME: automatic_profile.table_of(profiling_data)}
        case automatic_profile.CURVES:
            metrics = automatic_profile.curves_of(metrics, profiling_data)
    numbers = dict(_points(metrics))
    # A table if the destination knows tables, otherwise a chart.
    heaviest = (
        Table(TABLE_NAME, COLUMNS, partial(operation_rows, profiling_data)),
        Image(CHART_NAME, partial(_chart, profiling_data)),
    )
    return Shown(PROFILING, record, record["epoch"], record["step"], numbers, texts, media=(heaviest,))


def _chart(profiling_data: Mapping[str, Any]) -> list[Picture]:
    chart = bottleneck_chart(profiling_data)
    return [] if chart is None else [chart]


def _points(metrics: Mapping[str, Any]) -> Iterator[tuple[str, int | float]]:
    """Yield what can be drawn: another profiler may bring values that are not numbers, and names that are not names."""
    for name, value in metrics.items():
        number = finite_number(value)
        if number is not None:
            with contextlib.suppress(ValueError):
                yield metric_name("profiling", name), number


PROFILING = Kind("profiling", "log_profiling_data", {**MOMENT, "profiling_data": dict}, _shown)
