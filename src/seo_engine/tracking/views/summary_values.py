"""SummaryValues: one value of each metric for the whole run, as the rules of the configuration say."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.views.judged_metrics import is_judged, smaller_is_better
from seo_engine.tracking.views.patterns import is_named

# Of each metric; older values are kept as their figures alone. A resumption that goes back further is rare.
MOST_KEPT_VALUES = 200_000


class SummaryValues:
    """Takes the values of one stream of metrics, and gives those of its summary.

    Args:
        config (TrackingConfig): Says which metrics are summarised how.

    Example:
        >>> summary = SummaryValues(TrackingConfig(summary_best_metrics=["val/*"], summary_mean_metrics=["loss"]))
        >>> for step, value in enumerate([0.5, 0.75, 0.25], start=1):
        ...     summary.take(step, {"val/acc": value, "training/loss": value, "training/other": value})
        >>> summary.values()
        {'best/val/acc': 0.75, 'mean/training/loss': 0.5}
        >>> summary.rewind(2)
        >>> summary.values()
        {'best/val/acc': 0.5, 'mean/training/loss': 0.5}
    """

    def __init__(self, config: TrackingConfig) -> None:
        patterns = {
            "best": config.summary_best_metrics,
            "last": config.summary_last_metrics,
            "mean": config.summary_mean_metrics,
            "minimum": config.summary_minimum_metrics,
            "maximum": config.summary_maximum_metrics,
        }
        self._patterns = {rule: tuple(each) for rule, each in patterns.items() if each}
        self._rules: dict[str, tuple[str, ...]] = {}
        self._figures: dict[str, _Figures] = {}

    def take(self, step: int, metrics: Mapping[str, float], names: Mapping[str, str] | None = None) -> None:
        """Take the values of one record.

        Args:
            step (int): Its step.
            metrics (Mapping[str, float]): The values by name; those that are not finite are left out.
            names (Mapping[str, str] | None): The names under which they are shown; None if those are their own.
        """
        if not self._patterns:
            return
        for own_name, value in metrics.items():
            name = own_name if names is None else names[own_name]
            if self._rules_of(name) and math.isfinite(value):
                self._figures.setdefault(name, _Figures()).add(step, value)

    def rewind(self, step: int) -> None:
        """Forget the values of this step and later: the training logs them again.

        Args:
            step (int): The step.
        """
        for figures in self._figures.values():
            figures.rewind(step)

    def values(self) -> dict[str, float]:
        """Return the values of the summary, by rule and name, such as `best/val/acc`."""
        return {
            f"{rule}/{name}": figures.value(rule, name)
            for name, figures in self._figures.items()
            if figures.is_known
            for rule in self._rules[name]
        }

    def _rules_of(self, name: str) -> tuple[str, ...]:
        rules = self._rules.get(name)
        if rules is None:
            rules = tuple(
                rule
                for rule, patterns in self._patterns.items()
                # Of a metric that is neither good nor bad there is no best value.
                if is_named(name, patterns) and (rule != "best" or is_judged(name))
            )
            self._rules[name] = rules
        return rules


class _Figures:
    """The values of one metric: the newest with their steps, of older ones count, sum, minimum and maximum."""

    __slots__ = ("_count", "_is_lost", "_largest", "_newest_folded_step", "_smallest", "_steps", "_sum", "_values")

    def __init__(self) -> None:
        self._steps, self._values = array("q"), array("d")
        self._count, self._sum, self._smallest, self._largest = 0, 0.0, float("inf"), float("-inf")
        self._newest_folded_step = -1
        # A resumption went back to a value that is known as a part of the figures alone.
        self._is_lost = False

    @property
    def is_known(self) -> bool:
        return bool(self._values) and not self._is_lost

    def add(self, step: int, value: float) -> None:
        self._steps.append(step)
        self._values.append(value)
        if len(self._values) >= 2 * MOST_KEPT_VALUES:
            self._fold(MOST_KEPT_VALUES)

    def rewind(self, step: int) -> None:
        self._is_lost = self._is_lost or (self._count > 0 and step <= self._newest_folded_step)
        kept = [place for place, at in enumerate(self._steps) if at < step]
        if len(kept) < len(self._steps):
            self._steps = array("q", (self._steps[place] for place in kept))
            self._values = array("d", (self._values[place] for place in kept))

    def value(self, rule: str, name: str) -> float:
        if rule == "last":
            return self._values[-1]
        if rule == "mean":
            return (self._sum + sum(self._values)) / (self._count + len(self._values))
        if rule == "minimum" or (rule == "best" and smaller_is_better(name)):
            return min(self._smallest, min(self._values))
        return max(self._largest, max(self._values))

    def _fold(self, count: int) -> None:
        folded = self._values[:count]
        self._count += count
        self._sum += sum(folded)
        self._smallest, self._largest = min(self._smallest, min(folded)), max(self._largest, max(folded))
        self._newest_folded_step = max(self._newest_folded_step, max(self._steps[:count]))
        self._steps, self._values = self._steps[count:], self._values[count:]
