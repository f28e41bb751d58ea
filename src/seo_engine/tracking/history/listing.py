"""The list of runs in a folder, and its order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from seo_engine.tracking.history.main_metrics import best_of, main_metrics
from seo_engine.tracking.history.summary import RunSummary, read_run
from seo_engine.tracking.journal.rank_files import is_part
from seo_engine.tracking.records.metrics import metric_name
from seo_engine.tracking.runs.lifecycle import still_written
from seo_engine.tracking.runs.places import PARTS, run_directories
from seo_engine.tracking.views.judged_metrics import smaller_is_better

logger = logging.getLogger(__name__)

# What runs can be sorted by, besides their metrics: the order is that of the key's values.
_ORDERS: dict[str, Callable[[RunSummary], Any]] = {
    "started": lambda run: -run.started,
    "name": lambda run: run.name,
    "status": lambda run: run.status,
    "time": lambda run: -run.seconds,
    "steps": lambda run: -run.step,
}


def list_runs(log_directory: str | Path) -> list[RunSummary]:
    """Return the runs in a folder, the newest first.

    Args:
        log_directory (str | Path): The folder of all runs.

    Returns:
        list[RunSummary]: One for each folder with a journal that can be read; a warning names the others. A part of a
            run, without rank 0, is none once its ranks have ended.
    """
    runs = []
    for directory in run_directories(log_directory):
        try:
            if _is_ended_part(directory):
                continue
            runs.append(read_run(directory))
        except OSError as error:
            logger.warning("⚠️ %s is not listed: %s", directory, error.strerror or error)
    return sorted_runs(runs, "started")


def list_parts(log_directory: str | Path) -> list[Path]:
    """Return the folders that hold parts of runs whose rank 0 is elsewhere.

    Args:
        log_directory (str | Path): The folder of all runs.
    """
    folders = [*run_directories(log_directory), *run_directories(Path(log_directory) / PARTS)]
    return [each for each in folders if _is_ended_part(each)]


def _is_ended_part(directory: Path) -> bool:
    try:
        return is_part(directory) and not still_written(directory)
    except OSError as error:
        logger.debug("It cannot be told whether %s is a part of a run: %s", directory, error)
        return False


def sorted_runs(runs: Sequence[RunSummary], by: str) -> list[RunSummary]:
    """Return runs in another order.

    Args:
        runs (Sequence[RunSummary]): The runs.
        by (str): `started` (the newest first), `name`, `status`, `time` (the longest first), `steps` (the most
            first), or the name of a metric: the run with the best value first, and those without the metric last.

    Returns:
        list[RunSummary]: Runs that are equal keep their order.

    Raises:
        ValueError: If no run has a metric of that name.

    Example:
        >>> runs = [RunSummary(name, Path(name), step=step) for name, step in (("short", 10), ("long", 900))]
        >>> [run.name for run in sorted_runs(runs, "steps")]
        ['long', 'short']
    """
    if order := _ORDERS.get(by):
        return sorted(runs, key=order)
    by = sorting_metric(runs, by)
    if not any(by in run.metrics for run in runs):
        known = dict.fromkeys(name for run in runs for name in main_metrics(run.metrics))
        raise ValueError(f"no run has a metric {by!r}; runs are sorted by {', '.join([*_ORDERS, *known])}")
    with_metric = [run for run in runs if by in run.metrics]
    without = [run for run in runs if by not in run.metrics]
    return sorted(with_metric, key=lambda run: _value(run, by), reverse=not smaller_is_better(by)) + without


def sorting_metric(runs: Sequence[RunSummary], by: str) -> str:
    """Return the metric that runs are sorted by; a bare name, such as `loss`, may have been logged as `training/loss`.

    Args:
        runs (Sequence[RunSummary]): The runs.
        by (str): As for `sorted_runs`.

    Returns:
        str: The metric's name; empty if it is not a metric.
    """
    if by in _ORDERS:
        return ""
    full_name = metric_name("training", by) if by.strip() and by.isprintable() else by
    return full_name if any(full_name in run.metrics for run in runs) else by


def _value(run: RunSummary, name: str) -> float:
    metric = run.metrics[name]
    best = best_of(name, metric)
    return best.value if best is not None else metric.last
