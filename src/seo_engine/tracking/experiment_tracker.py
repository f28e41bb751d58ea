"""ExperimentTracker: one call logs to every tracker, costs microseconds, and loses nothing."""

from __future__ import annotations

import _thread
import logging
import os
import shlex
import sys
import threading
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from seo_engine.foundation.commands import relative_path
from seo_engine.foundation.notebooks import as_html_table
from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.categories import TRACKER_CLEANUP, TRACKER_SETUP, TRACKING
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.current_moment import CurrentMoment
from seo_engine.tracking.delivery.child.tracker_in_child import TrackerInChild
from seo_engine.tracking.job.joining import open_run
from seo_engine.tracking.job.launcher import read_launched_process
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.model_watching import WatchingCalls
from seo_engine.tracking.notebook_cells import watch_cells
from seo_engine.tracking.records.marks.run_marks import STATUSES
from seo_engine.tracking.run_states.attached_run import AttachedRun
from seo_engine.tracking.run_states.opening import state_of
from seo_engine.tracking.run_states.run_state import FailedRun, NoRun, RunState
from seo_engine.tracking.runs.endings import call_at_exit, status_after
from seo_engine.tracking.runs.ledger import DeliveryState
from seo_engine.tracking.runs.open_run import attach_run
from seo_engine.tracking.runs.places import find_run
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker
from seo_engine.tracking.trackers.registry import checked_extra_trackers, expected_views, steps_after
from seo_engine.tracking.trackers.tensorboard.tensorboard_tracker import TensorBoardTracker
from seo_engine.tracking.trackers.wandb.wandb_tracker import WandBTracker

logger = logging.getLogger(__name__)


class ExperimentTracker(WatchingCalls):
    """Tracks one run in TensorBoard, Weights & Biases and log files, through one journal.

    `log_metrics` is the everyday call. `log_image`, `log_table`, `log_figure`, `log_histogram`, `log_html`, `log_text`
    log what people look at, `log_hyperparameters`, `log_settings`, `log_model_architecture`, `log_profiling_data` what
    else describes a run. Each call appends one line to the run's `journal.jsonl`, after its data if it has any, and
    returns; workers deliver the journal in the background. No call raises or waits for a tracker, and nothing is lost
    once a call has returned. `close`, or the end of a `with` block, ends the run.

    Args:
        config (TrackingConfig | None): The settings; an `SEOConfig` is one too. None means the defaults.
        resume (str | Path | None): The run to resume, by its folder's name or its path. None starts a new run.
        step (int | None): With `resume`, the first step that will be logged again. What was logged at this step and
            later is superseded, so a loop that resumes after its checkpoint at step 79 passes 80 and begins at 80.
            None supersedes nothing.
        extra_trackers (Sequence[DestinationTracker]): Further destinations; each has its own delivery thread.

    Attributes:
        config (TrackingConfig): The settings.
        code_profiler (CodeProfiler): Times regions of your code; its profile is logged with the run.
        current_epoch (float): The epoch of the last call.
        global_step (int): The step of the last call, or the one that a resumed run begins at.

    Raises:
        ValueError: If `config` is not a TrackingConfig, if the run to resume does not exist or is still open, or if
            an extra tracker is not a DestinationTracker with a name of its own.
        OSError: If the run's folder cannot be written, and `on_setup_failure` is `raise`.

    Example:
        >>> import tempfile
        >>> config = TrackingConfig(tensorboard_log_dir=tempfile.mkdtemp(), wandb_logging=False)
        >>> with ExperimentTracker(config) as tracker:
        ...     tracker.log_hyperparameters({"learning_rate": 1e-3})
        ...     for step, batch in enumerate([4.0, 2.0, 1.0], start=1):
        ...         loss = batch / 2
        ...         tracker.log_metrics({"loss": loss, "val/acc": 1 - loss / 4}, step=step)
        >>> tracker.delivery["tensorboard"].pending
        0
    """

    # A debugger may show an object that is only half made.
    _run: RunState = NoRun()
    # What is timed during the run.
    _profile: CodeProfiler | None = None
    _closed = False
    _forget_exit: Callable[[], None] = staticmethod(lambda: None)

    def __init__(
        self,
        config: TrackingConfig | None = None,
        *,
        resume: str | Path | None = None,
        step: int | None = None,
        extra_trackers: Sequence[DestinationTracker] = (),
    ) -> None:
        config = config if config is not None else TrackingConfig()
        if not isinstance(config, TrackingConfig):
            raise ValueError(f"config must be a TrackingConfig or an SEOConfig, got {type(config).__name__}")
        if step is not None and (resume is None or isinstance(step, bool) or not isinstance(step, int)):
            raise ValueError(f"step must be an integer, and requires resume, got {step!r}")
        self._prepare(config, checked_extra_trackers(extra_trackers, config.additional_trackers))
        if not config.experiment_tracking_enabled:
            return
        # Outside the `try`: a run to resume that does not exist is the caller's mistake.
        directory = find_run(config.tensorboard_log_dir, str(resume)) if resume is not None else None
        with config.code_profiler.profile_operation(TRACKER_SETUP, TRACKING):
            try:
                run = open_run(config, directory, step)
            except OSError as error:
                if config.on_setup_failure == "raise":
                    raise
                logger.error("❌ Experiment tracker setup failed, nothing in this run is recorded: %s", error)
                self._run = FailedRun(str(error))
                self._forget_exit = call_at_exit(self._close_at_exit)
                # A forked process must not report it as well.
                _open_trackers.add(self)
                return
            if resume is not None or run.goes_on:
                self.current_epoch, self.global_step = run.life.epoch, run.life.step
                # So that a call that gives no step logs at `step` next.
                self._steps.last = run.life.step if step is None else step - 1
            profile = self._profile = config.code_profiler.begin_run()
            self._join(state_of(run, config, profile, self._extra_trackers, self._progress))
            if run.goes_on:
                self._mark_where_it_goes_on(run.life.step)
            try:
                if self._run.shows_views:
                    self._say_what_is_shown()
                self.setup_trackers()
            except BaseException as error:
                # For example, Ctrl-C while a library is imported: the run has begun, so it must be ended.
                self.close(status_after(error), error)
                raise

    @classmethod
    def attach(cls, run: str | Path) -> Self:
        """Log into another process's run, for example from a spawned data-loader worker.

        It needs only the run's folder. The run's owner delivers what is logged, and ends the run. A forked process
        need not call this: it simply logs. A tracker that is unpickled in another process attaches too. If there is no
        run in this folder yet, what is logged waits in memory until there is one.

        Args:
            run (str | Path): The run's folder.

        Returns:
            ExperimentTracker: Logs into that run; its `close` leaves the run open.

        Example:
            >>> import tempfile
            >>> config = TrackingConfig(
            ...     tensorboard_log_dir=tempfile.mkdtemp(), wandb_logging=False, tensorboard_logging=False
            ... )
            >>> with ExperimentTracker(config) as tracker, ExperimentTracker.attach(tracker.run_directory) as attached:
            ...     attached.log_training_metrics(epoch=1, step=1, metrics={"loss": 0.5})
        """
        return cls._attach_as(run, read_launched_process(os.environ).rank)

    @classmethod
    def _attach_as(cls, run: str | Path, rank: int) -> Self:
        opened = attach_run(run, rank)
        tracker = cls.__new__(cls)
        tracker._prepare(opened.config)
        tracker._profile = opened.config.code_profiler.begin_run()
        tracker._join(AttachedRun(opened, tracker._progress))
        return tracker

    def _prepare(self, config: TrackingConfig, extra_trackers: tuple[DestinationTracker, ...] = ()) -> None:
        super().__init__(config)
        self._run = NoRun()
        self._extra_trackers = extra_trackers
        self._closing_lock = threading.RLock()
        self._progress = CurrentMoment(self)

    def _join(self, run: AttachedRun) -> None:
        self._run = run
        self._open_writers(run.record_writer)
        self._forget_exit = call_at_exit(self._close_at_exit)
        _open_trackers.add(self)
        _open_runs.add(run)
        watch_cells(_open_trackers)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._run.directory is None:
            return ExperimentTracker, (self.config,)
        assert self._run.record_writer is not None
        return ExperimentTracker._attach_as, (self._run.directory.absolute(), self._run.record_writer.rank)

    def __repr__(self) -> str:
        directory = self.run_directory
        if directory is None:
            return f"<ExperimentTracker: {self._run.description}>"
        pending = "".join(
            f", {state.pending:,} of {state.accepted:,} records pending for {name}"
            for name, state in self.delivery.items()
            if state.pending
        )
        return f"<ExperimentTracker {relative_path(directory)}: {self._in_words()}, step {self.global_step}{pending}>"

    def _repr_html_(self) -> str:
        directory = self.run_directory
        if directory is None:
            return as_html_table(repr(self), [])
        rows = [("state", self._in_words()), ("epoch", self.current_epoch), ("step", self.global_step)]
        delivery = self.delivery
        rows += [(name, f"{each.delivered:,} of {each.accepted:,} records") for name, each in delivery.items()]
        rows += [(step.label, step.typed) for step in steps_after(directory, delivery)]
        return as_html_table(f"Run {relative_path(directory)}", rows)

    def _in_words(self) -> str:
        return "closed" if self._closed else self._run.description

    def setup_trackers(self) -> None:
        """Start delivery to every enabled tracker; the constructor has done so."""
        self._run.start()

    @property
    def tensorboard_tracker(self) -> TensorBoardTracker | None:
        """TensorBoardTracker | None: Delivers to TensorBoard; None if that is off, or delivered to in a child."""
        tracker = self._run.trackers.get(TensorBoardTracker.name)
        return tracker if isinstance(tracker, TensorBoardTracker) else None

    @property
    def wandb_tracker(self) -> WandBTracker | TrackerInChild | None:
        """WandBTracker | TrackerInChild | None: Delivers to W&B; None if W&B is switched off.

        With asynchronous logging the tracker is open in a child process, and this reports its state.
        """
        tracker = self._run.trackers.get(WandBTracker.name)
        return tracker if isinstance(tracker, WandBTracker | TrackerInChild) else None

    @property
    def run_directory(self) -> Path | None:
        """Path | None: The run's folder; None if tracking is off or could not start."""
        return self._run.directory

    @property
    def _run_name(self) -> str:
        return self.run_directory.name if self.run_directory is not None else ""

    @property
    def logging_queue(self) -> LoggingQueue | None:
        """LoggingQueue | None: The journal."""
        return self._run.logging_queue

    @property
    def stop_requested(self) -> bool:
        """bool: Whether the W&B server asked to stop the training, which continues unless its loop checks this."""
        return any(state.stop_requested for state in self.delivery.values())

    @property
    def logging_thread(self) -> threading.Thread | None:
        """threading.Thread | None: The thread that delivers to TensorBoard."""
        return self._run.logging_thread(TensorBoardTracker.name)

    @property
    def delivery(self) -> dict[str, DeliveryState]:
        """dict[str, DeliveryState]: The progress of each tracker, by name."""
        return self._run.delivery

    def flush(self, timeout_seconds: float | None = None) -> bool:
        """Wait until the trackers hold what was logged before this call.

        Args:
            timeout_seconds (float | None): The longest time to wait; None means `close_timeout_seconds`.

        Returns:
            bool: Whether all of them do.
        """
        if self._closed:
            return True
        return self._run.flush(self.config.close_timeout_seconds if timeout_seconds is None else timeout_seconds)

    def close(self, status: str | None = None, error: BaseException | None = None) -> None:
        """Deliver the backlog, close every tracker, and report what is undelivered; a second call does nothing.

        A `with` block, or the interpreter's exit, calls it with the status that follows from the exception, if any.

        Args:
            status (str | None): How the run ended: finished, failed, interrupted or killed. None means: as `error`, or
                the exception that is being handled where this is called, says.
            error (BaseException | None): What ended it; its traceback is kept in the run.
        """
        if status is None:
            error = error if error is not None else sys.exception()
            status = status_after(error if isinstance(error, BaseException | None) else RuntimeError())
            error = None if status == "finished" else error
        # Another thread waits here until the first is done; a signal handler that interrupts the first finds it closed.
        with self._closing_lock:
            if self._closed:
                return
            if not self._run.is_ours_to_close:
                self._run.write_what_waits()
                return
            if status not in STATUSES:
                logger.warning("⚠️ status must be one of %s, got %r", ", ".join(STATUSES), status)
                status = "finished" if error is None else "failed"
            if error is not None and not isinstance(error, BaseException):
                logger.warning("⚠️ error must be an exception, got %s", type(error).__name__)
                error = RuntimeError(str(error))
            self._stop_watching()
            self._closed, self._is_open = True, False
            try:
                with self.code_profiler.profile_operation(TRACKER_CLEANUP, TRACKING):
                    self._run.close(status, error, self.config.close_timeout_seconds)
            except Exception as failure:
                logger.error("❌ Experiment tracker cleanup failed: %s; %s", failure, self._how_to_recover())
            except BaseException:
                # A second Ctrl-C, or what a signal handler raises: the sender does not want to wait.
                logger.warning("⚠️ Closing was interrupted; %s", self._how_to_recover())
                raise
            finally:
                self._forget_exit()
                _open_trackers.discard(self)
                _open_runs.discard(self._run)
                try:
                    self._run.leave()
                finally:
                    if self._profile is not None:
                        self.code_profiler.end_run(self._profile)

    def _note_profile(self, moment: tuple[float, int]) -> None:
        self._run.note_profile(moment)

    def _how_to_recover(self) -> str:
        recover = f"seo-engine runs recover {shlex.quote(str(self.run_directory))}"
        return f"the journal keeps what was written to it. To deliver the rest: {recover}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        status = status_after(error)
        self.close(status, error if status != "finished" else None)

    def __del__(self) -> None:
        # Python may call this at any moment, while any lock is held: whatever takes one happens in another thread.
        is_open = isinstance(self._run, AttachedRun) and self._run.is_ours_to_close and not self._closed
        if not is_open or sys.is_finalizing():
            return
        # From here on, this object lives until it is closed.
        self._progress.pin(self)
        _thread.start_new_thread(_end_abandoned, (self,))

    def _close_abandoned(self) -> None:
        assert self.run_directory is not None
        # Of an attached tracker, nothing ends but itself.
        level = logging.INFO if self._run.shows_views else logging.DEBUG
        logger.log(
            level, "✅ The tracker of %s is no longer used, so its run ends here", relative_path(self.run_directory)
        )
        self.close("finished")

    def _close_at_exit(self, error: BaseException | None) -> None:
        self.close(status_after(error), error)

    def _say_what_is_shown(self) -> None:
        assert self.run_directory is not None
        views = [*expected_views(self.config), *(tracker.name for tracker in self._extra_trackers)]
        logger.info("✅ Run %s: %s", relative_path(self.run_directory), ", ".join(views) or "its journal alone")

    def _deliver_in_caller(self) -> None:
        self._run.deliver_in_caller()

    def _renew_after_fork(self) -> None:
        self._closing_lock = threading.RLock()
        self._steps.renew_after_fork()
        self._forget_earlier_attempt()
        self._run = self._run.after_fork()


def _end_abandoned(tracker: ExperimentTracker) -> None:
    """Close a tracker that nothing refers to any more, in a thread for which the interpreter's exit waits."""
    # `daemon` is given, because otherwise Python asks the current thread, which it may not know.
    threading.Thread(target=tracker._close_abandoned, name="closing-thread", daemon=False).start()


# Not weak: when Python collects a reference cycle with a tracker in it, it also closes the files in that cycle.
_open_runs: set[RunState] = set()
_open_trackers: weakref.WeakSet[ExperimentTracker] = weakref.WeakSet()


def _renew_trackers_after_fork() -> None:
    for tracker in list(_open_trackers):
        tracker._renew_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_trackers_after_fork)
