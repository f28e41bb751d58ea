"""ConsoleCapture: records the console of a run in the way that its configuration names."""

from __future__ import annotations

from pathlib import Path

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.observers.console.descriptors import DescriptorConsole
from seo_engine.tracking.observers.console.python_streams import PYTHON_CONSOLE
from seo_engine.tracking.observers.console.records import ConsoleRecords
from seo_engine.tracking.runs.record_writer import RecordWriter


class ConsoleCapture:
    """Records what this process prints while the run is open.

    Args:
        run_directory (Path): The run's folder.
        record_writer (RecordWriter): Takes the records.
        config (TrackingConfig): Holds `capture_console`.
    """

    def __init__(self, run_directory: Path, record_writer: RecordWriter, config: TrackingConfig) -> None:
        self._records = ConsoleRecords(record_writer)
        self._descriptors = DescriptorConsole(run_directory, record_writer.rank)
        self._way = config.capture_console

    def start(self) -> None:
        """Start to record."""
        if self._way == "python":
            PYTHON_CONSOLE.join(self._records)
        elif self._way == "descriptors":
            self._descriptors.start()

    def finish(self, timeout_seconds: float) -> None:
        """Record what is left, and then nothing more; a second call does nothing.

        Args:
            timeout_seconds (float): The longest time to wait for the process that reads.
        """
        PYTHON_CONSOLE.leave(self._records)
        self._descriptors.finish(timeout_seconds)

    def disown_after_fork(self) -> None:
        """Leave the process that reads to the parent process."""
        self._descriptors.disown_after_fork()
