"""AttachedRun and ForkedRun: a run that another process owns."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from seo_engine.tracking.delivery.child.tracker_in_child import TrackerInChild
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.journal.rank_files import rank_of_journal
from seo_engine.tracking.journal.rank_journals import PlacedLines
from seo_engine.tracking.observers.run_profile import Moment
from seo_engine.tracking.run_states.run_state import RunState
from seo_engine.tracking.runs.endings import describe_error
from seo_engine.tracking.runs.ledger import wait_for_delivery
from seo_engine.tracking.runs.open_run import OpenRun
from seo_engine.tracking.runs.places import DELIVERY
from seo_engine.tracking.runs.record_writer import RecordWriter
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker

logger = logging.getLogger(__name__)


class AttachedRun(RunState):
    """Another process's run: this process only appends to its journal.

    Args:
        run (OpenRun | AttachedRun): Has what is needed to write to it.
        moment (Callable[[], Moment]): Returns the current epoch and step of the training.
    """

    description = "attached to another process's run"
    is_ours_to_close = True

    def __init__(self, run: OpenRun | AttachedRun, moment: Callable[[], Moment]) -> None:
        self._moment = moment
        self.directory: Path = run.directory
        self.logging_queue: LoggingQueue = run.logging_queue
        self.record_writer: RecordWriter = run.record_writer

    def flush(self, timeout_seconds: float) -> bool:
        """Wait until the workers of the other process have delivered what was logged."""
        return self._wait_for_delivery(timeout_seconds)

    def _wait_for_delivery(self, timeout_seconds: float, without_answer_seconds: float = math.inf) -> bool:
        self.logging_queue.write_waiting()
        if self.logging_queue.waiting:
            return False
        end = self._end_of_what_is_logged()
        return wait_for_delivery(self.directory / DELIVERY, self._names(), end, timeout_seconds, without_answer_seconds)

    def close(self, status: str, error: BaseException | None, timeout_seconds: float) -> None:
        """Record what ended this process, which does not end the run, and write the lines that wait in memory."""
        if error is not None and status == "failed":
            epoch, step = self._moment()
            described = describe_error(error)
            text = f"{described['message']}\n\n{described['traceback']}"
            self.record_writer.write("text", name=f"errors/process_{os.getpid()}", text=text, epoch=epoch, step=step)
            logger.error("❌ A process that logs into the run failed: %s", described["message"])
        self.write_what_waits()

    def write_what_waits(self) -> None:
        """Write the lines that wait in memory, and say how many cannot be written."""
        self._restore_payloads()
        self.logging_queue.write_waiting()
        # Behind the records that refer to it: once it is closed, it may be removed.
        self.record_writer.payload_file.close()
        # An owner counts in its last record what did not fit into memory.
        self._say_what_is_lost(self.logging_queue.waiting.overflowed)

    def _restore_payloads(self) -> None:
        try:
            self.record_writer.payload_file.restore()
        except OSError as error:
            logger.error("❌ The data of pictures and tables are lost: %s", error)

    def leave(self) -> None:
        """Close the journal."""
        self.record_writer.payload_file.close()
        self.logging_queue.close()

    def after_fork(self) -> RunState:
        """Return the same run, without the lines that wait in memory: the parent writes those."""
        self.logging_queue.renew_after_fork()
        self.record_writer.payload_file.renew_after_fork()
        return ForkedRun(self)

    def _names(self) -> list[str] | None:
        """Return the trackers that another process delivers to; None if only its ledger says it."""
        return None

    def _end_of_what_is_logged(self) -> Callable[[], int | None]:
        """Return what finds the offset that the workers have reached when they hold everything logged so far."""
        logged = self.logging_queue.size()
        rank = rank_of_journal(self.logging_queue.path)
        if rank is None:
            return lambda: logged
        lines = self.logging_queue.count_lines(0, logged)
        placed = PlacedLines(self.directory, rank)

        def end() -> int | None:
            placed_lines, place = placed.read()
            return place if placed_lines >= lines else None

        return end

    def _say_what_is_lost(self, overflowed: int = 0) -> None:
        if lost := len(self.logging_queue.waiting) + overflowed:
            logger.error("❌ The journal cannot be written: %d waiting records are lost", lost)


class ForkedRun(AttachedRun):
    """The parent process's run, after a fork. The parent ends it; closing it here does nothing.

    Args:
        run (AttachedRun): The run as the parent process had it. It is kept, because its trackers must not be collected
            here: their files are the parent's to flush.
    """

    is_ours_to_close = False

    def __init__(self, run: AttachedRun) -> None:
        super().__init__(run, run._moment)
        self._run_of_parent = run

    @property
    def trackers(self) -> Mapping[str, DestinationTracker | TrackerInChild]:
        """Mapping[str, DestinationTracker | TrackerInChild]: The parent's, which say that they do not log here."""
        return self._run_of_parent.trackers

    def after_fork(self) -> RunState:
        """Return the same run."""
        self.logging_queue.renew_after_fork()
        self.record_writer.payload_file.renew_after_fork()
        return self
