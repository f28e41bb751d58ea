"""RecordWriter: what a caller logged -> one line of the journal, checked and counted."""

from __future__ import annotations

import logging
import operator
from collections import Counter
from collections.abc import Mapping
from typing import Any

from seo_engine.foundation.redaction import redact
from seo_engine.foundation.texts import counts_in_words
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.journal.lines import (
    METRIC_KINDS,
    encode_plain_metrics,
    encode_record,
    new_record,
    plain_record,
)
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.records.metrics import MetricValidation
from seo_engine.tracking.runs.endings import describe_error
from seo_engine.tracking.runs.lifecycle import end_lines
from seo_engine.tracking.views.metric_selection import THINNED_KINDS, MetricPriorities

logger = logging.getLogger(__name__)

# Names beyond this are checked at each call instead of being remembered: memory must not grow with made-up names.
MOST_REMEMBERED_NAMES = 10_000

# The end of a run counts so many metrics by name, and the rest of them together: a record has a limit.
MOST_COUNTED_NAMES = 1_000
OTHERS = "others"


class RecordWriter:
    """Appends records to the journal. It never raises: what cannot be recorded is counted, and said once.

    Args:
        logging_queue (LoggingQueue): The journal.
        config (TrackingConfig): The settings.
        rank (int): Rank of this process among those of a distributed training.
    """

    def __init__(self, logging_queue: LoggingQueue, config: TrackingConfig, rank: int) -> None:
        self.dropped: Counter[str] = Counter()
        self._logging_queue = logging_queue
        self._config = config
        self._rank = rank
        self._validation = MetricValidation()
        self._names: dict[str, dict[str, str]] = {kind: {} for kind in METRIC_KINDS}

    def write_metrics(self, kind: str, epoch: float, step: int, metrics: Mapping[str, Any]) -> bool:
        """Append a record of metrics.

        Args:
            kind (str): One of `METRIC_KINDS`.
            epoch (float): Epoch of the metrics.
            step (int): Step of the metrics.
            metrics (Mapping[str, Any]): As the caller gave them.

        Returns:
            bool: Whether there is a record of them now.
        """
        try:
            line = encode_plain_metrics(kind, epoch, step, metrics, self._names[kind], self._rank)
            if line is None:
                line = self._encode_after_validation(kind, epoch, step, metrics)
            self._logging_queue.append(line)
        except Exception as error:
            self._count_failure(kind, error)
            return False
        return True

    def write(self, kind: str, **contents: Any) -> bool:
        """Append a record that is rare enough to be encoded without haste.

        Args:
            kind (str): What it holds.
            **contents (Any): The rest of it.

        Returns:
            bool: Whether there is a record of it now.
        """
        try:
            for name in ("hyperparameters", "profiling_data"):
                if name in contents:
                    _require_dictionary(name, contents[name])
            if "step" in contents and contents["step"] is not None:
                contents["step"] = operator.index(contents["step"])
            if "epoch" in contents:
                contents["epoch"] = plain_epoch(contents["epoch"])
            # As plain data first: a user's object shows only as text whether it holds a secret.
            record = plain_record(new_record(kind, rank=self._rank, **contents))
            self._logging_queue.append(encode_record(redact(record)))
        except Exception as error:
            self._count_failure(kind, error)
            return False
        return True

    def write_end(self, status: str, error: BaseException | None = None, withheld: int = 0) -> None:
        """Append the end of the run, and say what was not recorded.

        Args:
            status (str): How the run ended.
            error (BaseException | None): What ended it.
            withheld (int): How many records of last values the views are known to need, also of other processes.
        """
        if self._config.selective_logging:
            priorities = MetricPriorities(self._config)
            thinned = sum(
                priorities.of(name) != "high" for kind in THINNED_KINDS for name in set(self._names[kind].values())
            )
            withheld = max(withheld, thinned)
        self._logging_queue.write_waiting()
        nonfinite = self._validation.nonfinite
        dropped = self.dropped + self._validation.dropped
        if overflowed := self._logging_queue.waiting.overflowed:
            dropped["journal not writable"] += overflowed
        contents = {"error": describe_error(error)} if error is not None else {}
        counts = _most_common(nonfinite)
        for line in end_lines(
            status, withheld, rank=self._rank, dropped=dict(dropped), nonfinite_counts=counts, **contents
        ):
            self._logging_queue.append(line)
        if dropped:
            logger.warning("⚠️ Not recorded: %s", counts_in_words(dropped))
        if nonfinite:
            shown = "left out of the views" if self._config.skip_nonfinite_metrics else "shown as they are"
            logger.warning("⚠️ Values that are no finite number, %s: %s", shown, counts_in_words(counts))

    def drop(self, reason: str, message: str) -> None:
        """Count a call that leaves no record, and say it the first time.

        Args:
            reason (str): Under which it is counted.
            message (str): Said once a reason.
        """
        self.dropped[reason] += 1
        if self.dropped[reason] == 1:
            logger.warning("%s", message)

    def _count_failure(self, kind: str, error: Exception) -> None:
        self.drop("misuse", f"⚠️ Skipping a call ({kind}): {error}")

    def _encode_after_validation(self, kind: str, epoch: float, step: int, metrics: Mapping[str, Any]) -> bytes:
        _require_dictionary("metrics", metrics)
        numbers, nonfinite = self._validation.validated(
            kind, metrics, skip_nonfinite=self._config.skip_nonfinite_metrics
        )
        self._remember_names(kind, metrics, numbers)
        record = new_record(kind, epoch=plain_epoch(epoch), step=operator.index(step), rank=self._rank, metrics=numbers)
        if nonfinite:
            record["nonfinite"] = nonfinite
        return encode_record(record)

    def _remember_names(self, kind: str, metrics: Mapping[str, Any], numbers: Mapping[str, float]) -> None:
        names = self._names[kind]
        for name in metrics:
            full_name = name if isinstance(name, str) and "/" in name else f"{kind}/{name}"
            if full_name in numbers and len(names) < MOST_REMEMBERED_NAMES:
                names[name] = full_name


def _most_common(counts: Counter[str]) -> dict[str, int]:
    chosen = dict(counts.most_common(MOST_COUNTED_NAMES))
    if rest := counts.total() - sum(chosen.values()):
        chosen[OTHERS] = rest
    return chosen


def _require_dictionary(name: str, value: object) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a dictionary, got {type(value).__name__}")


def plain_epoch(epoch: float) -> float:
    """Return an epoch as JSON takes it; numpy's and torch's numbers have `item`."""
    return epoch if isinstance(epoch, int | float) else float(epoch)
