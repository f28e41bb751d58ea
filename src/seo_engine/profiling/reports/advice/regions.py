"""Advice where regions themselves are the trouble: too many, or too many names."""

from __future__ import annotations

import re

from seo_engine.profiling.reports.advice.recommendation import Recommendation
from seo_engine.profiling.reports.bottlenecks import seconds_in_words
from seo_engine.profiling.reports.measurements import Measurements
from seo_engine.profiling.statistics.operation_statistics import OperationStatistics

# Time that profiling itself takes; regions so short that the profiler costs more than they do.
_PROFILING_PERCENT = 1.0
_TINY_SECONDS = 5e-6
_MANY_RUNS = 10_000
# This many names that differ in a number alone; a layer of a model has one too, but runs often.
_MANY_NAMES = 20
_FEW_RUNS = 2


def costly_profiling(measurements: Measurements) -> Recommendation | None:
    """Say that an operation is too small to be profiled at each call."""
    if measurements.wall_seconds <= 0:
        return None
    share = 100 * measurements.counting_seconds / measurements.wall_seconds
    tiny = [each for each in measurements.operations if each.mean_seconds < _TINY_SECONDS]
    most = max(tiny, key=lambda each: each.count, default=None)
    if most is None or most.count < _MANY_RUNS:
        return None
    # Counting takes about the same time for a run of any operation.
    if share * most.count / sum(each.count for each in measurements.operations) < _PROFILING_PERCENT:
        return None
    return {
        "subject": "profiling",
        "advice": f"profile the loop around {most.name} instead of each call of it",
        "evidence": f"counting regions took {share:.1f} % of the time, and {most.name} ran {most.count:,} times with "
        f"a mean of {seconds_in_words(most.mean_seconds)}",
    }


def numbered_names(measurements: Measurements) -> Recommendation | None:
    """Say that a loop gives each of its regions a name of its own."""
    alike: dict[str, list[OperationStatistics]] = {}
    for operation in measurements.operations:
        if operation.count <= _FEW_RUNS and (name := re.sub(r"\d+", "<number>", operation.name)) != operation.name:
            alike.setdefault(name, []).append(operation)
    name = max(alike, key=lambda each: len(alike[each]), default="")
    if len(alike.get(name, ())) < _MANY_NAMES:
        return None
    first = alike[name][0].name
    common = re.sub(r"[\W_]*<number>[\W_]*", " ", name).strip().replace(" ", "_") or "step"
    return {
        "subject": "names",
        "advice": f"give these regions one name, such as {common}, so that their times add up and compare",
        "evidence": f"{len(alike[name]):,} operations are called {name}, such as {first}, and each ran "
        f"{'once' if all(each.count == 1 for each in alike[name]) else 'once or twice'}",
    }
