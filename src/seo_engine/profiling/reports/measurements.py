"""Measurements: what a run's profiler knows, as the rules of recommendations look at it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from seo_engine.profiling.machine.counters import Sample
from seo_engine.profiling.statistics.operation_statistics import OperationStatistics
from seo_engine.profiling.statistics.training_view import TrainingView


class LoaderDescription(TypedDict):
    """What a recommendation about data loading builds on."""

    workers: int | None


@dataclass(frozen=True)
class Measurements:
    """All that the rules look at."""

    operations: Sequence[OperationStatistics]
    training: TrainingView | None
    # Shares of the parts of a training step, the first steps left out: they start workers and fill caches.
    phase_percent: Mapping[str, float]
    # From the start of the first training step to the end of the last, as the counters' moments are.
    steps_between: tuple[int, int]
    # Of the operations that log within training steps.
    slowest_logging: OperationStatistics | None
    loader: LoaderDescription | None
    counters: Mapping[str, Sequence[Sample]]
    wall_seconds: float
    counting_seconds: float
    processors: int
    thresholds: Mapping[str, float]


def describe_loader(loader: object) -> LoaderDescription:
    """Return what is known of a data loader.

    Args:
        loader (object): torch's DataLoader has `num_workers`; of others nothing is known.

    Returns:
        LoaderDescription: How many processes load its data; None where nobody can say.
    """
    try:
        workers = getattr(loader, "num_workers", None)
    except Exception:  # whatever a loader is, the training goes on
        workers = None
    return {"workers": workers if isinstance(workers, int) else None}


def usable_processors() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
