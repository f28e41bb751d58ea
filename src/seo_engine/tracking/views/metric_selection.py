"""Which metrics of a record a view shows: a pure function of metric, step and configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.records.kinds import KINDS
from seo_engine.tracking.views.priorities import MetricPriorities

# A low-priority metric is shown once in this many medium-priority intervals.
LOW_PRIORITY_INTERVALS = 10


class MetricSelection:
    """Thins the metrics of a stream of records.

    A high-priority metric is shown at every step, a medium one when at least `experiment_logging_interval` steps
    have passed since it was last shown, a low one after ten times as many. First and last values are always
    shown; a step that goes back restarts the interval. A record may say that its metrics are not to be thinned.

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
            dict[str, Any]: All or some of its metrics.
        """
        metrics: Mapping[str, Any] = record["metrics"]
        if not self._enabled or not KINDS[record["kind"]].is_thinned:
            return dict(metrics)
        if record.get("thinned") is False:
            for name in metrics:
                # What was withheld before is no longer the last value.
                self._withheld.pop((record["kind"], name), None)
            return dict(metrics)
        return {name: value for name, value in metrics.items() if self._is_shown(record, name)}

    @property
    def withheld(self) -> int:
        """int: Number of records that `take_last_values` would return."""
        return len({id(record) for record in self._withheld.values()})

    def rewind(self, step: int) -> None:
        """Forget values from a step on: the training was resumed there, so they are superseded.

        Args:
            step (int): Where the training resumes.
        """
        self._withheld = {key: record for key, record in self._withheld.items() if record["step"] < step}

    def take_last_values(self) -> Record | None:
        """Return last values that the view has not shown, one record per call, the oldest first.

        Returns:
            Record | None: A record with only the metrics whose last value it holds; None when all are shown.
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
        # Removed first, so that withheld values stay in the order of their records.
        self._withheld.pop(key, None)
        if last is None or step < last or step - last >= interval:
            self._last_shown_step[key] = step
            return True
        self._withheld[key] = record
        return False
