"""Which metrics a run is judged by, and which of their values is the best."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from seo_engine.tracking.history.summary import MetricSummary
from seo_engine.tracking.views.judged_metrics import is_judged, smaller_is_better

# Logged by the run itself: the load of the machine, profiles, and what `watch_model` finds.
_OTHER_GROUPS = ("performance/", "profiling/", "gradients/", "parameters/")


class Best(NamedTuple):
    """The best value of a metric, and the step that it came at."""

    value: float
    step: int


def main_metrics(names: Iterable[str]) -> list[str]:
    """Return the user's own metrics, those that tell how good a run is before the others.

    Args:
        names (Iterable[str]): All metrics of the run, in the order in which they came.

    Example:
        >>> main_metrics(["training/lr", "training/loss", "val/acc", "performance/cpu", "gradients/0.weight/norm"])
        ['training/loss', 'val/acc', 'training/lr']
    """
    own = [name for name in names if not name.startswith(_OTHER_GROUPS)]
    # Sorted is stable.
    return sorted(own, key=lambda name: is_judged(name), reverse=True)


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


def last_and_best(name: str, metric: MetricSummary, is_whole: bool = True) -> str:
    """Return the last value of a metric, and its best.

    Args:
        name (str): The metric's name.
        metric (MetricSummary): Its values.
        is_whole (bool): Whether these are all of its values: otherwise the best is not known.

    Example:
        >>> last_and_best("val/acc", MetricSummary(count=9, last=0.5, maximum=0.75, maximum_step=8))
        '0.5, best 0.75'
    """
    best = best_of(name, metric) if is_whole and metric.count > 1 else None
    return f"{metric.last:.4g}, best {best.value:.4g}" if best is not None else f"{metric.last:.4g}"
