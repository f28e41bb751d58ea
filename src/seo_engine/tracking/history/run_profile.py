"""The profile of a run, read back from its file or its journal."""

from __future__ import annotations

import json
from typing import Any

from seo_engine.tracking.history.summary import RunSummary
from seo_engine.tracking.runs.places import DATA_FILE, PROFILE

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
    path = run.directory / PROFILE / DATA_FILE
    try:
        # No pipe, which would block.
        if path.is_file() and path.stat().st_size <= LARGEST_BYTES:
            data = json.loads(path.read_bytes())
            if isinstance(data, dict):
                return data
    except (OSError, ValueError, RecursionError):
        # Absent, or damaged; a profile is written whole, so the journal has an earlier one at most.
        pass
    return run.profiling_data
