"""SurroundingsReading: has a process of its own read what a run runs in, and records it."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from seo_engine.foundation.interpreter import NoInterpreterError, child_command, import_line, start_interpreter
from seo_engine.foundation.redaction import redact_command
from seo_engine.foundation.texts import one_line
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.observers.run_profile import Moment
from seo_engine.tracking.records.marks.surroundings import SECTIONS
from seo_engine.tracking.runs.record_writer import RecordWriter
from seo_engine.tracking.surroundings.seeds import read_seeds

logger = logging.getLogger(__name__)

# By its name, because it imports what only that process needs.
_MAIN_PROGRAM = "seo_engine.tracking.surroundings.surroundings_process"

_LONGEST_READING_SECONDS = 60.0

# How long the end of a short run waits for it.
_LONGEST_WAIT_SECONDS = 5.0


class SurroundingsReading:
    """Reads, when a run begins, what it runs in, without a moment of the training's time.

    Args:
        record_writer (RecordWriter): Takes the records.
        config (TrackingConfig): Says what is recorded.
        moment (Callable[[], Moment]): Returns the current epoch and step of the training.
    """

    def __init__(self, record_writer: RecordWriter, config: TrackingConfig, moment: Callable[[], Moment]) -> None:
        self._record_writer = record_writer
        self._config = config
        self._moment = moment
        self._process: subprocess.Popen[bytes] | None = None
        self._seeds: dict[str, int | str] = {}
        self._has_recorded = False
        # Nothing may be logged after the end of the run.
        self._logging = threading.Lock()
        self._may_log = True
        self._thread = threading.Thread(target=self._run, name="surroundings-thread", daemon=True)

    def start(self) -> None:
        """Start reading, if it is asked for."""
        if not self._config.record_surroundings:
            return
        # Before the first numbers are drawn.
        self._seeds = read_seeds()
        try:
            self._thread.start()
        except RuntimeError as error:
            logger.warning("⚠️ What the run runs in is not recorded: %s", error)

    def finish(self, timeout_seconds: float) -> None:
        """Wait for the record, which comes a moment after the run began; then give it up.

        Args:
            timeout_seconds (float): The longest time to wait.
        """
        if self._thread.ident is None:
            return
        self._thread.join(min(timeout_seconds, _LONGEST_WAIT_SECONDS))
        with self._logging:
            self._may_log = False
        if self._thread.is_alive() and self._process is not None:
            _kill(self._process)
            self._thread.join(timeout_seconds)
        if self._has_recorded:
            self._record_new_seeds()

    def _run(self) -> None:
        try:
            answer = self._ask()
        except (NoInterpreterError, OSError, ValueError, subprocess.SubprocessError) as error:
            if self._may_log:
                logger.warning("⚠️ What the run runs in is not recorded: %s", one_line(error))
            return
        with self._logging:
            if self._may_log:
                self._record(answer)

    def _ask(self) -> dict[str, Any]:
        command = [*child_command(_MAIN_PROGRAM), *self._questions()]
        self._process = start_interpreter(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            printed, errors = self._process.communicate(import_line(), _LONGEST_READING_SECONDS)
        except subprocess.TimeoutExpired:
            _kill(self._process)
            self._process.communicate()
            raise
        lines = printed.splitlines()
        if self._process.returncode or not lines:
            words = errors.decode(errors="replace").strip().splitlines()
            raise ValueError(words[-1] if words else "its process ended without a word")
        # The last one, because something else may print, such as a user's `sitecustomize`.
        answer: dict[str, Any] = json.loads(lines[-1])
        return answer

    def _questions(self) -> list[str]:
        questions = ["uncommitted_changes"] if self._config.record_uncommitted_changes else []
        file = getattr(sys.modules.get("__main__"), "__file__", None)
        if self._config.record_program_source and isinstance(file, str):
            questions.append(f"source:{file}")
        return questions

    def _record(self, answer: dict[str, Any]) -> None:
        changes, source = answer.pop("uncommitted_changes", ""), answer.pop("source", "")
        # A seed that was chosen after the run began is the one that counts.
        self._seeds |= read_seeds()
        self._write(seeds=self._seeds, **answer)
        self._has_recorded = True
        epoch, step = self._moment()
        stays_here = not self._config.wandb_source_code
        for name, text in (("uncommitted_changes.patch", changes), ("program.py", source)):
            if text:
                self._record_writer.write(
                    "file", name=f"source/{name}", file=text.encode(), epoch=epoch, step=step, stays_here=stays_here
                )

    def _record_new_seeds(self) -> None:
        """Record the seeds that were chosen since, if there are any."""
        seeds = self._seeds | read_seeds()
        if seeds != self._seeds:
            self._write(**{name: {} for name in SECTIONS} | {"seeds": seeds})

    def _write(self, **contents: Any) -> None:
        epoch, step = self._moment()
        command = redact_command(sys.orig_argv)
        self._record_writer.write("surroundings", command=command, epoch=epoch, step=step, **contents)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process, and what it has started: git may compare a large repository for minutes."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
