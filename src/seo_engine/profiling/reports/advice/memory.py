"""Advice where memory grows: which operation keeps it, as far as that is certain."""

from __future__ import annotations

from itertools import pairwise

from seo_engine.profiling.machine.counters import MEMORY
from seo_engine.profiling.reports.advice.recommendation import Recommendation
from seo_engine.profiling.reports.measurements import Measurements
from seo_engine.profiling.statistics.operation_statistics import (
    GPU_ALLOCATED,
    NANOSECONDS,
    PROCESS,
    MemoryChange,
    OperationStatistics,
)
from seo_engine.profiling.statistics.operations import TRAINING_STEP

# An operation keeps memory if memory grew in most of its runs, and noticeably in total.
_FEWEST_READINGS = 10
_GROWING_SHARE = 0.6
_KEPT_MB = 50.0
_KEPT_SHARE = 0.05
# An operation that takes nearly all the time of another one is the same, as far as memory is concerned.
_NEARLY_ALL = 0.95
# Memory of the process as a whole: a trend over at least this many samples, without the first fifth (warm-up).
_FEWEST_SAMPLES = 20
_WARM_UP_SHARE = 0.2
_TREND_MB = 100.0
_TREND_SHARE = 0.1

_WHAT_KEEPS = (
    "a list or cache that only grows, or losses collected without .detach() or .item(), each of which keeps its whole "
    "graph"
)


def memory_kept_by_an_operation(measurements: Measurements) -> Recommendation | None:
    """Say which operation keeps memory in most of its runs."""
    for kind, words in ((GPU_ALLOCATED, "GPU memory"), (PROCESS, "process memory")):
        keeping = [each for each in measurements.operations if kind in each.memory and _keeps(each.memory[kind])]
        if not keeping:
            continue
        # What it appears in: of nested operations the innermost, which took the least time.
        appears = min(keeping, key=lambda each: each.total)
        certain = appears if kind == GPU_ALLOCATED else _certain(keeping, measurements)
        named = certain or appears
        if certain is None:
            advice = (
                f"look for what is kept in {named.name} or between its runs; which of the two is not certain: "
                f"{_WHAT_KEEPS}"
            )
        else:
            advice = f"look for what {named.name} keeps at each run: {_WHAT_KEEPS}"
            if appears is not named:
                advice += f"; which part of it is not certain, though the memory appears in {appears.name}"
        change = named.memory[kind]
        return {
            "subject": "memory_growth",
            "advice": advice,
            "evidence": f"{words} grew in {change.growths} of {change.readings} runs of {named.name}, by "
            f"{change.mean_mb:.1f} MB a run, and by {(change.last_level - change.first_level) / 1e6:,.0f} MB from the "
            "first to the last",
        }
    return None


def memory_trend(measurements: Measurements) -> Recommendation | None:
    """Say that the process grows, if no single operation is known to keep the memory."""
    if memory_kept_by_an_operation(measurements) is not None:
        return None
    samples = measurements.counters.get(MEMORY, ())
    samples = samples[int(_WARM_UP_SHARE * len(samples)) :]
    if len(samples) < _FEWEST_SAMPLES:
        return None
    quarters = pairwise(len(samples) * quarter // 4 for quarter in range(5))
    lows = [min(value for _, value in samples[first:last]) for first, last in quarters]
    growth = lows[-1] - lows[0]
    # The lowest values, because memory freed between two steps is not growth; in each quarter, because a single large
    # allocation is not growth either.
    steady = all(later - earlier >= growth / 6 for earlier, later in pairwise(lows))
    if growth < max(_TREND_MB, _TREND_SHARE * lows[0]) or not steady:
        return None
    seconds = (samples[-1][0] - samples[0][0]) * NANOSECONDS
    return {
        "subject": "memory_growth",
        "advice": "profile the parts of the step with measure_memory=True to see which of them keeps it",
        "evidence": f"process memory grew from {lows[0]:,.0f} to {lows[-1]:,.0f} MB in {seconds:.0f} s, "
        "from each quarter of that time to the next",
    }


def _certain(keeping: list[OperationStatistics], measurements: Measurements) -> OperationStatistics | None:
    """Return the innermost operation that certainly keeps memory of the process.

    The allocator uses memory again that was freed. What one operation keeps may take room that another one used before,
    and then the process grows in the other. So only the whole around both is certain.
    """
    steps = sum(each.total for each in measurements.operations if each.name == TRAINING_STEP)
    whole = steps or measurements.wall_seconds / NANOSECONDS
    certain = None
    for operation in sorted(keeping, key=lambda each: each.total, reverse=True):
        if operation.total < _NEARLY_ALL * whole:
            break
        certain, whole = operation, operation.total
    return certain


def _keeps(change: MemoryChange) -> bool:
    """Return whether memory that grew in most runs is still in use after the last: others may have freed it."""
    growth = change.last_level - change.first_level
    return (
        change.readings >= _FEWEST_READINGS
        and change.growths >= _GROWING_SHARE * change.readings
        and growth >= max(_KEPT_MB * 1e6, _KEPT_SHARE * change.last_level, change.total / 2)
    )
