"""Console and log files of a run."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.texts import one_line
from seo_engine.foundation.whole_files import PRIVATE_FOLDER
from seo_engine.tracking.journal.lines import ModelArchitecture
from seo_engine.tracking.records.profiling import profiling_metrics
from seo_engine.tracking.runs.endings import ErrorDescription
from seo_engine.tracking.runs.places import LOGS
from seo_engine.tracking.trackers.destination_tracker import Recorded

_PACKAGE_LOGGER = logging.getLogger("seo_engine")

# What the emojis of the message style say, for a console that is no terminal.
_PLAIN_WORDS = {"✅ ": "", "⚠️ ": "warning: ", "❌ ": "error: "}


class RedactingFormatter(logging.Formatter):
    """Formats a message for a file, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the traceback if there is one."""
        return redact_text(super().format(record))


class ConsoleHandler(logging.Handler):
    """Shows messages on standard error: with their emojis on a terminal, in plain words elsewhere.

    Standard error is looked up at each message, because a progress bar may stand in for it meanwhile.
    """

    def __init__(self) -> None:
        super().__init__(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        if sys.stderr is None:
            return
        # Closed, redirected to a full disk, or replaced by an object of the user's that can hardly more than write:
        # that must not end whoever has something to say.
        with contextlib.suppress(Exception):
            message = self.format(record)
            on_terminal = getattr(sys.stderr, "isatty", bool)()
            print(message if on_terminal else plain_message(message), file=sys.stderr, flush=True)


class LogFileHandler(logging.FileHandler):
    """Writes messages into a file of the run; a disk that takes none of them is said by the journal, not here."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Leave out the traceback that logging would print for each message."""

    def close(self) -> None:
        """Close the file; what the disk does not take of it is lost."""
        with contextlib.suppress(OSError):
            super().close()


class SharedConsole:
    """The console of all open runs of this process, while nobody else has set one up, and the level of messages."""

    def __init__(self) -> None:
        self._users = 0
        self._handler: ConsoleHandler | None = None
        self._level_before = logging.NOTSET
        self._lock = threading.Lock()

    def join(self) -> None:
        """Show messages; the first run that joins begins it."""
        with self._lock:
            self._users += 1
            if self._users > 1:
                return
            self._level_before = _PACKAGE_LOGGER.level
            if _PACKAGE_LOGGER.level == logging.NOTSET:
                _PACKAGE_LOGGER.setLevel(logging.INFO)
            # With a handler of ours attached, logging's own last resort is silent; so the console is ours to serve.
            if not logging.getLogger().handlers and not _PACKAGE_LOGGER.handlers:
                self._handler = ConsoleHandler()
                _PACKAGE_LOGGER.addHandler(self._handler)

    def leave(self) -> None:
        """Need it no more; the last run that leaves ends it, and leaves logging as it was."""
        with self._lock:
            self._users -= 1
            if self._users > 0:
                return
            _PACKAGE_LOGGER.setLevel(self._level_before)
            if self._handler is not None:
                _PACKAGE_LOGGER.removeHandler(self._handler)
                self._handler = None

    def renew_after_fork(self) -> None:
        """Have a lock that no thread of the parent process holds."""
        self._lock = threading.Lock()


_console = SharedConsole()
os.register_at_fork(after_in_child=_console.renew_after_fork)


def plain_message(message: str) -> str:
    """Return a message of the house's style in plain words, without its emoji.

    Example:
        >>> plain_message("❌ TensorBoard setup failed: disk full")
        'error: TensorBoard setup failed: disk full'
    """
    for emoji, words in _PLAIN_WORDS.items():
        message = message.replace(emoji, words)
    return message


class RunLogs:
    """The log files of one run, and its console while nobody else has set one up.

    Args:
        run_directory (Path): The run's folder; the files lie in its `logs/`.
        timestamp (int): Unix time in the files' names.
    """

    def __init__(self, run_directory: Path, timestamp: int) -> None:
        directory = run_directory / LOGS
        directory.mkdir(PRIVATE_FOLDER, exist_ok=True)
        self._handlers = [
            _file_handler(directory / f"seo_engine_{timestamp}.log", logging.DEBUG),
            _file_handler(directory / f"errors_{timestamp}.log", logging.ERROR),
        ]
        _console.join()
        for handler in self._handlers:
            _PACKAGE_LOGGER.addHandler(handler)

    def close(self) -> None:
        """Close the files; twice does nothing more."""
        if not self._handlers:
            return
        for handler in self._handlers:
            _PACKAGE_LOGGER.removeHandler(handler)
            handler.close()
        self._handlers = []
        _console.leave()


class RunLogTracker:
    """Writes training progress and performance metrics of the journal as lines for people.

    Args:
        run_directory (Path): The run's folder.
        timestamp (int): Unix time in the files' names.
    """

    name = "run_logs"

    def __init__(self, run_directory: Path, timestamp: int) -> None:
        self._directory = run_directory / LOGS
        self._timestamp = timestamp
        self._progress: TextIO | None = None
        self._performance: TextIO | None = None

    @property
    def available(self) -> bool:
        """bool: Whether the files are open."""
        return self._progress is not None

    def setup(self) -> None:
        """Open the files; a failure is logged, and `available` stays False."""
        try:
            self._directory.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
            self._performance = self._open("performance_metrics")
            self._progress = self._open("training_progress")
        except OSError as error:
            logging.getLogger(__name__).error("❌ Log files setup failed: %s", error)

    def log_experiment_config(self, configuration: Mapping[str, Any], recorded: Recorded | None = None) -> None:
        """Write nothing: the configuration stands in the journal."""

    def log_training_metrics(
        self, epoch: float, step: int, metrics: Mapping[str, Any], recorded: Recorded | None = None
    ) -> None:
        """Write one line of progress."""
        self._write(self._progress, f"epoch {epoch:g} step {step} {_as_words(metrics)}", recorded)

    def log_evaluation_metrics(
        self, epoch: float, step: int, metrics: Mapping[str, Any], recorded: Recorded | None = None
    ) -> None:
        """Write one line of progress."""
        self._write(self._progress, f"epoch {epoch:g} step {step} {_as_words(metrics)}", recorded)

    def log_performance_metrics(
        self,
        metrics: Mapping[str, Any],
        epoch: float | None = None,
        step: int | None = None,
        recorded: Recorded | None = None,
    ) -> None:
        """Write one line of performance."""
        self._write(self._performance, f"epoch {epoch or 0:g} step {step} {_as_words(metrics)}", recorded)

    def log_profiling_data(
        self,
        profiling_data: Mapping[str, Any],
        epoch: float | None = None,
        step: int | None = None,
        recorded: Recorded | None = None,
    ) -> None:
        """Write one line an operation, a bottleneck and a recommendation."""
        metrics, texts = profiling_metrics(profiling_data)
        for name, value in {**metrics, **texts}.items():
            # Names of operations are any text.
            self._write(self._performance, one_line(f"step {step} {_as_words({name: value})}"), recorded)

    def log_hyperparameters(self, hyperparameters: Mapping[str, Any], recorded: Recorded | None = None) -> None:
        """Write one line."""
        self._write(self._progress, f"hyperparameters {_as_words(hyperparameters)}", recorded)

    def log_model_architecture(self, architecture: ModelArchitecture, recorded: Recorded | None = None) -> None:
        """Write how large the model is."""
        counts = f"{architecture['parameters']} parameters, {architecture['trainable_parameters']} trainable"
        self._write(self._progress, f"model {counts}", recorded)

    def log_text(
        self,
        name: str,
        text: str,
        epoch: float | None = None,
        step: int | None = None,
        recorded: Recorded | None = None,
    ) -> None:
        """Write one line; line breaks in the text are shown as such."""
        self._write(self._progress, f"step {step} {name}: {text!r}", recorded)

    def log_resume(self, step: int | None, configuration: Mapping[str, Any], recorded: Recorded | None = None) -> None:
        """Write one line."""
        self._write(self._progress, "resumed" if step is None else f"resumed at step {step}", recorded)

    def log_end(self, status: str, error: ErrorDescription | None = None, recorded: Recorded | None = None) -> None:
        """Write one line, and the traceback of an error."""
        what = f": {error['message']}\n{error['traceback'].rstrip()}" if error is not None else ""
        self._write(self._progress, f"{status}{what}", recorded)

    def abandon(self) -> None:
        """Let go of files that were deleted."""
        self._progress = self._performance = None

    def flush(self) -> None:
        """Write what is buffered."""
        for file in (self._progress, self._performance):
            if file is not None:
                file.flush()

    def close(self, status: str = "finished") -> None:
        """Close the files."""
        for file in (self._progress, self._performance):
            if file is not None:
                file.close()
        self._progress = self._performance = None

    def details(self) -> dict[str, str]:
        """Return the folder of the files."""
        return {"directory": str(self._directory)}

    def _open(self, subject: str) -> TextIO:
        # From the beginning: the worker hands over the whole run whenever these files are opened.
        return (self._directory / f"{subject}_{self._timestamp}.log").open("w", encoding="utf-8")

    @staticmethod
    def _write(file: TextIO | None, line: str, recorded: Recorded | None) -> None:
        if file is not None:
            moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(recorded.time if recorded else None))
            file.write(f"{moment} {line}\n")


def _as_words(values: Mapping[str, Any]) -> str:
    return " ".join(
        f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()
    )


def _file_handler(path: Path, level: int) -> logging.Handler:
    handler = LogFileHandler(path, encoding="utf-8", errors="backslashreplace")
    handler.setLevel(level)
    handler.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler
