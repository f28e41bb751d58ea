"""LoggingWorker: delivers the journal to one tracker, from a position on."""

from __future__ import annotations

import dataclasses
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery import DeliveryState
from seo_engine.tracking.logging_queue import JournalLine, LoggingQueue, Position
from seo_engine.tracking.metrics import nonfinite_numbers
from seo_engine.tracking.records import METRIC_KINDS, Record, decode_record
from seo_engine.tracking.selection import MetricSelection
from seo_engine.tracking.tracker import Recorded, Tracker

logger = logging.getLogger(__name__)

# The journal is looked at this often; only `flush` and `close` wake a worker before.
POLL_SECONDS = 0.25

# A record that failed this often is passed over, if the one behind it is taken.
TRIES_PER_RECORD = 3

# Waits between tries of a tracker that fails, doubled each time.
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 30.0

# While closing, a worker that got nothing delivered in this many looks leaves the rest in the journal.
CLOSING_LOOKS_WITHOUT_PROGRESS = 4


class Delivery(NamedTuple):
    """One line of the journal, ready to be handed over: what the view shows of it, or why it shows nothing."""

    end: Position
    record: Record | None
    drop_reason: str | None = None


class LoggingWorker:
    """Reads the journal, selects what the view shows, and hands each record to one tracker.

    It runs wherever it is put: `run()` in a thread or as the main loop of a process, or `deliver_available()` in
    the calling thread.

    Args:
        tracker (Tracker): The destination.
        logging_queue (LoggingQueue): The journal.
        config (TrackingConfig): The selection's settings.
        report (Callable[[DeliveryState], None]): Called with a copy of the ledger after each batch.
    """

    def __init__(
        self,
        tracker: Tracker,
        logging_queue: LoggingQueue,
        config: TrackingConfig,
        report: Callable[[DeliveryState], None] = lambda state: None,
    ) -> None:
        self.tracker = tracker
        self.state = DeliveryState()
        self._reported: DeliveryState | None = None
        self._logging_queue = logging_queue
        self._report = report
        self._skip_nonfinite = config.skip_nonfinite_metrics
        self._selection = MetricSelection(config)
        self._waiting: deque[Delivery] = deque()
        self._read_position = Position()
        self._tries = 0
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._retry_at = 0.0
        self._counted_offset = 0
        self._counted_lines = 0
        self._wake = threading.Event()
        self._close_status: str | None = None

    def wake(self) -> None:
        """Deliver now rather than at the next look at the journal; from any thread."""
        self._wake.set()

    def request_close(self, status: str) -> None:
        """Ask the loop to deliver what is there, close the tracker and end; from any thread.

        Args:
            status (str): How the run ended.
        """
        self._close_status = status
        self._wake.set()

    def run(self) -> None:
        """Deliver until asked to close."""
        looks_without_progress = 0
        while looks_without_progress < CLOSING_LOOKS_WITHOUT_PROGRESS:
            # Read before the delivery, so that everything appended before the request is delivered.
            closing = self._close_status is not None
            if closing:
                self._retry_at = 0.0
            position = self.state.position
            self.deliver_available()
            if closing:
                if not self.state.pending:
                    break
                looks_without_progress = 0 if self.state.position != position else looks_without_progress + 1
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()
        self.close(self._close_status or "finished")

    def deliver_available(self) -> None:
        """Deliver what the journal holds beyond the position; errors are contained and counted."""
        try:
            while time.monotonic() >= self._retry_at and self._is_ready() and self._deliver_batch():
                self._count_and_report()
        except Exception as error:
            self._contain(error)
            self._wait_before_next_try()
        self._count_and_report()

    def close(self, status: str) -> None:
        """Close the tracker and report for the last time.

        Args:
            status (str): How the run ended.
        """
        try:
            self.tracker.close(status)
        except Exception as error:
            self._contain(error)
        self.state.closed = True
        self._count_and_report()

    def _contain(self, error: Exception) -> None:
        self.state.last_error = f"{type(error).__name__}: {error}"
        logger.error("❌ Logging worker error: %s: %s", self.tracker.name, self.state.last_error)

    def _is_ready(self) -> bool:
        if self.tracker.available:
            return True
        self.tracker.setup()
        if not self.tracker.available:
            self.state.last_error = "set-up failed"
            self._wait_before_next_try()
            return False
        self.state.last_error = None
        self.state.details = self.tracker.details()
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._count_and_report()
        return True

    def _wait_before_next_try(self) -> None:
        self._retry_at = time.monotonic() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, LONGEST_RETRY_SECONDS)

    def _deliver_batch(self) -> bool:
        """Deliver one reading of the journal; returns whether there may be more."""
        if not self._waiting:
            lines = self._logging_queue.read(self._read_position)
            if not lines:
                return False
            self._waiting.extend(self._prepare(line) for line in lines)
            self._read_position = lines[-1].end
        while self._waiting:
            self._tries += 1
            try:
                self._hand_over(self._waiting[0])
            except Exception:
                witness = self._next_shown()
                if self._tries < TRIES_PER_RECORD or witness is None:
                    raise
                # Is it the record or the tracker? If the next record that shows anything passes, it was the record.
                self._hand_over(self._waiting[witness])
                self._settle("failed")
                for _ in range(witness - 1):
                    self._settle(None)
            self._settle(None)
        self.tracker.flush()
        return True

    def _next_shown(self) -> int | None:
        """Return the place of the next waiting record, behind the foremost, that shows anything."""
        behind = enumerate(itertools.islice(self._waiting, 1, None), start=1)
        return next((place for place, delivery in behind if not _shows_nothing(delivery.record)), None)

    def _settle(self, drop_reason: str | None) -> None:
        """Count the foremost waiting line as delivered or dropped, and go on behind it."""
        delivery = self._waiting.popleft()
        self._tries = 0
        self._retry_seconds = FIRST_RETRY_SECONDS
        self.state.last_error = None
        self.state.offset, self.state.number = delivery.end.offset, delivery.end.number
        drop_reason = drop_reason or delivery.drop_reason
        if drop_reason is not None:
            self.state.drop(drop_reason)
        elif delivery.record is not None:
            self.state.delivered += 1
        else:
            # A blank line is what closes a torn one: it is no record, so none is missing.
            self._counted_lines -= 1

    def _prepare(self, line: JournalLine) -> Delivery:
        """Select what the view shows. Done once a line, so that a second try shows the same."""
        record = decode_record(line.content)
        if record is None:
            return Delivery(line.end, None, "unreadable" if line.content.strip() else None)
        try:
            if record["kind"] in METRIC_KINDS:
                return Delivery(line.end, self._select_metrics(record))
            if record["kind"] == "last_values":
                # Room that the end of a run leaves for values which the selection had withheld until then.
                last_values = self._selection.take_last_values()
                self.state.values_not_shown -= len(last_values["metrics"]) if last_values else 0
                return Delivery(line.end, last_values or record)
        except (KeyError, TypeError, ValueError, AttributeError):
            return Delivery(line.end, None, "unreadable")
        return Delivery(line.end, record)

    def _select_metrics(self, record: Record) -> Record:
        metrics: dict[str, Any] = dict(record["metrics"])
        nonfinite = record.get("nonfinite", {})
        if self._skip_nonfinite:
            self.state.values_not_shown += len(nonfinite)
        else:
            metrics.update(nonfinite_numbers(nonfinite))
        shown = self._selection.select({**record, "metrics": metrics})
        self.state.values_not_shown += len(metrics) - len(shown)
        return {**record, "metrics": shown}

    def _hand_over(self, delivery: Delivery) -> None:
        """Give one record to the tracker, by the method for its kind."""
        record, tracker = delivery.record, self.tracker
        if record is None or _shows_nothing(record):
            return
        recorded = Recorded(delivery.end.number, float(record.get("time", 0.0)))
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

    def _count_and_report(self) -> None:
        size = self._logging_queue.size()
        self._counted_lines += self._logging_queue.count_lines(self._counted_offset, size)
        self._counted_offset = size
        state = self.state
        state.accepted = self._counted_lines
        state.pending = state.accepted - state.delivered - sum(state.dropped.values())
        if state != self._reported:
            self._reported = dataclasses.replace(state, dropped=dict(state.dropped), details=dict(state.details))
            self._report(self._reported)


# What the views show of a run; `end`, `last_values` without any, and kinds of a later version are passed over.
_SHOWN_KINDS = (
    *METRIC_KINDS,
    "profiling",
    "text",
    "hyperparameters",
    "model_architecture",
    "start",
)


def _shows_nothing(record: Record | None) -> bool:
    if record is None or record["kind"] not in _SHOWN_KINDS:
        return True
    return record["kind"] in METRIC_KINDS and not record["metrics"]
