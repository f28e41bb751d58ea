"""Advice where the training waits for what it logs."""

from __future__ import annotations

from seo_engine.profiling.categories import (
    EVALUATION_LOGGING,
    LOG_STEP,
    PERFORMANCE_LOGGING,
    TRACKING,
    TRAINING_LOGGING,
)
from seo_engine.profiling.reports.advice.recommendation import Recommendation, judged_training
from seo_engine.profiling.reports.bottlenecks import seconds_in_words, threshold_of
from seo_engine.profiling.reports.measurements import Measurements

# Calls of an ExperimentTracker that only append a line to the journal.
_APPENDING_CALLS = (TRAINING_LOGGING, EVALUATION_LOGGING, PERFORMANCE_LOGGING, LOG_STEP)


def slow_logging(measurements: Measurements) -> Recommendation | None:
    """Say that the training waits for what it logs."""
    if judged_training(measurements) is None:
        return None
    share, slowest = measurements.phase_percent.get("logging", 0.0), measurements.slowest_logging
    if share < threshold_of(TRACKING, measurements.thresholds) or not share or slowest is None:
        return None
    advice = "log every few steps"
    if slowest.name not in _APPENDING_CALLS:
        advice = (
            "log through ExperimentTracker with asynchronous_logging=True, whose calls only append a line; or " + advice
        )
    return {
        "subject": "logging",
        "advice": advice,
        "evidence": f"logging takes {share:.1f} % of the training steps, most of it in {slowest.name}: "
        f"{slowest.count} calls, median {seconds_in_words(slowest.quantile_seconds(0.5))}",
    }
