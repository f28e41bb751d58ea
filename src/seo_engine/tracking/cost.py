"""What tracking a run cost, from its profiling data."""

from __future__ import annotations

from dataclasses import dataclass

from seo_engine.profiling import ProfilingData
from seo_engine.profiling.categories import TRACKER_CLEANUP, TRACKER_SETUP, TRACKING
from seo_engine.tracking.trackers.registry import DESTINATIONS

# A tracker's own operations run in its thread or child process.
_OF_TRACKERS = tuple(f"{name}_" for name in DESTINATIONS)


@dataclass(frozen=True)
class TrackerCost:
    """What tracking a run cost: the calls, set-up, closing, work in the background, and profiling.

    Set-up imports torch for TensorBoard, which the training itself would do a moment later.
    """

    percent_of_wall_time: float
    setup_seconds: float
    closing_seconds: float
    background_seconds: float
    profiling_seconds: float


def tracker_cost(profiling_data: ProfilingData) -> TrackerCost:
    """Return what tracking a run cost.

    Args:
        profiling_data (ProfilingData): From the run's profiler.

    Returns:
        TrackerCost: Share of the wall time, and seconds.
    """
    tracking = [each for each in profiling_data["operations"] if each["category"] == TRACKING]
    totals = {each["operation"]: each["total_seconds"] for each in tracking}
    return TrackerCost(
        percent_of_wall_time=profiling_data["experiment_tracking"]["overhead_percent"],
        setup_seconds=totals.get(TRACKER_SETUP, 0.0),
        closing_seconds=totals.get(TRACKER_CLEANUP, 0.0),
        background_seconds=sum(seconds for name, seconds in totals.items() if name.startswith(_OF_TRACKERS)),
        profiling_seconds=profiling_data["counting_seconds"],
    )
