"""LoggingCalls: what a training calls, from the check of its arguments to the line in the journal."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seo_engine.foundation.redaction import is_secret_name, redact
from seo_engine.profiling import ProfilingData
from seo_engine.profiling.categories import (
    EVALUATION_LOGGING,
    PERFORMANCE_LOGGING,
    PROFILING_LOGGING,
    SYNCHRONOUS_DELIVERY,
    TRACKING,
    TRAINING_LOGGING,
)
from seo_engine.tracking.configuration import PRIORITIES, TrackingConfig
from seo_engine.tracking.journal.lines import describe_model
from seo_engine.tracking.records.metrics import metric_name
from seo_engine.tracking.runs.record_writer import RecordWriter
from seo_engine.tracking.views.metric_selection import MetricPriorities

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

_now = time.perf_counter_ns


class LoggingCalls:
    """The calls of an `ExperimentTracker`. None of them raises, or waits for anything but its own line.

    Args:
        config (TrackingConfig): The settings.
    """

    def __init__(self, config: TrackingConfig) -> None:
        self.config = config
        self.code_profiler = config.code_profiler
        self.current_epoch: float = 0
        self.global_step = 0
        self._record_writer: RecordWriter | None = None
        self._closed = False
        self._priorities = MetricPriorities(config)
        self._slow_nanoseconds = config.slow_logging_threshold_seconds * 1e9

    def log_training_metrics(self, epoch: float, step: int, metrics: Mapping[str, Any]) -> None:
        """Log metrics of the training at a step.

        Args:
            epoch (float): Current training epoch.
            step (int): Current training step.
            metrics (Mapping[str, Any]): Names and numbers: int, float, bool, numpy scalars, 0-d tensors. A name
                without a slash gets its group: `loss` becomes `training/loss`. What is no number is left out,
                warned of once and counted; NaN and infinities are kept in the journal.

        Example:
            >>> from seo_engine import ExperimentTracker
            >>> tracker = ExperimentTracker(TrackingConfig(experiment_tracking_enabled=False))
            >>> tracker.log_training_metrics(epoch=1, step=100, metrics={"loss": 0.123, "accuracy": 0.95})
        """
        self._log_metrics("training", TRAINING_LOGGING, epoch, step, metrics)

    def log_evaluation_metrics(self, epoch: float, step: int, metrics: Mapping[str, Any]) -> None:
        """Log metrics of an evaluation at a step; they are never thinned in the views.

        Args:
            epoch (float): Current training epoch.
            step (int): Current training step.
            metrics (Mapping[str, Any]): As for `log_training_metrics`; the group is `evaluation`.
        """
        self._log_metrics("evaluation", EVALUATION_LOGGING, epoch, step, metrics)

    def log_performance_metrics(
        self, metrics: Mapping[str, Any], epoch: float | None = None, step: int | None = None
    ) -> None:
        """Log metrics of the machine.

        Args:
            metrics (Mapping[str, Any]): As for `log_training_metrics`; the group is `performance`.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
        """
        epoch, step = self._moment(epoch, step)
        self._log_metrics("performance", PERFORMANCE_LOGGING, epoch, step, metrics)

    def log_metrics_with_priority(self, metrics: Mapping[str, Any], priority: str = "medium") -> None:
        """Log those training metrics that matter enough, at `current_epoch` and `global_step`.

        Args:
            metrics (Mapping[str, Any]): As for `log_training_metrics`.
            priority (str): `high` records only high-priority metrics, `medium` those and medium ones, `low` all.
                The caller chose: the rest is not recorded.
        """
        if priority not in PRIORITIES:
            self._misused(f"priority must be one of {', '.join(PRIORITIES)}, got {priority!r}")
            return
        if not isinstance(metrics, Mapping):
            self._misused(f"metrics must be a dictionary, got {type(metrics).__name__}")
            return
        chosen = {name: value for name, value in metrics.items() if self._priorities.at_least(str(name), priority)}
        if chosen:
            self.log_training_metrics(self.current_epoch, self.global_step, chosen)

    def log_profiling_data(self, profiling_data: ProfilingData | Mapping[str, Any]) -> None:
        """Log where time and memory went; an `ExperimentTracker` does so at an interval, and at the end, by itself.

        Args:
            profiling_data (ProfilingData | Mapping[str, Any]): As `CodeProfiler.profiling_data()` returns it.
        """
        if self._record_writer is None or self._closed:
            # Without a region, whose profiler would have a thread.
            self._refuse()
            return
        with self.code_profiler.profile_operation(PROFILING_LOGGING, TRACKING):
            self._log("profiling", profiling_data=profiling_data, epoch=self.current_epoch, step=self.global_step)

    def log_hyperparameters(self, hyperparameters: Mapping[str, Any]) -> None:
        """Log the hyperparameters of the run.

        Args:
            hyperparameters (Mapping[str, Any]): Names and plain values.
        """
        self._log("hyperparameters", hyperparameters=hyperparameters)

    def log_model_architecture(self, model: torch.nn.Module) -> None:
        """Log a model's printed form and its numbers of parameters.

        Args:
            model (torch.nn.Module): Any module.
        """
        try:
            self._log("model_architecture", architecture=describe_model(model))
        except Exception as error:  # a user's __repr__ may raise anything
            self._drop("misuse", f"⚠️ Model architecture logging failed: {error}")

    def log_text(self, name: str, text: str, epoch: float | None = None, step: int | None = None) -> None:
        """Log a text.

        Args:
            name (str): A name without a slash becomes `text/<name>`.
            text (str): At most about one megabyte.
            epoch (float | None): None means the last one seen.
            step (int | None): None means the last one seen.
        """
        try:
            full_name = metric_name("text", name)
        except ValueError as error:
            self._misused(str(error))
            return
        epoch, step = self._moment(epoch, step)
        # The record says its name beside the text, not above it; here the text is still known to be of that name.
        shown = redact(str(text), name) if is_secret_name(name) else str(text)
        self._log("text", name=full_name, text=shown, epoch=epoch, step=step)

    def _log_metrics(self, kind: str, operation: str, epoch: float, step: int, metrics: Mapping[str, Any]) -> None:
        # A span timed inline instead of a `with` region: this is the one call that training loops make at every step.
        started = _now()
        writer = self._record_writer
        if writer is None or self._closed:
            self._refuse()
            return
        if writer.write_metrics(kind, epoch, step, metrics):
            self.current_epoch = epoch
            self.global_step = step
        ended = _now()
        self.code_profiler.add_span(operation, TRACKING, started, ended)
        if ended - started > self._slow_nanoseconds:
            logger.warning("⚠️ Slow logging detected: %.3fs for %d metrics", (ended - started) * 1e-9, len(metrics))
        if not self.config.asynchronous_logging:
            self._deliver_synchronously()

    def _log(self, kind: str, **contents: Any) -> bool:
        writer = self._record_writer
        if writer is None or self._closed:
            self._refuse()
            return False
        is_logged = writer.write(kind, **contents)
        if not self.config.asynchronous_logging:
            self._deliver_synchronously()
        return is_logged

    def _refuse(self) -> None:
        self._drop("after close", "⚠️ The experiment tracker is closed; this and later calls are not recorded")

    def _misused(self, message: str) -> None:
        self._drop("misuse", f"⚠️ Skipping a call: {message}")

    def _drop(self, reason: str, message: str) -> None:
        # Without a run there is nothing to count.
        if self._record_writer is not None:
            self._record_writer.drop(reason, message)

    def _moment(self, epoch: float | None, step: int | None) -> tuple[float, int]:
        return self.current_epoch if epoch is None else epoch, self.global_step if step is None else step

    def _deliver_synchronously(self) -> None:
        with self.code_profiler.profile_operation(SYNCHRONOUS_DELIVERY, TRACKING):
            self._deliver_in_caller()

    def _deliver_in_caller(self) -> None:
        """Deliver at once, where logging is synchronous; whoever has workers does so."""
