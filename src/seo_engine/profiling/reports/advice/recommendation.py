"""What every rule returns, and what counts as a training that can be judged."""

from __future__ import annotations

from typing import TypedDict

from seo_engine.profiling.reports.measurements import Measurements
from seo_engine.profiling.statistics.training_view import WARM_UP_STEPS, TrainingView

# With fewer steps, their shares mean nothing.
FEWEST_STEPS = WARM_UP_STEPS + 5


class Recommendation(TypedDict):
    """What to do, and the evidence in this run, as plain data."""

    subject: str
    advice: str
    evidence: str


def judged_training(measurements: Measurements) -> TrainingView | None:
    """Return the training's steps; None if there are too few to judge them.

    Args:
        measurements (Measurements): The measurements of a run.
    """
    training = measurements.training
    return training if training is not None and training["steps"] >= FEWEST_STEPS else None
