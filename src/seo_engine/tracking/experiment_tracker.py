"""ExperimentTracker: one call logs to every tracker, costs microseconds, and loses nothing."""

from __future__ import annotations

import atexit

# Registers its exit hook when it is imported. SummaryWriter imports it too, and in a short program that may be in our
# thread and after the interpreter began to end, when nothing can be registered any more.
import concurrent.futures.thread  # noqa: F401
import logging
import os
import platform
import secrets
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from seo_engine.profiling import ProfilingData
from seo_engine.tracking.backend_tracker import PROFILING_CATEGORY
from seo_engine.tracking.configuration import PRIORITIES, TrackingConfig
from seo_engine.tracking.deliveries import Deliveries
from seo_engine.tracking.delivery import DeliveryState
from seo_engine.tracking.logging_queue import LoggingQueue
from seo_engine.tracking.metrics import metric_name
from seo_engine.tracking.record_writer import RecordWriter
from seo_engine.tracking.records import JOURNAL_VERSION, describe_model
from seo_engine.tracking.run_directory import JOURNAL, create_run_directory
from seo_engine.tracking.run_logs import RunLogs, RunLogTracker
from seo_engine.tracking.selection import LOW_PRIORITY_INTERVALS, MetricPriorities
from seo_engine.tracking.tensorboard_tracker import TensorBoardTracker
from seo_engine.tracking.tracker import Tracker
from seo_engine.tracking.wandb_tracker import WandBTracker

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

_now = time.perf_counter_ns


class ExperimentTracker:
    """Tracks one run in TensorBoard, Weights & Biases and log files, through one journal.

    Each call appends one line to the run's `journal.jsonl` and returns; workers deliver the journal in the
    background. No call raises, waits for a tracker, or loses what it was given once it has returned.

    Args:
        config (TrackingConfig | None): The settings; an `SEOConfig` is one too. None means the defaults.
        extra_trackers (Sequence[Tracker]): Further destinations, each delivered to by a thread of its own.

    Raises:
        ValueError: Only for a configuration that is none.

    Example:
        >>> import tempfile
        >>> config = TrackingConfig(tensorboard_log_dir=tempfile.mkdtemp(), wandb_logging=False)
        >>> with ExperimentTracker(config) as tracker:
        ...     tracker.log_training_metrics(epoch=1, step=100, metrics={"loss": 0.123, "accuracy": 0.95})
        >>> tracker.delivery["tensorboard"].pending
        0
    """

    def __init__(self, config: TrackingConfig | None = None, *, extra_trackers: Sequence[Tracker] = ()) -> None:
        config = config if config is not None else TrackingConfig()
        if not isinstance(config, TrackingConfig):
            raise ValueError(f"config must be a TrackingConfig or an SEOConfig, got {type(config).__name__}")
        self.config = config
        self.code_profiler = config.code_profiler
        self.current_epoch: float = 0
        self.global_step = 0
        self.run_directory: Path | None = None
        self.logging_queue: LoggingQueue | None = None
        self.tensorboard_tracker: TensorBoardTracker | None = None
        self.wandb_tracker: WandBTracker | None = None
        self._extra_trackers = tuple(extra_trackers)
        self._record_writer: RecordWriter | None = None
        self._deliveries: Deliveries | None = None
        self._priorities = MetricPriorities(config)
        self._slow_nanoseconds = config.slow_logging_threshold_seconds * 1e9
        self._owner_process = os.getpid()
        self._closing_lock = threading.Lock()
        self._closed = False
        if not config.experiment_tracking_enabled:
            return
        with self.code_profiler.profile_operation("experiment_tracker_setup", PROFILING_CATEGORY):
            try:
                self._open_run()
            except OSError as error:
                logger.error("❌ Experiment tracker setup failed, nothing of this run is kept: %s", error)
                return
            self.setup_trackers()
        atexit.register(self.close)
        _open_trackers.add(self)

    def setup_trackers(self) -> None:
        """Start the delivery to every tracker that is switched on; none of them is waited for."""
        if self.run_directory is None or self.logging_queue is None or self._deliveries is not None:
            return
        self._deliveries = Deliveries(self.run_directory, self.logging_queue, self.config)
        in_process: list[Tracker] = [RunLogTracker(self.run_directory, self._timestamp), *self._extra_trackers]
        in_child: list[str] = []
        if self.config.tensorboard_logging:
            self.tensorboard_tracker = TensorBoardTracker(self.config, self.run_directory)
            in_process.append(self.tensorboard_tracker)
        if self.config.wandb_logging:
            self.wandb_tracker = WandBTracker(self.config, self.run_directory, run_id=self._wandb_run_id)
            if self.config.asynchronous_logging:
                # A stalled or killed wandb-core blocks or raises in whoever calls it; so that is a child process.
                in_child.append(self.wandb_tracker.name)
            else:
                in_process.append(self.wandb_tracker)
        self._deliveries.start(in_process, in_child, self.code_profiler)

    @property
    def logging_thread(self) -> threading.Thread | None:
        """threading.Thread | None: The thread that delivers to TensorBoard."""
        return self._deliveries.logging_thread("tensorboard") if self._deliveries is not None else None

    @property
    def delivery(self) -> dict[str, DeliveryState]:
        """dict[str, DeliveryState]: How far each tracker has come, by its name."""
        return self._deliveries.states if self._deliveries is not None else {}

    def log_training_metrics(self, epoch: float, step: int, metrics: Mapping[str, Any]) -> None:
        """Log metrics of the training at a step.

        Args:
            epoch (float): Current training epoch.
            step (int): Current training step.
            metrics (Mapping[str, Any]): Names and numbers: int, float, bool, numpy scalars, 0-d tensors. A name
                without a slash gets its group: `loss` becomes `training/loss`. What is no number is left out,
                warned of once and counted; NaN and infinities are kept in the journal.

        Example:
            >>> tracker = ExperimentTracker(TrackingConfig(experiment_tracking_enabled=False))
            >>> tracker.log_training_metrics(epoch=1, step=100, metrics={"loss": 0.123, "accuracy": 0.95})
        """
        self._log_metrics("training", "unified_training_logging", epoch, step, metrics)

    def log_evaluation_metrics(self, epoch: float, step: int, metrics: Mapping[str, Any]) -> None:
        """Log metrics of an evaluation at a step; they are never thinned in the views.

        Args:
            epoch (float): Current training epoch.
            step (int): Current training step.
            metrics (Mapping[str, Any]): As for `log_training_metrics`; the group is `evaluation`.
        """
        self._log_metrics("evaluation", "unified_evaluation_logging", epoch, step, metrics)

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
        self._log_metrics("performance", "unified_performance_logging", epoch, step, metrics)

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
        """Log where time and memory went.

        Args:
            profiling_data (ProfilingData | Mapping[str, Any]): As `CodeProfiler.profiling_data()` returns it.
        """
        with self.code_profiler.profile_operation("unified_profiling_logging", PROFILING_CATEGORY):
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
            if self._record_writer is not None:
                self._record_writer.drop("misuse", f"⚠️ Model architecture logging failed: {error}")

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
        self._log("text", name=full_name, text=str(text), epoch=epoch, step=step)

    def flush(self, timeout_seconds: float | None = None) -> bool:
        """Wait until the trackers hold what was logged before this call.

        Args:
            timeout_seconds (float | None): The longest time to wait; None means `close_timeout_seconds`.

        Returns:
            bool: Whether all of them do.
        """
        if self._deliveries is None or self._closed:
            return True
        return self._deliveries.flush(self.config.close_timeout_seconds if timeout_seconds is None else timeout_seconds)

    def close(self, status: str = "finished") -> None:
        """Deliver the rest, close every tracker, and say what could not be delivered; twice does nothing more.

        Args:
            status (str): How the run ended: finished, failed, interrupted or killed.
        """
        with self._closing_lock:
            # A forked child only appends: the run is its parent's to end.
            if self._closed or self._deliveries is None or os.getpid() != self._owner_process:
                return
            assert self._record_writer is not None and self.logging_queue is not None
            with self.code_profiler.profile_operation("experiment_tracker_cleanup", PROFILING_CATEGORY):
                self._record_writer.write_end(status)
                self._closed = True
                self._deliveries.close(status, self.config.close_timeout_seconds)
        atexit.unregister(self.close)
        _open_trackers.discard(self)
        if self._deliveries.have_ended:
            # Otherwise a worker that hangs still reads it; the descriptor then ends with the process.
            self.logging_queue.close()
        self._run_logs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error_type is None:
            self.close("finished")
        else:
            self.close("interrupted" if issubclass(error_type, KeyboardInterrupt) else "failed")

    def _open_run(self) -> None:
        self._timestamp = int(time.time())
        self._wandb_run_id = secrets.token_hex(4)
        directory = create_run_directory(self.config.tensorboard_log_dir, self.config.experiment_name)
        self.logging_queue = LoggingQueue(directory / JOURNAL)
        self._run_logs = RunLogs(directory, self._timestamp)
        self.run_directory = directory
        rank = os.environ.get("RANK", "0")
        self._record_writer = RecordWriter(self.logging_queue, self.config, int(rank) if rank.isdigit() else 0)
        self._record_writer.write(
            "start",
            version=JOURNAL_VERSION,
            experiment_name=directory.name,
            wandb_run_id=self._wandb_run_id,
            process=os.getpid(),
            host=platform.node(),
            python=platform.python_version(),
            configuration=self.config.as_dictionary(),
        )
        self._say_what_is_shown()

    def _say_what_is_shown(self) -> None:
        if not self.config.selective_logging:
            logger.info("✅ Run %s: journal and views show every value", self.run_directory)
            return
        interval = self.config.experiment_logging_interval
        logger.info(
            "✅ Run %s: its journal keeps every value; the views show high-priority metrics at every step, "
            "medium ones every %d steps, low ones every %d (selective_logging=False shows all)",
            self.run_directory,
            interval,
            interval * LOW_PRIORITY_INTERVALS,
        )

    def _log_metrics(self, kind: str, operation: str, epoch: float, step: int, metrics: Mapping[str, Any]) -> None:
        # A span timed inline instead of a `with` region: this is the one call that training loops make at every step.
        started = _now()
        writer = self._record_writer
        if writer is None:
            return
        if self._closed:
            self._refuse(writer)
            return
        if writer.write_metrics(kind, epoch, step, metrics):
            self.current_epoch = epoch
            self.global_step = step
        duration = _now() - started
        self.code_profiler.add_span(operation, PROFILING_CATEGORY, duration)
        if duration > self._slow_nanoseconds:
            logger.warning("⚠️ Slow logging detected: %.3fs for %d metrics", duration * 1e-9, len(metrics))
        if not self.config.asynchronous_logging:
            self._deliver_in_caller()

    def _log(self, kind: str, **contents: Any) -> None:
        writer = self._record_writer
        if writer is None:
            return
        if self._closed:
            self._refuse(writer)
            return
        writer.write(kind, **contents)
        if not self.config.asynchronous_logging:
            self._deliver_in_caller()

    def _deliver_in_caller(self) -> None:
        if self._deliveries is not None:
            self._deliveries.deliver_in_caller()

    def _refuse(self, writer: RecordWriter) -> None:
        writer.drop("after close", "⚠️ The experiment tracker is closed; this and later calls are not recorded")

    def _misused(self, message: str) -> None:
        if self._record_writer is not None:
            self._record_writer.drop("misuse", f"⚠️ Skipping a call: {message}")

    def _moment(self, epoch: float | None, step: int | None) -> tuple[float, int]:
        return self.current_epoch if epoch is None else epoch, self.global_step if step is None else step

    def _renew_after_fork(self) -> None:
        # The child appends to the same journal; workers, hooks and locks are the parent's.
        self._closing_lock = threading.Lock()
        if self._deliveries is not None:
            self._deliveries.renew_after_fork()


_open_trackers: weakref.WeakSet[ExperimentTracker] = weakref.WeakSet()


def _renew_trackers_after_fork() -> None:
    for tracker in list(_open_trackers):
        tracker._renew_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_trackers_after_fork)
