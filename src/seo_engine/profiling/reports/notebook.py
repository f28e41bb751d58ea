"""What was measured, in one line and as a table for a notebook."""

from __future__ import annotations

from seo_engine.foundation.notebooks import as_html_table
from seo_engine.foundation.texts import one_line
from seo_engine.profiling.reports.bottlenecks import seconds_in_words, share_in_words
from seo_engine.profiling.reports.operation_columns import OPERATION_COLUMNS, operation_in_words
from seo_engine.profiling.reports.profiling_data import ProfilingData

_MOST_OPERATIONS = 20


def in_one_line(profiling_data: ProfilingData) -> str:
    """Return how much was measured, and what took the most time.

    Args:
        profiling_data (ProfilingData): As `CodeProfiler.profiling_data()` returns it.
    """
    training, operations = profiling_data["training"], profiling_data["operations"]
    steps = f"{training['steps']:,} training steps, " if training is not None else ""
    most = "".join(
        f"; most own time: {one_line(each['operation'])}, {share_in_words(each['share_percent'])}"
        for each in operations[:1]
    )
    return f"{steps}{len(operations)} operations in {seconds_in_words(profiling_data['wall_seconds'])}{most}"


def as_html(profiling_data: ProfilingData) -> str:
    """Return the slowest operations as a table of HTML.

    Args:
        profiling_data (ProfilingData): As `CodeProfiler.profiling_data()` returns it.
    """
    rows = [operation_in_words(each) for each in profiling_data["operations"][:_MOST_OPERATIONS]]
    return as_html_table(in_one_line(profiling_data), rows, OPERATION_COLUMNS)
