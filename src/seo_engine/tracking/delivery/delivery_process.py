"""The main program of the child process that delivers the journal to one tracker.

It outlives the training: when the training process is killed, it writes the run's end, completes every view, and
closes the run as killed.
"""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery.child.messages import Begin, Close, Leave, decode_message
from seo_engine.tracking.delivery.child.report_pipe import open_report_pipe
from seo_engine.tracking.delivery.child.watchdog import Watchdog
from seo_engine.tracking.delivery.conclusion import conclude
from seo_engine.tracking.delivery.logging_worker import LoggingWorker
from seo_engine.tracking.delivery.payload_release import release_payloads
from seo_engine.tracking.delivery.recovery import deliver_rest
from seo_engine.tracking.journal.rank_journals import open_journal
from seo_engine.tracking.runs.lifecycle import RunStillOpenError, read_configuration, read_lifecycle
from seo_engine.tracking.runs.run_lock import RunLock
from seo_engine.tracking.runs.training_end import ignore_signals_to_the_training
from seo_engine.tracking.trackers.placement import Placement
from seo_engine.tracking.trackers.plug_ins import UnusableTrackerError
from seo_engine.tracking.trackers.registry import configured_destinations, destination_of

logger = logging.getLogger(__name__)


def obey_requests(requests: BinaryIO, worker: LoggingWorker) -> bool:
    """Pass on the requests of the training process, until it asks to leave or is gone.

    Args:
        requests (BinaryIO): JSON lines.
        worker (LoggingWorker): Carries them out.

    Returns:
        bool: Whether the training process asked to leave; otherwise it was killed, perhaps while closing.
    """
    for line in requests:
        match decode_message(line):
            case Close(status=status):
                worker.request_close(status)
            case Leave():
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
        # Another process has resumed the run, and has its own workers.
        worker.request_close("killed")
        return
    except (OSError, ValueError) as error:
        logger.error("❌ The end of the run cannot be written: %s", error)
        worker.request_close("killed")
        return
    worker.request_close(life.status or "killed")
    # A tracker that runs in another child process is completed by that process.
    names = [name for name in configured_destinations(config) if not _runs_in_child(name)]
    deliver_rest(run_directory, config, life, names)


def _runs_in_child(name: str) -> bool:
    try:
        return destination_of(name).runs_in_child
    except UnusableTrackerError:
        # It is left out, and said so.
        return False


def main(arguments: list[str]) -> None:
    """Deliver a run's journal to a tracker until asked to leave.

    Args:
        arguments (list[str]): The run's folder, the tracker's name, and the training's process id.
    """
    run_directory, tracker_name, training_process = Path(arguments[0]), arguments[1], int(arguments[2])
    # This process has to complete the run; it notices by the end of its pipe that the training is gone.
    ignore_signals_to_the_training()
    pipe = open_report_pipe(run_directory, tracker_name)
    beginning = decode_message(sys.stdin.buffer.readline())
    assert isinstance(beginning, Begin)
    config = read_configuration(beginning.configuration)
    life = read_lifecycle(run_directory)

    worker = LoggingWorker(
        destination_of(tracker_name).make(Placement(config, run_directory, life, training_process)),
        open_journal(run_directory),
        config,
        pipe.send_state,
        RunLock(run_directory, tracker_name),
        beginning.previous,
        beside_training=False,
    )
    Watchdog(worker, pipe).start()
    worker.tracker.import_sdk()
    outlives = threading.Event()
    listener = threading.Thread(
        target=listen, args=(run_directory, config, worker, outlives), name="request-thread", daemon=True
    )
    listener.start()
    worker.run()
    pipe.send_operations([each.as_dictionary() for each in config.code_profiler.statistics()])
    # The training process waits for the end of the pipe, not for the end of this process.
    pipe.end()
    listener.join()
    if outlives.is_set():
        # The training process may have died before it could write down the last report.
        pipe.send_state(worker.state)
        release_payloads(run_directory, config, config.close_timeout_seconds)


def listen(run_directory: Path, config: TrackingConfig, worker: LoggingWorker, outlives: threading.Event) -> None:
    """Obey the training process, and finish its work if it was killed.

    Args:
        run_directory (Path): The run's folder.
        config (TrackingConfig): The settings.
        worker (LoggingWorker): Delivers the journal.
        outlives (threading.Event): Is set if the training process is gone.
    """
    if not obey_requests(sys.stdin.buffer, worker):
        outlive(run_directory, config, worker)
        outlives.set()
