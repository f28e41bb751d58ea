"""Which metrics of a record a view shows: a pure function of metric, step and configuration."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from seo_engine.tracking.configuration import PRIORITIES, TrackingConfig
from seo_engine.tracking.journal.lines import Record

# Training and performance metrics arrive at every step; everything else is rare and shown whole.
THINNED_KINDS = ("training", "performance")

# A low-priority metric is shown once in this many intervals of a medium one.
LOW_PRIORITY_INTERVALS = 10


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


class MetricSelection:
    """Thins the metrics of a stream of records.

    A high-priority metric is shown at every step, a medium one when at least `experiment_logging_interval` steps
    have passed since it was last shown, a low one after ten times as many. First and last values are always
    shown; a step that goes back starts the interval anew.

    Args:
        config (TrackingConfig): Holds patterns, interval and switch.

    Example:
        >>> selection = MetricSelection(TrackingConfig())
        >>> def record(step):
        ...     return {"kind": "training", "epoch": 1, "step": step, "metrics": {"training/weight_norm": 1.0}}
        >>> [bool(selection.select(record(step))) for step in (1, 2, 10, 11, 12)]
        [True, False, False, True, False]
        >>> selection.take_last_values()["step"]
        12
    """

    def __init__(self, config: TrackingConfig) -> None:
        self._enabled = config.selective_logging
        self._priorities = MetricPriorities(config)
        self._intervals = {
            "high": 0,
            "medium": config.experiment_logging_interval,
            "low": config.experiment_logging_interval * LOW_PRIORITY_INTERVALS,
        }
        self._last_shown_step: dict[tuple[str, str], int] = {}
        self._withheld: dict[tuple[str, str], Record] = {}

    def select(self, record: Record) -> dict[str, Any]:
        """Return the metrics of a record that a view shows.

        Args:
            record (Record): The next record of the stream, with `kind`, `step` and `metrics`.

        Returns:
            dict[str, Any]: A part of its metrics.
        """
        metrics: Mapping[str, Any] = record["metrics"]
        if not self._enabled or record["kind"] not in THINNED_KINDS:
            return dict(metrics)
        return {name: value for name, value in metrics.items() if self._is_shown(record, name)}

    @property
    def withheld(self) -> int:
        """int: Number of records that `take_last_values` would return."""
        return len({id(record) for record in self._withheld.values()})

    def rewind(self, step: int) -> None:
        """Forget values at a step and later: the training was resumed there, and what followed is superseded.

        Args:
            step (int): Where the training goes on.
        """
        self._withheld = {key: record for key, record in self._withheld.items() if record["step"] < step}

    def take_last_values(self) -> Record | None:
        """Return the last values that no view has seen, one record a call, the oldest first.

        Returns:
            Record | None: A record with only those metrics whose last value it holds; None when all are shown.
        """
        if not self._withheld:
            return None
        oldest = next(iter(self._withheld.values()))
        keys = [key for key, record in self._withheld.items() if record is oldest]
        for key in keys:
            del self._withheld[key]
        return {**oldest, "metrics": {name: oldest["metrics"][name] for _, name in keys}}

    def _is_shown(self, record: Record, name: str) -> bool:
        interval = self._intervals[self._priorities.of(name)]
        if not interval:
            return True
        key = (record["kind"], name)
        step = record["step"]
        last = self._last_shown_step.get(key)
        # Taken out first, so that the withheld stay in the order of their records.
        self._withheld.pop(key, None)
        if last is None or step < last or step - last >= interval:
            self._last_shown_step[key] = step
            return True
        self._withheld[key] = record
        return False
