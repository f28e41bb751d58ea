"""RankDelivery: delivers what all ranks of a run log, and ends the run when they are gone."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.delivery.conclusion import end_ranks, withheld_in
from seo_engine.tracking.delivery.deliveries import Deliveries
from seo_engine.tracking.delivery.logging_worker import POLL_SECONDS
from seo_engine.tracking.delivery.payload_release import release_payloads
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.journal.order import JournalOrder
from seo_engine.tracking.journal.rank_files import ranks_in_words
from seo_engine.tracking.journal.rank_journals import RankJournals
from seo_engine.tracking.journal.reader import Position
from seo_engine.tracking.journal.upkeep import JournalUpkeep
from seo_engine.tracking.records.kinds import decode_record
from seo_engine.tracking.records.marks.run_marks import FIRST_ATTEMPT
from seo_engine.tracking.records.metrics import is_metric_line
from seo_engine.tracking.runs.ledger import DeliveryState
from seo_engine.tracking.runs.lifecycle import Lifecycle
from seo_engine.tracking.runs.rank_presence import is_present, present_ranks, rank_lock, signature_of, signatures
from seo_engine.tracking.runs.run_lock import RUN_LOCK, RunLock
from seo_engine.tracking.trackers.registry import configured_destinations
from seo_engine.tracking.views.incomplete_steps import IncompleteSteps

logger = logging.getLogger(__name__)

_REPORT_SECONDS = 1.0

# A rank that has not come by then, counted from when this process sees the attempt, is not waited for when the others
# are gone.
LONGEST_ARRIVAL_SECONDS = 10.0

# The share of the closing time for which the backlog is delivered before the end is written.
_CLOSING_SHARE = 0.5

# A rank whose folder was deleted has restored its file, and is there again, after a second.
_RESTORING_SECONDS = 5.0

# How long the end waits until the order is on disk.
_LONGEST_SYNC_SECONDS = 10.0


class RankDelivery:
    """Gives each line of each rank its place, delivers them in that order, and writes the end of the run.

    Args:
        run_directory (Path): The run's folder.
        config (TrackingConfig): The settings of rank 0.
        training_process (int): The process id of rank 0, which has started this process.
        report (Callable[[DeliveryState], None]): Called once a second with how far all trackers are.
    """

    def __init__(
        self,
        run_directory: Path,
        config: TrackingConfig,
        training_process: int,
        report: Callable[[DeliveryState], None],
    ) -> None:
        self._run_directory = run_directory
        self._config = config
        self._training_process = training_process
        self._report = report
        self._reported_at = 0.0
        self._end_deadline = 0.0
        self._deleted_at = self._unreadable_since = 0.0
        # Not by the clock, which differs between hosts and may be set.
        self._attempt = FIRST_ATTEMPT
        self._attempt_seen_at = time.monotonic()
        self._deliveries: Deliveries | None = None
        self._life = Lifecycle()
        self._incomplete_steps = IncompleteSteps(config)
        self._has_said_incomplete = False
        self._looked_at = 0.0
        self._position = Position()
        self._wake = threading.Event()
        # Held while the run is ended, so that no later attempt begins meanwhile.
        self._first_rank = rank_lock(run_directory, 0)

    def wake(self) -> None:
        """Deliver now rather than at the next look; thread-safe."""
        self._wake.set()

    def report(self, *, closed: bool = False) -> None:
        """Report how far the slowest tracker is, and that this process is not stuck.

        Args:
            closed (bool): Whether its work is done.
        """
        self._reported_at = time.monotonic()
        states = self._deliveries.states if self._deliveries is not None else {}
        delivering = [each for each in states.values() if not each.is_missing]
        self._report(
            DeliveryState(
                delivered=min((each.delivered for each in delivering), default=0),
                pending=max((each.pending for each in delivering), default=0),
                closed=closed,
            )
        )

    def _report_now_and_then(self) -> None:
        if time.monotonic() - self._reported_at >= _REPORT_SECONDS:
            self.report()

    def run(self) -> None:
        """Deliver until every rank has ended or vanished, and end the run; or until another attempt takes over."""
        with ExitStack() as stack:
            # Reading what is there may take a while, and so does an import over a network.
            with self._reporting():
                if not self._take_turn(stack):
                    return
                order = stack.enter_context(JournalOrder(self._run_directory))
                upkeep = JournalUpkeep(order.queue)
                upkeep.start()
                stack.callback(upkeep.close, _LONGEST_SYNC_SECONDS)
                journals = stack.enter_context(RankJournals(self._run_directory))
                self._try_to_look(order, journals)
                self._try_locks(order, journals)
                self._deliveries = self._start_deliveries(stack)
            while not self._is_taken_over():
                if self._turn(order, journals, self._deliveries):
                    break
                self._report_now_and_then()
                self._wake.wait(POLL_SECONDS)
                self._wake.clear()
            with self._reporting():
                self._deliveries.close(self._life.status or "killed", self._config.close_timeout_seconds)
                release_payloads(self._run_directory, self._config, self._config.close_timeout_seconds)

    def _start_deliveries(self, stack: ExitStack) -> Deliveries:
        deliveries = Deliveries(
            self._run_directory,
            lambda: stack.enter_context(RankJournals(self._run_directory)),
            self._config,
            self._life,
            self._config.code_profiler,
            training_process=self._training_process,
            beside_training=False,
        )
        deliveries.start(configured_destinations(self._config))
        return deliveries

    def _turn(self, order: JournalOrder, journals: RankJournals, deliveries: Deliveries) -> bool:
        """Take in what is new, and end the run if it is time; return whether it has ended."""
        if not self._try_to_look(order, journals):
            return False
        # Those that wait for a disk would be decided again and again.
        decisions = [] if order.queue.waiting else self._incomplete_steps.overdue(self._looked_at)
        self._give_up(order, decisions)
        # They count once they are read.
        return not decisions and self._are_all_gone() and self._end(order, journals, deliveries)

    def _give_up(self, order: JournalOrder, decisions: Iterable[Record]) -> None:
        """Have the views show steps that not all ranks have logged."""
        for decision in decisions:
            order.decide(decision)
            if not self._has_said_incomplete:
                self._has_said_incomplete = True
                logger.warning(
                    "⚠️ Not all ranks have logged the same metrics at step %d, but only %s: the views show the values "
                    "that are there, and so for further such steps; `seo-engine runs show` counts them",
                    decision["step"],
                    ranks_in_words(decision["ranks"]),
                )

    def _try_to_look(self, order: JournalOrder, journals: RankJournals) -> bool:
        looked_at = time.monotonic()
        try:
            self._look(order, journals)
        except OSError as error:
            # A disk or its server that fails for a moment, or a folder that was deleted.
            logger.debug("The journals cannot be read: %s", error)
            self._unreadable_since = self._unreadable_since or time.monotonic()
            if time.monotonic() - self._unreadable_since > _RESTORING_SECONDS:
                with contextlib.suppress(OSError):
                    # Nobody else restores the file of a rank that is gone.
                    order.fill_gaps(present_ranks(self._run_directory))
            return False
        self._unreadable_since = 0.0
        self._looked_at = looked_at
        return True

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        """Report that this process is not stuck, during work that does not do so."""
        is_done = threading.Event()

        def report() -> None:
            while not is_done.wait(_REPORT_SECONDS):
                self.report()

        threading.Thread(target=report, name="report-thread", daemon=True).start()
        try:
            yield
        finally:
            is_done.set()

    def _take_turn(self, stack: ExitStack) -> bool:
        """Wait until the process of an earlier attempt has left the views; return whether this one is still needed."""
        # It may take a while to read all that is there.
        self.report()
        lock = RunLock(self._run_directory, RUN_LOCK)
        while not lock.acquire():
            if self._is_taken_over():
                return False
            self._wake.wait(POLL_SECONDS)
        stack.callback(lock.release)
        return True

    def _try_locks(self, order: JournalOrder, journals: RankJournals) -> None:
        """Say it if this process can take a lock that rank 0 has."""
        has_taken = self._first_rank.acquire()
        self._first_rank.release()
        # It may have ended meanwhile.
        self._try_to_look(order, journals)
        if self._first_rank.is_without_effect or (has_taken and not self._has_first_left()):
            logger.warning(
                "⚠️ Locks do not hold in %s: only this host, %s, delivers the run", self._run_directory, platform.node()
            )

    def _look(self, order: JournalOrder, journals: RankJournals) -> None:
        """Give new lines their place, and read what they say of the run's life."""
        if order.take_in() and self._deliveries is not None:
            self._deliveries.wake()
        journals.follow()
        while lines := journals.read(self._position):
            self._position = lines[-1].end
            self._report_now_and_then()
            for line in lines:
                self._take_in(line.content)
        if self._life.newest_attempt != self._attempt:
            self._attempt, self._attempt_seen_at = self._life.newest_attempt, time.monotonic()

    def _take_in(self, line: bytes) -> None:
        is_of_metrics = is_metric_line(line)
        if is_of_metrics and not self._incomplete_steps.is_needed:
            return
        if record := decode_record(line):
            self._incomplete_steps.take_in(record)
            if not is_of_metrics:
                self._life.take_in(record)

    def _is_taken_over(self) -> bool:
        """Return whether another process is rank 0 now: then its child delivers."""
        first = signature_of(self._run_directory, 0)
        return (
            first is not None
            and (first.host, first.process) != (platform.node(), self._training_process)
            and is_present(self._run_directory, 0, first)
        )

    def _has_first_left(self) -> bool:
        """Return whether rank 0 has ended its part, or its process, which has started this one, is gone."""
        life, signature = self._life.ranks.get(0), signature_of(self._run_directory, 0)
        has_ended = life is not None and life.status is not None
        # Its next attempt may have signed, but not logged yet. Another rank may be in an attempt without it.
        is_last = life is not None and (signature is None or signature.attempt == life.attempt)
        return (has_ended and is_last) or os.getppid() != self._training_process

    def _are_all_gone(self) -> bool:
        if not self._has_first_left():
            return False
        ranks = self._life.newest_ranks
        known = signatures(self._run_directory)
        for rank, signature in known.items():
            life = ranks.get(rank)
            has_ended = life is not None and life.attempt == signature.attempt and life.status is not None
            if rank and not has_ended and is_present(self._run_directory, rank, signature):
                return False
        if any(rank and life.status is None and rank not in known for rank, life in ranks.items()):
            # Their files were deleted, and are written again if they are there.
            self._deleted_at = self._deleted_at or time.monotonic()
            if time.monotonic() - self._deleted_at < _RESTORING_SECONDS:
                return False
        else:
            self._deleted_at = 0.0
        return len(ranks) >= self._life.world_size or time.monotonic() - self._attempt_seen_at > LONGEST_ARRIVAL_SECONDS

    def _end(self, order: JournalOrder, journals: RankJournals, deliveries: Deliveries) -> bool:
        """Write the end of the run; return False if an attempt begins at this moment."""
        with self._reporting():
            if self._life.status is None:
                if not order.queue.waiting:
                    # Whoever has not logged them is gone.
                    self._give_up(order, self._incomplete_steps.rest())
                # Before the lock is taken: another attempt does not wait for a view.
                deliveries.flush(self._config.close_timeout_seconds * _CLOSING_SHARE)
            try:
                if not self._first_rank.acquire():
                    return False
                # What they wrote before they went.
                self._look(order, journals)
                if self._life.status is None:
                    if not self._are_all_gone():
                        return False
                    self._write_end(order, journals, deliveries)
            except OSError as error:
                self._end_deadline = self._end_deadline or time.monotonic() + self._config.close_timeout_seconds
                if time.monotonic() < self._end_deadline:
                    # A disk may be full for a moment.
                    logger.debug("The end of the run cannot be written yet: %s", error)
                    return False
                logger.error("❌ The end of the run cannot be written: %s", error)
            finally:
                self._first_rank.release()
            return True

    def _write_end(self, order: JournalOrder, journals: RankJournals, deliveries: Deliveries) -> None:
        order.fill_gaps()
        self._give_up(order, self._incomplete_steps.rest())
        # Only a worker that has read everything knows it.
        withheld = [each.withheld for each in deliveries.states.values() if each.offset >= journals.size()]
        end_ranks(
            self._run_directory,
            order,
            self._life,
            max(withheld) if withheld else withheld_in(self._run_directory, self._config),
        )
