"""What the ranks of a training do in a mean step, as a table for a terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from seo_engine.profiling.reports.bottlenecks import seconds_in_words
from seo_engine.profiling.reports.ranks.comparison import RankComparison
from seo_engine.profiling.reports.ranks.straggler import slow_rank
from seo_engine.profiling.reports.tables import recommendations_text

_MOST_RANKS = 16


def ranks_report(comparison: RankComparison) -> RenderableType:
    """Return which ranks work, and which wait for them.

    Args:
        comparison (RankComparison): The same steps of all ranks.

    Returns:
        RenderableType: For a rich console.
    """
    ranks = sorted(comparison["ranks"], key=lambda each: each["slowest_percent"], reverse=True)
    parts = [part for part in comparison["ranks"][0]["parts"] if any(each["parts"][part] for each in ranks)]
    names = ("slowest in", "works", "waits", *(part.replace("_", " ") for part in parts))
    table = Table("rank", *(Column(name, justify="right") for name in names), box=None)
    for each in ranks[:_MOST_RANKS]:
        seconds = (each["working_seconds"], each["waiting_seconds"], *(each["parts"][part] for part in parts))
        table.add_row(str(each["rank"]), f"{each['slowest_percent']:.0f} %", *map(seconds_in_words, seconds))
    if (more := len(ranks) - _MOST_RANKS) > 0:
        table.add_row(f"and {more:,} more, with --profile --json")
    mean, skew = map(seconds_in_words, (comparison["mean_step_seconds"], comparison["skew_seconds"]))
    said = Text(
        f"{len(ranks):,} ranks, {comparison['steps']:,} steps of {mean}: the slowest rank of each works {skew} longer "
        f"than the others, {comparison['skew_percent']:.1f} % of a step"
    )
    if comparison["left_out"]:
        said.append(f"; without {len(comparison['left_out'])} that have none of these steps")
    advice = slow_rank(comparison)
    return Group(said, table, *(["", recommendations_text([advice])] if advice is not None else []))
