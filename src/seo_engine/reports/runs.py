"""Runs as tables for a terminal: all runs, one run, the state of its trackers, and what to type next."""

from __future__ import annotations

import shlex
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from seo_engine.foundation.commands import relative_path
from seo_engine.foundation.texts import clock_time, counts_in_words, one_line
from seo_engine.profiling import RankComparison, ranks_report, readable_parts, report
from seo_engine.reports.console import local_time, right_aligned, two_columns
from seo_engine.tracking import (
    DeliveryState,
    RunSummary,
    best_of,
    is_judged,
    last_and_best,
    main_metrics,
    most_unusual,
    steps_after,
    trace_of,
)

_MOST_COLUMNS = 3
_MOST_RANKS = 32
_MOST_TEXTS = 10
_MOST_NOTES = 20
_MOST_TEXT_CHARACTERS = 300


def runs_table(runs: Sequence[RunSummary], metrics: Sequence[str] = ()) -> RenderableType:
    """Return a table with one row per run.

    Args:
        runs (Sequence[RunSummary]): The runs.
        metrics (Sequence[str]): The metrics that get a column. Without any, those that tell how good a run is get one,
            or stand together in one column if the runs have too many different ones.

    Returns:
        RenderableType: For a console.
    """
    telling = Counter(name for run in runs for name in _telling_metrics(run))
    # Those of most runs first.
    shown = list(metrics) or [name for name, _ in telling.most_common()]
    together = [] if metrics or len(shown) <= _MOST_COLUMNS else ["last and best"]
    shown = [] if together else shown
    of_metrics = [*(escape(one_line(name)) for name in shown), *together]
    table = Table("run", "status", "started", *map(right_aligned, ("time", "steps")), *of_metrics, box=None)
    for run in runs:
        table.add_row(
            escape(one_line(run.name)),
            _status_and_pending(run),
            local_time(run.started, "%Y-%m-%d %H:%M"),
            clock_time(run.seconds),
            f"{run.step:,}",
            *(last_and_best(name, run.metrics[name]) if name in run.metrics else "–" for name in shown),
            *(escape(one_line(_in_one_cell(run))) for _ in together),
        )
    return table


def run_details(
    run: RunSummary, profiling_data: Mapping[str, Any], comparison: RankComparison | None = None
) -> RenderableType:
    """Return everything that is known of one run.

    Args:
        run (RunSummary): The run.
        profiling_data (Mapping[str, Any]): Its profile, as `read_profile` returns it.
        comparison (RankComparison | None): How the steps of its ranks compare.

    Returns:
        RenderableType: For a console.
    """
    started = local_time(run.started, "%Y-%m-%d %H:%M:%S")
    parts: list[RenderableType] = [
        Text.assemble((one_line(run.name), "bold"), "  ", _colored_status(run.status)),
        f"started {started}, running time {clock_time(run.seconds)}, {run.records:,} records, step {run.step:,}",
    ]
    if run.command:
        parts.append(escape(one_line(shlex.join(run.command))))
    if run.git.get("commit"):
        parts.append(escape(_code(run.git)))
    parts += [escape(line) for line in _surroundings(run.surroundings)]
    if run.tags:
        parts.append(escape(one_line(f"tags {', '.join(run.tags)}")))
    parts += [escape(one_line(f"note: {note}")) for note in run.notes[-_MOST_NOTES:]]
    if run.unreadable_lines:
        parts.append(f"{run.unreadable_lines} lines of the journal cannot be read")
    if run.unknown_records:
        parts.append(f"{run.unknown_records} records are of kinds that this version does not know")
    if run.ranks:
        parts += ["", _ranks_table(run)]
    if run.incomplete_steps:
        steps = "1 step is" if run.incomplete_steps == 1 else f"{run.incomplete_steps:,} steps are"
        parts.append(f"{steps} shown without the values of some ranks, which have not logged them")
    if run.metrics:
        parts += ["", _metrics_table(run)]
    for name, count in sorted(run.nonfinite.items()):
        parts.append(escape(f"{one_line(name)}: {count:,} values are not finite numbers"))
    if run.values:
        parts += ["", two_columns("summary", "value", run.values)]
    if run.hyperparameters:
        parts += ["", two_columns("hyperparameter", "value", run.hyperparameters)]
    if settings := run.settings | _given(run.configuration):
        parts += ["", two_columns("configuration", "value", settings)]
    if run.texts:
        parts += ["", _texts_table(run.texts)]
    profile = readable_parts(profiling_data)
    if profile["operations"]:
        parts += ["", report(profile)]
    elif run.timings:
        # Of another profiler.
        seconds = sorted(run.timings.items(), key=lambda item: item[1], reverse=True)
        parts += ["", two_columns("operation", "mean seconds", {name: f"{mean:.6f}" for name, mean in seconds})]
        parts += [Text(one_line(finding)) for finding in run.findings]
    if comparison is not None:
        parts += ["", ranks_report(comparison)]
    if run.delivery:
        parts += ["", delivery_table(run.delivery)]
    if run.error is not None:
        parts += ["", escape("\n".join(map(_without_control, run.error["traceback"].rstrip().splitlines())))]
    return Group(*parts)


def delivery_table(delivery: Mapping[str, DeliveryState]) -> Table:
    """Return the ledger of each tracker, in records.

    Args:
        delivery (Mapping[str, DeliveryState]): The ledgers by the tracker's name.

    Returns:
        Table: For a console.
    """
    table = Table("tracker", *map(right_aligned, ("accepted", "delivered", "dropped", "pending")), "", box=None)
    for name, state in delivery.items():
        counts = (state.accepted, state.delivered, sum(state.dropped.values()), state.pending)
        thinned = f"leaves out {state.values_thinned:,} values of medium and low priority"
        reasons = [counts_in_words(state.dropped), state.last_error or "", thinned if state.values_thinned else ""]
        table.add_row(
            escape(one_line(name)),
            *(str(count) for count in counts),
            escape(one_line("; ".join(filter(None, reasons)))),
        )
    return table


def next_steps(run_directory: Path, delivery: Mapping[str, DeliveryState], adapter: Path | None) -> RenderableType:
    """Return what to type next.

    Args:
        run_directory (Path): The run folder.
        delivery (Mapping[str, DeliveryState]): The ledgers by the tracker's name.
        adapter (Path | None): The adapter, if there is one.

    Returns:
        RenderableType: For a console.
    """
    run_directory = relative_path(run_directory)
    lines = [("the run", str(run_directory))]
    if (trace := trace_of(run_directory)).exists():
        lines.append(("its trace", f"{trace}, which opens in https://ui.perfetto.dev"))
    if adapter is not None and adapter.is_dir():
        lines.append(("its adapter", str(relative_path(adapter))))
    for step in steps_after(run_directory, delivery):
        lines.append((step.label, step.typed))
    # Never wrapped: these lines are there to be copied.
    texts = [Text.assemble((f"{name:<13}", "bold"), text, no_wrap=True, overflow="ignore") for name, text in lines]
    return Group("", "Where to find it, and what to type next:", *texts)


def _metrics_table(run: RunSummary) -> Table:
    numbers = ("values", "first", "last", "best", "at step", "smallest", "largest")
    table = Table("metric", *map(right_aligned, numbers), box=None)
    own = main_metrics(run.metrics)
    for name in [*own, *sorted(run.metrics.keys() - set(own))]:
        metric = run.metrics[name]
        best = best_of(name, metric)
        table.add_row(
            escape(one_line(name)),
            f"{metric.count:,}",
            f"{metric.first:.6g}",
            f"{metric.last:.6g}",
            *("", "") if best is None else (f"{best.value:.6g}", f"{best.step:,}"),
            f"{metric.minimum:.6g}",
            f"{metric.maximum:.6g}",
        )
    return table


def _ranks_table(run: RunSummary) -> Table:
    table = Table("rank", *map(right_aligned, ("records", "last step", "skew")), "end", box=None)
    for each in most_unusual(run.ranks, _MOST_RANKS):
        skew = f"{1000 * each.skew_seconds:,.1f} ms" if each.skew_seconds is not None else "–"
        table.add_row(str(each.rank), f"{each.records:,}", f"{each.step:,}", skew, _colored_status(each.status))
    if (more := len(run.ranks) - _MOST_RANKS) > 0:
        table.add_row(f"and {more:,} more, with --json")
    return table


def _texts_table(texts: Mapping[str, str]) -> Table:
    table = Table("text", "the last one", box=None)
    newest = list(texts.items())[-_MOST_TEXTS:]
    for name, text in newest:
        shown = one_line(text)
        table.add_row(escape(one_line(name)), escape(textwrap.shorten(shown, _MOST_TEXT_CHARACTERS, placeholder=" …")))
    if more := len(texts) - len(newest):
        table.add_row("", f"and {more} more, with --json")
    return table


def _code(git: Mapping[str, str]) -> str:
    branch = f" on {git['branch']}" if git.get("branch") else ""
    changed = git.get("changed_files", "0")
    since = "" if changed == "0" else f", {changed} files changed since" if changed != "1" else ", 1 file changed since"
    return one_line(f"commit {git['commit']}{branch}{since}  {git.get('remote', '')}")


def _surroundings(surroundings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return in words on which machine a run ran, and with which seeds; a foreign journal may hold anything."""
    machine, seeds = surroundings.get("machine", {}), surroundings.get("seeds", {})
    memory, gpus = machine.get("memory_bytes"), machine.get("gpus")
    names = [str(each.get("name")) for each in gpus if isinstance(each, dict)] if isinstance(gpus, list) else []
    parts = [
        str(machine.get("processor", "")),
        f"{machine['threads']} threads" if "threads" in machine else "",
        f"{memory / 1e9:.0f} GB" if isinstance(memory, int | float) else "",
        *(f"{count} × {name}" for name, count in Counter(names).items()),
    ]
    lines = [f"machine {', '.join(filter(None, parts))}"] if any(parts) else []
    if seeds:
        lines.append(f"seeds {', '.join(f'{name} {seed}' for name, seed in seeds.items())}")
    return [one_line(line) for line in lines]


def _given(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the tracker that somebody gave; the others have their defaults."""
    given = configuration.get("given_fields")
    names = [name for name in given if isinstance(name, str)] if isinstance(given, list) else []
    return {name: configuration[name] for name in names if name in configuration}


_STATUS_STYLES = {
    "finished": "green",
    "running": "cyan",
    "failed": "red",
    "killed": "red",
    "missing": "red",
    "interrupted": "yellow",
}


def _colored_status(status: str) -> Text:
    return Text(one_line(status), style=_STATUS_STYLES.get(status, ""))


def _status_and_pending(run: RunSummary) -> Text:
    status = _colored_status(run.status)
    pending = max((state.pending for state in run.delivery.values()), default=0)
    if pending and run.status != "running":
        status.append(f", {pending} pending", style="yellow")
    return status


def _telling_metrics(run: RunSummary) -> list[str]:
    return [name for name in main_metrics(run.metrics) if is_judged(name)]


def _in_one_cell(run: RunSummary) -> str:
    names = _telling_metrics(run)[:_MOST_COLUMNS]
    return "; ".join(f"{name} {last_and_best(name, run.metrics[name])}" for name in names)


def _without_control(line: str) -> str:
    indentation = len(line) - len(line.lstrip(" "))
    return " " * indentation + one_line(line)
