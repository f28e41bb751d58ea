"""Which metrics a run is judged by, and which of their values is the best."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from seo_engine.tracking.history.summary import MetricSummary

_SMALLER_IS_BETTER = ("*loss*", "*perplexity*", "*error*")
_LARGER_IS_BETTER = ("*acc*", "*f1*", "*auc*", "*reward*", "*score*", "*rouge*", "*bleu*", "*precision*", "*recall*")
_GROUPS_OF_THE_MACHINE = ("performance/", "profiling/")


class Best(NamedTuple):
    """The best value of a metric, and the step that it came at."""

    value: float
    step: int


def main_metrics(names: Iterable[str]) -> list[str]:
    """Return the metrics by which a run is judged, the most telling first.

    Args:
        names (Iterable[str]): All metrics of the run, in the order in which they came.

    Example:
        >>> main_metrics(["training/lr", "training/loss", "val/acc", "performance/cpu_usage_percent"])
        ['training/loss', 'val/acc', 'training/lr']
    """
    own = [name for name in names if not name.startswith(_GROUPS_OF_THE_MACHINE)]
    # Sorted is stable: those that can be good or bad come first.
    return sorted(own, key=lambda name: is_judged(name), reverse=True)


def is_judged(name: str) -> bool:
    """Return whether the values of a metric can be good or bad, judging by its name."""
    return _matches(name, (*_SMALLER_IS_BETTER, *_LARGER_IS_BETTER))


def smaller_is_better(name: str) -> bool:
    """Return whether small values of a metric are the good ones, judging by its name.

    Example:
        >>> smaller_is_better("val/loss"), smaller_is_better("val/acc")
        (True, False)
    """
    return _matches(name, _SMALLER_IS_BETTER)


def best_of(name: str, metric: MetricSummary) -> Best | None:
    """Return the best value of a metric; None if its values are neither good nor bad.

    Args:
        name (str): The metric's name.
        metric (MetricSummary): Its values.
    """
    if not is_judged(name):
        return None
    if smaller_is_better(name):
        return Best(metric.minimum, metric.minimum_step)
    return Best(metric.maximum, metric.maximum_step)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    last_part = name.rsplit("/", 1)[-1].lower()
    return any(fnmatchcase(last_part, pattern) for pattern in patterns)
