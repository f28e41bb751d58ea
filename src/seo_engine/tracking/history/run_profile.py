"""The profile of a run, or of its ranks, read back from files or the journal."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from seo_engine.profiling import RankTrace
from seo_engine.tracking.history.summary import RunSummary
from seo_engine.tracking.runs.places import DATA_FILE, profile_folder, trace_of

logger = logging.getLogger(__name__)

# A file that somebody sent may be of any size.
LARGEST_BYTES = 50_000_000


def read_profile(run: RunSummary) -> dict[str, Any]:
    """Return the profile of a run.

    Args:
        run (RunSummary): The run.

    Returns:
        dict[str, Any]: As `CodeProfiler.profiling_data()` returned it, from the run's `profile/`, which has all
        operations; else the newest one in its journal; empty if there is none.
    """
    # A profile is written whole, so the journal has an earlier one at most.
    return _read_file(profile_folder(run.directory) / DATA_FILE) or run.profiling_data


def read_rank_profiles(run: RunSummary) -> dict[int, dict[str, Any]]:
    """Return the profiles of all ranks of a run.

    Args:
        run (RunSummary): The run.

    Returns:
        dict[int, dict[str, Any]]: By rank, those that can be read; none of a run of one process.
    """
    files = {
        each.rank: profile_folder(run.directory, each.rank) / DATA_FILE
        for each in run.ranks
        if each.is_in_newest_attempt
    }
    return {rank: profile for rank, path in files.items() if (profile := _read_file(path))}


def rank_traces(run: RunSummary) -> dict[int, RankTrace]:
    """Return where the traces of all ranks of a run are, to merge them.

    Args:
        run (RunSummary): The run.
    """
    return {
        each.rank: RankTrace(trace_of(run.directory, each.rank), each.host, each.clock_offset_seconds)
        for each in run.ranks
        if each.is_in_newest_attempt
    }


def _read_file(path: Path) -> dict[str, Any]:
    """Return a profile from its file; an empty one if it is absent or damaged."""
    try:
        # No pipe, which would block.
        if path.is_file() and path.stat().st_size <= LARGEST_BYTES:
            data = json.loads(path.read_bytes())
            return data if isinstance(data, dict) else {}
    except (OSError, ValueError, RecursionError) as error:
        logger.debug("%s cannot be read: %s", path, error)
    return {}
