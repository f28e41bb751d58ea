"""What a run says when it ends: how it went, the last and best of its main metrics, and what to type next."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from seo_engine.foundation.commands import command, relative_path
from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.texts import clock_time, one_line
from seo_engine.tracking.history.main_metrics import last_and_best, main_metrics
from seo_engine.tracking.history.summary import read_newest_metrics, read_run
from seo_engine.tracking.runs.ledger import DeliveryState
from seo_engine.tracking.runs.places import JOURNAL
from seo_engine.tracking.trackers.registry import DESTINATIONS, optional_destinations, steps_after

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
        error (BaseException | None): What ended it.
        seconds (float): How long it took.
        step (int): The last step.
        reads_metrics (bool): Whether there is time to read them.
    """

    status: str
    error: BaseException | None
    seconds: float
    step: int
    reads_metrics: bool = True


def closing_summary(run_directory: Path, ending: Ending, delivery: Mapping[str, DeliveryState]) -> str:
    """Return the summary of a run that has ended, in at most twelve lines.

    Args:
        run_directory (Path): The run's folder.
        ending (Ending): How it ended.
        delivery (Mapping[str, DeliveryState]): The ledgers by the tracker's name.
    """
    shown = relative_path(run_directory)
    error = ending.error
    said = [type(error).__name__, redact_text(one_line(error))] if error is not None else []
    reason = "".join(f": {part}" for part in said if part)
    lines = [
        f"{_MARKS.get(ending.status, '⚠️')} Run {shown} {ending.status} after {clock_time(ending.seconds)}, "
        f"step {ending.step:,}{reason[:_MOST_ERROR_CHARACTERS]}"
    ]
    lines += _metric_lines(run_directory) if ending.reads_metrics else []
    typed = shlex.quote(str(shown))
    views = [name for name in optional_destinations() if name in delivery]
    if thinned := max((delivery[name].values_thinned for name in views), default=0):
        lines.append(
            f"the views leave out {thinned:,} values of medium and low priority; to see all: "
            f"{command('seo-engine')} runs replay {typed} --to {views[0]} --all, or selective_logging=False"
        )
    if pending := {name: state for name, state in delivery.items() if state.pending}:
        counts = ", ".join(
            f"{state.pending:,} of {state.accepted:,} records for {name}" for name, state in pending.items()
        )
        # Only the training has the trackers of plug-ins.
        is_ours = any(name in DESTINATIONS for name in pending)
        how = f"; to deliver them: {command('seo-engine')} runs recover {typed}" if is_ours else ""
        lines.append(f"pending  {counts}{how}")
    named = [(step.label, step.typed) for step in steps_after(run_directory, delivery)]
    width = max(len(label) for label, _ in named) + 2
    lines += [f"{label:<{width}}{line}" for label, line in named]
    return "\n  ".join(lines)


def _metric_lines(run_directory: Path) -> list[str]:
    try:
        is_short = (run_directory / JOURNAL).stat().st_size <= LARGEST_READ_BYTES
        metrics = read_run(run_directory).metrics if is_short else read_newest_metrics(run_directory)
    except OSError as error:
        logger.debug("The journal cannot be read for the summary: %s", error)
        return []
    names = main_metrics(metrics)[:MOST_METRICS]
    width = max((len(name) for name in names), default=0) + 2
    return [f"{name:<{width}}{last_and_best(name, metrics[name], is_short)}" for name in names]
