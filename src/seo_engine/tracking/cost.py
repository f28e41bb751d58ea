"""What tracking a run cost, from its profiling data."""

from __future__ import annotations

from dataclasses import dataclass

from seo_engine.profiling import ProfilingData


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
    outside = profiling_data["outside_training"]
    return TrackerCost(
        percent_of_wall_time=profiling_data["experiment_tracking"]["overhead_percent"],
        setup_seconds=outside["import_seconds"] + outside["setup_seconds"],
        closing_seconds=outside["closing_seconds"],
        background_seconds=outside["background_seconds"],
        profiling_seconds=profiling_data["counting_seconds"],
    )
