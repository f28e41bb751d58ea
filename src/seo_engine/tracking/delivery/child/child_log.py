"""ChildLog: the file that takes what a child process and its libraries print."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import BinaryIO

from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.texts import one_line
from seo_engine.foundation.whole_files import PRIVATE_FOLDER
from seo_engine.tracking.runs.lifecycle import Lifecycle
from seo_engine.tracking.runs.places import LOGS

logger = logging.getLogger(__name__)

LONGEST_REASON_CHARACTERS = 300


class ChildLog:
    """Takes what child processes of one name print, one after the other.

    Args:
        run_directory (Path): The run's folder; the file is in its `logs/`.
        name (str): Whose output it is: that of a tracker, of the standby process, or of the delivery for all ranks.
        life (Lifecycle): Identity of the run.

    Example:
        >>> import tempfile
        >>> log = ChildLog(Path(tempfile.mkdtemp()), "wandb", Lifecycle())
        >>> with log.open() as file:
        ...     _ = file.write(b"Traceback\\nImportError: no wandb\\n")
        >>> log.last_words()
        'ImportError: no wandb'
    """

    def __init__(self, run_directory: Path, name: str, life: Lifecycle) -> None:
        self._path = run_directory / LOGS / f"{name}_process_{life.timestamp}.log"
        self._size_before = 0

    def open(self) -> BinaryIO:
        """Return the file for the next child to print into; the null device if the disk refuses it."""
        try:
            # A run that somebody sent may consist of its journal alone.
            self._path.parent.mkdir(PRIVATE_FOLDER, exist_ok=True)
            file = self._path.open("ab")
            self._size_before = file.tell()
            return file
        except OSError as error:
            logger.debug("What a child process prints is not kept: %s", error)
            return Path(os.devnull).open("ab")

    def remove_if_empty(self) -> None:
        """Remove the file if no child has printed anything."""
        with contextlib.suppress(OSError):
            if not self._path.stat().st_size:
                self._path.unlink()

    def last_words(self) -> str:
        """Return the last line that the newest child printed, with which a traceback ends."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._size_before)
                lines = file.read().decode(errors="replace").split("\n")
        except OSError:
            lines = []
        last_line = next((line for line in reversed(lines) if line.strip()), "it ended without a word")
        return redact_text(one_line(last_line))[:LONGEST_REASON_CHARACTERS]
