"""ReportPipe: sends a child process's reports to the training process."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

from seo_engine.foundation.redaction import redact_text
from seo_engine.tracking.delivery.child.messages import (
    LONGEST_MESSAGE_CHARACTERS,
    Alive,
    Ledger,
    LogMessage,
    Operations,
    Report,
    encode_message,
)
from seo_engine.tracking.runs.ledger import DeliveryState, update_delivery
from seo_engine.tracking.runs.places import DELIVERY


class ReportPipe(logging.Handler):
    """Sends ledger and log messages to the training process.

    When that process is gone, the ledger goes to `delivery.json` and messages to a log file instead.

    Args:
        stream (BinaryIO): The pipe.
        run_directory (Path): The run's folder.
        tracker_name (str): The tracker that the ledger is for.
    """

    def __init__(self, stream: BinaryIO, run_directory: Path, tracker_name: str) -> None:
        super().__init__()
        self._stream = stream
        self._run_directory = run_directory
        self._tracker_name = tracker_name
        self._sending = threading.Lock()
        self._broken = False

    def send_state(self, state: DeliveryState) -> None:
        """Report the ledger."""
        if not self._send(Ledger(state)):
            update_delivery(self._run_directory / DELIVERY, {self._tracker_name: state})

    def send_progress(self, state: DeliveryState) -> None:
        """Report how far all trackers are; `delivery.json` says it of each."""
        self._send(Ledger(state))

    def send_operations(self, operations: list[dict[str, Any]]) -> None:
        """Report what the profiler measured."""
        self._send(Operations(operations))

    def send_alive(self) -> None:
        """Report that this process is not stuck."""
        self._send(Alive())

    def emit(self, record: logging.LogRecord) -> None:
        """Report a log message."""
        text = record.getMessage()[:LONGEST_MESSAGE_CHARACTERS]
        in_files_only = bool(getattr(record, "in_files_only", False))
        if not self._send(LogMessage(record.name, record.levelno, text, in_files_only)):
            # Standard error is this process's own log file.
            print(f"{record.levelname} {redact_text(text)}\n", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """Close the pipe, so that the training process sees that there are no more reports."""
        with self._sending, contextlib.suppress(OSError):
            self._broken = True
            self._stream.close()

    def _send(self, report: Report) -> bool:
        with self._sending:
            if self._broken:
                return False
            try:
                self._stream.write(encode_message(report))
                self._stream.flush()
            except OSError:
                self._broken = True
            return not self._broken


def open_report_pipe(run_directory: Path, tracker_name: str) -> ReportPipe:
    """Make standard output the report pipe of this child process, and send it what the package logs.

    Args:
        run_directory (Path): The run's folder.
        tracker_name (str): The tracker that the ledger is for.
    """
    # Output of libraries must not get into the pipe, but into the log, as their errors.
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    pipe = ReportPipe(stream, run_directory, tracker_name)
    package_logger = logging.getLogger("seo_engine")
    package_logger.addHandler(pipe)
    package_logger.setLevel(logging.INFO)
    package_logger.propagate = False
    return pipe
