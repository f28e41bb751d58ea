"""The child process that delivers the journal to one tracker: `python -m seo_engine.tracking.delivery_process`.

It outlives the training: when the training process is killed, it delivers what the journal holds and closes the
run as killed.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery import DeliveryState, read_delivery, write_delivery
from seo_engine.tracking.logging_queue import LoggingQueue, Position
from seo_engine.tracking.logging_worker import LoggingWorker
from seo_engine.tracking.records import Record, decode_record
from seo_engine.tracking.run_directory import DELIVERY, JOURNAL, LOGS
from seo_engine.tracking.wandb_tracker import WandBTracker


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
        self._broken = False

    def send_state(self, state: DeliveryState) -> None:
        """Report the ledger."""
        if not self._send({"state": state.as_dictionary()}):
            path = self._run_directory / DELIVERY
            write_delivery(path, {**read_delivery(path), self._tracker_name: state})

    def send_operations(self, operations: list[dict[str, Any]]) -> None:
        """Report what the profiler measured."""
        self._send({"operations": operations})

    def emit(self, record: logging.LogRecord) -> None:
        """Report a log message."""
        message = {"logger": record.name, "level": record.levelno, "text": record.getMessage()}
        if not self._send({"message": message}):
            # Standard error is this process's own log file.
            print(record.levelname, record.getMessage(), file=sys.stderr, flush=True)

    def _send(self, report: dict[str, Any]) -> bool:
        if self._broken:
            return False
        try:
            self._stream.write(orjson.dumps(report) + b"\n")
            self._stream.flush()
        except OSError:
            self._broken = True
        return not self._broken


def read_configuration(logging_queue: LoggingQueue) -> tuple[TrackingConfig, Record]:
    """Read a run's configuration from the first records of its journal.

    Args:
        logging_queue (LoggingQueue): The run's journal.

    Returns:
        tuple[TrackingConfig, Record]: The configuration, and the record that holds it.

    Raises:
        ValueError: If the journal does not begin with a `start` record.
    """
    known = {field.name for field in dataclasses.fields(TrackingConfig)}
    for line in logging_queue.read(Position()):
        record = decode_record(line.content)
        if record is not None and record["kind"] == "start":
            values = record["configuration"]
            return TrackingConfig(**{name: value for name, value in values.items() if name in known}), record
    raise ValueError(f"{logging_queue.path} has no start record")


def obey_requests(requests: BinaryIO, worker: LoggingWorker) -> None:
    """Pass on what the training process asks for; the end of the pipe means that it was killed.

    Args:
        requests (BinaryIO): JSON lines.
        worker (LoggingWorker): Obeys.
    """
    for line in requests:
        request = orjson.loads(line)
        if request["request"] == "close":
            worker.request_close(request["status"])
            return
        worker.wake()
    worker.request_close("killed")


def main(arguments: list[str]) -> None:
    """Deliver a run's journal to W&B until asked to close.

    Args:
        arguments (list[str]): The run's folder, the tracker's name, and the training's process number.
    """
    run_directory, tracker_name, training_process = Path(arguments[0]), arguments[1], int(arguments[2])
    # Standard output is the report pipe. What libraries print must not get into it.
    report_stream = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    logging_queue = LoggingQueue(run_directory / JOURNAL)
    config, start = read_configuration(logging_queue)
    log = (run_directory / LOGS / f"{tracker_name}_process_{int(start['time'])}.log").open("ab")
    os.dup2(log.fileno(), sys.stdout.fileno())
    os.dup2(log.fileno(), sys.stderr.fileno())

    pipe = ReportPipe(report_stream, run_directory, tracker_name)
    package_logger = logging.getLogger("seo_engine")
    package_logger.addHandler(pipe)
    package_logger.setLevel(logging.INFO)
    package_logger.propagate = False

    tracker = WandBTracker(config, run_directory, run_id=start["wandb_run_id"], watched_process=training_process)
    worker = LoggingWorker(tracker, logging_queue, config, pipe.send_state)
    threading.Thread(target=obey_requests, args=(sys.stdin.buffer, worker), name="request-thread", daemon=True).start()
    worker.run()
    pipe.send_operations([dataclasses.asdict(each) for each in config.code_profiler.statistics()])
    # The end of the pipe is what the training process waits for, not the end of this process.
    package_logger.removeHandler(pipe)
    report_stream.close()


if __name__ == "__main__":
    main(sys.argv[1:])
