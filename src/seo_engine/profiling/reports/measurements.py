"""Measurements: what a run's profiler knows, as input for the rules of recommendations."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from seo_engine.profiling.loaders import LoaderDescription
from seo_engine.profiling.machine.container import ControlGroups
from seo_engine.profiling.machine.counters import Sample
from seo_engine.profiling.statistics.operation_statistics import OperationStatistics
from seo_engine.profiling.statistics.training_view import Share, TrainingView


@dataclass(frozen=True)
class Measurements:
    """What reports and recommendations are made from."""

    operations: Sequence[OperationStatistics]
    training: TrainingView | None
    # Shares of the parts of a training step, without the first steps, which start workers and fill caches.
    phase_percent: Mapping[str, float]
    # From the start of the first training step to the end of the last, on the clock of the counters.
    steps_between: tuple[int, int]
    # The slowest operation that logs within training steps.
    slowest_logging: OperationStatistics | None
    loader: LoaderDescription | None
    counters: Mapping[str, Sequence[Sample]]
    wall_seconds: float
    counting_seconds: float
    processors: int
    thresholds: Mapping[str, float]
    # Of the steps' time after the first steps: the operations that are none of the known parts.
    others: Sequence[Share] = ()
    # Evaluations and checkpoints, of the time of the steps and of what came between them.
    interruptions: Sequence[Share] = ()
    # Names of the tracker's operations that no training waits for.
    in_background: Collection[str] = frozenset()
    # How much of the wall time lies in any region of the training, on whatever threads.
    covered_seconds: float = 0.0
    # How long the tracker has been closing, if it is not done yet.
    closing_seconds: float = 0.0


def usable_processors(control_groups: ControlGroups = ControlGroups()) -> int:  # noqa: B008
    """Return how many processors this process may use, in its container if it has one.

    Args:
        control_groups (ControlGroups): Where the container's limits stand.
    """
    try:
        processors = len(os.sched_getaffinity(0))
    except AttributeError:  # not available on every system
        processors = os.cpu_count() or 1
    limit = control_groups.processors()
    return processors if limit is None else max(1, min(processors, math.ceil(limit.processors)))
