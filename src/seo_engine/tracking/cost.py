"""What the tracking of a run cost, from its profiling data."""

from __future__ import annotations

from dataclasses import dataclass

from seo_engine.profiling import ProfilingData
from seo_engine.profiling.profiling_data import TRACKING_CATEGORY

# Operations of the tracker that the training waits for; the others run in a thread or a child process.
_AT_THE_START = "experiment_tracker_setup"
_AT_THE_END = "experiment_tracker_cleanup"
_IN_BACKGROUND = ("tensorboard_", "wandb_")


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
    tracking = [each for each in profiling_data["operations"] if each["category"] == TRACKING_CATEGORY]
    totals = {each["operation"]: each["total_seconds"] for each in tracking}
    return TrackerCost(
        percent_of_wall_time=profiling_data["experiment_tracking"]["overhead_percent"],
        setup_seconds=totals.get(_AT_THE_START, 0.0),
        closing_seconds=totals.get(_AT_THE_END, 0.0),
        background_seconds=sum(seconds for name, seconds in totals.items() if name.startswith(_IN_BACKGROUND)),
        profiling_seconds=profiling_data["counting_seconds"],
    )
