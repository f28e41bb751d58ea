"""Kind: one kind of record: how it is logged, what its line holds, and what a view shows of it."""

from __future__ import annotations

import contextlib
import math
import operator
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seo_engine.foundation.redaction import redact, redact_text
from seo_engine.foundation.texts import fits_64_bits, one_line
from seo_engine.tracking.journal.lines import Record, plain_record
from seo_engine.tracking.records.forms import Medium

NUMBER = (int, float)

# The fields that say when a record was logged.
MOMENT: dict[str, Any] = {"epoch": NUMBER, "step": int}

# JSON has no such numbers: records keep them as words, apart from the others.
NONFINITE_WORDS = ("NaN", "Infinity", "-Infinity")

_ABSENT = object()

_MOST_SHOWN_CHARACTERS = 50

_TYPE_WORDS = {dict: "a dictionary", str: "a text", int: "a number", float: "a number", type(None): "None"}


class Recorded(NamedTuple):
    """Where a record is in the journal: its number, and its time in seconds since 1970."""

    number: int
    time: float


@dataclass(slots=True)
class Shown:
    """What a view shows of one record. A destination takes the forms that it knows, and skips the others.

    Args:
        kind (Kind): The kind of the record.
        record (Record): The record itself, for a destination that shows it in its own way.
        epoch (float | None): Its epoch; None if it belongs to the run as a whole.
        step (int | None): Its step; None if it belongs to the run as a whole.
        numbers (Mapping[str, float]): Points of curves, by hierarchical name.
        texts (Mapping[str, str]): Texts, by hierarchical name.
        settings (Mapping[str, Any]): Configuration and hyperparameters.
        media (tuple[tuple[Medium, ...], ...]): Each medium in one or more forms, the preferred one first.
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
        name (str): As written in its lines.
        call (str): The method that logs it; empty if there is none.
        fields (Mapping[str, Any]): The fields that readers rely on, and their types; all have `kind` and `time`.
        shown (Callable[[Record], Shown | None]): Returns what a view shows of a record; None for nothing.
        contents (Callable[..., Record]): Turns the arguments of its call into the contents of a record.
        subject (str): What it is called in profiles and messages; its name if empty.
        is_metrics (bool): Whether it holds numbers by name, at a step.
        is_thinned (bool): Whether a view may leave out some of those numbers.
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
        """Return a new record with the current time, as plain data without secrets.

        Args:
            arguments (Mapping[str, Any]): The arguments of the call that logs it.
            rank (int): Rank of this process in distributed training.

        Returns:
            Record: As its readers will see it.

        Raises:
            TypeError: If an argument has the wrong type, or cannot be encoded.
            ValueError: If the record would be too large, or a name is not valid.
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
        # Plain data first: a user's object shows only as text whether it holds a secret.
        plain = plain_record(new_record(self.name, rank=rank, **contents))
        if not self.matches(plain):
            raise TypeError(self._mistake(plain))
        redacted: Record = redact(plain)
        return redacted

    def _mistake(self, record: Record) -> str:
        """Return what is wrong with the first field that has another type."""
        for name, types in self.fields.items():
            if not isinstance(record.get(name, _ABSENT), types):
                return f"{name} must be {_words_of(types)}, got {described(record.get(name))}"
        return "metrics must be numbers"


def _words_of(types: Any) -> str:
    types = types if isinstance(types, tuple) else (types,)
    return " or ".join(dict.fromkeys(_TYPE_WORDS.get(each, each.__name__) for each in types))


def new_record(kind: str, **contents: Any) -> Record:
    """Return a new record with the current time; its contents are already checked.

    Args:
        kind (str): The name of its kind.
        **contents (Any): Its other fields.

    Returns:
        Record: Plain data.
    """
    return {"kind": kind, "time": time.time(), **contents}


def is_readable(record: object) -> bool:
    """Return whether a line's contents have the fields that every record has, of the right types."""
    if not isinstance(record, dict) or not isinstance(record.get("kind"), str):
        return False
    nonfinite = record.get("nonfinite", {})
    if not isinstance(nonfinite, dict) or not all(word in NONFINITE_WORDS for word in nonfinite.values()):
        return False
    step = record.get("step")
    if isinstance(step, int) and not fits_64_bits(step):
        return False
    return isinstance(record.get("time"), NUMBER) and ("error" not in record or _is_error(record["error"]))


def require_dictionary(name: str, value: object) -> Mapping[str, Any]:
    """Return a value that is a dictionary.

    Raises:
        TypeError: If it is not; the message names it.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a dictionary, got {described(value)}")
    return value


def plain_step(step: int) -> int:
    """Return a step as JSON takes it; numpy's integers and tensors are accepted.

    Raises:
        TypeError: If it is not an integer.
        ValueError: If it does not fit into 64 bits.
    """
    try:
        plain = operator.index(step)
    except Exception:  # of a foreign object, anything
        raise TypeError(f"step must be a whole number, got {described(step)}") from None
    if not fits_64_bits(plain):
        raise ValueError(f"step must fit into 64 bits, got {plain}")
    return plain


def step_after(last: int) -> int:
    """Return the step behind the last one; the first step if that is not a number.

    Example:
        >>> step_after(9), step_after("nine")
        (10, 1)
    """
    try:
        return plain_step(last) + 1
    except (TypeError, ValueError):
        return 1


def plain_epoch(epoch: float) -> float:
    """Return an epoch as a plain number for JSON; it may be a number of numpy or torch.

    Raises:
        TypeError: If it is not a number, or not a finite one.
    """
    plain: float | None = None
    if isinstance(epoch, int | float):
        plain = epoch
    elif not isinstance(epoch, str | bytes):
        # Of a foreign object, anything may be raised.
        with contextlib.suppress(Exception):
            plain = float(epoch)
    if plain is None:
        raise TypeError(f"epoch must be a number, got {described(epoch)}")
    if not (fits_64_bits(plain) if isinstance(plain, int) else math.isfinite(plain)):
        raise TypeError(f"epoch must be a finite number, got {described(plain)}")
    return plain


def described(value: object) -> str:
    """Return a value for a message: a short text or None itself, and of anything else its type.

    Example:
        >>> described("good"), described(None), described([0.5])
        ("'good' (str)", 'None', 'a list')
    """
    if value is None:
        return "None"
    if isinstance(value, bool | int | float | str):
        return f"{redact_text(one_line(repr(value)))[:_MOST_SHOWN_CHARACTERS]} ({type(value).__name__})"
    return f"a {type(value).__name__}"


def _is_error(error: object) -> bool:
    return isinstance(error, dict) and all(
        isinstance(error.get(name), str) for name in ("type", "message", "traceback")
    )
