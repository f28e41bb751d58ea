"""Where time and memory went: a record of profiling data, from our profiler or another."""

from __future__ import annotations

from functools import partial

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.records.forms import Image, Table
from seo_engine.tracking.records.kind import MOMENT, Kind, Shown
from seo_engine.tracking.records.metrics import MetricValidation
from seo_engine.tracking.records.profiling.bottleneck_chart import bottleneck_chart
from seo_engine.tracking.records.profiling.operations_table import COLUMNS, operation_rows
from seo_engine.tracking.records.profiling.profiling_metrics import profiling_metrics

CHART_NAME = "profiling/bottlenecks/chart"
TABLE_NAME = "profiling/operations"

# Warns once per process about each value that is not a number.
_validation = MetricValidation()


def _shown(record: Record) -> Shown:
    profiling_data = record["profiling_data"]
    metrics, texts = profiling_metrics(profiling_data)
    numbers, _ = _validation.validated("profiling", metrics)
    # A table if the destination knows tables, otherwise a chart.
    heaviest = (
        Table(TABLE_NAME, COLUMNS, partial(operation_rows, profiling_data)),
        Image(CHART_NAME, partial(bottleneck_chart, profiling_data)),
    )
    return Shown(PROFILING, record, record["epoch"], record["step"], numbers, texts, media=(heaviest,))


PROFILING = Kind("profiling", "log_profiling_data", {**MOMENT, "profiling_data": dict}, _shown)
