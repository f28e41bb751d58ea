"""What a profile does not rank: the tracker's own set-up and closing, and its work in the background."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypedDict

from seo_engine.profiling.categories import TRACKER_CLEANUP, TRACKER_IMPORT, TRACKER_LIFECYCLE, TRACKER_SETUP, TRACKING
from seo_engine.profiling.regions.regions import Region
from seo_engine.profiling.reports.bottlenecks import seconds_in_words
from seo_engine.profiling.statistics.operation_statistics import NANOSECONDS, OperationStatistics


class OutsideTraining(TypedDict):
    """The seconds that the tracker took before, after and beside the training, as plain data."""

    import_seconds: float
    setup_seconds: float
    closing_seconds: float
    background_seconds: float


def time_outside(
    operations: Iterable[OperationStatistics], in_background: Collection[str], closing_seconds: float = 0.0
) -> OutsideTraining:
    """Return the seconds of the operations that are not ranked.

    Args:
        operations (Iterable[OperationStatistics]): The statistics of a profiler.
        in_background (Collection[str]): Names of the tracker's operations that no training waits for.
        closing_seconds (float): How long the tracker has been closing, if it is not done yet.
    """
    own = dict.fromkeys(TRACKER_LIFECYCLE, 0.0)
    background = 0.0
    for operation in operations:
        if operation.category != TRACKING:
            continue
        if operation.name in own:
            own[operation.name] += operation.self_seconds
        elif operation.name in in_background:
            background += operation.self_seconds
    return {
        "import_seconds": own[TRACKER_IMPORT],
        "setup_seconds": own[TRACKER_SETUP],
        "closing_seconds": own[TRACKER_CLEANUP] + closing_seconds,
        "background_seconds": background,
    }


def seconds_of_closing(open_regions: Iterable[Region], moment: int) -> float:
    """Return how long the tracker has been closing, if it is not done yet: the last profile of a run is made then.

    Args:
        open_regions (Iterable[Region]): The regions that are open now.
        moment (int): Now, in nanoseconds of `time.perf_counter_ns`.
    """
    # A region that is just being entered has no start yet.
    closing = TRACKER_CLEANUP, TRACKING
    starts = [each.start for each in open_regions if (each.operation.name, each.operation.category) == closing]
    return sum(moment - start for start in starts if start) * NANOSECONDS


def training_seconds(wall_seconds: float, outside: OutsideTraining) -> float:
    """Return the wall time of which an operation has its share: without the tracker's import, set-up and closing.

    Example:
        >>> outside = OutsideTraining(import_seconds=1.5, setup_seconds=0.0, closing_seconds=0.5, background_seconds=9)
        >>> training_seconds(12.0, outside)
        10.0
    """
    seconds = wall_seconds - outside["import_seconds"] - outside["setup_seconds"] - outside["closing_seconds"]
    # Trackers that close at the same time take more of it than there was.
    return seconds if seconds > 0 else wall_seconds


def outside_in_words(outside: OutsideTraining) -> str:
    """Return one line about the time outside of the training; empty if there was none.

    Example:
        >>> outside = OutsideTraining(import_seconds=1.4, setup_seconds=0.02, closing_seconds=0.7, background_seconds=0)
        >>> outside_in_words(outside)
        "Not ranked: the tracker's imports (torch, TensorBoard) 1.4 s, set-up 20 ms, closing 700 ms"
    """
    parts = (
        ("imports (torch, TensorBoard)", outside["import_seconds"]),
        ("set-up", outside["setup_seconds"]),
        ("closing", outside["closing_seconds"]),
        ("background", outside["background_seconds"]),
    )
    # Less than a millisecond is of no interest to anybody.
    said = ", ".join(f"{name} {seconds_in_words(seconds)}" for name, seconds in parts if seconds >= 0.001)
    return f"Not ranked: the tracker's {said}" if said else ""
