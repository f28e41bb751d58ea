"""The list of runs in a folder."""

from __future__ import annotations

from pathlib import Path

from seo_engine.tracking.history.summary import RunSummary, read_run
from seo_engine.tracking.runs.places import JOURNAL


def list_runs(log_directory: str | Path) -> list[RunSummary]:
    """Return the runs in a folder, the newest first.

    Args:
        log_directory (str | Path): The folder of all runs.

    Returns:
        list[RunSummary]: One for each folder with a journal.
    """
    journals = Path(log_directory).glob(f"*/{JOURNAL}")
    return sorted((read_run(path.parent) for path in journals), key=lambda run: run.started, reverse=True)
