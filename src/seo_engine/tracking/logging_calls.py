"""LoggingCalls: writes what the training logs to the journal; misuse is counted, and reported once."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from seo_engine.foundation.texts import one_line
from seo_engine.profiling.categories import PROFILING_LOGGING, SYNCHRONOUS_DELIVERY, TRACKING, tracking_call
from seo_engine.tracking.artifacts.store import ArtifactStore
from seo_engine.tracking.configuration import PRIORITIES, TrackingConfig
from seo_engine.tracking.records.kind import plain_epoch, plain_step
from seo_engine.tracking.records.loggable import Loggable
from seo_engine.tracking.records.marks.run_marks import RESUME
from seo_engine.tracking.records.metric_encoder import PlainWriter
from seo_engine.tracking.records.metrics import METRICS, flat_metrics
from seo_engine.tracking.records.profiling.profiling import PROFILING
from seo_engine.tracking.runs.record_writer import RecordWriter
from seo_engine.tracking.step_counter import StepCounter
from seo_engine.tracking.views.priorities import MetricPriorities

logger = logging.getLogger(__name__)

_now = time.perf_counter_ns


def _needs_closer_look(started: int, epoch: float, step: int, metrics: Mapping[str, Any]) -> int | None:
    """Refuse, as a `PlainWriter` does with what is not the usual case, so that `write_metrics` is asked."""
    return None


class LoggingCalls(Loggable):
    """The logging calls of an `ExperimentTracker`. None of them raises, or waits for more than its own line.

    Args:
        config (TrackingConfig): The settings.
    """

    def __init__(self, config: TrackingConfig) -> None:
        self.config = config
        # Where it is now: the training may change its working folder.
        self._artifact_store = ArtifactStore(config.artifact_dir)
        self.code_profiler = config.code_profiler
        self.current_epoch: float = 0
        self.global_step = 0
        self._steps = StepCounter()
        self._record_writer: RecordWriter | None = None
        self._priorities = MetricPriorities(config)
        self._slow_nanoseconds = config.slow_logging_threshold_seconds * 1e9
        self._is_synchronous = not config.asynchronous_logging
        self._is_open = False
        self._plain_writers: dict[str, PlainWriter] = {}
        # The last step of the earlier attempt that this one goes on with, until it is known where; at most one.
        self._goes_on_after: list[int] = []
        # A signal handler may log while its thread marks.
        self._marking = threading.RLock()
        self._take_span = {
            kind.name: self.code_profiler.span_taker(tracking_call(kind.subject), TRACKING) for kind in METRICS
        }

    @property
    def artifact_store(self) -> ArtifactStore:
        """ArtifactStore: Where artifacts are kept, beside the runs."""
        return self._artifact_store

    def log_metrics_with_priority(self, metrics: Mapping[str, Any], priority: str = "medium") -> None:
        """Filter training metrics by priority: record those that matter enough, and leave out the rest for good.

        What is recorded belongs to `current_epoch` and `global_step`. What is left out is counted, and named in a
        warning once. `log_training_metrics` records everything; the views thin it by the same patterns.

        Args:
            metrics (Mapping[str, Any]): As for `log_metrics`.
            priority (str): `high` records only metrics that `high_priority_metrics` names, `medium` also those that
                `medium_priority_metrics` names, `low` all. A metric that no pattern names is recorded with `low` alone.

        Example:
            >>> import tempfile
            >>> from seo_engine import ExperimentTracker, TrackingConfig
            >>> config = TrackingConfig(tensorboard_log_dir=tempfile.mkdtemp(), wandb_logging=False)
            >>> with ExperimentTracker(config) as tracker:
            ...     tracker.log_metrics_with_priority({"loss": 0.5, "reward": 1.0}, priority="high")
        """
        if not isinstance(priority, str) or priority not in PRIORITIES:
            self._misused(f"priority must be one of {', '.join(PRIORITIES)}, got {one_line(priority)!r}")
            return
        if not isinstance(metrics, Mapping):
            self._misused(f"metrics must be a dictionary, got {type(metrics).__name__}")
            return
        try:
            flat = flat_metrics(metrics)
        except Exception as error:  # a foreign mapping may raise anything
            self._misused(one_line(error))
            return
        chosen: dict[str, Any] = {}
        left_out: list[str] = []
        for name, value in flat:
            plain_name = name if isinstance(name, str) else one_line(name)
            if self._priorities.is_named(plain_name, priority):
                chosen[name] = value
            else:
                left_out.append(plain_name)
        if left_out and self._record_writer is not None and self._is_open:
            self._record_writer.drop_by_priority(left_out, priority)
        if chosen:
            self.log_training_metrics(self.current_epoch, self.global_step, chosen)

    def _take_metrics(
        self,
        kind: str,
        epoch: float | None,
        step: int,
        metrics: Mapping[str, Any],
        thinned: bool = True,
        call: str | None = None,
        counted: bool = False,
    ) -> None:
        if not self._is_open:
            # Before a lock is taken, or a region begins, whose profiler would have a thread.
            self._refuse()
            return
        started = _now()
        if epoch is None:
            epoch = self.current_epoch
        if counted:
            step = self._steps.next()
        ended = self._plain_writers[kind](started, epoch, step, metrics) if thinned else None
        if ended is not None:
            self.current_epoch = epoch
            self.global_step = step
            if not counted:
                self._steps.last = step
        else:
            assert self._record_writer is not None
            if self._goes_on_after:
                self._mark_step(step)
            moment = self._record_writer.write_metrics(kind, epoch, step, metrics, thinned, call)
            if moment is not None:
                # As plain numbers: a step that is a tensor may be changed in place.
                self.current_epoch, self.global_step = moment
                if not counted:
                    self._steps.last = self.global_step
            ended = _now()
            self._take_span[kind](started, ended)
        if ended - started > self._slow_nanoseconds:
            with contextlib.suppress(Exception):  # a foreign mapping may raise anything
                count = sum(1 for _ in metrics.items())
                logger.warning("⚠️ Slow logging detected: %.3fs for %d metrics", (ended - started) * 1e-9, count)
        if self._is_synchronous:
            self._deliver_synchronously()

    def _open_writers(self, record_writer: RecordWriter) -> None:
        self._record_writer = record_writer
        self._plain_writers = {
            kind: record_writer.plain_writer(kind, take_span) for kind, take_span in self._take_span.items()
        }
        self._is_open = True

    def _mark_where_it_goes_on(self, last_step: int) -> None:
        """Have the first metrics say where this attempt goes on: what an earlier one logged from there is superseded.

        Args:
            last_step (int): The last step of the earlier attempt.
        """
        self._goes_on_after = [last_step]
        # Each call is looked at more closely, until one of them has a step.
        self._plain_writers = dict.fromkeys(self._plain_writers, _needs_closer_look)

    def _mark_step(self, step: Any) -> None:
        assert self._record_writer is not None
        # Other threads wait, so that what they log comes after the mark. A step that is refused marks nothing.
        with self._marking, contextlib.suppress(TypeError, ValueError):
            step = plain_step(step)
            if self._goes_on_after and step <= self._goes_on_after[0]:
                self._record_writer.write(RESUME.name, step=step, configuration={}, goes_on=True)
            self._goes_on_after = []
            self._open_writers(self._record_writer)

    def _forget_earlier_attempt(self) -> None:
        """Leave it to the parent process to say where the training goes on."""
        self._marking = threading.RLock()
        if self._goes_on_after and self._record_writer is not None:
            self._goes_on_after = []
            self._open_writers(self._record_writer)

    def _take(self, kind: str, **arguments: Any) -> None:
        writer = self._record_writer
        if writer is None or not self._is_open:
            self._refuse()
            return
        if kind == PROFILING.name:
            with self.code_profiler.profile_operation(PROFILING_LOGGING, TRACKING):
                if writer.write(kind, **arguments):
                    self._note_profile((plain_epoch(arguments["epoch"]), plain_step(arguments["step"])))
        else:
            writer.write(kind, **arguments)
        if self._is_synchronous:
            self._deliver_synchronously()

    def _refuse(self) -> None:
        self._drop("after close", "⚠️ The experiment tracker is closed; this and later calls are not recorded")

    def _misused(self, message: str) -> None:
        self._drop("misuse", f"⚠️ Skipping a call of log_metrics_with_priority: {message}")

    def _drop(self, reason: str, message: str) -> None:
        # Without a run there is nothing to count.
        if self._record_writer is not None:
            self._record_writer.drop(reason, message)

    def _deliver_synchronously(self) -> None:
        with self.code_profiler.profile_operation(SYNCHRONOUS_DELIVERY, TRACKING):
            self._deliver_in_caller()

    def _deliver_in_caller(self) -> None:
        """Deliver at once if logging is synchronous; a class with workers overrides this."""

    def _note_profile(self, moment: tuple[float, int]) -> None:
        """Note that the training has logged a profile; a run that logs one by itself does so."""
