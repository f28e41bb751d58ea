"""MetricPriorities: which metrics matter more than others, by the patterns of the configuration."""

from __future__ import annotations

from seo_engine.tracking.configuration import PRIORITIES, TrackingConfig
from seo_engine.tracking.views.patterns import is_named


class MetricPriorities:
    """The priority of each metric, by the patterns of the configuration.

    Args:
        config (TrackingConfig): Holds the patterns.

    Example:
        >>> priorities = MetricPriorities(TrackingConfig())
        >>> [priorities.of(name) for name in ("training/loss", "cpu_usage", "training/tokens_per_second")]
        ['high', 'low', 'high']
        >>> [priorities.is_named(name, "high") for name in ("training/loss", "training/tokens_per_second")]
        [True, False]
    """

    def __init__(self, config: TrackingConfig) -> None:
        self._patterns = {
            "high": tuple(config.high_priority_metrics),
            "medium": tuple(config.medium_priority_metrics),
            "low": tuple(config.low_priority_metrics),
        }
        self._default = config.default_metric_priority
        self._known: dict[str, str | None] = {}

    def of(self, name: str) -> str:
        """Return the priority of a metric: patterns match the whole name or its last part.

        Args:
            name (str): The metric's name, with or without its group.

        Returns:
            str: `high`, `medium` or `low`; the default one if no pattern names the metric.
        """
        return self._named(name) or self._default

    def is_named(self, name: str, priority: str) -> bool:
        """Return whether the patterns of a priority, or of a higher one, name a metric; at `low`, any metric is."""
        named = self._named(name)
        return priority == "low" or (named is not None and PRIORITIES.index(named) <= PRIORITIES.index(priority))

    def _named(self, name: str) -> str | None:
        if name not in self._known:
            self._known[name] = next((each for each in PRIORITIES if is_named(name, self._patterns[each])), None)
        return self._known[name]
