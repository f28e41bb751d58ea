"""A training and its runs as tables on the terminal."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from seo_engine.foundation.texts import counts_in_words
from seo_engine.profiling import ProfilingData
from seo_engine.profiling.report import report
from seo_engine.tracking.backend_tracker import PROFILING_CATEGORY
from seo_engine.tracking.delivery import DeliveryState
from seo_engine.tracking.run_directory import PROFILE
from seo_engine.tracking.run_history import RunSummary
from seo_engine.tracking.run_profile import TRACE_FILE

if TYPE_CHECKING:
    from seo_engine.engine.training.training import SnippetSample, TrainingResult

# Operations of the tracker that the training waits for; the others run in a thread or a child process.
_AT_THE_START = "experiment_tracker_setup"
_AT_THE_END = "experiment_tracker_cleanup"
_IN_BACKGROUND = ("tensorboard_", "wandb_")
_MOST_SAMPLES = 2

_MEASURES = {
    "loss": "validation loss (lower is better)",
    "perplexity": "perplexity (lower is better)",
    "rouge_l_title": "ROUGE-L of titles (1 is the editor's)",
    "rouge_l_description": "ROUGE-L of descriptions",
    "titles_within_limits": "titles of 30 to 60 characters",
    "descriptions_within_limits": "descriptions of 70 to 155 characters",
}


def plain_console(stream: Any) -> Console:
    """Return a console that shows colours on a terminal and plain text elsewhere.

    Args:
        stream (Any): Where it writes.

    Returns:
        Console: 120 columns wide where it is no terminal.
    """
    return Console(file=stream, highlight=False, soft_wrap=not stream.isatty(), width=None if stream.isatty() else 120)


@dataclass(frozen=True)
class TrackerCost:
    """What the tracking of a run cost: its calls, to set up, to close, and in thread and child process.

    Setting up imports torch for TensorBoard, which a training would do itself a moment later.
    """

    percent_of_wall_time: float
    setup_seconds: float
    closing_seconds: float
    background_seconds: float
    profiling_seconds: float


def tracker_cost(profiling_data: ProfilingData) -> TrackerCost:
    """Return what the tracking of a run cost.

    Args:
        profiling_data (ProfilingData): Of the run's profiler.

    Returns:
        TrackerCost: Share and seconds.
    """
    tracking = [each for each in profiling_data["operations"] if each["category"] == PROFILING_CATEGORY]
    totals = {each["operation"]: each["total_seconds"] for each in tracking}
    return TrackerCost(
        percent_of_wall_time=profiling_data["experiment_tracking"]["overhead_percent"],
        setup_seconds=totals.get(_AT_THE_START, 0.0),
        closing_seconds=totals.get(_AT_THE_END, 0.0),
        background_seconds=sum(seconds for name, seconds in totals.items() if name.startswith(_IN_BACKGROUND)),
        profiling_seconds=profiling_data["counting_seconds"],
    )


def training_summary(result: TrainingResult, profiling_data: ProfilingData) -> RenderableType:
    """Return what a training changed, where its time went, and what to do about it.

    Args:
        result (TrainingResult): What the training came to.
        profiling_data (ProfilingData): Of its profiler.

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
        f"The tracker's calls took {cost.percent_of_wall_time:.3f} % of the wall time from the training; it took "
        f"{cost.setup_seconds:.1f} s to set up, most of it to import torch and TensorBoard, "
        f"{cost.closing_seconds:.1f} s to close, and {cost.background_seconds:.1f} s in the background, where "
        f"profiling took {cost.profiling_seconds:.2f} s.",
    ]
    return Group(*parts)


def next_steps(run_directory: Path, delivery: Mapping[str, DeliveryState], adapter: Path | None) -> RenderableType:
    """Return what to type next.

    Args:
        run_directory (Path): The run's folder.
        delivery (Mapping[str, DeliveryState]): Where the trackers are.
        adapter (Path | None): The adapter, if there is one.

    Returns:
        RenderableType: For a console.
    """
    run_directory = relative_path(run_directory)
    lines = [("the run", str(run_directory))]
    trace = run_directory / PROFILE / TRACE_FILE
    if trace.exists():
        lines.append(("its trace", f"{trace}, to be opened in https://ui.perfetto.dev"))
    if adapter is not None and adapter.is_dir():
        lines.append(("its adapter", str(relative_path(adapter))))
    lines.append(("numbers", f"{command('seo-engine')} runs show {run_directory}"))
    if "tensorboard" in delivery:
        lines.append(("curves", f"{command('tensorboard')} --logdir {run_directory.parent}"))
    wandb = delivery["wandb"].details if "wandb" in delivery else {}
    if "url" in wandb:
        lines.append(("on W&B", wandb["url"]))
    elif "directory" in wandb:
        folder = relative_path(Path(wandb["directory"]))
        wandb_command = command("wandb")
        # The folder of all files of the run: one that was recovered or resumed has several.
        lines.append(("on W&B", f"{wandb_command} login && {wandb_command} sync {folder.parent}"))
        lines.append(("offline", f"{wandb_command} leet {folder.parent}"))
    # Never wrapped: these lines are there to be copied.
    texts = [Text.assemble((f"{name:<13}", "bold"), text, no_wrap=True, overflow="ignore") for name, text in lines]
    return Group("", "Where it is, and what to type next:", *texts)


def runs_table(runs: Sequence[RunSummary]) -> RenderableType:
    """Return one row a run.

    Args:
        runs (Sequence[RunSummary]): The runs.

    Returns:
        RenderableType: For a console.
    """
    table = Table("run", "status", "started", "duration", "steps", "training/loss", "evaluation/loss", box=None)
    for run in runs:
        table.add_row(
            escape(run.name),
            _colored_status(run.status),
            time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started)),
            _duration(run.seconds),
            str(run.step),
            _last(run, "training/loss"),
            _last(run, "evaluation/loss"),
        )
    return table


def run_details(run: RunSummary) -> RenderableType:
    """Return all that the journal tells of one run.

    Args:
        run (RunSummary): The run.

    Returns:
        RenderableType: For a console.
    """
    parts: list[RenderableType] = [
        Text.assemble(
            (run.name, "bold"), "  ", _colored_status(run.status), f"  {run.records} records, step {run.step}, "
        ),
        f"started {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(run.started))}, {_duration(run.seconds)}",
    ]
    if run.command:
        parts.append(escape(shlex.join(run.command)))
    if run.git.get("commit"):
        parts.append(escape(f"commit {run.git['commit']}  {run.git.get('remote', '')}".rstrip()))
    if run.unreadable_lines:
        parts.append(f"{run.unreadable_lines} lines of the journal cannot be read")
    metrics = Table("metric", *(_right(name) for name in ("values", "first", "last", "smallest", "largest")), box=None)
    for name, metric in sorted(run.metrics.items()):
        numbers = (metric.first, metric.last, metric.minimum, metric.maximum)
        metrics.add_row(escape(name), str(metric.count), *(f"{number:.6g}" for number in numbers))
    parts += ["", metrics]
    for name, count in sorted(run.nonfinite.items()):
        parts.append(escape(f"{name}: {count} values are no finite number"))
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
        delivery (Mapping[str, DeliveryState]): By the tracker's name.

    Returns:
        Table: For a console.
    """
    table = Table("tracker", *(_right(name) for name in ("accepted", "delivered", "dropped", "pending")), "", box=None)
    for name, state in delivery.items():
        counts = (state.accepted, state.delivered, sum(state.dropped.values()), state.pending)
        reasons = [counts_in_words(state.dropped), state.last_error or ""]
        table.add_row(escape(name), *(str(count) for count in counts), escape("; ".join(filter(None, reasons))))
    return table


def command(name: str) -> str:
    """Return how a command of this environment is typed here: its name, or its path if the shell would not find it.

    Args:
        name (str): `tensorboard`, `wandb`, `seo-engine`.

    Returns:
        str: What to type.
    """
    beside_python = Path(sys.executable).parent / name
    found = shutil.which(name)
    if found is not None and Path(found) == beside_python:
        return name
    return str(relative_path(beside_python)) if beside_python.exists() else name


def _measures_table(result: TrainingResult) -> Table:
    held_out = result.validation_pages
    table = Table(
        f"on {held_out} pages that it never saw",
        *(_right(name) for name in ("before", "after", "without a model")),
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


def _two_columns(first: str, second: str, values: Mapping[str, Any]) -> Table:
    table = Table(first, second, box=None)
    for name, value in values.items():
        table.add_row(escape(str(name)), escape(str(value)))
    return table


def _right(name: str) -> Column:
    return Column(name, justify="right")


_STATUS_STYLES = {"finished": "green", "running": "cyan", "failed": "red", "killed": "red", "interrupted": "yellow"}


def _colored_status(status: str) -> Text:
    return Text(status, style=_STATUS_STYLES.get(status, ""))


def _last(run: RunSummary, name: str) -> str:
    metric = run.metrics.get(name)
    return f"{metric.last:.4f}" if metric is not None else "–"


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def relative_path(path: Path) -> Path:
    """Return a path as a person types it: from the folder they are in, if it is below that."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else Path(relative)
