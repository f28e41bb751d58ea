"""The child process that delivers the journal to one tracker, run with `python -m`.

It outlives the training: when the training process is killed, it writes the run's end, completes every view, and
closes the run as killed.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.whole_files import PRIVATE_FOLDER
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery.logging_worker import LoggingWorker
from seo_engine.tracking.delivery.recovery import deliver_rest
from seo_engine.tracking.journal.lines import encode_record
from seo_engine.tracking.journal.logging_queue import JournalReader
from seo_engine.tracking.runs.ledger import DeliveryState, update_delivery
from seo_engine.tracking.runs.lifecycle import (
    Lifecycle,
    RunStillOpenError,
    conclude,
    read_configuration,
    read_lifecycle,
)
from seo_engine.tracking.runs.places import DELIVERY, JOURNAL, LOGS
from seo_engine.tracking.runs.run_lock import RunLock
from seo_engine.tracking.trackers.destination_tracker import import_sdks
from seo_engine.tracking.trackers.registry import configured_views, open_view
from seo_engine.tracking.trackers.wandb import core as wandb_service

logger = logging.getLogger(__name__)

# The training process takes a child that is silent for much longer than this as stuck.
ALIVE_SECONDS = 1.0

# Longest times of one call into the tracker, in seconds; then its backend is killed, and opened anew. Set-up and
# closing depend on the tracker: its `longest_setup_seconds` and `longest_close_seconds`.
LONGEST_CALLS = {"log": 15.0, "flush": 15.0, "abandon": 15.0}

# A call that does not return although its backend is dead ends the process.
GRACE_SECONDS = 10.0

LONGEST_MESSAGE_CHARACTERS = 10_000

# Signals that a scheduler may send to every process of a job, to tell the training that its time is over.
_SIGNALS_TO_THE_TRAINING = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGXCPU")


class ReportPipe(logging.Handler):
    """Sends ledger and log messages to the training process, as JSON lines.

    When that process is gone, the ledger goes to `delivery.json` and messages to a log file, both otherwise its task.

    Args:
        stream (BinaryIO): The pipe.
        run_directory (Path): The run's folder.
        tracker_name (str): Whose ledger it is.
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
        if not self._send({"state": state.as_dictionary()}):
            update_delivery(self._run_directory / DELIVERY, {self._tracker_name: state})

    def send_operations(self, operations: list[dict[str, Any]]) -> None:
        """Report what the profiler measured."""
        self._send({"operations": operations})

    def send_alive(self) -> None:
        """Report that this process is not stuck."""
        self._send({"alive": True})

    def emit(self, record: logging.LogRecord) -> None:
        """Report a log message."""
        text = record.getMessage()[:LONGEST_MESSAGE_CHARACTERS]
        message = {"logger": record.name, "level": record.levelno, "text": text}
        if not self._send({"message": message}):
            # Standard error is this process's own log file.
            print(record.levelname, redact_text(text), file=sys.stderr, flush=True)

    def end(self) -> None:
        """Let the training process see that there are no more reports."""
        with self._sending, contextlib.suppress(OSError):
            self._broken = True
            self._stream.close()

    def _send(self, report: dict[str, Any]) -> bool:
        with self._sending:
            if self._broken:
                return False
            try:
                self._stream.write(encode_record(report))
                self._stream.flush()
            except OSError:
                self._broken = True
            return not self._broken


class Watchdog:
    """Says that the process lives, and kills a backend that keeps a call of the worker too long.

    Args:
        worker (LoggingWorker): Whose calls are watched.
        pipe (ReportPipe): Where the process says that it lives.
    """

    def __init__(self, worker: LoggingWorker, pipe: ReportPipe) -> None:
        self._worker = worker
        self._pipe = pipe
        self._killed_for: float | None = None

    def start(self) -> None:
        """Start watching, in a thread."""
        threading.Thread(target=self._run, name="watchdog-thread", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._pipe.send_alive()
            self._look()
            time.sleep(ALIVE_SECONDS)

    def _look(self) -> None:
        call = self._worker.call
        if call is None:
            return
        seconds = time.monotonic() - call.started
        limits_of_tracker = getattr(self._worker.tracker, f"longest_{call.name}_seconds", math.inf)
        limit: float = LONGEST_CALLS.get(call.name, limits_of_tracker)
        if seconds > limit and self._killed_for != call.started:
            self._killed_for = call.started
            name = self._worker.tracker.name
            logger.error("❌ Logging worker error: %s hangs in %s: wandb-core is killed", name, call.name)
            wandb_service.kill_cores()
        elif seconds > limit + GRACE_SECONDS:
            # The training process starts another.
            os._exit(1)


def obey_requests(requests: BinaryIO, worker: LoggingWorker) -> bool:
    """Pass on what the training process asks for, until it asks to leave or is gone.

    Args:
        requests (BinaryIO): JSON lines.
        worker (LoggingWorker): Obeys.

    Returns:
        bool: Whether the training process asked to leave; otherwise it was killed, perhaps while it closed.
    """
    for line in requests:
        request = orjson.loads(line)
        match request["request"]:
            case "close":
                worker.request_close(request["status"])
            case "leave":
                return True
            case _:
                worker.wake()
    return False


def outlive(run_directory: Path, config: TrackingConfig, worker: LoggingWorker) -> None:
    """Write the end of a run whose process was killed, and complete all views.

    Args:
        run_directory (Path): The run's folder.
        config (TrackingConfig): The settings.
        worker (LoggingWorker): The tracker that this process delivers to; the others are completed here.
    """
    try:
        life = conclude(run_directory, "killed")
    except RunStillOpenError:
        # Another process goes on with the run, and has workers of its own.
        worker.request_close("killed")
        return
    except (OSError, ValueError) as error:
        logger.error("❌ The end of the run cannot be written: %s", error)
        worker.request_close("killed")
        return
    worker.request_close(life.status or "killed")
    names = [name for name in configured_views(config) if name != worker.tracker.name]
    deliver_rest(run_directory, config, life, in_process=names)


def main(arguments: list[str]) -> None:
    """Deliver a run's journal to a tracker until asked to leave.

    Args:
        arguments (list[str]): The run's folder, the tracker's name, and the training's process number.
    """
    run_directory, tracker_name, training_process = Path(arguments[0]), arguments[1], int(arguments[2])
    # This process has to complete the run, and sees by the end of its pipe that the training is gone.
    for name in _SIGNALS_TO_THE_TRAINING:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    # Standard output is the report pipe. What libraries print must not get into it.
    report_stream = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    beginning = orjson.loads(sys.stdin.buffer.readline())
    config = read_configuration(beginning["configuration"])
    life = read_lifecycle(run_directory)
    logs = run_directory / LOGS
    # A run that somebody sent may be its journal alone.
    logs.mkdir(PRIVATE_FOLDER, exist_ok=True)
    log = (logs / f"{tracker_name}_process_{life.timestamp}.log").open("ab")
    os.dup2(log.fileno(), sys.stdout.fileno())
    os.dup2(log.fileno(), sys.stderr.fileno())

    pipe = ReportPipe(report_stream, run_directory, tracker_name)
    package_logger = logging.getLogger("seo_engine")
    package_logger.addHandler(pipe)
    package_logger.setLevel(logging.INFO)
    package_logger.propagate = False

    worker = LoggingWorker(
        open_view(tracker_name, config, run_directory, life, watched_process=training_process, owns_core=True),
        JournalReader(run_directory / JOURNAL),
        config,
        pipe.send_state,
        RunLock(run_directory, tracker_name),
        DeliveryState.from_dictionary(beginning["previous"]),
        beside_training=False,
    )
    Watchdog(worker, pipe).start()
    import_sdks([worker.tracker])
    listener = threading.Thread(
        target=listen, args=(run_directory, config, life, worker, pipe), name="request-thread", daemon=True
    )
    listener.start()
    worker.run()
    pipe.send_operations([each.as_dictionary() for each in config.code_profiler.statistics()])
    # The end of the pipe is what the training process waits for, not the end of this process.
    pipe.end()
    listener.join()


def listen(
    run_directory: Path, config: TrackingConfig, life: Lifecycle, worker: LoggingWorker, pipe: ReportPipe
) -> None:
    """Obey the training process, and do its work when it was killed.

    Args:
        run_directory (Path): The run's folder.
        config (TrackingConfig): The settings.
        life (Lifecycle): Identity of the run.
        worker (LoggingWorker): Delivers.
        pipe (ReportPipe): Where the ledger goes.
    """
    if not obey_requests(sys.stdin.buffer, worker):
        outlive(run_directory, config, worker)
        # The last report may have met a training process that did not live to write it down.
        pipe.send_state(worker.state)


if __name__ == "__main__":
    main(sys.argv[1:])
