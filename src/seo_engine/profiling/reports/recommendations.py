"""Recommendations: each rule speaks only if this run gives it evidence."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypedDict

from seo_engine.profiling.categories import (
    EVALUATION_LOGGING,
    LOG_STEP,
    PERFORMANCE_LOGGING,
    TRACKING,
    TRAINING_LOGGING,
)
from seo_engine.profiling.machine.counters import MEMORY
from seo_engine.profiling.reports.bottlenecks import seconds_in_words, threshold_of
from seo_engine.profiling.reports.measurements import Measurements
from seo_engine.profiling.statistics.operation_statistics import (
    GPU_ALLOCATED,
    NANOSECONDS,
    PROCESS,
    MemoryChange,
)
from seo_engine.profiling.statistics.operations import TRAINING_STEP
from seo_engine.profiling.statistics.training_view import WARM_UP_STEPS

# With fewer steps, their shares mean nothing.
_FEWEST_STEPS = WARM_UP_STEPS + 5
# For training loops that do not profile steps. Clock readings differ: 1 % more than the whole is not an overlap.
_MODEL_OPERATIONS = ("forward_pass", "backward_pass", TRAINING_STEP)
_SIDE_BY_SIDE = 1.01
# Outliers count if they cost at least this share of the steps' time.
_OUTLIER_PERCENT = 5.0
# Fewer outliers with the same slow part may be chance.
_FEWEST_OUTLIERS = 3
_MODEL_PHASES = ("forward", "backward")

# An operation keeps memory if memory grew in most of its runs, and noticeably in total.
_FEWEST_READINGS = 10
_GROWING_SHARE = 0.6
_KEPT_MB = 50.0
_KEPT_SHARE = 0.05
# Memory of the process as a whole: a trend over at least this many samples, without the first fifth (warm-up).
_FEWEST_SAMPLES = 20
_WARM_UP_SHARE = 0.2
_TREND_MB = 100.0
_TREND_SHARE = 0.1

# A GPU that works less than this during the training waits for the host.
_IDLE_GPU_PERCENT = 50.0
_FEWEST_GPU_READINGS = 3
_HOST_PHASES = {"data_loading": "data loading", "logging": "logging", "other": "other work"}

# Time that profiling itself takes; regions so short that the profiler costs more than they do.
_PROFILING_PERCENT = 1.0
_TINY_SECONDS = 5e-6
_MANY_RUNS = 10_000

# Calls of an ExperimentTracker that only append a line to the journal.
_APPENDING_CALLS = (TRAINING_LOGGING, EVALUATION_LOGGING, PERFORMANCE_LOGGING, LOG_STEP)


class Recommendation(TypedDict):
    """What to do, and the evidence in this run, as plain data."""

    subject: str
    advice: str
    evidence: str


def recommend(measurements: Measurements) -> list[Recommendation]:
    """Return what to do, and why.

    Args:
        measurements (Measurements): The measurements of a run.

    Returns:
        list[Recommendation]: Empty if there is nothing to recommend.
    """
    found = (rule(measurements) for rule in RULES)
    return [recommendation for recommendation in found if recommendation is not None]


def slow_data_loading(measurements: Measurements) -> Recommendation | None:
    """Say that the training waits for its data."""
    training = measurements.training
    threshold = threshold_of("data_loading", measurements.thresholds)
    if training is not None and training["steps"] >= _FEWEST_STEPS:
        share = measurements.phase_percent.get("data_loading", 0.0)
        evidence = f"data loading takes {share:.0f} % of the training steps"
    else:
        loading = [each for each in measurements.operations if each.category == "data_loading"]
        # Without the slowest load of each operation, which is usually the first.
        seconds = NANOSECONDS * sum(max(0, each.self_time - each.maximum) for each in loading)
        calls = sum(each.count for each in loading)
        model = sum(each.self_seconds for each in measurements.operations if each.name in _MODEL_OPERATIONS)
        # Without a model, nothing waits for the data. If both exceed the wall time, it already loads in parallel.
        if calls < _FEWEST_STEPS or not model or seconds + model > _SIDE_BY_SIDE * measurements.wall_seconds:
            return None
        share = 100 * seconds / measurements.wall_seconds
        evidence = f"data loading takes {share:.0f} % of the time, {calls} loads"
    if share < threshold or not share:
        return None
    workers = measurements.loader["workers"] if measurements.loader is not None else None
    processors = measurements.processors
    if workers is None:
        advice = "load the next batch in the background while the model computes"
    elif workers == 0:
        evidence += f", and the loader has 0 workers on {processors} processors"
        advice = f"try num_workers={min(2, processors)}"
    elif workers < processors:
        evidence += f", with {workers} workers on {processors} processors"
        advice = f"try num_workers={min(2 * workers, processors)}"
    else:
        evidence += f", with {workers} workers on {processors} processors"
        advice = "more workers will not help: do less for each sample, or do it once before the training and keep it"
    return {"subject": "data_loading", "advice": advice, "evidence": evidence}


def slow_logging(measurements: Measurements) -> Recommendation | None:
    """Say that the training waits for what it logs."""
    training = measurements.training
    if training is None or training["steps"] < _FEWEST_STEPS:
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


def memory_kept_by_an_operation(measurements: Measurements) -> Recommendation | None:
    """Say which operation keeps memory in most of its runs."""
    for kind, words in ((PROCESS, "process memory"), (GPU_ALLOCATED, "GPU memory")):
        keeping = [each for each in measurements.operations if kind in each.memory and _keeps(each.memory[kind])]
        if not keeping:
            continue
        # Of nested operations, the innermost, which took the least time.
        culprit = min(keeping, key=lambda each: each.total)
        change = culprit.memory[kind]
        return {
            "subject": "memory_growth",
            "advice": f"look for what {culprit.name} keeps at each run: a list or cache that only grows, or losses "
            "collected without .detach() or .item(), each of which keeps its whole graph",
            "evidence": f"{words} grew in {change.growths} of {change.readings} runs of {culprit.name}, by "
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
    half = len(samples) // 2
    lows = [min(value for _, value in part) for part in (samples[: half // 2], samples[half // 2 : half],
            samples[half : half + half // 2], samples[half + half // 2 :])]  # fmt: skip
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
        "in each quarter of that time",
    }


def idle_gpu(measurements: Measurements) -> Recommendation | None:
    """Say that the GPU waits, and for what."""
    training = measurements.training
    if training is None or training["steps"] < _FEWEST_STEPS:
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
    # If the steps wait for data or logging, so does the GPU: one cause, one recommendation.
    if mean >= _IDLE_GPU_PERCENT or slow_data_loading(measurements) or slow_logging(measurements):
        return None
    parts = {words: measurements.phase_percent.get(phase, 0.0) for phase, words in _HOST_PHASES.items()}
    largest = max(parts, key=lambda words: parts[words])
    evidence = f"the GPU works {mean:.0f} % of the time ({readings} readings)"
    if parts[largest] >= 20:
        advice = f"shorten {largest} in the step, during which the GPU has nothing to do"
        evidence += f", and {largest} takes {parts[largest]:.0f} % of the step"
    else:
        advice = "give it more work at a time: a larger batch, mixed precision, or torch.compile"
        evidence += ", and no part of the step except the model takes long"
    return {"subject": "gpu_idle", "advice": advice, "evidence": evidence}


def outlier_steps(measurements: Measurements) -> Recommendation | None:
    """Say that a few steps cost much of the time."""
    training = measurements.training
    if training is None or training["steps"] < _FEWEST_STEPS:
        return None
    if not training["outliers"] or training["outlier_percent"] < _OUTLIER_PERCENT:
        return None
    # Passes through the model take longer for longer inputs, or on a busy machine; neither can be fixed.
    outliers = [each for each in training["outliers"] if each["largest_phase"] not in _MODEL_PHASES]
    if not outliers:
        return None
    worst = outliers[0]
    # One cause, one recommendation. A loader with workers often brings several batches at once, then none for a while.
    told = {"data_loading": slow_data_loading, "logging": slow_logging}.get(worst["largest_phase"])
    if told is not None and told(measurements) is not None:
        return None
    phase = worst["largest_phase"].replace("_", " ")
    alike = sorted(each["step"] for each in outliers if each["largest_phase"] == worst["largest_phase"])
    # Outliers by chance each have a different cause.
    if len(alike) < max(_FEWEST_OUTLIERS, len(training["outliers"]) / 2):
        return None
    return {
        "subject": "step_outliers",
        "advice": f"look at what happens in {phase} at these steps: {', '.join(map(str, alike))}",
        "evidence": f"{training['outlier_steps']} steps took more than twice the median "
        f"({seconds_in_words(worst['median_seconds'])}) and cost {training['outlier_percent']:.0f} % of the time; the "
        f"slowest, step {worst['step']}, took {seconds_in_words(worst['seconds'])}, "
        f"{seconds_in_words(worst['largest_phase_seconds'])} of it in {phase}",
    }


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


Rule = Callable[[Measurements], Recommendation | None]

RULES: tuple[Rule, ...] = (
    slow_data_loading,
    slow_logging,
    memory_kept_by_an_operation,
    memory_trend,
    idle_gpu,
    outlier_steps,
    costly_profiling,
)


def _keeps(change: MemoryChange) -> bool:
    """Return whether memory that grew in most runs is still in use after the last: others may have freed it."""
    growth = change.last_level - change.first_level
    return (
        change.readings >= _FEWEST_READINGS
        and change.growths >= _GROWING_SHARE * change.readings
        and growth >= max(_KEPT_MB * 1e6, _KEPT_SHARE * change.last_level, change.total / 2)
    )
