"""What a view shows of the journal: a line -> the record with its selected metrics -> a tracker's call."""

from __future__ import annotations

from typing import Any, NamedTuple

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.lines import METRIC_KINDS, Record, decode_record
from seo_engine.tracking.journal.logging_queue import JournalLine, Position
from seo_engine.tracking.records.metrics import nonfinite_numbers
from seo_engine.tracking.trackers.destination_tracker import Recorded, Tracker
from seo_engine.tracking.views.metric_selection import MetricSelection

# `last_values` without any, and kinds of a later version are passed over.
_SHOWN_KINDS = (
    *METRIC_KINDS,
    "profiling",
    "text",
    "hyperparameters",
    "model_architecture",
    "start",
    "resume",
    "end",
)


class ShownRecord(NamedTuple):
    """One line of the journal, ready to be handed over: what the view shows of it, or why it shows nothing."""

    end: Position
    record: Record | None
    drop_reason: str | None = None

    @property
    def shows_nothing(self) -> bool:
        """bool: Whether there is nothing to hand over."""
        if self.record is None or self.record["kind"] not in _SHOWN_KINDS:
            return True
        return self.record["kind"] in METRIC_KINDS and not self.record["metrics"]


class ShownRecords:
    """Selects, line by line from the journal's beginning, what a view shows.

    The same lines always give the same records, so a view that was lost half-way is completed from the beginning.

    Args:
        config (TrackingConfig): The selection's settings.
    """

    def __init__(self, config: TrackingConfig) -> None:
        self.values_not_shown = 0
        self._skip_nonfinite = config.skip_nonfinite_metrics
        self._selection = MetricSelection(config)

    @property
    def withheld(self) -> int:
        """int: Number of records whose values are the last of a metric, and not shown yet."""
        return self._selection.withheld

    def take(self, line: JournalLine) -> ShownRecord:
        """Return what the view shows of the next line.

        Args:
            line (JournalLine): The line.

        Returns:
            ShownRecord: Once a line, so that a second try of handing it over shows the same.
        """
        record = decode_record(line.content)
        if record is None:
            return ShownRecord(line.end, None, "unreadable" if line.content.strip() else None)
        if record["kind"] in METRIC_KINDS:
            try:
                return ShownRecord(line.end, self._select_metrics(record))
            except (ValueError, TypeError):
                return ShownRecord(line.end, None, "unreadable")
        if record["kind"] == "last_values":
            # Room that the end of a run leaves for values which the selection had withheld until then.
            last_values = self._selection.take_last_values()
            self.values_not_shown -= len(last_values["metrics"]) if last_values else 0
            return ShownRecord(line.end, last_values or record)
        if record["kind"] == "resume" and record["step"] is not None:
            self._selection.rewind(record["step"])
        return ShownRecord(line.end, record)

    def _select_metrics(self, record: Record) -> Record:
        metrics: dict[str, Any] = dict(record["metrics"])
        nonfinite = record.get("nonfinite", {})
        if not self._skip_nonfinite:
            metrics.update(nonfinite_numbers(nonfinite))
        else:
            self.values_not_shown += len(nonfinite)
        shown = self._selection.select({**record, "metrics": metrics})
        self.values_not_shown += len(metrics) - len(shown)
        return {**record, "metrics": shown}


def hand_over(shown: ShownRecord, tracker: Tracker) -> None:
    """Give one record to a tracker, by the method for its kind.

    Args:
        shown (ShownRecord): The record.
        tracker (Tracker): Takes it; what it raises is passed on.
    """
    record = shown.record
    if record is None or shown.shows_nothing:
        return
    recorded = Recorded(shown.end.number, float(record["time"]))
    match record["kind"]:
        case "training":
            tracker.log_training_metrics(record["epoch"], record["step"], record["metrics"], recorded)
        case "evaluation":
            tracker.log_evaluation_metrics(record["epoch"], record["step"], record["metrics"], recorded)
        case "performance":
            tracker.log_performance_metrics(record["metrics"], record["epoch"], record["step"], recorded)
        case "profiling":
            tracker.log_profiling_data(record["profiling_data"], record["epoch"], record["step"], recorded)
        case "text":
            tracker.log_text(record["name"], record["text"], record["epoch"], record["step"], recorded)
        case "hyperparameters":
            tracker.log_hyperparameters(record["hyperparameters"], recorded)
        case "model_architecture":
            tracker.log_model_architecture(record["architecture"], recorded)
        case "start":
            tracker.log_experiment_config(record["configuration"], recorded)
        case "resume":
            tracker.log_resume(record["step"], record["configuration"], recorded)
        case "end":
            tracker.log_end(record["status"], record.get("error"), recorded)
