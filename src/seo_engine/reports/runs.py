"""Runs as tables for a terminal: all runs, one run, the state of its trackers, and what to type next."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from seo_engine.foundation.commands import command, relative_path
from seo_engine.foundation.texts import clock_time, counts_in_words
from seo_engine.reports.console import right_aligned
from seo_engine.tracking import DeliveryState, RunSummary, steps_after, trace_of


def runs_table(runs: Sequence[RunSummary]) -> RenderableType:
    """Return a table with one row per run.

    Args:
        runs (Sequence[RunSummary]): The runs.

    Returns:
        RenderableType: For a console.
    """
    table = Table("run", "status", "started", "duration", "steps", "training/loss", "evaluation/loss", box=None)
    for run in runs:
        table.add_row(
            escape(run.name),
            _status_and_pending(run),
            time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started)),
            clock_time(run.seconds),
            str(run.step),
            _last(run, "training/loss"),
            _last(run, "evaluation/loss"),
        )
    return table


def run_details(run: RunSummary) -> RenderableType:
    """Return everything that the journal says about one run.

    Args:
        run (RunSummary): The run.

    Returns:
        RenderableType: For a console.
    """
    parts: list[RenderableType] = [
        Text.assemble(
            (run.name, "bold"), "  ", _colored_status(run.status), f"  {run.records} records, step {run.step}, "
        ),
        f"started {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(run.started))}, {clock_time(run.seconds)}",
    ]
    if run.command:
        parts.append(escape(shlex.join(run.command)))
    if run.git.get("commit"):
        parts.append(escape(f"commit {run.git['commit']}  {run.git.get('remote', '')}".rstrip()))
    if run.unreadable_lines:
        parts.append(f"{run.unreadable_lines} lines of the journal cannot be read")
    if run.unknown_records:
        parts.append(f"{run.unknown_records} records are of kinds that this version does not know")
    metrics = Table("metric", *map(right_aligned, ("values", "first", "last", "smallest", "largest")), box=None)
    for name, metric in sorted(run.metrics.items()):
        numbers = (metric.first, metric.last, metric.minimum, metric.maximum)
        metrics.add_row(escape(name), str(metric.count), *(f"{number:.6g}" for number in numbers))
    parts += ["", metrics]
    for name, count in sorted(run.nonfinite.items()):
        parts.append(escape(f"{name}: {count} values are not finite"))
    if run.hyperparameters:
        parts += ["", _two_columns("hyperparameter", "value", run.hyperparameters)]
    if run.timings:
        seconds = sorted(run.timings.items(), key=lambda item: item[1], reverse=True)
        parts += ["", _two_columns("operation", "mean seconds", {name: f"{mean:.6f}" for name, mean in seconds})]
    if run.findings:
        parts += ["", *(Text(finding) for finding in run.findings)]
    if run.delivery:
        parts += ["", delivery_table(run.delivery)]
    if run.error is not None:
        parts += ["", escape(run.error["traceback"].rstrip())]
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
        reasons = [counts_in_words(state.dropped), state.last_error or ""]
        table.add_row(escape(name), *(str(count) for count in counts), escape("; ".join(filter(None, reasons))))
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
    lines.append(("numbers", f"{command('seo-engine')} runs show {run_directory}"))
    for step in steps_after(run_directory, delivery):
        lines.append((step.label, step.typed))
    # Never wrapped: these lines are there to be copied.
    texts = [Text.assemble((f"{name:<13}", "bold"), text, no_wrap=True, overflow="ignore") for name, text in lines]
    return Group("", "Where to find it, and what to type next:", *texts)


def _two_columns(first: str, second: str, values: Mapping[str, Any]) -> Table:
    table = Table(first, second, box=None)
    for name, value in values.items():
        table.add_row(escape(str(name)), escape(str(value)))
    return table


_STATUS_STYLES = {"finished": "green", "running": "cyan", "failed": "red", "killed": "red", "interrupted": "yellow"}


def _colored_status(status: str) -> Text:
    return Text(status, style=_STATUS_STYLES.get(status, ""))


def _status_and_pending(run: RunSummary) -> Text:
    status = _colored_status(run.status)
    pending = max((state.pending for state in run.delivery.values()), default=0)
    if pending and run.status != "running":
        status.append(f", {pending} pending", style="yellow")
    return status


def _last(run: RunSummary, name: str) -> str:
    metric = run.metrics.get(name)
    return f"{metric.last:.4f}" if metric is not None else "–"
