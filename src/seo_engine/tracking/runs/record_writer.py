"""RecordWriter: what a caller logged -> one line of the journal, checked and counted."""

from __future__ import annotations

import errno
import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

from seo_engine.foundation.redaction import names_in_words
from seo_engine.foundation.texts import counts_in_words, one_line
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.lines import encode_record
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.payloads.payload import PayloadTooLargeError
from seo_engine.tracking.payloads.payload_file import PayloadFile
from seo_engine.tracking.records.kind import CallRecords, new_record, parts_in_words
from seo_engine.tracking.records.kinds import KINDS
from seo_engine.tracking.records.marks.run_marks import RANK
from seo_engine.tracking.records.metric_encoder import MetricEncoder, PlainWriter
from seo_engine.tracking.records.metrics import METRICS, metrics_in_parts
from seo_engine.tracking.runs.endings import describe_error
from seo_engine.tracking.runs.lifecycle import end_lines
from seo_engine.tracking.views.priorities import MetricPriorities

logger = logging.getLogger(__name__)

# The end of a run counts at most this many metrics by name, and the rest together: a record has a size limit.
MOST_COUNTED_NAMES = 1_000
OTHERS = "others"

BELOW_PRIORITY = "left out by priority"
PART_OF_A_VALUE = "part of a value"
TOO_LARGE = "larger than maximum_payload_bytes"
NOT_WRITTEN = "payload not writable"

_MOST_NAMES = 5

# What is not a mistake of the caller's.
_DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)


class RecordWriter:
    """Appends records to the journal. It never raises: what cannot be recorded is counted, and reported once.

    Args:
        logging_queue (LoggingQueue): The journal.
        config (TrackingConfig): The settings.
        rank (int): Rank of this process in distributed training.
        payload_file (PayloadFile): Where its payloads go.
        ends_run (bool): Whether the end of this process is that of the run, and not of its rank's part.
    """

    def __init__(
        self,
        logging_queue: LoggingQueue,
        config: TrackingConfig,
        rank: int,
        payload_file: PayloadFile,
        *,
        ends_run: bool = True,
    ) -> None:
        self.payload_file = payload_file
        self.dropped: Counter[str] = Counter()
        self._logging_queue = logging_queue
        self._config = config
        self.rank = rank
        self._ends_run = ends_run
        self._encoder = MetricEncoder(config.skip_nonfinite_metrics, rank)
        self._said: set[tuple[str, str]] = set()
        self._said_below_priority: set[str] = set()

    def plain_writer(self, kind: str, take_span: Callable[[int, int], None]) -> PlainWriter:
        """Return what appends metrics of a kind in the usual case; what it does not take is for `write_metrics`.

        Args:
            kind (str): One of `METRIC_KINDS`.
            take_span (Callable[[int, int], None]): Is given start and end of what it appends.
        """
        return self._encoder.plain_writer(kind, self._logging_queue, take_span)

    def write_metrics(
        self,
        kind: str,
        epoch: float,
        step: int,
        metrics: Mapping[str, Any],
        thinned: bool = True,
        call: str | None = None,
    ) -> tuple[float, int] | None:
        """Append a record of metrics; several if they are too many for one.

        Args:
            kind (str): One of `METRIC_KINDS`.
            epoch (float): Epoch of the metrics.
            step (int): Step of the metrics.
            metrics (Mapping[str, Any]): As the caller gave them.
            thinned (bool): Whether a view may leave out some of them.
            call (str | None): The call, for messages; None means the one of their kind.

        Returns:
            tuple[float, int] | None: Epoch and step as they were recorded; None if they were not.
        """
        try:
            record = self._encoder.record(kind, epoch, step, metrics, thinned)
            for line in [encode_record(part) for part in metrics_in_parts(record)]:
                self._logging_queue.append(line)
        except Exception as error:
            self._count_failure(call or KINDS[kind].call, error)
            return None
        return record["epoch"], record["step"]

    def write(self, kind: str, **arguments: Any) -> bool:
        """Append a record of a kind that is too rare to need fast encoding.

        Args:
            kind (str): The name of its kind.
            **arguments (Any): The arguments of the call that logs it.

        Returns:
            bool: Whether it was recorded.
        """
        call = KINDS[kind].call or kind
        try:
            made = KINDS[kind].make_records(arguments, self.rank, most_bytes=self._config.maximum_payload_bytes)
            if KINDS[kind].has_payloads:
                return self._write_with_payloads(call, made)
            for line in [encode_record(record) for record in made.records]:
                self._logging_queue.append(line)
        except PayloadTooLargeError as error:
            self.drop(TOO_LARGE, f"⚠️ {call} is not recorded: {error}")
            return False
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
                self.drop(NOT_WRITTEN, f"⚠️ {call} is not recorded: its data cannot be written: {one_line(error)}")
            else:
                self._count_failure(call, error)
            return False
        if made.left_out:
            self._count_left_out(call, made.left_out)
        return True

    def write_redacted(self, kind: str, **contents: Any) -> None:
        """Append a record of a kind that is too frequent to be checked: the caller has made what it holds.

        Args:
            kind (str): The name of its kind.
            **contents (Any): Its fields: plain data without secrets.
        """
        try:
            self._logging_queue.append(encode_record(new_record(kind, rank=self.rank, **contents)))
        except Exception as error:
            self._count_failure(kind, error)

    def _write_with_payloads(self, call: str, made: CallRecords) -> bool:
        """Append payloads, and then the record that says where they are; return whether it was recorded."""
        with self.payload_file.lock:
            try:
                made.refer_to([self.payload_file.append(payload) for payload in made.payloads])
            except OSError as error:
                reason = one_line(error)
                self.drop(NOT_WRITTEN, f"⚠️ {call} is not recorded: its data cannot be written: {reason}")
                return False
            self._logging_queue.append(encode_record(made.records[0]))
        return True

    def write_end(self, status: str, error: BaseException | None = None, withheld: int = 0) -> None:
        """Append the end of the run, and report what was not recorded.

        Args:
            status (str): How the run ended.
            error (BaseException | None): What ended it.
            withheld (int): How many `last_values` records the views are known to need, also for other processes.
        """
        if not self._ends_run:
            withheld = 0
        elif self._config.selective_logging:
            priorities = MetricPriorities(self._config)
            thinned = sum(
                priorities.of(name) != "high"
                for kind in METRICS
                if kind.is_thinned
                for name in self._encoder.names(kind.name)
            )
            withheld = max(withheld, thinned)
        self._logging_queue.write_waiting()
        nonfinite = self._encoder.nonfinite
        dropped = self.dropped + self._encoder.dropped
        if overflowed := self._logging_queue.waiting.overflowed:
            dropped["journal not writable"] += overflowed
        contents: dict[str, Any] = {} if self._ends_run else {"ends": RANK}
        if error is not None:
            contents["error"] = describe_error(error)
        counts = _most_common(nonfinite)
        for line in end_lines(
            status, withheld, rank=self.rank, dropped=dict(dropped), nonfinite_counts=counts, **contents
        ):
            self._logging_queue.append(line)
        if dropped:
            logger.warning("⚠️ Not recorded: %s", counts_in_words(self._with_names(dropped)))
        if nonfinite:
            shown = "left out of the views" if self._config.skip_nonfinite_metrics else "shown as they are"
            logger.warning("⚠️ Values that are not finite numbers, %s: %s", shown, counts_in_words(counts))

    def drop(self, reason: str, message: str) -> None:
        """Count a call that is not recorded, and log a warning the first time that this sort of mistake is made.

        Args:
            reason (str): The reason to count it under.
            message (str): What is wrong. Two that differ only in numbers, or after `, got`, are of one sort.
        """
        self.dropped[reason] += 1
        sort = (reason, re.sub(r"\d+", "#", message.partition(", got")[0]))
        # Bounded: a caller may make up a new mistake at every step.
        if sort not in self._said and len(self._said) < MOST_COUNTED_NAMES:
            self._said.add(sort)
            logger.warning("%s", message)

    def drop_by_priority(self, names: Collection[str], priority: str) -> None:
        """Count metrics that the caller's choice of a priority leaves out, and name each in a warning once.

        Args:
            names (Collection[str]): Their names.
            priority (str): What the caller chose.
        """
        self.dropped[BELOW_PRIORITY] += len(names)
        # Bounded: a caller may make up a new name at every step.
        room = MOST_COUNTED_NAMES - len(self._said_below_priority)
        new = [name for name in names if name not in self._said_below_priority][:room]
        if new:
            self._said_below_priority.update(new)
            logger.warning(
                "⚠️ log_metrics_with_priority(…, priority=%r) leaves out what no pattern of this priority names: %s; "
                "these are not recorded",
                priority,
                names_in_words(new),
            )

    def _count_failure(self, call: str, error: Exception) -> None:
        self.drop("misuse", f"⚠️ Skipping a call of {call}: {one_line(error)}")

    def _count_left_out(self, call: str, left_out: Mapping[str, str]) -> None:
        self.drop(PART_OF_A_VALUE, f"⚠️ {call} records only a part of {parts_in_words(left_out)}")
        self.dropped[PART_OF_A_VALUE] += len(left_out) - 1

    def _with_names(self, dropped: Counter[str]) -> dict[str, int]:
        """Return the counts with the first names of the metrics that each of them is about."""
        counts = {}
        for reason, count in dropped.items():
            names = self._said_below_priority if reason == BELOW_PRIORITY else self._encoder.dropped_names(reason)
            counts[f"{reason} ({names_in_words(sorted(names), _MOST_NAMES)})" if names else reason] = count
        return counts


def _most_common(counts: Counter[str]) -> dict[str, int]:
    chosen = dict(counts.most_common(MOST_COUNTED_NAMES))
    if rest := counts.total() - sum(chosen.values()):
        chosen[OTHERS] = rest
    return chosen
