"""Advice where the training waits for its data."""

from __future__ import annotations

import math

from seo_engine.profiling.machine.counters import CHILDREN_CPU, CPU, SYSTEM_CPU
from seo_engine.profiling.reports.advice.recommendation import FEWEST_STEPS, Recommendation, judged_training
from seo_engine.profiling.reports.bottlenecks import threshold_of
from seo_engine.profiling.reports.measurements import Measurements
from seo_engine.profiling.statistics.operation_statistics import NANOSECONDS
from seo_engine.profiling.statistics.operations import TRAINING_STEP

# For training loops that do not profile steps. Clock readings differ: 1 % more than the whole is not an overlap.
_MODEL_OPERATIONS = ("forward_pass", "backward_pass", TRAINING_STEP)
_SIDE_BY_SIDE = 1.01
# Each is a process, with a copy of the data set.
_MOST_WORKERS = 32
# A worker needs some tenths of a millisecond to hand over a batch. Loading that takes no longer gains nothing from one,
# and a share that is not large may just mean that the machine is busy.
_HANDOVER_SECONDS = 0.001
_LARGE_PERCENT = 20.0
_LESS_WORK = "do less for each sample, or do it once before the training and keep it"


def slow_data_loading(measurements: Measurements) -> Recommendation | None:
    """Say that the training waits for its data."""
    threshold = threshold_of("data_loading", measurements.thresholds)
    training = judged_training(measurements)
    is_short = False
    if training is not None:
        share = measurements.phase_percent.get("data_loading", 0.0)
        is_short = _workers(measurements) == 0 and share / 100 * training["mean_step_seconds"] < _HANDOVER_SECONDS
        evidence = f"data loading takes {share:.0f} % of the training steps"
    else:
        loading = [each for each in measurements.operations if each.category == "data_loading"]
        # Without the slowest load of each operation, which is usually the first.
        seconds = NANOSECONDS * sum(max(0, each.self_time - each.maximum) for each in loading)
        calls = sum(each.count for each in loading)
        model = sum(each.self_seconds for each in measurements.operations if each.name in _MODEL_OPERATIONS)
        # Without a model, nothing waits for the data. If both exceed the wall time, it already loads in parallel.
        if calls < FEWEST_STEPS or not model or seconds + model > _SIDE_BY_SIDE * measurements.wall_seconds:
            return None
        share = 100 * seconds / measurements.wall_seconds
        evidence = f"data loading takes {share:.0f} % of the time, {calls} loads"
    if share < threshold or not share or (is_short and share < _LARGE_PERCENT):
        return None
    advice, reason = _advice(measurements, share / 100)
    if is_short:
        advice = _LESS_WORK
    return {"subject": "data_loading", "advice": advice, "evidence": evidence + reason}


def _workers(measurements: Measurements) -> int | None:
    return measurements.loader["workers"] if measurements.loader is not None else None


def _advice(measurements: Measurements, waiting: float) -> tuple[str, str]:
    """Return what to do about steps of which a share is spent waiting, and why."""
    workers = _workers(measurements)
    if workers is None:
        return "load the next batch in the background while the model computes", ""
    processors, busy = measurements.processors, _mean(measurements, SYSTEM_CPU)
    number = f"{workers} worker{'' if workers == 1 else 's'}"
    reason = f", and the loader has {number}" if not workers else f", with {number}"
    reason += f" on {processors} processor{'' if processors == 1 else 's'}"
    if busy is not None:
        reason += f", which {'is' if processors == 1 else 'are'} {busy:.0f} % busy"
    # What a step takes at least, as a share of what it takes: the model must compute, and so must the workers. Waiting
    # costs no processor, so loaders that wait may have more workers than processors.
    least = max(1 - waiting, _computing(measurements, busy / 100) if busy is not None else 0.0)
    if busy is not None and least > 1 - waiting / 2:
        return f"more workers will not help, because the processors are busy: {_LESS_WORK}", reason
    needed = _workers_needed(workers, waiting, least)
    if not workers:
        needed = max(needed, min(2, processors))
    if busy is None:
        needed = min(needed, processors)
    if needed > workers:
        return f"try num_workers={min(needed, _MOST_WORKERS)}", reason
    return _LESS_WORK, reason


def _workers_needed(workers: int, waiting: float, least: float) -> int:
    """Return how many workers load batches as fast as the model takes them.

    Args:
        workers (int): How many there are.
        waiting (float): The share of a step that is spent waiting for them.
        least (float): What is left of a step without that, as a share of the step.

    Example:
        >>> _workers_needed(0, 0.8, 0.2), _workers_needed(2, 0.84, 0.16)
        (4, 13)
    """
    # How long one batch takes to load, in steps: all workers together are just fast enough for the steps as they are.
    loading = float(workers) or waiting
    return math.ceil(round(loading / least, 3)) if least * _MOST_WORKERS > loading else _MOST_WORKERS


def _computing(measurements: Measurements, busy: float) -> float:
    """Return how long a step's computing would take on all processors that it can get, as a share of the step."""
    processors = measurements.processors
    parts = [_mean(measurements, name) for name in (CPU, CHILDREN_CPU)]
    # Of this process and its workers, in processors; if that is not known, all of the load.
    own = sum(part for part in parts if part is not None) / 100 if None not in parts else busy * processors
    # Those that are idle besides, and on a busy machine at least its fair share.
    return own / max(own + (1 - busy) * processors, processors / 2, 1e-9)


def _mean(measurements: Measurements, counter: str) -> float | None:
    """Return the mean of a counter while the steps ran, in percent; None if it was not read."""
    samples = measurements.counters.get(counter, ())
    began, ended = measurements.steps_between
    within = [value for moment, value in samples if began < moment <= ended]
    # Each is the mean since the one before it, so the next one still measures the last steps.
    within += [value for moment, value in samples if moment > ended][:1]
    if _workers(measurements):
        # Processes that start are busy, whatever they do later.
        within = within[1:]
    within = [max(0.0, value) for value in within if math.isfinite(value)]
    return sum(within) / len(within) if within else None
