"""What a run says when it ends: how it went, the last and best of its main metrics, and what to type next."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from seo_engine.foundation.commands import command, relative_path
from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.texts import clock_time, one_line
from seo_engine.tracking.history.main_metrics import last_and_best, main_metrics
from seo_engine.tracking.history.summary import read_newest_metrics, read_run
from seo_engine.tracking.journal.rank_files import journal_name, ranks_in
from seo_engine.tracking.runs.ledger import DeliveryState
from seo_engine.tracking.trackers.registry import DESTINATIONS, replayable, steps_after

logger = logging.getLogger(__name__)

# Reading a longer journal would keep the program from ending; of such a run, only the last values are shown.
LARGEST_READ_BYTES = 8_000_000

MOST_METRICS = 4
_MOST_ERROR_CHARACTERS = 100

_MARKS = {"finished": "✅", "failed": "❌"}


class Ending(NamedTuple):
    """How a run ended.

    Args:
        status (str): finished, failed, interrupted or killed.
        reason (str): What ended it, in one line without secrets; empty if nothing did.
        seconds (float): How long it took.
        step (int): The last step.
        reads_metrics (bool): Whether there is time to read them.
        others (Collection[int]): The ranks that go on, if this is only how rank 0 ended.
    """

    status: str
    reason: str
    seconds: float
    step: int
    reads_metrics: bool = True
    others: Collection[int] = ()


def reason_of(error: BaseException | None) -> str:
    """Return what ended a run, in one line without secrets.

    Example:
        >>> reason_of(ValueError("the loss is not a number")), reason_of(None)
        ('ValueError: the loss is not a number', '')
    """
    said = [type(error).__name__, redact_text(one_line(error))] if error is not None else []
    return ": ".join(part for part in said if part)


def closing_summary(run_directory: Path, ending: Ending, delivery: Mapping[str, DeliveryState]) -> str:
    """Return the summary of a run that has ended, in at most twelve lines.

    Args:
        run_directory (Path): The run's folder.
        ending (Ending): How it ended.
        delivery (Mapping[str, DeliveryState]): The ledgers by the tracker's name.
    """
    shown = relative_path(run_directory)
    reason = f": {ending.reason}" if ending.reason else ""
    subject = "Rank 0 of run" if ending.others else "Run"
    lines = [
        f"{_MARKS.get(ending.status, '⚠️')} {subject} {shown} {ending.status} after {clock_time(ending.seconds)}, "
        f"step {ending.step:,}{reason[:_MOST_ERROR_CHARACTERS]}"
    ]
    if ending.others:
        others = "1 other rank" if len(ending.others) == 1 else f"{len(ending.others)} other ranks"
        lines.append(f"the run goes on with {others}, and ends with the last of them")
    lines += _metric_lines(run_directory) if ending.reads_metrics else []
    typed = shlex.quote(str(shown))
    views = replayable(delivery)
    if thinned := max((delivery[name].values_thinned for name in views), default=0):
        lines.append(
            f"the views leave out {thinned:,} values of medium and low priority; to see all: "
            f"{command('seo-engine')} runs replay {typed} --to {views[0]} --all, or selective_logging=False"
        )
    if pending := {name: state for name, state in delivery.items() if state.pending}:
        counts = ", ".join(
            f"{state.pending:,} of {state.accepted:,} records for {name}" for name, state in pending.items()
        )
        # Only the training has its extra trackers.
        is_ours = any(state.is_missing or name in DESTINATIONS or name in views for name, state in pending.items())
        how = f"; to deliver them: {command('seo-engine')} runs recover {typed}" if is_ours else ""
        lines.append(f"pending  {counts}{how}")
    named = [(step.label, step.typed) for step in steps_after(run_directory, delivery)]
    width = max(len(label) for label, _ in named) + 2
    lines += [f"{label:<{width}}{line}" for label, line in named]
    return "\n  ".join(lines)


def say_how_it_went(run_directory: Path, ending: Ending, delivery: Mapping[str, DeliveryState]) -> None:
    """Log the summary of a run that has ended; it is only a summary, so it never raises.

    Args:
        run_directory (Path): The run's folder.
        ending (Ending): How it ended.
        delivery (Mapping[str, DeliveryState]): The ledgers by the tracker's name.
    """
    try:
        logger.info("%s", closing_summary(run_directory, ending, delivery))
    except Exception as error:  # in a journal that may be damaged
        logger.debug("The summary cannot be made: %s", error)


def _metric_lines(run_directory: Path) -> list[str]:
    try:
        size = sum((run_directory / journal_name(rank)).stat().st_size for rank in ranks_in(run_directory))
        is_short = size <= LARGEST_READ_BYTES
        metrics = read_run(run_directory).metrics if is_short else read_newest_metrics(run_directory)
    except OSError as error:
        logger.debug("The journal cannot be read for the summary: %s", error)
        return []
    names = main_metrics(metrics)[:MOST_METRICS]
    width = max((len(name) for name in names), default=0) + 2
    return [f"{name:<{width}}{last_and_best(name, metrics[name], is_short)}" for name in names]
