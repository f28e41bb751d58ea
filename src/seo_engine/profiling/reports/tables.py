"""What was measured, as tables for a terminal: plain text, or in color."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from seo_engine.foundation.texts import one_line
from seo_engine.profiling.reports.bottlenecks import seconds_in_words
from seo_engine.profiling.reports.operation_columns import OPERATION_COLUMNS, operation_in_words
from seo_engine.profiling.reports.outside_training import outside_in_words
from seo_engine.profiling.statistics.operations import PHASES

_MOST_OPERATIONS = 8
_TEXT_COLUMNS = 120


def as_text(profiling_data: Mapping[str, Any]) -> str:
    """Return the report as plain text.

    Args:
        profiling_data (Mapping[str, Any]): As `CodeProfiler.profiling_data()` returns it.

    Returns:
        str: Several lines.
    """
    output = StringIO()
    Console(file=output, width=_TEXT_COLUMNS, highlight=False, color_system=None).print(report(profiling_data))
    return output.getvalue()


def report(profiling_data: Mapping[str, Any], most_operations: int | None = _MOST_OPERATIONS) -> RenderableType:
    """Return where the time went: the slowest operations, the training steps, and what to do about it.

    Args:
        profiling_data (Mapping[str, Any]): As `CodeProfiler.profiling_data()` returns it.
        most_operations (int | None): How many operations are shown; None means all.

    Returns:
        RenderableType: For a rich console.
    """
    parts: list[RenderableType] = [operations_table(profiling_data.get("operations", [])[:most_operations])]
    outside = profiling_data.get("outside_training")
    if outside and (said := outside_in_words(outside)):
        parts.append(Text(f" {said}"))
    if training := profiling_data.get("training"):
        parts += ["", training_text(training)]
    recommendations = profiling_data.get("recommendations", [])
    if recommendations:
        parts += ["", recommendations_text(recommendations)]
    return Group(*parts)


def operations_table(operations: Sequence[Mapping[str, Any]]) -> Table:
    """Return the operations with the most own time, which leaves out nested operations.

    Args:
        operations (Sequence[Mapping[str, Any]]): Summaries, the most own time first.

    Returns:
        Table: For a rich console.
    """
    has_memory = any(each.get("mean_memory_mb") is not None for each in operations)
    has_device = any(each.get("mean_device_seconds") is not None for each in operations)
    name, category, *numbers = OPERATION_COLUMNS
    table = Table(
        name,
        category,
        *map(_right, numbers),
        *([_right("MB a run")] if has_memory else []),
        *([_right("on the GPU")] if has_device else []),
        box=None,
    )
    for each in operations:
        memory, device = each.get("mean_memory_mb"), each.get("mean_device_seconds")
        table.add_row(
            *map(escape, operation_in_words(each)),
            *(["" if memory is None else f"{memory:+.1f}"] if has_memory else []),
            *(["" if device is None else seconds_in_words(device)] if has_device else []),
        )
    return table


def training_text(training: Mapping[str, Any]) -> RenderableType:
    """Return where the training steps spent their time, as a few lines.

    Args:
        training (Mapping[str, Any]): A `TrainingView`.

    Returns:
        RenderableType: For a rich console.
    """
    shares = ((phase, training[f"{phase}_percent"]) for phase in PHASES)
    parts = ", ".join(f"{phase.replace('_', ' ')} {share:.1f} %" for phase, share in shares if share >= 0.05)
    rate = f"{_rate(training['steps_per_second'])} a second"
    if training.get("samples_per_second"):
        rate += f", {_rate(training['samples_per_second'])} samples a second"
    lines = [
        f"{training['steps']:,} training steps: median {seconds_in_words(training['p50_step_seconds'])}, "
        f"p99 {seconds_in_words(training['p99_step_seconds'])}, {rate}",
        f"  {parts}",
    ]
    if training["outlier_steps"]:
        lines.append(
            f"  {training['outlier_steps']} steps took more than twice the median, "
            f"{training['outlier_percent']:.1f} % of the time"
        )
    return Group(*(Text(line) for line in lines))


def recommendations_text(recommendations: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Return what to do, with the evidence for it.

    Args:
        recommendations (Sequence[Mapping[str, Any]]): As `CodeProfiler.recommendations()` returns them.

    Returns:
        RenderableType: For a rich console.
    """
    lines = [Text("What to do about it:", style="bold")]
    lines += [Text(f"  {one_line(each['advice'])} ({one_line(each['evidence'])})") for each in recommendations]
    return Group(*lines)


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _right(name: str) -> Column:
    return Column(name, justify="right")
