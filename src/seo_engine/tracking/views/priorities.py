"""MetricPriorities: which metrics matter more than others, by the patterns of the configuration."""

from __future__ import annotations

from fnmatch import fnmatchcase

from seo_engine.tracking.configuration import PRIORITIES, TrackingConfig


class MetricPriorities:
    """The priority of each metric, by the patterns of the configuration.

    Args:
        config (TrackingConfig): Holds the patterns.

    Example:
        >>> priorities = MetricPriorities(TrackingConfig())
        >>> [priorities.of(name) for name in ("training/loss", "cpu_usage_percent", "training/tokens_per_second")]
        ['high', 'low', 'medium']
    """

    def __init__(self, config: TrackingConfig) -> None:
        self._patterns = {
            "high": tuple(config.high_priority_metrics),
            "medium": tuple(config.medium_priority_metrics),
            "low": tuple(config.low_priority_metrics),
        }
        self._default = config.default_metric_priority
        self._known: dict[str, str] = {}

    def of(self, name: str) -> str:
        """Return the priority of a metric: patterns match the whole name or its last part.

        Args:
            name (str): The metric's name, with or without its group.

        Returns:
            str: `high`, `medium` or `low`.
        """
        priority = self._known.get(name)
        if priority is None:
            last_part = name.rsplit("/", 1)[-1]
            priority = self._known[name] = next(
                (
                    priority
                    for priority in PRIORITIES
                    if any(fnmatchcase(name, each) or fnmatchcase(last_part, each) for each in self._patterns[priority])
                ),
                self._default,
            )
        return priority

    def at_least(self, name: str, priority: str) -> bool:
        """Return whether a metric's priority is this one or higher."""
        return PRIORITIES.index(self.of(name)) <= PRIORITIES.index(priority)
