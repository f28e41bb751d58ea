"""Standby: a process that completes a run without W&B if the training is killed."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path

from seo_engine.foundation.interpreter import NoInterpreterError, child_command, disown_child, import_line
from seo_engine.tracking.delivery.child.child_log import ChildLog
from seo_engine.tracking.delivery.child.child_process import start_child
from seo_engine.tracking.runs.training_end import FAREWELL

logger = logging.getLogger(__name__)

# By its name, because it imports what only that process may need.
_MAIN_PROGRAM = "seo_engine.tracking.delivery.standby_process"

_LONGEST_FAREWELL_SECONDS = 2.0


class Standby:
    """Starts a process that only waits, and imports no SDK, until this one is gone without having dismissed it.

    Then it writes the run's end and completes the views, as the child process of W&B does where there is one. It
    notices by the end of its pipe, so no signal needs a handler.

    Args:
        run_directory (Path): The run's folder.
        log (ChildLog): Takes what the process prints; without a word from it, there is no file.
    """

    def __init__(self, run_directory: Path, log: ChildLog) -> None:
        self._run_directory = run_directory
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; if that fails, one sentence says so."""
        try:
            command = [*child_command(_MAIN_PROGRAM), str(self._run_directory.absolute())]
            self._process = start_child(command, self._log, reports=False)
            self._write(import_line())
        except (NoInterpreterError, OSError) as error:
            logger.warning("⚠️ No process stands by to complete this run if the training is killed: %s", error)

    def dismiss(self) -> None:
        """End the process, because the run is complete; a second call does nothing."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        if process.poll() is not None:
            logger.warning("⚠️ No process stood by in case the training was killed: %s", self._log.last_words())
        try:
            process.stdin.write(FAREWELL)
            process.stdin.close()
            process.wait(_LONGEST_FAREWELL_SECONDS)
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            logger.debug("The standby process is gone already, or does not go: %s", error)
            process.kill()
            process.wait()
        self._log.remove_if_empty()

    def disown_after_fork(self) -> None:
        """Close the pipe in a forked process: its end must be seen when the training dies."""
        process, self._process = self._process, None
        if process is not None:
            disown_child(process)

    def _write(self, line: bytes) -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()
