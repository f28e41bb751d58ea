"""A crawl for a terminal: how far it is, and what it has fetched."""

from __future__ import annotations

import shlex
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from seo_engine.engine.site.crawling.frontier import WORTH_ANOTHER_TRY
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


def crawl_report(result: CrawlResult) -> RenderableType:
    """Return what a crawl has fetched, what it has not, and how it goes on.

    Args:
        result (CrawlResult): How it ended.

    Returns:
        RenderableType: For a console.
    """
    table = Table("crawl", right_aligned("number"), box=None)
    table.add_row("pages", f"{result.pages:,}")
    answered = {f"with {status}": count for status, count in result.statuses.items()}
    for what, reasons in (("answered", answered), ("given up", result.reasons), ("passed over", result.passed_over)):
        shown = list(reasons.items())
        separator = " " if reasons is answered else ": "
        for reason, count in shown[:_MOST_REASONS]:
            table.add_row(f"{what}{separator}{escape(one_line(reason)[:100])}", f"{count:,}")
        if left := sum(count for _, count in shown[_MOST_REASONS:]):
            table.add_row(f"{what}: for other reasons", f"{left:,}")
    return Group(table, *(escape(line) for line in _notes(result)))


def _notes(result: CrawlResult) -> Iterator[str]:
    yield f"{relative_path(result.archive)}, {result.archive_bytes / 1e6:,.1f} MB"
    if result.crawl_delay:
        yield f"robots.txt asks to wait {result.crawl_delay:g} s between two requests"
    if result.stopped_by:
        yield f"{result.waiting:,} addresses wait. The crawl was stopped by {one_line(result.stopped_by)}"
    elif result.waiting:
        yield f"{result.waiting:,} addresses wait; run the same command to continue"
    elif result.given_up or any(status in WORTH_ANOTHER_TRY for status in result.statuses):
        yield "Run the same command to try again what has failed, but for what robots.txt forbids"


def next_step(result: CrawlResult) -> str:
    """Return what to type next, to learn from what was fetched.

    Args:
        result (CrawlResult): How the crawl ended.
    """
    return escape(
        f"Learn from it with:\n  {command('seo-engine')} train {shlex.quote(str(relative_path(result.archive)))}"
    )


def no_page_of(source: str, result: CrawlResult) -> str:
    """Return in one line that a crawl has no page, and why.

    Args:
        source (str): What was crawled.
        result (CrawlResult): How it ended.
    """
    said = [f"answered with {status}" for status in result.statuses]
    said += [*result.reasons, *result.passed_over]
    if "another host" in result.passed_over:
        said.append("if it leads to another host, crawl that one")
    if any(result.reasons) and {"http", "https"} & urllib.request.getproxies().keys():
        said.append("a crawl does not use the proxy that the environment names")
    return one_line(f"no page of {source} was fetched{': ' if said else ''}{'; '.join(said)}")[:400]
