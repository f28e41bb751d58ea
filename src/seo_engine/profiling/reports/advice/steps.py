"""Advice about what steps spend their time on besides the model, its data and its log."""

from __future__ import annotations

from collections.abc import Iterable

from seo_engine.profiling.reports.advice.data_loading import slow_data_loading
from seo_engine.profiling.reports.advice.logging import slow_logging
from seo_engine.profiling.reports.advice.recommendation import Recommendation, judged_training
from seo_engine.profiling.reports.bottlenecks import seconds_in_words
from seo_engine.profiling.reports.measurements import Measurements
from seo_engine.profiling.statistics.training_view import OutlierStep, Share, TrainingView

# Evaluations are worth their time up to this share of it; a checkpoint only waits for a disk.
_EVALUATION_PERCENT = 30.0
_CHECKPOINT_PERCENT = 10.0
# One evaluation or checkpoint is not too often.
_FEWEST_RUNS = 2
# Other work counts if it costs at least this share of the steps' time, and this much in each step.
_OTHER_PERCENT = 25.0
_SHORTEST_SECONDS = 0.001
# Outliers count if they cost at least this share of the steps' time. Fewer of the same kind may be chance.
_OUTLIER_PERCENT = 5.0
_FEWEST_OUTLIERS = 3
_MODEL_PHASES = ("forward", "backward")
# A GPU that works less than this during the training waits for the host.
_IDLE_GPU_PERCENT = 50.0
_FEWEST_GPU_READINGS = 3


def costly_evaluations(measurements: Measurements) -> Recommendation | None:
    """Say that evaluations take much of the training's time."""
    evaluations = [each for each in measurements.interruptions if not each.operation.is_checkpoint]
    return _less_often(measurements, evaluations, _EVALUATION_PERCENT, "evaluation", "or on fewer samples")


def costly_checkpoints(measurements: Measurements) -> Recommendation | None:
    """Say that checkpoints take much of the training's time."""
    checkpoints = [each for each in measurements.interruptions if each.operation.is_checkpoint]
    how = "save less each time, or save in the background"
    return _less_often(measurements, checkpoints, _CHECKPOINT_PERCENT, "checkpoints", how)


def other_work(measurements: Measurements) -> Recommendation | None:
    """Say which operation that is no known part of a step takes long, or that much of the step is in no region."""
    training = judged_training(measurements)
    if training is None or measurements.phase_percent.get("other", 0.0) < _OTHER_PERCENT:
        return None
    # Evaluations, checkpoints, and what only a few steps do, have rules of their own.
    in_few_steps = _cause_of_outliers(measurements, training)
    operations = [each for each in measurements.others if not each.operation.is_interruption]
    largest = next((each for each in operations if ("other", each.operation.name) != in_few_steps), None)
    in_no_region = 0.0 if in_few_steps == ("other", None) else _percent_in_no_region(measurements)
    most = largest.percent if largest is not None else 0.0
    # At least so much that it can be seen beside the profiler's own cost.
    if max(most, in_no_region) / 100 * training["mean_step_seconds"] < _SHORTEST_SECONDS:
        return None
    if largest is not None and most >= max(_OTHER_PERCENT, in_no_region):
        name = largest.operation.name
        once = ", or do it once before the training" if largest.operation.category == "preprocessing" else ""
        return {
            "subject": "other_work",
            "advice": f"shorten {name}, or move it out of the step{once}",
            "evidence": f"{name} takes {most:.0f} % of the training steps",
        }
    # A training that waits for its data or its log needs that fixed first: the rest may be the same wait.
    if in_no_region < _OTHER_PERCENT or slow_data_loading(measurements) or slow_logging(measurements):
        return None
    return {
        "subject": "other_work",
        "advice": "see what it is: put profile_operation around the parts of the step that have no region yet",
        "evidence": f"{in_no_region:.0f} % of the time of the training steps is in no region within them",
    }


def idle_gpu(measurements: Measurements) -> Recommendation | None:
    """Say that the GPU waits, and for what."""
    if judged_training(measurements) is None:
        return None
    began, ended = measurements.steps_between
    usages = [
        [value for moment, value in series if began <= moment <= ended]
        for name, series in measurements.counters.items()
        if name.startswith("gpu") and name.endswith("utilization_percent")
    ]
    # The training may use only one of several GPUs.
    means = [(sum(usage) / len(usage), len(usage)) for usage in usages if len(usage) >= _FEWEST_GPU_READINGS]
    mean, readings = max(means, default=(100.0, 0))
    # If the steps wait for something that is told already, so does the GPU: one cause, one recommendation.
    told = (slow_data_loading, slow_logging, costly_evaluations, costly_checkpoints, other_work, outlier_steps)
    if mean >= _IDLE_GPU_PERCENT or any(rule(measurements) for rule in told):
        return None
    return {
        "subject": "gpu_idle",
        "advice": "give it more work at a time: a larger batch, mixed precision, or torch.compile",
        "evidence": f"the GPU works {mean:.0f} % of the time ({readings} readings), and no part of the step except the "
        "model takes long",
    }


def outlier_steps(measurements: Measurements) -> Recommendation | None:
    """Say that a few steps cost much of the time."""
    training = judged_training(measurements)
    cause = _cause_of_outliers(measurements, training) if training is not None else None
    if training is None or cause is None:
        return None
    phase, operation = cause
    alike = _by_cause(training)[cause]
    words = operation or ("code that no region covers" if phase == "other" else phase.replace("_", " "))
    steps = ", ".join(map(str, sorted(each["step"] for each in alike)))
    advice = f"look at what happens in {words} at these steps: {steps}"
    if phase == "other" and operation is None:
        advice = f"see what it is: put regions around the parts of the step; {advice}"
    worst = max(alike, key=lambda each: each["seconds"])
    return {
        "subject": "step_outliers",
        "advice": advice,
        "evidence": f"{training['outlier_steps']} steps took more than twice the median "
        f"({seconds_in_words(worst['median_seconds'])}) and cost {training['outlier_percent']:.0f} % of the time; the "
        f"slowest, step {worst['step']}, took {seconds_in_words(worst['seconds'])}, "
        f"{seconds_in_words(worst['largest_phase_seconds'])} of it in {words}",
    }


def _less_often(
    measurements: Measurements, interruptions: Iterable[Share], threshold: float, subject: str, how: str
) -> Recommendation | None:
    """Say which of these operations takes the most time, if they all take too much."""
    often = [each for each in interruptions if each.runs >= _FEWEST_RUNS]
    percent = sum(each.percent for each in often)
    if judged_training(measurements) is None or percent < threshold or not often:
        return None
    share = max(often, key=lambda each: each.seconds)
    return {
        "subject": subject,
        "advice": f"run {share.operation.name} less often, {how}",
        "evidence": f"{share.operation.name} ran {share.runs:,} times, "
        f"{seconds_in_words(share.seconds / share.runs)} each: {share.percent:.0f} % of the training's time",
    }


def _cause_of_outliers(measurements: Measurements, training: TrainingView) -> tuple[str, str | None] | None:
    """Return the part of a step, and the operation in it, that makes a few steps costly.

    Args:
        measurements (Measurements): The measurements of a run.
        training (TrainingView): Its steps.

    Returns:
        tuple[str, str | None] | None: None if they cost little, or if another rule tells the cause.
    """
    if not training["outliers"] or training["outlier_percent"] < _OUTLIER_PERCENT:
        return None
    by_cause = _by_cause(training)
    cause = max(by_cause, key=lambda each: _cost(by_cause[each]))
    # Outliers by chance each have a different cause.
    alike = by_cause[cause]
    if len(alike) < _FEWEST_OUTLIERS or _cost(alike) < _cost(training["outliers"]) / 2:
        return None
    phase, operation = cause
    # Passes through the model take longer for longer inputs, or on a busy machine; neither can be fixed. A loader with
    # workers often brings several batches at once, then none for a while.
    is_told = (
        phase in _MODEL_PHASES
        or (phase == "data_loading" and slow_data_loading(measurements) is not None)
        or (phase == "logging" and slow_logging(measurements) is not None)
        or operation in {each.operation.name for each in measurements.interruptions}
    )
    return None if is_told else cause


def _by_cause(training: TrainingView) -> dict[tuple[str, str | None], list[OutlierStep]]:
    by_cause: dict[tuple[str, str | None], list[OutlierStep]] = {}
    for outlier in training["outliers"]:
        by_cause.setdefault((outlier["largest_phase"], outlier["largest_operation"]), []).append(outlier)
    return by_cause


def _percent_in_no_region(measurements: Measurements) -> float:
    return measurements.phase_percent.get("other", 0.0) - sum(each.percent for each in measurements.others)


def _cost(outliers: Iterable[OutlierStep]) -> float:
    return sum(each["seconds"] - each["median_seconds"] for each in outliers)
