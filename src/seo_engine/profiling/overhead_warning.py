"""Warns once when the tracker's own calls take much of the training's time."""

from __future__ import annotations

import logging

from seo_engine.profiling.reports.profiling_data import ProfilingData

logger = logging.getLogger(__name__)

# In a shorter time, the share of a few calls means nothing.
_FEWEST_SECONDS = 10.0


class OverheadWarning:
    """Warns once.

    Args:
        limit (float): From this percentage of the wall time on.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._has_warned = False

    def look(self, profiling_data: ProfilingData) -> None:
        """Warn, if it is time to.

        Args:
            profiling_data (ProfilingData): What was measured.
        """
        percent = profiling_data["experiment_tracking"]["overhead_percent"]
        too_early = profiling_data["wall_seconds"] < _FEWEST_SECONDS
        if percent < self._limit or too_early or self._has_warned:
            return
        self._has_warned = True
        logger.warning(
            "⚠️ Experiment tracking takes %.1f %% of the training's wall time (limit %.1f %%); log less often",
            percent,
            self._limit,
        )
