"""Kind: what a kind of record is, in one place: how it is logged, what its line holds, what a view shows of it."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seo_engine.foundation.redaction import redact
from seo_engine.tracking.journal.lines import Record, plain_record
from seo_engine.tracking.records.forms import Medium

NUMBER = (int, float)

# What a line says of the moment it is of.
MOMENT: dict[str, Any] = {"epoch": NUMBER, "step": int}

# JSON has no such numbers: they stand beside the others, as words.
NONFINITE_WORDS = ("NaN", "Infinity", "-Infinity")

_ABSENT = object()

_LARGEST_STEP = 2**63 - 1


class Recorded(NamedTuple):
    """Where something stands in the journal: the record's number, and its time in seconds since 1970."""

    number: int
    time: float


@dataclass(slots=True)
class Shown:
    """What a view shows of one record. A destination takes the forms that it knows, and passes over the others.

    Args:
        kind (Kind): The kind of the record.
        record (Record): The record itself, for a destination that shows it in a way of its own.
        epoch (float | None): The epoch that it is of; None if it is of the run as a whole.
        step (int | None): The step that it is of; None if it is of the run as a whole.
        numbers (Mapping[str, float]): Points of curves, by hierarchical names.
        texts (Mapping[str, str]): Texts by hierarchical names.
        settings (Mapping[str, Any]): Configuration and hyperparameters.
        media (tuple[tuple[Medium, ...], ...]): Each in one form or several, the preferred one first.
    """

    kind: Kind
    record: Record
    epoch: float | None = None
    step: int | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    media: tuple[tuple[Medium, ...], ...] = ()


@dataclass(frozen=True)
class Kind:
    """One kind of record.

    Args:
        name (str): As its lines say it.
        call (str): The call that logs it; empty if no call does.
        fields (Mapping[str, Any]): The fields that readers rely on, and their types; `kind` and `time` stand in all.
        shown (Callable[[Record], Shown | None]): What a view shows of a record; None for nothing.
        contents (Callable[..., Record]): What a record holds of the arguments of its call.
        subject (str): What the logging of it is called in profiles and messages; its name if empty.
        is_metrics (bool): Whether it holds numbers by name, at a step.
        is_thinned (bool): Whether a view may leave out some of them.
    """

    name: str
    call: str
    fields: Mapping[str, Any]
    shown: Callable[[Record], Shown | None]
    contents: Callable[..., Record] = dict
    subject: str = ""
    is_metrics: bool = False
    is_thinned: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "subject", self.subject or self.name)

    def matches(self, record: Record) -> bool:
        """Return whether a record has the fields of this kind, of the right types."""
        # An absent field is not the same as None.
        if not all(isinstance(record.get(name, _ABSENT), types) for name, types in self.fields.items()):
            return False
        return not self.is_metrics or all(isinstance(value, NUMBER) for value in record["metrics"].values())

    def make_record(self, arguments: Mapping[str, Any], rank: int = 0) -> Record:
        """Return a record of this moment, as plain data without secrets.

        Args:
            arguments (Mapping[str, Any]): Of the call that logs it.
            rank (int): Rank of this process among those of a distributed training.

        Returns:
            Record: As its readers will see it.

        Raises:
            TypeError: If an argument is not of its type, or cannot be written at all.
            ValueError: If the record would be too large, or a name is not a name.
        """
        contents = dict(self.contents(**arguments))
        for name, types in self.fields.items():
            if types is dict:
                # A mapping of another type would be written as text.
                contents[name] = dict(require_dictionary(name, contents.get(name)))
        if contents.get("step") is not None:
            contents["step"] = plain_step(contents["step"])
        if "epoch" in contents:
            contents["epoch"] = plain_epoch(contents["epoch"])
        # As plain data first: a user's object shows only as text whether it holds a secret.
        plain = plain_record(new_record(self.name, rank=rank, **contents))
        if not self.matches(plain):
            raise TypeError(f"the fields of a record must be {self.fields}")
        redacted: Record = redact(plain)
        return redacted


def new_record(kind: str, **contents: Any) -> Record:
    """Return a record of this moment, of contents that were checked before.

    Args:
        kind (str): The name of its kind.
        **contents (Any): The rest of it.

    Returns:
        Record: Plain data.
    """
    return {"kind": kind, "time": time.time(), **contents}


def is_readable(record: object) -> bool:
    """Return whether a line's contents have what every record has, of the right types."""
    if not isinstance(record, dict) or not isinstance(record.get("kind"), str):
        return False
    nonfinite = record.get("nonfinite", {})
    if not isinstance(nonfinite, dict) or not all(word in NONFINITE_WORDS for word in nonfinite.values()):
        return False
    return isinstance(record.get("time"), NUMBER) and ("error" not in record or _is_error(record["error"]))


def require_dictionary(name: str, value: object) -> Mapping[str, Any]:
    """Return a value that is a dictionary.

    Raises:
        TypeError: If it is not; the message names it.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a dictionary, got {type(value).__name__}")
    return value


def plain_step(step: int) -> int:
    """Return a step as JSON takes it; numpy's integers and tensors are accepted.

    Raises:
        TypeError: If it is not an integer.
        ValueError: If it does not fit into 64 bits.
    """
    plain = operator.index(step)
    if not -_LARGEST_STEP - 1 <= plain <= _LARGEST_STEP:
        raise ValueError(f"step must fit into 64 bits, got {plain}")
    return plain


def plain_epoch(epoch: float) -> float:
    """Return an epoch as JSON takes it; numpy's and torch's numbers have `item`."""
    return epoch if isinstance(epoch, int | float) else float(epoch)


def _is_error(error: object) -> bool:
    return isinstance(error, dict) and all(
        isinstance(error.get(name), str) for name in ("type", "message", "traceback")
    )
