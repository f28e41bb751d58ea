"""MetricEncoder: the metrics of a call -> a record or its line; the path of nearly every logging call."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from seo_engine.foundation.texts import LARGEST_INTEGER
from seo_engine.tracking.journal.lines import MAXIMUM_RECORD_BYTES, Record
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.records.kind import new_record, plain_epoch, plain_step, require_dictionary
from seo_engine.tracking.records.metrics import METRIC_KINDS, MetricValidation, flat_metrics

# Beyond this many, names are checked at each call instead of remembered: made-up names must not fill the memory.
MOST_REMEMBERED_NAMES = 10_000

PlainWriter = Callable[[int, float, int, Mapping[str, Any]], int | None]


class MetricEncoder:
    """Checks the names and values of metrics, and remembers the names.

    Args:
        skip_nonfinite (bool): Whether the views leave out NaN and infinities, with a warning.
        rank (int): Rank of this process in distributed training.

    Example:
        >>> MetricEncoder().record("training", 1, 100, {"loss": 0.5})["metrics"]
        {'training/loss': 0.5}
    """

    def __init__(self, skip_nonfinite: bool = True, rank: int = 0) -> None:
        self._skip_nonfinite = skip_nonfinite
        self._rank = rank
        self._validation = MetricValidation()
        # The hierarchical name of each name seen before, by kind.
        self._names: dict[str, dict[str, str]] = {kind: {} for kind in METRIC_KINDS}

    @property
    def dropped(self) -> Counter[str]:
        """Counter[str]: Metrics that were not recorded, by reason."""
        return self._validation.dropped

    def dropped_names(self, reason: str) -> list[str]:
        """Return the names of the metrics that were not recorded for a reason."""
        return self._validation.dropped_names(reason)

    @property
    def nonfinite(self) -> Counter[str]:
        """Counter[str]: Number of values that are not finite, by metric."""
        return self._validation.nonfinite

    def names(self, kind: str) -> set[str]:
        """Return the names of the metrics seen so far.

        Args:
            kind (str): One of `METRIC_KINDS`.
        """
        return set(self._names[kind].values())

    def record(self, kind: str, epoch: float, step: int, metrics: Mapping[str, Any], thinned: bool = True) -> Record:
        """Return a record of checked metrics; those that cannot be kept are counted, and warned about once each.

        Args:
            kind (str): One of `METRIC_KINDS`.
            epoch (float): Epoch of the metrics.
            step (int): Step of the metrics.
            metrics (Mapping[str, Any]): As the caller gave them.
            thinned (bool): Whether a view may leave out some of them.

        Returns:
            Record: Plain data.

        Raises:
            TypeError: If an argument has the wrong type.
        """
        require_dictionary("metrics", metrics)
        plain = {"epoch": plain_epoch(epoch), "step": plain_step(step)}
        moment = f" (step {plain['step']}, epoch {plain['epoch']:g})"
        flat = flat_metrics(metrics)
        numbers, nonfinite = self._validation.validated(kind, flat, moment, skip_nonfinite=self._skip_nonfinite)
        self._remember_names(kind, flat, numbers)
        record = new_record(kind, **plain, rank=self._rank, metrics=numbers)
        if nonfinite:
            record["nonfinite"] = nonfinite
        if not thinned:
            record["thinned"] = False
        return record

    def plain_writer(
        self, kind: str, logging_queue: LoggingQueue, take_span: Callable[[int, int], None]
    ) -> PlainWriter:
        """Return a function that appends metrics to a journal in the usual case: known names, finite floats.

        It is one piece, with names of its own for what it uses, because nearly every logging call goes this way, and a
        call between two pieces costs as much as a check.

        Args:
            kind (str): One of `METRIC_KINDS`.
            logging_queue (LoggingQueue): The journal.
            take_span (Callable[[int, int], None]): Is given the nanoseconds of `time.perf_counter_ns` at the start and
                the end of what is appended.

        Returns:
            PlainWriter: It is given the nanoseconds of `time.perf_counter_ns` when the call began, epoch, step and
            metrics. It returns the nanoseconds when it had appended them, or None if they need the closer look of
            `record`. It never raises.
        """
        names, rank, dumps, now, clock = self._names[kind], self._rank, orjson.dumps, time.time, time.perf_counter_ns

        def write_plain(started: int, epoch: float, step: int, metrics: Mapping[str, Any]) -> int | None:
            # orjson refuses a number that is too small for 64 bits, but writes one that is too large for their sign.
            if type(step) is not int or step > LARGEST_INTEGER:
                return None
            if type(epoch) is not float and (type(epoch) is not int or epoch > LARGEST_INTEGER):
                return None
            values = {}
            try:
                total = epoch * 0.0
                for name, value in metrics.items():
                    if type(value) is not float:
                        return None
                    values[names[name]] = value
                    total += value
                # One that is not finite, or too large a sum, for which the closer look is no harm; or one name twice.
                if total - total != 0.0 or len(values) != len(metrics):
                    return None
                record = {"kind": kind, "epoch": epoch, "step": step, "time": now(), "rank": rank, "metrics": values}
                line = dumps(record, option=orjson.OPT_APPEND_NEWLINE)
            except Exception:  # a foreign mapping may raise anything; `record` says it
                return None
            if len(line) > MAXIMUM_RECORD_BYTES:
                return None
            if logging_queue.follows_by_itself or logging_queue.waiting.lines:
                logging_queue.append(line)
            else:
                try:
                    written = os.write(logging_queue.descriptor, line)
                except OSError:
                    # It tries once more, and keeps what the disk refuses.
                    logging_queue.append(line)
                else:
                    if written != len(line):
                        logging_queue.append_again(line)
            ended = clock()
            take_span(started, ended)
            return ended

        return write_plain

    def _remember_names(self, kind: str, metrics: Sequence[tuple[Any, Any]], numbers: Mapping[str, float]) -> None:
        names = self._names[kind]
        for name, _ in metrics:
            if not isinstance(name, str) or name in names:
                continue
            full_name = name if "/" in name else f"{kind}/{name}"
            if full_name in numbers and len(names) < MOST_REMEMBERED_NAMES:
                names[name] = full_name
