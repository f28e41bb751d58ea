"""A training run as tables for a terminal: what it changed, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from seo_engine.engine.snippet_limits import DESCRIPTION_CHARACTERS, TITLE_CHARACTERS
from seo_engine.foundation.texts import one_line
from seo_engine.profiling import ProfilingData, report
from seo_engine.reports.console import right_aligned
from seo_engine.tracking import tracker_cost

if TYPE_CHECKING:
    from seo_engine.engine.site.site import Site
    from seo_engine.engine.training.training import SnippetSample, TrainingResult

_MOST_SAMPLES = 2

_MEASURES = {
    "loss": "validation loss (lower is better)",
    "perplexity": "perplexity (lower is better)",
    "rouge_l_title": "ROUGE-L of titles (1 is the editor's)",
    "rouge_l_description": "ROUGE-L of descriptions",
    "titles_within_limits": "titles of {} to {} characters".format(*TITLE_CHARACTERS),
    "descriptions_within_limits": "descriptions of {} to {} characters".format(*DESCRIPTION_CHARACTERS),
}


def pages_table(site: Site) -> Table:
    """Return how many pages of a site teach, how many are left out and why, and what the template says in all of them.

    Args:
        site (Site): The site.

    Returns:
        Table: For a console; each reason has a page as an example.
    """
    table = Table("pages", right_aligned("number"), "for example", box=None)
    table.add_row("to learn from", str(len(site.usable_pages)), "")
    for reason, pages in site.left_out.items():
        table.add_row(f"left out: {escape(reason)}", str(len(pages)), Text(one_line(pages[0].path)))
    for reason, count in site.passed_over.items():
        table.add_row(f"passed over: {escape(one_line(reason))}", str(count), "")
    for what, phrases in site.fixed_phrases.items():
        for phrase, count in phrases:
            table.add_row(f"the same words in the {what}", str(count), Text(one_line(phrase)))
    return table


def training_summary(result: TrainingResult, profiling_data: ProfilingData) -> RenderableType:
    """Return what a training run changed, where its time went, and what to do about it.

    Args:
        result (TrainingResult): The result of the training.
        profiling_data (ProfilingData): The data of its profiler.

    Returns:
        RenderableType: For a console.
    """
    parts: list[RenderableType] = []
    if result.after:
        parts += ["", _measures_table(result), *_sample_texts(result.samples)]
    cost = tracker_cost(profiling_data)
    parts += [
        "",
        report(profiling_data),
        "",
        f"The tracker's calls took {cost.percent_of_wall_time:.3f} % of the training's wall time. "
        f"The profiler took {cost.profiling_seconds:.2f} s in the background.",
    ]
    return Group(*parts)


def _measures_table(result: TrainingResult) -> Table:
    held_out = result.validation_pages
    table = Table(
        f"on {held_out} pages that it never saw",
        *map(right_aligned, ("before", "after", "without a model")),
        box=None,
    )
    for name, words in _MEASURES.items():
        values = [measures.get(name) for measures in (result.before, result.after, result.baseline)]
        table.add_row(words, *(_measure(name, value, held_out) for value in values))
    return table


def _measure(name: str, value: float | None, pages: int) -> str:
    if value is None:
        return "–"
    return f"{value:.0f} of {pages}" if name.endswith("within_limits") else f"{value:.3f}"


def _sample_texts(samples: Sequence[SnippetSample]) -> list[RenderableType]:
    texts: list[RenderableType] = []
    for sample in samples[:_MOST_SAMPLES]:
        table = Table.grid(padding=(0, 2))
        for who, snippet in (("editor", sample.reference), ("before", sample.before), ("after", sample.after)):
            words = (
                f"{snippet.title} — {snippet.description}" if snippet.title or snippet.description else "(no answer)"
            )
            table.add_row(Text(who, style="bold"), escape(words))
        texts += ["", escape(sample.url), table]
    return texts
