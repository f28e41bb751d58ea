"""LogFileTracker: training progress and performance metrics as lines for people."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from seo_engine.foundation.texts import one_line
from seo_engine.foundation.whole_files import PRIVATE_FOLDER
from seo_engine.tracking.records.forms import Artifact
from seo_engine.tracking.records.kind import Recorded, Shown
from seo_engine.tracking.records.profiling.profiling_metrics import profiling_metrics
from seo_engine.tracking.runs.places import LOGS
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker


class LogFileTracker(DestinationTracker):
    """Writes training progress and performance metrics from the journal as lines for people.

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
        # Made only if something was printed.
        self._console: TextIO | None = None

    def setup(self) -> None:
        """Open the files; a failure is logged, and `available` stays False."""
        try:
            self._directory.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
            self._performance = self._open("performance_metrics")
            self._progress = self._open("training_progress")
        except OSError as error:
            logging.getLogger(__name__).error("❌ Log file setup failed: %s", error)
        else:
            self.available = True

    def show(self, shown: Shown, recorded: Recorded) -> None:
        """Write one line, or one for each number of a profile.

        Args:
            shown (Shown): The record.
            recorded (Recorded): Where it is in the journal.
        """
        record = shown.record
        match shown.kind.name:
            case "performance":
                self._write(self._performance, _point(shown), recorded)
            case "profiling":
                # All of it, including what is not a number.
                metrics, texts = profiling_metrics(record["profiling_data"])
                for name, value in {**metrics, **texts}.items():
                    # Operation names may be any text.
                    words = _as_words({shown.prefix + name: value})
                    self._write(self._performance, one_line(f"step {shown.step} {words}"), recorded)
            case "console":
                self._console = self._console or self._open("console")
                for line in record["text"].split("\n"):
                    self._write(self._console, line, recorded)
            case "surroundings":
                # The rest is in the journal: there are hundreds of packages.
                self._write(self._progress, one_line(f"code {_as_words(record['git'])}"), recorded)
            case "hyperparameters":
                self._write(self._progress, f"hyperparameters {_as_words(shown.settings)}", recorded)
            case "model_architecture":
                model = record["architecture"]
                counts = f"{model['parameters']} parameters, {model['trainable_parameters']} trainable"
                self._write(self._progress, f"model {counts}", recorded)
            case "resume" if shown.prefix:
                # Of one rank: the first of them has said it.
                pass
            case "resume":
                step = record["step"]
                self._write(self._progress, "resumed" if step is None else f"resumed at step {step}", recorded)
            case "end":
                self._write(self._progress, _end(record), recorded)
                self._write_summary(shown, recorded)
            case _:
                # The configuration is in the journal. Line breaks in a text are shown escaped.
                for name, text in shown.texts.items():
                    self._write(self._progress, f"step {shown.step} {name}: {text!r}", recorded)
                self._write_summary(shown, recorded)
                if shown.numbers:
                    self._write(self._progress, _point(shown), recorded)
                for forms in shown.media:
                    what = _artifact(forms[0]) if isinstance(forms[0], Artifact) else shown.kind.subject
                    self._write(self._progress, f"step {shown.step} {forms[0].name}: {what}", recorded)

    def _write_summary(self, shown: Shown, recorded: Recorded) -> None:
        if shown.summary:
            self._write(self._progress, one_line(f"summary {_as_words(shown.summary)}"), recorded)

    def flush(self) -> None:
        """Write what is buffered."""
        for file in self._files():
            file.flush()

    def close(self, status: str = "finished") -> None:
        """Close the files."""
        for file in self._files():
            file.close()
        self.abandon()

    def abandon(self) -> None:
        """Drop files that were deleted."""
        self._progress = self._performance = self._console = None
        self.available = False

    def details(self) -> dict[str, str]:
        """Return the folder of the files."""
        return {"directory": str(self._directory)}

    def _files(self) -> list[TextIO]:
        return [file for file in (self._progress, self._performance, self._console) if file is not None]

    def _open(self, subject: str) -> TextIO:
        # Somebody may have removed it; not that of the run, which the journal restores.
        self._directory.mkdir(PRIVATE_FOLDER, exist_ok=True)
        # From the beginning: the worker delivers the whole run whenever these files are opened.
        return (self._directory / f"{subject}_{self._timestamp}.log").open("w", encoding="utf-8")

    @staticmethod
    def _write(file: TextIO | None, line: str, recorded: Recorded) -> None:
        if file is not None:
            moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(recorded.time))
            file.write(f"{moment} {line}\n")


def _point(shown: Shown) -> str:
    return f"epoch {shown.epoch:g} step {shown.step} {_as_words(shown.numbers)}"


def _end(record: Mapping[str, Any]) -> str:
    error = record.get("error")
    what = f": {error['message']}\n{error['traceback'].rstrip()}" if error is not None else ""
    return f"{record['status']}{what}"


def _artifact(artifact: Artifact) -> str:
    """Return how a version is named; this is also where it is made of what was staged: every run has these files."""
    try:
        label = artifact.version().label
    except ValueError as error:
        # It was deleted meanwhile, or the run was moved away from it.
        return one_line(error)
    return f"used {label}" if artifact.is_used else label


def _as_words(values: Mapping[str, Any]) -> str:
    return " ".join(
        f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()
    )
