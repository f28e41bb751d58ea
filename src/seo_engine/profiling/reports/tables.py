"""What was measured, as tables for a terminal: plain text, or in color."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from seo_engine.foundation.texts import as_encodable, one_line
from seo_engine.profiling.reports.bottlenecks import seconds_in_words
from seo_engine.profiling.reports.operation_columns import OPERATION_COLUMNS, operation_in_words
from seo_engine.profiling.reports.outside_training import outside_in_words
from seo_engine.profiling.statistics.operations import PHASES

_MOST_OPERATIONS = 8
_TEXT_COLUMNS = 120
# The parts of a step, by the names of their regions where these have one name.
_PART_NAMES = {"forward": "forward_pass", "backward": "backward_pass", "optimizer": "optimizer_step"}


def as_text(profiling_data: Mapping[str, Any]) -> str:
    """Return the report as plain text.

    Args:
        profiling_data (Mapping[str, Any]): As `CodeProfiler.profiling_data()` returns it.

    Returns:
        str: Several lines, in characters that standard output can show.
    """
    output = StringIO()
    Console(file=output, width=_TEXT_COLUMNS, highlight=False, color_system=None).print(report(profiling_data))
    return as_encodable(output.getvalue(), getattr(sys.stdout, "encoding", None))


def report(profiling_data: Mapping[str, Any], most_operations: int | None = _MOST_OPERATIONS) -> RenderableType:
    """Return where the time went: the slowest operations, the training steps, and what to do about it.

    Args:
        profiling_data (Mapping[str, Any]): As `CodeProfiler.profiling_data()` returns it.
        most_operations (int | None): How many operations are shown; None means all.

    Returns:
        RenderableType: For a rich console.
    """
    parts: list[RenderableType] = [operations_table(profiling_data.get("operations", [])[:most_operations])]
    if "total_seconds" in profiling_data:
        parts.append(Text(f" {_total_in_words(profiling_data['total_seconds'], profiling_data['uncovered_seconds'])}"))
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
    rate = f"{_rate(training['steps_per_second'])} a second"
    if training.get("samples_per_second"):
        rate += f", {_rate(training['samples_per_second'])} samples a second"
    lines = [
        f"{training['steps']:,} training steps{_batches_in_words(training)}: "
        f"median {seconds_in_words(training['p50_step_seconds'])}, "
        f"p99 {seconds_in_words(training['p99_step_seconds'])}, {rate}",
    ]
    if training["steps_per_second"] > 0:
        mean = 1 / training["steps_per_second"]
        lines.append(f"  mean {seconds_in_words(mean)}: {_parts_in_words(training, mean)}")
    if training["outlier_steps"]:
        lines.append(
            f"  {training['outlier_steps']} steps took more than twice the median, "
            f"which cost {training['outlier_percent']:.1f} % of the steps' time"
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


def _total_in_words(total: float, uncovered: float) -> str:
    share = 100 * uncovered / total if total > 0 else 0.0
    return (
        f"Total: {seconds_in_words(total)}; {seconds_in_words(uncovered)} of it ({share:.1f} %) is in no region. "
        "Own time leaves out nested operations."
    )


def _batches_in_words(training: Mapping[str, Any]) -> str:
    """Return how many batches a step has, if more than one."""
    batches = training.get("batches", 0) / training["steps"] if training["steps"] else 0.0
    return f" of {batches:.3g} batches" if batches > 1.005 else ""


def _parts_in_words(training: Mapping[str, Any], mean: float) -> str:
    """Return how long each part of a mean step takes: percentages of the steps would differ from those in the table."""
    seconds = {
        _PART_NAMES.get(phase, phase.replace("_", " ")): mean * training[f"{phase}_percent"] / 100 for phase in PHASES
    }
    if "mean_uncovered_seconds" in training:
        in_no_region = training["mean_uncovered_seconds"]
        seconds |= {"other": seconds["other"] - in_no_region, "in no other region": in_no_region}
    return ", ".join(f"{name} {seconds_in_words(each)}" for name, each in seconds.items() if each >= 0.0005 * mean)


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _right(name: str) -> Column:
    return Column(name, justify="right")
