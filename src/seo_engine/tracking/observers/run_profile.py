"""RunProfile: logs machine load, and where time and memory went, at intervals during a run."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from seo_engine.foundation.whole_files import PRIVATE_FOLDER
from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.machine.counters import CPU, MEMORY
from seo_engine.profiling.machine.system_metrics import SystemMetrics
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.records.profiling.automatic_profile import CURVES, TABLE
from seo_engine.tracking.runs.places import DATA_FILE, TRACE_FILE, profile_folder
from seo_engine.tracking.runs.record_writer import RecordWriter

logger = logging.getLogger(__name__)

# How long closing a run waits for a reading or a file in progress.
_STOP_SECONDS = 10.0

_MOST_OPERATIONS = 200

# Earlier periodic profiles are shown as tables.
_FIRST_PROFILE_OF_CURVES = 2

Moment = tuple[float, int]


class RunProfile:
    """A thread that logs the machine's load and the profile of a run, and writes the profile's files.

    Args:
        run_directory (Path): The run's folder; the files are in its `profile/`.
        record_writer (RecordWriter): Takes the records.
        config (TrackingConfig): The settings.
        profiler (CodeProfiler): What is timed during the run.
        moment (Callable[[], Moment]): Returns the current epoch and step of the training.
        rank (int | None): Rank of this process; all but the first have their files in folders of their own. None for
            a process that trains alone.
    """

    def __init__(
        self,
        run_directory: Path,
        record_writer: RecordWriter,
        config: TrackingConfig,
        profiler: CodeProfiler,
        moment: Callable[[], Moment],
        rank: int | None = None,
    ) -> None:
        self._directory = profile_folder(run_directory, rank)
        self._rank = rank
        self._record_writer = record_writer
        self._config = config
        self._profiler = profiler
        self._system_interval = config.system_metrics_interval_seconds
        self._profile_interval = config.profiling_interval_seconds
        self._moment = moment
        self._system_metrics: SystemMetrics | None = None
        # One record per step: a second one at the same step, TensorBoard would show apart from the rest.
        self._system_logged: Moment | None = None
        self._profile_logged: Moment | None = None
        self._logged_by_training: Moment | None = None
        self._profiles = 0
        self._failed = False
        self._stopping = threading.Event()
        # A thread that hangs past the time limit must not log after the end of the run.
        self._logging = threading.Lock()
        self._thread_may_log = True
        self._thread = threading.Thread(target=self._run, name="profile-thread", daemon=True)

    def start(self) -> None:
        """Start the thread; if that fails, the profile is still logged at the end."""
        try:
            # Not in the thread: this imports, and the training may import at the same time. The load is also measured
            # from here on.
            only_main = self._config.system_metrics == "main"
            if self._system_interval:
                self._system_metrics = SystemMetrics(only_main, names_devices=self._rank is not None)
            # Files that a kill left half-written.
            for name in (TRACE_FILE, DATA_FILE):
                for path in self._directory.glob(f".{name}.*"):
                    path.unlink(missing_ok=True)
        except Exception as error:
            logger.debug("The profile starts without the machine's load, or next to leftover files: %s", error)
        try:
            self._thread.start()
        except RuntimeError as error:
            logger.warning("⚠️ The run is profiled only at its end: %s", error)

    def note_logged(self, moment: Moment) -> None:
        """Note that the training itself has logged its profile.

        Args:
            moment (Moment): At which epoch and step.
        """
        self._profile_logged = self._logged_by_training = moment

    def log_last(self, timeout_seconds: float = _STOP_SECONDS) -> None:
        """Stop, and log the load and the profile once more.

        Args:
            timeout_seconds (float): The longest time to wait for the thread.
        """
        self._stopping.set()
        try:
            if self._thread.ident is None:
                self._log_system_metrics()
            else:
                # The thread takes the last reading: a driver that hangs then blocks nothing else.
                self._thread.join(min(timeout_seconds, _STOP_SECONDS))
        finally:
            with self._logging:
                self._thread_may_log = False
        # Even if it was logged at this step before: the run has continued since then.
        self._log_profile(is_last=True)

    def write_files(self) -> None:
        """Write the newest regions as a trace, and the profile as JSON; a failure is reported once."""
        if not self._profiler.enabled:
            return
        try:
            self._directory.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
            self._profiler.export_trace(self._directory / TRACE_FILE, private=True)
            self._profiler.export_profiling_data(self._directory / DATA_FILE, private=True)
        except Exception as error:
            if not self._failed:
                self._failed = True
                logger.warning("⚠️ The profile cannot be written: %s", error)

    def write_last_files(self) -> None:
        """Write the files once more, unless the thread hangs on them: then closing would hang as well."""
        if not self._thread.is_alive():
            self.write_files()

    def _run(self) -> None:
        next_reading = time.monotonic() + (self._system_interval or float("inf"))
        next_profile = time.monotonic() + self._profile_interval
        while not self._stopping.wait(max(0.0, min(next_reading, next_profile) - time.monotonic())):
            if time.monotonic() >= next_reading:
                next_reading = time.monotonic() + self._system_interval
                self._log_system_metrics()
            if time.monotonic() >= next_profile:
                next_profile = time.monotonic() + self._profile_interval
                self._log_profile()
                self.write_files()
        self._log_system_metrics()

    def _log_system_metrics(self) -> None:
        if self._system_metrics is None:
            return
        try:
            metrics = self._system_metrics.read()
            # The profiler reads two of them itself, more often.
            self._profiler.add_counters({name: metrics[name] for name in metrics.keys() - {CPU, MEMORY}})
            moment = self._moment()
            with self._logging:
                if self._may_log() and moment != self._system_logged:
                    self._system_logged = moment
                    self._record_writer.write_metrics("performance", *moment, metrics)
        except Exception as error:
            self._record_writer.drop("misuse", f"⚠️ The machine's load cannot be read: {error}")

    def _log_profile(self, is_last: bool = False) -> None:
        if not self._profiler.enabled:
            return
        try:
            moment = self._moment()
            logged = self._logged_by_training if is_last else self._profile_logged
            if moment == logged:
                return
            profiling_data = self._profiler.profiling_data()
            # The size of a record is limited; the file in `profile/` has all operations.
            profiling_data["operations"] = profiling_data["operations"][:_MOST_OPERATIONS]
            with self._logging:
                if self._may_log() and (is_last or moment != self._profile_logged):
                    self._profile_logged = moment
                    self._profiles += not is_last
                    # One profile alone is a table, not thirty curves of one point. So is the first of a long run,
                    # because it is not known yet whether others will come, and the last of one that had no others.
                    shown_as = CURVES if self._profiles >= _FIRST_PROFILE_OF_CURVES else TABLE
                    self._record_writer.write(
                        "profiling", profiling_data=profiling_data, epoch=moment[0], step=moment[1], shown_as=shown_as
                    )
        except Exception as error:
            self._record_writer.drop("misuse", f"⚠️ The profile cannot be made: {error}")

    def _may_log(self) -> bool:
        return self._thread_may_log or threading.current_thread() is not self._thread
