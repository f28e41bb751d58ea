"""SDKTracker: the base of trackers over an SDK. It raises errors to a worker, and logs them for direct callers."""

from __future__ import annotations

import errno
import logging
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sized
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from seo_engine.foundation.texts import one_line
from seo_engine.profiling.categories import TRACKING, delivery_of, opening_of
from seo_engine.tracking.artifacts.store import ArtifactStore
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import NO_PAYLOADS, Payloads
from seo_engine.tracking.payloads.run_payloads import HeldPayloads
from seo_engine.tracking.records.kind import CallRecords, Kind, Recorded, Shown, parts_in_words
from seo_engine.tracking.records.kinds import KINDS
from seo_engine.tracking.records.loggable import TrackerCalls
from seo_engine.tracking.records.metric_encoder import MetricEncoder
from seo_engine.tracking.records.metrics import with_nonfinite
from seo_engine.tracking.runs.console import IN_FILES_ONLY
from seo_engine.tracking.runs.places import create_run_directory
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker

# Turns a medium into what an SDK takes; None if there is nothing to show.
Convert = Callable[[Any], Any | None]

_FLUSH, _CLOSE = "flush", "close"

# What a disk or a busy system says.
_MAY_BE_BETTER_LATER = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES,
    errno.ESTALE,
}  # fmt: skip

# At most this many are remembered: a caller may make a new one at every step.
_MOST_MISTAKES = 1_000


def operations_of(tracker: str) -> list[str]:
    """Return what the work of a tracker is profiled as.

    Args:
        tracker (str): The tracker's name.
    """
    subjects = [*(kind.subject for kind in KINDS.values()), _FLUSH, _CLOSE]
    return [opening_of(tracker), *(delivery_of(subject, tracker) for subject in subjects)]


class SDKTracker(DestinationTracker, TrackerCalls):
    """A tracker over an SDK that may fail, hang or be slow.

    Used directly, it makes its own run folder, opens the SDK at once, checks and redacts what its `log_*` calls are
    given, and contains every error. A worker passes the folder of a run, calls `setup()`, and calls `show` with what
    the journal holds: that is already checked and redacted, and the worker counts the errors.

    Args:
        config (TrackingConfig | None): The settings; None means the defaults.
        run_directory (Path | None): The run's folder, given by the worker that owns this tracker.
    """

    def __init__(self, config: TrackingConfig | None = None, run_directory: Path | None = None) -> None:
        self.config = config if config is not None else TrackingConfig()
        self.code_profiler = self.config.code_profiler
        self.logger = logging.getLogger(type(self).__module__)
        self.run_directory = run_directory
        self.current_epoch = 0
        self.global_step = 0
        self._owner_process = os.getpid()
        self._forked = False
        self._setup_failure = ""
        self._said_left_out: set[str] = set()
        self._peoples_door, self._workers_door = _PeoplesDoor(self), _WorkersDoor(self)
        # The side that opens the tracker also flushes and closes it.
        self._door = self._peoples_door if run_directory is None else self._workers_door
        self._encoder = MetricEncoder(self.config.skip_nonfinite_metrics)
        # The record number of the newest direct call, which has no journal.
        self._number = 0
        if run_directory is None:
            self.setup()

    def __repr__(self) -> str:
        where = f" {self.run_directory}" if self.run_directory is not None else ""
        return f"<{type(self).__name__}{where}: {'open' if self.available else 'not open'}>"

    @property
    def artifact_store(self) -> ArtifactStore:
        """ArtifactStore: Where artifacts are kept, beside the runs."""
        return ArtifactStore(self.config.artifact_dir)

    @property
    def _run_name(self) -> str:
        return self.run_directory.name if self.run_directory is not None else ""

    def setup(self) -> None:
        """Open the SDK; a failure is logged, and `available` stays False."""
        if self.available:
            return
        with self.code_profiler.profile_operation(opening_of(self.name), TRACKING):
            try:
                if self.run_directory is None:
                    self.run_directory = create_run_directory(
                        self.config.tensorboard_log_dir, self.config.experiment_name
                    )
                opened = self._open(self.run_directory)
            except Exception as error:
                self._say_setup_failed(error)
                # Its background process may be what failed: the next try starts without it.
                self.abandon()
            else:
                # The run says in one line where it is shown; what failed before is said again once it works.
                extra = None if self._setup_failure else IN_FILES_ONLY
                self.available = True
                # All is shown again from the beginning.
                self.media_left_out = 0
                self._setup_failure = ""
                self.logger.info("✅ %s initialized: %s", self.title, opened, extra=extra)

    def _say_setup_failed(self, error: Exception) -> None:
        # A worker keeps trying: the same failure is reported once.
        reason = one_line(error)
        is_repeated = self._door is self._workers_door and reason == self._setup_failure
        level = logging.DEBUG if is_repeated else logging.ERROR
        self._setup_failure = reason
        self.logger.log(level, "❌ %s setup failed: %s", self.title, reason)

    def import_sdk(self) -> None:
        """Import all that the SDK needs; an error here occurs again in `setup`, which reports it."""
        try:
            self._import_sdk()
        except Exception as error:
            self.logger.debug("%s cannot be imported: %s", self.title, error)

    def show(self, shown: Shown, recorded: Recorded) -> None:
        """Show the parts of a record that the SDK knows; called by a worker.

        Args:
            shown (Shown): What the journal holds.
            recorded (Recorded): Where it is there.

        Raises:
            Exception: Whatever the SDK raises. If the SDK is no longer usable, it is abandoned first.
        """
        if shown.kind.is_metrics:
            assert shown.epoch is not None and shown.step is not None
            self.current_epoch, self.global_step = shown.epoch, shown.step
        values = shown.numbers or shown.texts or shown.settings
        with self._through(self._workers_door, shown.kind.subject, values, shown.epoch, shown.step) as is_open:
            if is_open:
                self._write(shown, recorded)

    def flush(self) -> None:
        """Make everything shown so far visible to readers."""
        with self._through(self._door, _FLUSH, ()) as is_open:
            if is_open:
                self._flush()

    def close(self, status: str = "finished") -> None:
        """End the run; a second call does nothing.

        Args:
            status (str): finished, failed, interrupted or killed.
        """
        if not self.available:
            return
        try:
            with self._through(self._door, _CLOSE, ()) as is_open:
                if is_open:
                    self._close(status)
        finally:
            self._forget()

    def abandon(self) -> None:
        """Drop an SDK that failed, without waiting for it; `setup` opens it again."""
        try:
            self._abandon()
        except Exception as error:
            self.logger.debug("%s was abandoned with an error: %s", self.title, error)
        self._forget()

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
        """Import the SDK, including the parts that are used later."""

    @abstractmethod
    def _open(self, run_directory: Path) -> object:
        """Open the SDK and return the destination's name for people."""

    @abstractmethod
    def _write(self, shown: Shown, recorded: Recorded) -> None:
        """Write the parts of a record that the SDK knows."""

    @abstractmethod
    def _flush(self) -> None:
        """Make what was written visible."""

    @abstractmethod
    def _close(self, status: str) -> None:
        """End the run in the SDK."""

    @abstractmethod
    def _abandon(self) -> None:
        """End what the SDK runs in the background, which may be dead or hang."""

    def _forget(self) -> None:
        """Drop the SDK's objects."""
        self.available = False

    def _converted_media(self, shown: Shown, conversions: Mapping[type, Convert]) -> list[Any]:
        """Return a record's media converted for the SDK, each from the first of its forms that the SDK knows.

        Args:
            shown (Shown): The record.
            conversions (Mapping[type, Convert]): The forms that the SDK knows.

        Returns:
            list[Any]: What became of each. A medium that fails is left out with a warning: the numbers matter more.

        Raises:
            OSError: If the disk does not take a file or cannot be read, which may be better later.
        """
        converted = []
        for forms in shown.media:
            medium = next((form for form in forms if type(form) in conversions), None)
            if medium is None:
                continue
            try:
                value = conversions[type(medium)](medium)
            except Exception as error:
                if isinstance(error, OSError) and error.errno in _MAY_BE_BETTER_LATER:
                    raise
                self._leave_out(medium.name, error)
            else:
                if value is not None:
                    converted.append(value)
        return converted

    def _leave_out(self, name: str, error: Exception) -> None:
        self.media_left_out += 1
        # Of each name once: a training may log the same at every step.
        is_repeated = name in self._said_left_out
        if len(self._said_left_out) < _MOST_MISTAKES:
            self._said_left_out.add(name)
        level = logging.DEBUG if is_repeated else logging.WARNING
        self.logger.log(level, "⚠️ %s does not show %s: %s", self.title, name, one_line(error))

    def _take(self, kind: str, **arguments: Any) -> None:
        known = KINDS[kind]
        moment = arguments.get("epoch"), arguments.get("step")
        contents: Sized = ()
        with suppress(Exception):  # a foreign object may raise whatever it is asked
            contents = next((value for value in arguments.values() if isinstance(value, Mapping)), ())
        with self._through(self._peoples_door, known.subject, contents, *moment) as is_open:
            if not is_open:
                return
            records, payloads = self._checked(known, arguments)
            for record in records:
                shown = known.shown(record, payloads)
                if shown is not None:
                    self._number = self._next_number()
                    self._write(shown, Recorded(self._number, time.time()))

    def _next_number(self) -> int:
        """Return the number of what is logged next, where no journal gives one."""
        return self._number + 1

    def _checked(self, kind: Kind, arguments: Mapping[str, Any]) -> tuple[list[Record], Payloads]:
        if not kind.is_metrics:
            made = kind.make_records(arguments, most_bytes=self.config.maximum_payload_bytes)
            if made.left_out:
                self.logger.warning("⚠️ %s records only a part of %s", kind.call, parts_in_words(made.left_out))
            return made.records, self._held(made) if kind.has_payloads else NO_PAYLOADS
        record = with_nonfinite(self._encoder.record(kind.name, **arguments), self.config.skip_nonfinite_metrics)
        if self.logger.isEnabledFor(logging.DEBUG):
            for name, value in record["metrics"].items():
                self.logger.debug("Logging metric: %s = %s", name, value)
        return [record], NO_PAYLOADS

    def _held(self, made: CallRecords) -> Payloads:
        """Return the payloads of a call where it can read them: there is no journal that holds them."""
        assert self.run_directory is not None
        held = HeldPayloads(self.run_directory, made.payloads)
        made.refer_to(held.references)
        return held

    @contextmanager
    def _through(
        self, door: _Door, subject: str, contents: Sized, epoch: float | None = None, step: int | None = None
    ) -> Iterator[bool]:
        """Profile and time a block, and report its errors to a door; yields whether the SDK is open."""
        started = time.perf_counter()
        with self.code_profiler.profile_operation(delivery_of(subject, self.name), TRACKING):
            if not self.available or self._is_forked():
                self.logger.debug("%s is not available, skipping %s logging", self.title, subject)
                yield False
                return
            try:
                yield True
            except Exception as error:
                self.logger.debug("Failed %s: %s", subject, contents)
                self.logger.debug("Failed at epoch %s, step %s", epoch, step)
                door.tell_error(subject, error)
        seconds = time.perf_counter() - started
        if seconds > self.config.slow_logging_threshold_seconds:
            door.tell_slow(subject, seconds, len(contents))

    def _is_forked(self) -> bool:
        """Return whether this is a forked child: the SDK's threads and connections belong to its parent."""
        if os.getpid() == self._owner_process:
            return False
        if not self._forked:
            self._forked = True
            self.logger.warning(
                "⚠️ %s does not log in a forked process; ExperimentTracker does, through its journal", self.title
            )
        return True


class _Door(ABC):
    """Where errors and slow calls are reported."""

    def __init__(self, tracker: SDKTracker) -> None:
        self.tracker = tracker

    @abstractmethod
    def tell_error(self, subject: str, error: Exception) -> None:
        """Report an error; called while it is handled."""

    def tell_slow(self, subject: str, seconds: float, count: int) -> None:
        """Report a slow call, for which the training waited."""
        self.tracker.logger.warning("⚠️ Slow logging detected: %.3fs for %d %s values", seconds, count, subject)


class _PeoplesDoor(_Door):
    """For direct callers: they read messages, and their training continues."""

    def __init__(self, tracker: SDKTracker) -> None:
        super().__init__(tracker)
        self._said: set[str] = set()

    def tell_error(self, subject: str, error: Exception) -> None:
        # The same mistake at every step is said once; an SDK that fails says so each time.
        mistake = f"{subject}: {error}".partition(", got")[0]
        is_repeated = isinstance(error, TypeError | ValueError) and mistake in self._said
        if len(self._said) < _MOST_MISTAKES:
            self._said.add(mistake)
        level = logging.DEBUG if is_repeated else logging.ERROR
        self.tracker.logger.log(level, "❌ %s %s logging failed: %s", self.tracker.title, subject, error)


class _WorkersDoor(_Door):
    """For a worker: it counts errors and retries."""

    def tell_error(self, subject: str, error: Exception) -> None:
        # The first error ends a SummaryWriter's thread; a wrong value does no harm.
        if not isinstance(error, TypeError | ValueError):
            self.tracker.abandon()
        raise error

    def tell_slow(self, subject: str, seconds: float, count: int) -> None:
        if not self.tracker.config.asynchronous_logging:
            super().tell_slow(subject, seconds, count)
            return
        # In the background, where nobody has to act.
        self.tracker.logger.debug("%s took %.3fs for %d %s values", self.tracker.title, seconds, count, subject)
