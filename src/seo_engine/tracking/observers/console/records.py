"""ConsoleRecords: what is printed -> records, bounded and without secrets."""

from __future__ import annotations

import os
import time

from seo_engine.foundation.redaction import environment_secrets, redact_text
from seo_engine.tracking.observers.console.lines import ConsoleLines
from seo_engine.tracking.runs.record_writer import RecordWriter

# Per process. A program that prints more than this prints in a loop.
MOST_BYTES = 10_000_000

# A record has a size limit.
_MOST_LINES = 100


class ConsoleRecords:
    """Records what one process prints.

    Args:
        record_writer (RecordWriter): Takes the records.
    """

    def __init__(self, record_writer: RecordWriter) -> None:
        self._record_writer = record_writer
        self._lines: dict[str, ConsoleLines] = {}
        self._bytes = 0
        self._secrets: tuple[str, ...] = ()
        self._secrets_known_at = (-1, 0)

    def feed(self, stream: str, text: str) -> None:
        """Record the lines that are finished with a text.

        Args:
            stream (str): `stdout`, `stderr`, or `both` if they are one.
            text (str): As it is printed.
        """
        self._write(stream, self._lines.setdefault(stream, ConsoleLines()).feed(text))

    def close(self) -> None:
        """Record what is left, such as the last state of a progress bar."""
        for stream, lines in self._lines.items():
            self._write(stream, lines.close())

    def renew_after_fork(self) -> None:
        """Forget what is not finished: the parent process records that."""
        self._lines = {}

    def _known_secrets(self) -> tuple[str, ...]:
        """Return the secrets in the environment, looked up once a second, and when the number of variables changes."""
        known = int(time.monotonic()), len(os.environ)
        if known != self._secrets_known_at:
            self._secrets, self._secrets_known_at = environment_secrets(), known
        return self._secrets

    def _write(self, stream: str, lines: list[str]) -> None:
        for first in range(0, len(lines), _MOST_LINES):
            text = redact_text("\n".join(lines[first : first + _MOST_LINES]), self._known_secrets())
            self._bytes += len(text) + 1
            if self._bytes <= MOST_BYTES:
                self._record_writer.write_redacted("console", stream=stream, text=text)
            else:
                limit = f"{MOST_BYTES // 1_000_000} MB of text"
                self._record_writer.drop("console too long", f"⚠️ The console is recorded only up to {limit}")
