"""A crawl for a terminal: how far it is, and what it has fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from seo_engine.foundation.commands import command, relative_path
from seo_engine.foundation.texts import one_line
from seo_engine.reports.console import right_aligned

if TYPE_CHECKING:
    from seo_engine.engine.site.crawling.crawl import CrawlProgress, CrawlResult

_MOST_REASONS = 8


class CrawlDisplay:
    """Shows how far a crawl is.

    Args:
        console (Console): Where to show it; without a terminal, nothing is shown.
    """

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[size]}"),
        )
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("Fetching", total=None, size="0.0 MB")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._progress.stop()

    def __call__(self, progress: CrawlProgress) -> None:
        """Show the progress."""
        done = progress.done + progress.given_up
        self._progress.update(
            self._task, completed=done, total=done + progress.waiting, size=f"{progress.bytes / 1e6:,.1f} MB"
        )


def crawl_table(result: CrawlResult) -> RenderableType:
    """Return what a crawl has fetched, and what it has not.

    Args:
        result (CrawlResult): How it ended.
    """
    table = Table("crawl", right_aligned("number"), box=None)
    table.add_row("pages", f"{result.pages:,}")
    table.add_row("other answers", f"{result.done - result.pages:,}")
    for what, reasons in (("given up", result.reasons), ("passed over", result.passed_over)):
        shown = list(reasons.items())
        for reason, count in shown[:_MOST_REASONS]:
            table.add_row(f"{what}: {escape(one_line(reason)[:100])}", f"{count:,}")
        if left := sum(count for _, count in shown[_MOST_REASONS:]):
            table.add_row(f"{what}: for other reasons", f"{left:,}")
    return table


def crawl_summary(result: CrawlResult) -> RenderableType:
    """Return what a crawl has fetched, what it has not, and what to type next.

    Args:
        result (CrawlResult): How it ended.

    Returns:
        RenderableType: For a console.
    """
    archive = relative_path(result.archive)
    lines = [f"{archive}, {result.archive_bytes / 1e6:,.1f} MB"]
    if result.crawl_delay:
        lines.append(f"robots.txt asks to wait {result.crawl_delay:g} s between two requests")
    if result.waiting:
        stopped = f", stopped by {one_line(result.stopped_by)}" if result.stopped_by else ""
        lines.append(f"{result.waiting:,} addresses wait{stopped}; the same command goes on with them")
    if result.given_up and not result.waiting:
        lines.append("The same command tries again what was given up, but for what robots.txt forbids")
    next_step = f"Learn from it with:\n  {command('seo-engine')} train {archive}"
    return Group(crawl_table(result), *(escape(line) for line in lines), escape(next_step))


def why_nothing(result: CrawlResult) -> str:
    """Return in words why a crawl has no page, as the end of a sentence.

    Args:
        result (CrawlResult): How it ended.
    """
    said = [*result.reasons, *result.passed_over]
    if "another host" in result.passed_over:
        said.append("if it leads to another host, crawl that one")
    return f": {one_line('; '.join(said))[:300]}" if said else ""
