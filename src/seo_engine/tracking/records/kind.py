"""Kind: one kind of record: how it is logged, what its line holds, and what a view shows of it."""

from __future__ import annotations

import contextlib
import math
import operator
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seo_engine.foundation.redaction import names_in_words, redact, redact_text
from seo_engine.foundation.texts import LARGEST_INTEGER, as_json_data, fits_64_bits, one_line
from seo_engine.tracking.journal.fitting import cut_text, in_parts
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import Payload, Payloads, Reference, check_size
from seo_engine.tracking.records.forms import Medium
from seo_engine.tracking.records.plain_values import plain_number, plain_value

NUMBER = (int, float)

# The fields that say when a record was logged.
MOMENT: dict[str, Any] = {"epoch": NUMBER, "step": int}

# The field that says where the payloads of a record are.
PAYLOADS = "payloads"

# JSON has no such numbers: records keep them as words, apart from the others.
NONFINITE_WORDS = ("NaN", "Infinity", "-Infinity")

_ABSENT = object()

_MOST_SHOWN_CHARACTERS = 50

# Of a caption and the like.
_LONGEST_TEXT_BYTES = 4_000

_TYPE_WORDS = {dict: "a dictionary", str: "a text", int: "a number", float: "a number", type(None): "None"}


class Recorded(NamedTuple):
    """Where a record is in the journal: its number, and its time in seconds since 1970."""

    number: int
    time: float


class CallRecords(NamedTuple):
    """The records of one call, what they leave out (how much or why, by its place in them), and the payloads.

    The first record refers to the payloads, once they have a place.
    """

    records: list[Record]
    left_out: dict[str, str]
    payloads: tuple[Payload, ...] = ()

    def refer_to(self, references: Iterable[Reference]) -> None:
        """Say in the record where the payloads are."""
        self.records[0][PAYLOADS] = [reference.as_dictionary() for reference in references]


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
        summary (Mapping[str, Any]): Values of the run as a whole, by name.
        media (tuple[tuple[Medium, ...], ...]): Each medium in one or more forms, the preferred one first.
        prefix (str): What the names begin with, such as `rank_3/`, if the record belongs to one of several ranks alone.
    """

    kind: Kind
    record: Record
    epoch: float | None = None
    step: int | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    media: tuple[tuple[Medium, ...], ...] = ()
    prefix: str = ""


@dataclass(frozen=True)
class Kind:
    """One kind of record.

    Args:
        name (str): As written in its lines.
        call (str): The method that logs it; empty if there is none.
        fields (Mapping[str, Any]): The fields that readers rely on, and their types; all have `kind` and `time`.
        shown (Callable[[Record, Payloads], Shown | None]): Returns what a view shows of a record; None for nothing.
        contents (Callable[..., Record]): Turns the arguments of its call into the contents of a record. With `payloads`
            among its fields, all but the payloads is already plain data without secrets; they take
            `most_bytes`, how large these may be together.
        subject (str): What it is called in profiles and messages; its name if empty.
        is_metrics (bool): Whether it holds numbers by name, at a step.
        is_thinned (bool): Whether a view may leave out some of those numbers.
        divisible (str): The dictionary to which a later record of this kind adds, so that it may be spread over several
            records; empty if there is none.
        has_payloads (bool): Whether its records refer to payloads; follows from its fields.
    """

    name: str
    call: str
    fields: Mapping[str, Any]
    shown: Callable[[Record, Payloads], Shown | None]
    contents: Callable[..., Record] = dict
    subject: str = ""
    is_metrics: bool = False
    is_thinned: bool = False
    divisible: str = ""
    has_payloads: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "subject", self.subject or self.name)
        object.__setattr__(self, "has_payloads", PAYLOADS in self.fields)

    def matches(self, record: Record) -> bool:
        """Return whether a record has the fields of this kind, of the right types."""
        # An absent field is not the same as None.
        if not all(isinstance(record.get(name, _ABSENT), types) for name, types in self.fields.items()):
            return False
        return not self.is_metrics or all(isinstance(value, NUMBER) for value in record["metrics"].values())

    def make_records(self, arguments: Mapping[str, Any], rank: int = 0, *, most_bytes: int) -> CallRecords:
        """Return new records with the current time, as plain data without secrets.

        Args:
            arguments (Mapping[str, Any]): The arguments of the call that logs them.
            rank (int): Rank of this process in distributed training.
            most_bytes (int): How large its payloads may be together.

        Returns:
            CallRecords: One record as its readers will see it, or several where it is too large for one.

        Raises:
            TypeError: If an argument has the wrong type.
            ValueError: If a name is not valid.
            PayloadTooLargeError: If its payloads are larger.
        """
        limit = {"most_bytes": most_bytes} if self.has_payloads else {}
        contents = dict(self.contents(**arguments, **limit))
        if not self.has_payloads:
            for name, types in self.fields.items():
                if types is dict:
                    require_dictionary(name, contents.get(name))
        if contents.get("step") is not None:
            contents["step"] = plain_step(contents["step"])
        if "epoch" in contents:
            contents["epoch"] = plain_epoch(contents["epoch"])
        if self.has_payloads:
            # What they say beside their payloads is little, and plain data without secrets already.
            payloads = tuple(contents.pop(PAYLOADS))
            check_size(sum(payload.size for payload in payloads), most_bytes)
            return CallRecords([new_record(self.name, rank=rank, **contents)], {}, payloads)
        left_out: dict[str, str] = {}
        # Plain data first: a user's object shows only as text whether it holds a secret.
        plain = plain_value(new_record(self.name, rank=rank, **contents), left_out)
        if not self.matches(plain):
            raise TypeError(self._mistake(plain))
        records = [
            # Once more, because a redacted text may be longer.
            part
            for whole in in_parts(plain, self.divisible, left_out)
            for part in in_parts(redact(whole), self.divisible, left_out)
        ]
        return CallRecords(records, left_out)

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


def parts_in_words(left_out: Mapping[str, str]) -> str:
    """Return for a message what a call leaves out.

    Example:
        >>> parts_in_words({"text": "1,234 bytes left out"})
        'text (1,234 bytes left out)'
    """
    return names_in_words((f"{one_line(place)[-40:]} ({why})" for place, why in left_out.items()), most=5)


def plain_text(value: Any) -> str:
    """Return a text that is said beside a medium, such as a caption, without secrets.

    Args:
        value (Any): A text, or what has one; of a long one the end is cut.
    """
    return cut_text(redact_text(as_json_data(str(value))), _LONGEST_TEXT_BYTES)


def captioned(caption: Any) -> Record:
    """Return the field of a caption without secrets; none if nobody said one."""
    return {} if caption is None else {"caption": plain_text(caption)}


def require_dictionary(name: str, value: object) -> Mapping[str, Any]:
    """Return a value that is a dictionary.

    Raises:
        TypeError: If it is not; the message names it.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a dictionary, got {described(value)}")
    return value


def plain_step(step: Any) -> int:
    """Return a step as a plain integer; it may be a whole number of any type, of numpy or torch, too.

    Raises:
        TypeError: If it is not a whole number.
        ValueError: If it does not fit into 64 bits.

    Example:
        >>> plain_step(7), plain_step(4096.0)
        (7, 4096)
    """
    if type(step) is int and fits_64_bits(step):
        return step
    plain: int | None = None
    # Of a foreign object, anything may be raised.
    with contextlib.suppress(Exception):
        plain = operator.index(step)
    if plain is None:
        with contextlib.suppress(Exception):
            number = plain_number(step)
            plain = int(number) if number is not None and float(number).is_integer() else None
    if plain is None:
        raise TypeError(f"step must be a whole number, got {described(step)}")
    if not fits_64_bits(plain):
        raise ValueError(f"step must fit into 64 bits, got {described(step)}")
    return plain


def step_after(last: int) -> int:
    """Return the step after the last one: 1 if that is not a number, and the largest step stays as it is.

    Example:
        >>> step_after(9), step_after("nine")
        (10, 1)
    """
    try:
        return min(plain_step(last) + 1, LARGEST_INTEGER)
    except (TypeError, ValueError):
        return 1


def plain_epoch(epoch: Any) -> float:
    """Return an epoch as a plain number; it may be a number of any type, of numpy or torch, too.

    Raises:
        TypeError: If it is not a number, or not a finite one.
        ValueError: If it does not fit into 64 bits.

    Example:
        >>> plain_epoch(2), plain_epoch(0.5)
        (2, 0.5)
    """
    if (type(epoch) is float and math.isfinite(epoch)) or (type(epoch) is int and fits_64_bits(epoch)):
        return epoch
    if isinstance(epoch, int) and not fits_64_bits(epoch):
        raise ValueError(f"epoch must fit into 64 bits, got {described(epoch)}")
    plain: float | None = None
    # Of a foreign object, anything may be raised.
    with contextlib.suppress(Exception):
        plain = plain_number(epoch)
        if plain is None and hasattr(epoch, "ndim"):
            # An array or tensor of one element.
            plain = plain_number(epoch.item())
    if plain is None:
        raise TypeError(f"epoch must be a number, got {described(epoch)}")
    if not math.isfinite(plain):
        raise TypeError(f"epoch must be a finite number, got {described(epoch)}")
    return plain


def described(value: object) -> str:
    """Return a value for a message: a number, a short text or None itself, and of anything else its type.

    Example:
        >>> described("good"), described(None), described([0.5])
        ("'good' (str)", 'None', 'a list')
    """
    if value is None:
        return "None"
    shown: object = None
    # Of a foreign object, and of an integer of thousands of digits, anything may be raised.
    with contextlib.suppress(Exception):
        shown = value if isinstance(value, str | int) else plain_number(value)
        if shown is not None:
            return f"{redact_text(one_line(repr(shown)))[:_MOST_SHOWN_CHARACTERS]} ({type(value).__name__})"
    return f"a {type(value).__name__}"


def _is_error(error: object) -> bool:
    return isinstance(error, dict) and all(
        isinstance(error.get(name), str) for name in ("type", "message", "traceback")
    )
