"""`seo-engine runs list`, `show` and `trace`: look at runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seo_engine.cli.errors import CommandError, errors_in_one_line, unreadable
from seo_engine.cli.json_output import as_json_text, json_option
from seo_engine.cli.runs.naming import find, folder_of, log_directory_option, no_runs
from seo_engine.foundation.commands import relative_path
from seo_engine.foundation.texts import one_line
from seo_engine.tracking import (
    STATUSES,
    RunSummary,
    list_parts,
    list_runs,
    rank_traces,
    read_profile,
    read_rank_profiles,
    read_run,
    sorted_runs,
    sorting_metric,
    trace_of,
)

if TYPE_CHECKING:
    from seo_engine.profiling import RankComparison


# A run without an end is open, or its journal does not say how it began.
_STATUSES = (*STATUSES, "running", "unknown")

_MOST_PARTS = 5


@click.command("list")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(_STATUSES),
    help="Only runs of this status.",
)
@click.option("--name", "patterns", multiple=True, help="Only runs whose name matches, such as 'cnn-*'.")
@click.option(
    "--sort",
    "by",
    default="started",
    show_default=True,
    help="started, name, status, time, steps, or a metric: the best first, or the largest if neither is better.",
)
@click.option("--metric", "metrics", multiple=True, help="A metric that gets a column, instead of losses and the like.")
@log_directory_option
@json_option
def list_command(
    statuses: tuple[str, ...],
    patterns: tuple[str, ...],
    by: str,
    metrics: tuple[str, ...],
    log_directory: str,
    as_json: bool,
) -> None:
    """List the runs: status, working time without pauses, last and best value of losses and the like.

    \b
    Examples:
      seo-engine runs list
      seo-engine runs list --status failed --status killed
      seo-engine runs list --name 'cnn-*' --metric val/acc --sort val/acc
    """
    from seo_engine.reports.console import plain_console
    from seo_engine.reports.runs import runs_table

    every = list_runs(folder_of(log_directory))
    chosen = [run for run in every if _is_chosen(run, statuses, patterns)]
    if chosen:
        with errors_in_one_line():
            chosen = sorted_runs(chosen, by)
        metric = sorting_metric(chosen, by)
        # What the runs are sorted by is shown.
        metrics = (*metrics, metric) if metric and metric not in metrics else metrics
    if parts := list_parts(folder_of(log_directory)):
        shown = ", ".join(one_line(relative_path(each)) for each in parts[:_MOST_PARTS])
        more = f" and {len(parts) - _MOST_PARTS} more" if len(parts) > _MOST_PARTS else ""
        click.echo(
            f"Not listed, because each is a part of a run without its rank 0: {shown}{more}. "
            "`seo-engine runs merge` gives it to the run; then it can be removed.",
            err=True,
        )
    if as_json:
        click.echo(as_json_text([_as_plain(run) for run in chosen]))
    elif chosen:
        plain_console(sys.stdout).print(runs_table(chosen, metrics))
    elif every:
        click.echo(f"None of the {len(every)} runs in {one_line(log_directory)} matches --status and --name.")
    else:
        click.echo(no_runs(log_directory))


@click.command("show")
@click.argument("run")
@click.option("--profile", "only_profile", is_flag=True, help="Print the whole report of the run's profile instead.")
@log_directory_option
@json_option
def show_command(run: str, only_profile: bool, log_directory: str, as_json: bool) -> None:
    """Show one RUN, named by its folder's name or its path.

    It shows metrics, hyperparameters, configuration, texts, where the time went, and what its trackers hold.

    \b
    Examples:
      seo-engine runs show seo_engine_1700000000
      seo-engine runs show runs/seo_engine_1700000000 --profile
      seo-engine runs show seo_engine_1700000000 --json
    """
    from seo_engine.reports.console import plain_console
    from seo_engine.reports.runs import run_details

    try:
        summary = read_run(find(log_directory, run))
    except OSError as error:
        raise unreadable(run, error) from None
    if only_profile:
        _show_profile(summary, as_json)
    elif as_json:
        click.echo(as_json_text(_as_plain(summary)))
    else:
        plain_console(sys.stdout).print(run_details(summary, read_profile(summary), _compared(summary)))


@click.command("trace")
@click.argument("run")
@click.option(
    "--output", type=click.Path(dir_okay=False), help="The file to write. By default it is in the run's `profile/`."
)
@log_directory_option
def trace_command(run: str, output: str | None, log_directory: str) -> None:
    """Write one trace of all ranks of RUN, on one clock.

    Each rank is a process of the trace, with the newest regions that it timed. Between hosts, the clocks are aligned by
    the steps that their ranks have logged.

    \b
    Examples:
      seo-engine runs trace seo_engine_1700000000
      seo-engine runs trace seo_engine_1700000000 --output all_ranks.json.gz
    """
    from seo_engine.profiling import merge_traces

    directory = find(log_directory, run)
    try:
        summary = read_run(directory)
        if not summary.ranks:
            raise CommandError(f"{directory} has one process; its trace is {relative_path(trace_of(directory))}")
        path = Path(output) if output is not None else trace_of(directory).with_name("trace_of_all_ranks.json")
        with errors_in_one_line():
            traces = rank_traces(summary)
            left_out = merge_traces(traces, path, private=output is None)
    except OSError as error:
        raise unreadable(run, error) from None
    for rank, reason in left_out.items():
        click.echo(f"warning: rank {rank} is left out: {reason}", err=True)
    count = len(traces) - len(left_out)
    ranks = "1 rank" if count == 1 else f"{count} ranks"
    click.echo(f"{ranks} in {relative_path(path)}, which opens in https://ui.perfetto.dev")


def _show_profile(run: RunSummary, as_json: bool) -> None:
    """Show the whole report of a run's profile, or the profile itself."""
    from seo_engine.profiling import ranks_report, readable_parts, report, slow_rank
    from seo_engine.reports.console import plain_console

    profile = read_profile(run)
    if not profile:
        raise CommandError(f"{run.directory} has no profile; enable_code_profiling=True makes one")
    parts = readable_parts(profile)
    if not parts["operations"]:
        raise CommandError(
            f"{run.directory}: this is not a profile of CodeProfiler; `seo-engine runs show` says what it holds"
        )
    comparison = _compared(run)
    if as_json:
        if comparison is not None:
            profile |= {"comparison": comparison, "slow_rank": slow_rank(comparison)}
        click.echo(as_json_text(profile))
        return
    output = plain_console(sys.stdout)
    output.print(report(parts, most_operations=None))
    if comparison is not None:
        output.print("", ranks_report(comparison))


def _compared(run: RunSummary) -> RankComparison | None:
    """Return how the steps of the ranks of a run compare; None if it has no ranks, or they have no profiles."""
    from seo_engine.profiling import compare_ranks

    return compare_ranks(read_rank_profiles(run)) if run.ranks else None


def _is_chosen(run: RunSummary, statuses: Sequence[str], patterns: Sequence[str]) -> bool:
    has_status = not statuses or run.status in statuses
    return has_status and (not patterns or any(fnmatchcase(run.name, pattern) for pattern in patterns))


def _as_plain(run: RunSummary) -> dict[str, Any]:
    # The profile has an option of its own: it is longer than all the rest.
    plain = {**asdict(run), "directory": str(run.directory)}
    del plain["profiling_data"]
    return plain
