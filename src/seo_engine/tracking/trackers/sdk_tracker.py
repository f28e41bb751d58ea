"""What the trackers over an SDK share: every call is profiled, validated, timed, and its errors contained."""

from __future__ import annotations

import logging
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sized
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from seo_engine.foundation.redaction import redact, redact_text
from seo_engine.profiling.categories import TRACKING
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.lines import ModelArchitecture, plain_record
from seo_engine.tracking.records.metrics import MetricValidation, nonfinite_numbers
from seo_engine.tracking.records.profiling import profiling_metrics
from seo_engine.tracking.runs.endings import ErrorDescription
from seo_engine.tracking.runs.places import create_run_directory
from seo_engine.tracking.trackers.destination_tracker import Recorded


class BackendTracker(ABC):
    """A tracker over an SDK that may fail, hang or be slow.

    By itself it makes its own run folder, opens the SDK at once, and contains every error: what fails is logged
    and the caller goes on. A worker that gives the folder of a run opens it by `setup()`, and gets errors of
    logging raised as well, because it counts them and tries again.

    Args:
        config (TrackingConfig): The settings.
        run_directory (Path | None): The run's folder, given by the worker that owns this tracker.
    """

    name: str
    title: str

    def __init__(self, config: TrackingConfig | None = None, run_directory: Path | None = None) -> None:
        self.config = config if config is not None else TrackingConfig()
        self.code_profiler = self.config.code_profiler
        self.logger = logging.getLogger(type(self).__module__)
        self.run_directory = run_directory
        self.current_epoch: float = 0
        self.global_step = 0
        self._owned_by_worker = run_directory is not None
        self._owner_process = os.getpid()
        self._forked = False
        self._slow_calls = 0
        self._validation = MetricValidation()
        if run_directory is None:
            self.setup()

    def setup(self) -> None:
        """Open the SDK; a failure is logged, and `available` stays False."""
        if self.available:
            return
        with self.code_profiler.profile_operation(f"{self.name}_setup", TRACKING):
            try:
                if self.run_directory is None:
                    self.run_directory = create_run_directory(
                        self.config.tensorboard_log_dir, self.config.experiment_name
                    )
                opened = self._open(self.run_directory)
            except Exception as error:
                self.logger.error("❌ %s setup failed: %s", self.title, error)
                # What it runs in the background may be what failed: the next try begins without it.
                self.abandon()
            else:
                self.logger.info("✅ %s initialized: %s", self.title, opened)

    def import_sdk(self) -> None:
        """Import all that the SDK needs; what fails here fails in `setup` again, which says it."""
        try:
            self._import_sdk()
        except Exception as error:
            self.logger.debug("%s cannot be imported: %s", self.title, error)

    @property
    @abstractmethod
    def available(self) -> bool:
        """bool: Whether the SDK is open."""

    def log_training_metrics(
        self, epoch: float, step: int, metrics: Mapping[str, Any], recorded: Recorded | None = None
    ) -> None:
        """Log metrics of the training at a step.

        Args:
            epoch (float): Current training epoch.
            step (int): Current training step.
            metrics (Mapping[str, Any]): Names and numbers; `loss` becomes `training/loss`.
            recorded (Recorded | None): Where the metrics stand in the journal; a worker's business.
        """
        self._log_metrics("training", epoch, step, metrics, recorded)

    def log_evaluation_metrics(
        self, epoch: float, step: int, metrics: Mapping[str, Any], recorded: Recorded | None = None
    ) -> None:
        """Log metrics of an evaluation at a step; arguments as for `log_training_metrics`."""
        self._log_metrics("evaluation", epoch, step, metrics, recorded)

    def log_performance_metrics(
        self,
        metrics: Mapping[str, Any],
        epoch: float | None = None,
        step: int | None = None,
        recorded: Recorded | None = None,
    ) -> None:
        """Log metrics of the machine; without epoch and step at the last ones seen."""
        self._log_metrics("performance", *self._moment(epoch, step), metrics, recorded)

    def log_profiling_data(
        self,
        profiling_data: Mapping[str, Any],
        epoch: float | None = None,
        step: int | None = None,
        recorded: Recorded | None = None,
    ) -> None:
        """Log where time and memory went.

        Args:
            profiling_data (Mapping[str, Any]): As `CodeProfiler.profiling_data()` returns it.
            epoch (float | None): Current epoch; None means the last one seen.
            step (int | None): Current step; None means the last one seen.
            recorded (Recorded | None): Where the data stand in the journal; a worker's business.
        """
        epoch, step = self._moment(epoch, step)
        with self._contained("profiling", profiling_data, epoch, step) as open_:
            if open_:
                metrics, texts = profiling_metrics(profiling_data)
                texts = {name: redact_text(text) for name, text in texts.items()}
                self._write_profiling(epoch, step, self._checked("profiling", metrics), texts, profiling_data, recorded)

    def log_resume(self, step: int | None, configuration: Mapping[str, Any], recorded: Recorded | None = None) -> None:
        """Log that the training was resumed.

        Args:
            step (int | None): What was logged at it and later is superseded; None means that nothing is.
            configuration (Mapping[str, Any]): With which it goes on.
            recorded (Recorded | None): Where this stands in the journal; a worker's business.
        """
        with self._contained("resume", configuration, step=step) as open_:
            if open_:
                self._write_resume(step, redact(configuration), recorded)

    def log_hyperparameters(self, hyperparameters: Mapping[str, Any], recorded: Recorded | None = None) -> None:
        """Log the hyperparameters of the run."""
        with self._contained("hyperparameters", hyperparameters) as open_:
            if open_:
                # As plain data first: a user's object shows only as text whether it holds a secret.
                self._write_hyperparameters(redact(plain_record(hyperparameters)), recorded)

    def log_experiment_config(self, configuration: Mapping[str, Any], recorded: Recorded | None = None) -> None:
        """Log the configuration of the run."""
        with self._contained("configuration", configuration) as open_:
            if open_:
                self._write_configuration(redact(configuration), recorded)

    def log_model_architecture(self, architecture: ModelArchitecture, recorded: Recorded | None = None) -> None:
        """Log the model, as `describe_model` describes it."""
        with self._contained("architecture", architecture) as open_:
            if open_:
                self._write_architecture(redact(architecture), recorded)

    def log_text(
        self,
        name: str,
        text: str,
        epoch: float | None = None,
        step: int | None = None,
        recorded: Recorded | None = None,
    ) -> None:
        """Log a text; a name without a slash becomes `text/<name>`."""
        epoch, step = self._moment(epoch, step)
        with self._contained("text", [name], epoch, step) as open_:
            if open_:
                full_name = name if "/" in name else f"text/{name}"
                self._write_metrics(epoch, step, {}, recorded, {redact_text(full_name): redact(text, name)})

    def log_end(self, status: str, error: ErrorDescription | None = None, recorded: Recorded | None = None) -> None:
        """Log how the run ended.

        Args:
            status (str): finished, failed, interrupted or killed.
            error (ErrorDescription | None): What ended it.
            recorded (Recorded | None): Where this stands in the journal; a worker's business.
        """
        with self._contained("end", [status]) as open_:
            if open_:
                self._write_end(status, error, recorded)

    def flush(self) -> None:
        """Make everything logged so far visible to readers."""
        with self._contained("flush", []) as open_:
            if open_:
                self._flush()

    def close(self, status: str = "finished") -> None:
        """End the run; twice does nothing more.

        Args:
            status (str): finished, failed, interrupted or killed.
        """
        if not self.available:
            return
        try:
            with self._contained("close", []) as open_:
                if open_:
                    self._close(status)
        finally:
            self._forget()

    def abandon(self) -> None:
        """Let go of an SDK that failed, without waiting for it; `setup` opens it anew."""
        try:
            self._abandon()
        except Exception as error:
            self.logger.debug("%s was abandoned with an error: %s", self.title, error)
        self._forget()

    def details(self) -> dict[str, str]:
        """Return what people want to know of the destination, such as its folder or address."""
        return {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close("finished" if error_type is None else "failed")

    @abstractmethod
    def _import_sdk(self) -> None:
        """Import the SDK, and what of it is looked up later."""

    @abstractmethod
    def _open(self, run_directory: Path) -> object:
        """Open the SDK and return what names the destination to people."""

    @abstractmethod
    def _forget(self) -> None:
        """Drop the SDK's object, so that `available` is False."""

    @abstractmethod
    def _abandon(self) -> None:
        """End what the SDK runs in the background; it may be dead or hang."""

    @abstractmethod
    def _write_resume(self, step: int | None, configuration: Mapping[str, Any], recorded: Recorded | None) -> None:
        """Write that the training was resumed."""

    @abstractmethod
    def _write_metrics(
        self,
        epoch: float,
        step: int,
        metrics: Mapping[str, float],
        recorded: Recorded | None,
        texts: Mapping[str, str] | None = None,
    ) -> None:
        """Write numbers, and texts, of one record."""

    @abstractmethod
    def _write_profiling(
        self,
        epoch: float,
        step: int,
        metrics: Mapping[str, float],
        texts: Mapping[str, str],
        profiling_data: Mapping[str, Any],
        recorded: Recorded | None,
    ) -> None:
        """Write numbers and texts of profiling data, and what else the SDK can show of the data themselves."""

    @abstractmethod
    def _write_hyperparameters(self, hyperparameters: Mapping[str, Any], recorded: Recorded | None) -> None:
        """Write the hyperparameters."""

    @abstractmethod
    def _write_configuration(self, configuration: Mapping[str, Any], recorded: Recorded | None) -> None:
        """Write the configuration."""

    @abstractmethod
    def _write_architecture(self, architecture: ModelArchitecture, recorded: Recorded | None) -> None:
        """Write the model's architecture."""

    @abstractmethod
    def _write_end(self, status: str, error: ErrorDescription | None, recorded: Recorded | None) -> None:
        """Write how the run ended."""

    @abstractmethod
    def _flush(self) -> None:
        """Make what was written visible."""

    @abstractmethod
    def _close(self, status: str) -> None:
        """End the run in the SDK."""

    def _log_metrics(
        self, group: str, epoch: float, step: int, metrics: Mapping[str, Any], recorded: Recorded | None
    ) -> None:
        self.current_epoch, self.global_step = epoch, step
        with self._contained(group, metrics, epoch, step) as open_:
            if open_:
                # What comes from the journal was checked on its way into it, and when its line was read.
                shown = self._checked(group, metrics) if recorded is None else metrics
                if shown:
                    self._write_metrics(epoch, step, shown, recorded)

    def _checked(self, group: str, metrics: Mapping[str, Any]) -> dict[str, float]:
        skip = self.config.skip_nonfinite_metrics
        numbers, nonfinite = self._validation.validated(group, metrics, skip_nonfinite=skip)
        if nonfinite and not skip:
            numbers.update(nonfinite_numbers(nonfinite))
        if self.logger.isEnabledFor(logging.DEBUG):
            for name, value in numbers.items():
                self.logger.debug("Logging metric: %s = %s", name, value)
        return numbers

    def _moment(self, epoch: float | None, step: int | None) -> tuple[float, int]:
        return (
            self.current_epoch if epoch is None else epoch,
            self.global_step if step is None else step,
        )

    @contextmanager
    def _contained(
        self, subject: str, contents: Sized, epoch: float | None = None, step: int | None = None
    ) -> Iterator[bool]:
        """Profile and time a block, and keep its errors from the caller; yields whether the SDK is open."""
        started = time.perf_counter()
        with self.code_profiler.profile_operation(f"{self.name}_{subject}_logging", TRACKING):
            if not self.available or self._is_forked():
                self.logger.debug("%s is not available, skipping %s logging", self.title, subject)
                yield False
                return
            try:
                yield True
            except Exception as error:
                self.logger.debug("Failed %s: %s", subject, contents)
                self.logger.debug("Failed at epoch %s, step %s", epoch, step)
                if self._owned_by_worker:
                    if self._is_fatal(error):
                        self.abandon()
                    raise
                self.logger.error("❌ %s %s logging failed: %s", self.title, subject, error)
        self._warn_if_slow(time.perf_counter() - started, subject, len(contents))

    @staticmethod
    def _is_fatal(error: Exception) -> bool:
        """Return whether the SDK takes nothing more: with its first error the thread of a SummaryWriter ends."""
        return not isinstance(error, TypeError | ValueError)

    def _is_forked(self) -> bool:
        """Return whether this is a forked child: threads and connections of the SDK are its parent's."""
        if os.getpid() == self._owner_process:
            return False
        if not self._forked:
            self._forked = True
            self.logger.warning(
                "⚠️ %s does not log in a forked process; ExperimentTracker does, through its journal", self.title
            )
        return True

    def _warn_if_slow(self, seconds: float, subject: str, count: int) -> None:
        if seconds <= self.config.slow_logging_threshold_seconds:
            return
        if not self._owned_by_worker:
            self.logger.warning("⚠️ Slow logging detected: %.3fs for %d %s values", seconds, count, subject)
            return
        self._slow_calls += 1
        # The first call of an SDK opens files and pipes and is always slow; it says nothing of those that follow.
        if self._slow_calls == 2:
            self.logger.info(
                "%s is slow: %.3fs for %d %s values, in the background; the training does not wait",
                self.title,
                seconds,
                count,
                subject,
            )
