"""The log files of a run: the package's messages while the run is open."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.whole_files import PRIVATE_FOLDER
from seo_engine.tracking.journal.rank_files import rank_name
from seo_engine.tracking.runs.console import CONSOLE
from seo_engine.tracking.runs.places import LOGS

_PACKAGE_LOGGER = logging.getLogger("seo_engine")


class RedactingFormatter(logging.Formatter):
    """Formats a message for a file, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback if there is one."""
        return redact_text(super().format(record))


class LogFileHandler(logging.FileHandler):
    """Writes messages to a file of the run. A disk that refuses them is reported by the journal, not here."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Suppress the traceback that logging would print for each message."""

    def close(self) -> None:
        """Close the file; messages that the disk refuses are lost."""
        with contextlib.suppress(OSError):
            super().close()


class RunLogs:
    """The log files of one run, and its console unless one is set up elsewhere.

    Args:
        run_directory (Path): The run's folder; the files are in its `logs/`.
        timestamp (int): Unix time in the files' names.
        rank (int): Rank of this process; only the files of the first have no rank in their names.
    """

    def __init__(self, run_directory: Path, timestamp: int, rank: int = 0) -> None:
        directory = run_directory / LOGS
        directory.mkdir(PRIVATE_FOLDER, exist_ok=True)
        name = f"{rank_name(rank)}_{timestamp}" if rank else str(timestamp)
        self._handlers = [
            _file_handler(directory / f"seo_engine_{name}.log", logging.DEBUG),
            _file_handler(directory / f"errors_{name}.log", logging.ERROR),
        ]
        CONSOLE.join()
        for handler in self._handlers:
            _PACKAGE_LOGGER.addHandler(handler)

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        if not self._handlers:
            return
        for handler in self._handlers:
            _PACKAGE_LOGGER.removeHandler(handler)
            handler.close()
        self._handlers = []
        CONSOLE.leave()


def _file_handler(path: Path, level: int) -> logging.Handler:
    handler = LogFileHandler(path, encoding="utf-8", errors="backslashreplace")
    handler.setLevel(level)
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler
