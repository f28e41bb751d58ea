"""Recommendations: each rule speaks only if this run gives it evidence."""

from __future__ import annotations

from collections.abc import Callable

from seo_engine.profiling.reports.advice.data_loading import slow_data_loading
from seo_engine.profiling.reports.advice.logging import slow_logging
from seo_engine.profiling.reports.advice.memory import memory_kept_by_an_operation, memory_trend
from seo_engine.profiling.reports.advice.recommendation import Recommendation
from seo_engine.profiling.reports.advice.regions import costly_profiling, numbered_names
from seo_engine.profiling.reports.advice.steps import (
    costly_checkpoints,
    costly_evaluations,
    idle_gpu,
    other_work,
    outlier_steps,
)
from seo_engine.profiling.reports.measurements import Measurements

Rule = Callable[[Measurements], Recommendation | None]

RULES: tuple[Rule, ...] = (
    slow_data_loading,
    slow_logging,
    costly_evaluations,
    costly_checkpoints,
    other_work,
    memory_kept_by_an_operation,
    memory_trend,
    idle_gpu,
    outlier_steps,
    costly_profiling,
    numbered_names,
)


def recommend(measurements: Measurements) -> list[Recommendation]:
    """Return what to do, and why.

    Args:
        measurements (Measurements): The measurements of a run.

    Returns:
        list[Recommendation]: Empty if there is nothing to recommend.
    """
    found = (rule(measurements) for rule in RULES)
    return [recommendation for recommendation in found if recommendation is not None]
