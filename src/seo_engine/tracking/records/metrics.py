"""Metrics: names, values, and the three kinds of records that hold them."""

from __future__ import annotations

import functools
import itertools
import logging
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.texts import one_line
from seo_engine.tracking.journal.fitting import size_of
from seo_engine.tracking.journal.lines import LINE_BEGINNING, MAXIMUM_RECORD_BYTES, Record
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.kind import MOMENT, Kind, Shown, described
from seo_engine.tracking.records.plain_values import nonfinite_word, plain_number

logger = logging.getLogger(__name__)

MAXIMUM_NAME_LENGTH = 512

# What a caller gives is bounded: a dictionary may hold itself, many times.
MOST_LEVELS = 10
MOST_METRICS = 100_000

_PLAIN = (float, int)


def metric_name(group: str, name: str) -> str:
    """Return the hierarchical name of a metric: a name without a slash gets its group.

    Args:
        group (str): `training`, `evaluation`, `performance`, ….
        name (str): The name given by the caller.

    Returns:
        str: A name with a slash, without secrets.

    Raises:
        ValueError: If it is not a valid name.

    Example:
        >>> metric_name("training", "loss"), metric_name("training", "teacher/loss")
        ('training/loss', 'teacher/loss')
    """
    if not isinstance(name, str):
        raise ValueError(f"a name must be a text, got {name!r} ({type(name).__name__})")
    if not name.strip() or not name.isprintable() or len(name) > MAXIMUM_NAME_LENGTH:
        raise ValueError(
            f"a name must be 1 to {MAXIMUM_NAME_LENGTH} printable characters, got {redact_text(name)[:50]!r}"
        )
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"a name must be valid Unicode, got {redact_text(name)[:50]!r}") from None
    shown = _without_secrets(name)
    return shown if "/" in shown else f"{group}/{shown}"


@functools.lru_cache(maxsize=10_000)
def _without_secrets(name: str) -> str:
    """Return a metric's name without secrets; cached, because the same few names come at every step."""
    return redact_text(name)


def flat_metrics(metrics: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """Return metrics one by one; those in a nested dictionary get its name.

    Args:
        metrics (Mapping[Any, Any]): Names and values, or further dictionaries.

    Returns:
        list[tuple[Any, Any]]: Names and values. A dictionary too far within, or within itself, is a value.

    Raises:
        ValueError: If there are too many.

    Example:
        >>> flat_metrics({"loss": 0.5, "val": {"acc": 0.9, "recall": {0: 0.8, 1: 0.7}}})
        [('loss', 0.5), ('val/acc', 0.9), ('val/recall/0', 0.8), ('val/recall/1', 0.7)]
    """
    flat = list(itertools.islice(_flat(metrics, "", ()), MOST_METRICS + 1))
    if len(flat) > MOST_METRICS:
        raise ValueError(f"metrics must be at most {MOST_METRICS:,}")
    return flat


def _flat(metrics: Mapping[Any, Any], prefix: str, outer: tuple[int, ...]) -> Iterator[tuple[Any, Any]]:
    within = (*outer, id(metrics))
    for name, value in metrics.items():
        if type(name) is not str and isinstance(name, str):
            # A text of a class of its own, such as an enum's, may do anything.
            name = str.__str__(name)
        # Classes and layers often are numbers.
        full_name = f"{prefix}{name}" if prefix and isinstance(name, str | int) else name
        # The type first: most values are plain numbers, for which it is enough.
        if (
            type(value) in _PLAIN
            or not isinstance(value, Mapping)
            or not isinstance(full_name, str)
            or id(value) in within
            or len(within) > MOST_LEVELS
        ):
            yield full_name, value
        else:
            try:
                nested = list(itertools.islice(_flat(value, f"{full_name}/", within), MOST_METRICS + 1))
            except Exception:  # a foreign mapping may raise anything: it is said as a value that is no number
                nested = [(full_name, value)]
            # An empty one is said, too.
            yield from nested or [(full_name, value)]


@dataclass
class MetricValidation:
    """Checks the metrics of a call: returns those that can be kept, and warns about each other metric once.

    Example:
        >>> validation = MetricValidation()
        >>> validation.validated("training", [("loss", 0.5), ("note", "good")])
        ({'training/loss': 0.5}, {})
        >>> validation.dropped
        Counter({'non-numeric value': 1})
    """

    dropped: Counter[str] = field(default_factory=Counter)
    nonfinite: Counter[str] = field(default_factory=Counter)
    # Names of the metrics that were warned about, by reason.
    _warned: dict[str, dict[str, None]] = field(default_factory=dict)

    def validated(
        self, group: str, metrics: Sequence[tuple[Any, Any]], moment: str = "", *, skip_nonfinite: bool = True
    ) -> tuple[dict[str, int | float], dict[str, str]]:
        """Return the metrics that can be kept, by hierarchical name.

        Args:
            group (str): The group of names without a slash.
            metrics (Sequence[tuple[Any, Any]]): Names and values as the caller gave them; see `flat_metrics`.
            moment (str): When, for messages: ` (step 137, epoch 2)`.
            skip_nonfinite (bool): Whether the views leave out NaN and infinities, with a warning.

        Returns:
            tuple[dict[str, int | float], dict[str, str]]: Finite numbers, and the others as `NaN`,
            `Infinity` or `-Infinity`.
        """
        numbers: dict[str, int | float] = {}
        nonfinite: dict[str, str] = {}
        for name, value in metrics:
            try:
                full_name = metric_name(group, name)
            except ValueError as error:
                self._drop("invalid name", one_line(name), f"⚠️ Skipping metric: {error}{moment}")
                continue
            try:
                number = plain_number(value)
            except Exception as error:  # `item` of a foreign object may raise anything
                cause = f"{type(error).__name__}: {one_line(error)}"
                self._drop("unreadable value", full_name, f"⚠️ Skipping unreadable metric {full_name}: {cause}{moment}")
                continue
            if number is not None and (full_name in numbers or full_name in nonfinite):
                message = f"⚠️ Metric {full_name} has several values in one call, the last one is kept{moment}"
                self._drop("given twice", full_name, message)
                numbers.pop(full_name, None)
                nonfinite.pop(full_name, None)
            if number is None:
                message = f"⚠️ Skipping non-numeric metric {full_name}: {described(value)}{moment}"
                self._drop("non-numeric value", full_name, message)
            elif math.isfinite(number):
                numbers[full_name] = number
            else:
                nonfinite[full_name] = nonfinite_word(number)
                self.nonfinite[full_name] += 1
                if skip_nonfinite and self.nonfinite[full_name] == 1:
                    logger.warning("⚠️ Skipping invalid metric %s: %s%s", full_name, number, moment)
        return numbers, nonfinite

    def dropped_names(self, reason: str) -> list[str]:
        """Return the names of the metrics that were left out for a reason; at most a thousand."""
        return list(self._warned.get(reason, ()))

    def _drop(self, reason: str, name: str, message: str) -> None:
        self.dropped[reason] += 1
        warned = self._warned.setdefault(reason, {})
        # Bounded: a caller may make up a new bad name at every step.
        if name not in warned and len(warned) < 1000:
            warned[redact_text(name)[:MAXIMUM_NAME_LENGTH]] = None
            logger.warning("%s", message)


def nonfinite_numbers(nonfinite: Mapping[str, str]) -> dict[str, float]:
    """Return the numbers that a record keeps as words, apart from its metrics.

    Args:
        nonfinite (Mapping[str, str]): Names, and `NaN`, `Infinity` or `-Infinity`.

    Returns:
        dict[str, float]: The numbers.
    """
    return {name: float(word) for name, word in nonfinite.items()}


def finite_number(value: Any) -> int | float | None:
    """Return a value as a number, or None if it is not a finite number.

    Example:
        >>> finite_number(0.5), finite_number(float("inf")), finite_number("0.5")
        (0.5, None, None)
    """
    try:
        number = plain_number(value)
    except Exception:  # `item` of a foreign object may raise anything
        return None
    return number if number is not None and math.isfinite(number) else None


def with_nonfinite(record: Record, skip_nonfinite: bool) -> Record:
    """Return a record of metrics with its NaN and infinities among the other values, unless they are skipped."""
    if skip_nonfinite or "nonfinite" not in record:
        return record
    return {**record, "metrics": {**record["metrics"], **nonfinite_numbers(record["nonfinite"])}}


def metrics_in_parts(record: Record) -> list[Record]:
    """Return a record of metrics whole or, if it is too large for a line, as several records of the same moment.

    Args:
        record (Record): Plain data.

    Returns:
        list[Record]: Each fits into a line.
    """
    metrics, nonfinite = record["metrics"], record.get("nonfinite", {})
    names = [*metrics, *nonfinite]
    # With the newline.
    if size_of(record) < MAXIMUM_RECORD_BYTES or len(names) < 2:
        return [record]
    parts = []
    for half in (names[: len(names) // 2], names[len(names) // 2 :]):
        part = {**record, "metrics": {name: metrics[name] for name in half if name in metrics}}
        if nonfinite:
            part["nonfinite"] = {name: nonfinite[name] for name in half if name in nonfinite}
        parts += metrics_in_parts(part)
    return parts


def is_metric_line(line: bytes) -> bool:
    """Return whether a line holds metrics, judging by its beginning; it may be torn, but holds no other record.

    Most lines by far hold metrics. A reader that looks for other records skips them without parsing.

    Example:
        >>> is_metric_line(b'{"kind":"training","epoch":1,"step":1')
        True
        >>> is_metric_line(b'{"kind":"training","epo{"kind":"end","time":1.0,"status":"killed"}')
        False
    """
    return line.startswith(_METRIC_BEGINNINGS) and line.rfind(LINE_BEGINNING) == 0


def rank_of_line(line: bytes) -> int | None:
    """Return which rank has written a line of metrics, judging by its beginning; None if that does not say it.

    Only of training and evaluation: what a rank measures of its host is among `performance` metrics.

    Example:
        >>> rank_of_line(b'{"kind":"training","epoch":1,"step":5,"time":1.5,"rank":3,"metrics":{"training/loss":0.5}}')
        3
        >>> rank_of_line(b'{"kind":"training","epoch":1,"step":5,"time":1.5,"rank":3,"metrics":{"training/lo') is None
        True
    """
    match = _BEGINNING_OF_A_RANK.match(line)
    # Behind a torn line there may be another record.
    return int(match[1]) if match and line.endswith(b"}") and line.rfind(LINE_BEGINNING) == 0 else None


def _metric_kind(name: str, is_thinned: bool) -> Kind:
    def shown(record: Record, payloads: Payloads) -> Shown | None:
        metrics = record["metrics"]
        return Shown(kind, record, record["epoch"], record["step"], metrics) if metrics else None

    kind = Kind(name, f"log_{name}_metrics", {**MOMENT, "metrics": dict}, shown, is_metrics=True, is_thinned=is_thinned)
    return kind


# Training and performance metrics arrive at every step; evaluation metrics are rare, and never thinned.
METRICS = (_metric_kind("training", True), _metric_kind("evaluation", False), _metric_kind("performance", True))

METRIC_KINDS = tuple(kind.name for kind in METRICS)

_METRIC_BEGINNINGS = tuple(f'{LINE_BEGINNING.decode()}"{name}",'.encode() for name in METRIC_KINDS)

_BEGINNING_OF_A_RANK = re.compile(
    rb'\{"kind":"(?:training|evaluation)","epoch":[^,"]{1,30},"step":-?\d{1,20},"time":[\d.]{1,30},"rank":(\d{1,7}),"'
)
