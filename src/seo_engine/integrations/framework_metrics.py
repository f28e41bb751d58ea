"""Where the metrics of a framework belong, judging by their names: the same for every integration."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from seo_engine.tracking import Loggable, flat_metrics

# What frameworks put before the names of metrics that are not of the training, and the group that it means.
_GROUPS = {
    "eval": "evaluation",
    "evaluation": "evaluation",
    "val": "evaluation",
    "valid": "evaluation",
    "validation": "evaluation",
    "test": "test",
}
_TRAINING_PREFIX = "train"
# Groups that hold something else: what is evaluated under such a name becomes a named set.
_TAKEN = frozenset({_TRAINING_PREFIX, "training", "performance", "profiling", "text"})

# Speed, time and memory: what follows the prefix, and the name here.
_PERFORMANCE = {
    "runtime": "seconds",
    "samples_per_second": "samples_per_second",
    "steps_per_second": "steps_per_second",
    "tokens_per_second": "tokens_per_second",
    "model_preparation_time": "preparation_seconds",
    "jit_compilation_time": "compilation_seconds",
    "mem_cpu_alloc_delta": "cpu_memory_allocated_bytes",
    "mem_cpu_peaked_delta": "cpu_memory_peak_bytes",
    "mem_gpu_alloc_delta": "gpu_memory_allocated_bytes",
    "mem_gpu_peaked_delta": "gpu_memory_peak_bytes",
}
_RUNTIME = "_runtime"
_RATES = ("_samples_per_second", "_steps_per_second")


def log_framework_metrics(
    tracker: Loggable,
    epoch: float,
    step: int,
    metrics: Mapping[str, Any],
    *,
    names: Mapping[str, str] | None = None,
    is_evaluation: bool = False,
) -> None:
    """Log what a framework reports in one dictionary: metrics of several groups, and texts.

    `eval_`, `val_`, `valid_` and `validation_` become `evaluation/…`, and `test_` becomes `test/…`. A framework
    reports the seconds and a rate of an evaluation under the prefix of its metrics; by this, other prefixes are
    recognised: `eval_<set>_` becomes `evaluation/<set>/…`, and `final_` becomes `final/…`. All of these are logged as
    evaluations. Seconds, rates and memory become `performance/…`. Other names with a slash stay as they are. What is
    left is of the training. A framework reports at an interval of its own, so nothing is thinned.

    Args:
        tracker (Loggable): Where it is logged.
        epoch (float): Current training epoch.
        step (int): Current training step.
        metrics (Mapping[str, Any]): Names and numbers or texts; nested dictionaries are taken.
        names (Mapping[str, str] | None): Names of the framework that mean something else, with their whole names.
        is_evaluation (bool): Whether all of it is known to come from an evaluation, even what begins with `train_`.

    Example:
        >>> from seo_engine import MemoryTracker
        >>> tracker = MemoryTracker()
        >>> logs = {"eval_en_loss": 0.5, "eval_en_runtime": 2.0, "eval_en_steps_per_second": 8.0}
        >>> log_framework_metrics(tracker, 1, 10, logs)
        >>> for call, arguments in tracker.calls:
        ...     print(call, *arguments["metrics"])
        log_evaluation_metrics evaluation/en/loss
        log_performance_metrics performance/evaluation_en_seconds performance/evaluation_en_steps_per_second
    """
    flat = flat_metrics(metrics)
    prefixes = _evaluation_prefixes({name for name, _ in flat if isinstance(name, str)}, is_evaluation)
    texts: dict[str, str] = {}
    by_kind: dict[str, dict[Any, Any]] = {"training": {}, "evaluation": {}, "performance": {}}
    for name, value in flat:
        kind, place = _placed(name, prefixes, names or {}) if isinstance(name, str) else ("training", name)
        if isinstance(value, str):
            texts[place] = value
        else:
            by_kind[kind][place] = value
    if by_kind["training"]:
        tracker.log_training_metrics(epoch, step, by_kind["training"], thinned=False)
    if by_kind["evaluation"]:
        tracker.log_evaluation_metrics(epoch, step, by_kind["evaluation"])
    if by_kind["performance"]:
        tracker.log_performance_metrics(by_kind["performance"], epoch, step)
    for place, text in texts.items():
        tracker.log_text(place, text, epoch, step)


def evaluation_seconds(metrics: Mapping[str, Any]) -> float | None:
    """Return how long an evaluation took, as its own metrics say; None if they do not.

    Example:
        >>> evaluation_seconds({"eval_loss": 0.5, "eval_runtime": 2.0, "eval_samples_per_second": 8.0})
        2.0
    """
    # The last one: the framework adds it to the user's own metrics.
    runtimes = [value for name, value in metrics.items() if isinstance(name, str) and name.endswith(_RUNTIME)]
    return float(runtimes[-1]) if runtimes and isinstance(runtimes[-1], int | float) else None


def _evaluation_prefixes(names: Set[str], is_evaluation: bool) -> list[str]:
    """Return the prefixes of what was evaluated, the longest first: of two sets, `en` and `en_us`, both may fit."""
    timed = {name.removesuffix(_RUNTIME) for name in names if name.endswith(_RUNTIME)}
    prefixes = {each for each in timed if any(each + rate in names for rate in _RATES)}
    if not is_evaluation:
        prefixes.discard(_TRAINING_PREFIX)
    return sorted(prefixes, key=len, reverse=True)


def _placed(name: str, prefixes: list[str], names: Mapping[str, str]) -> tuple[str, str]:
    """Return the kind of a metric, and its name here."""
    for prefix in prefixes:
        if name.startswith(f"{prefix}_"):
            return _evaluated(_group(prefix), name[len(prefix) + 1 :])
    if name in names:
        full_name = names[name]
        group = full_name.partition("/")[0]
        return (group if group == "performance" else "training"), full_name
    if "/" in name:
        return ("evaluation" if name.partition("/")[0] in _GROUPS else "training"), name
    prefix, _, rest = name.partition("_")
    if rest and prefix in _GROUPS:
        return _evaluated(_GROUPS[prefix], rest)
    if prefix == _TRAINING_PREFIX and rest in _PERFORMANCE:
        return "performance", f"performance/training_{_PERFORMANCE[rest]}"
    return "training", name


def _evaluated(group: str, name: str) -> tuple[str, str]:
    if name in _PERFORMANCE:
        return "performance", f"performance/{group.replace('/', '_')}_{_PERFORMANCE[name]}"
    return "evaluation", f"{group}/{name}"


def _group(prefix: str) -> str:
    """Return the group of what was evaluated under a prefix.

    Example:
        >>> [_group(prefix) for prefix in ("eval", "val_en", "test", "train", "final")]
        ['evaluation', 'evaluation/en', 'test', 'evaluation/train', 'final']
    """
    word, _, name = prefix.partition("_")
    if word in _GROUPS:
        return f"{_GROUPS[word]}/{name}" if name else _GROUPS[word]
    return f"evaluation/{prefix}" if prefix in _TAKEN else prefix or "evaluation"
