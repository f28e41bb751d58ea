"""Any value -> plain data that JSON can hold and a person recognises; the work is bounded, whatever the value is."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence, Set, ValuesView
from datetime import date, time
from decimal import Decimal
from enum import Enum
from numbers import Real
from types import SimpleNamespace
from typing import Any

from seo_engine.foundation.texts import as_json_data, fits_64_bits, one_line
from seo_engine.tracking.journal.fitting import cut_text, fair_share, number_that_fits

# What a caller gives is bounded: a list may have millions of elements, and a dictionary may hold itself, many times.
MOST_VALUES = 100_000
MOST_LEVELS = 50
MOST_KEY_BYTES = 512

# Where there are too many values, each one keeps at least this many within it.
_FEW_VALUES = 10

# A larger array or tensor is described, and a longer one of bytes, too.
MOST_ELEMENTS = 100

# Stands in the place of what is left out.
REST = "…"

_PLAIN = (float, int)
_WORDS = {math.inf: "Infinity", -math.inf: "-Infinity"}
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

# What a value is made of: it is a number or a text, or has further values in it.
_Unfolded = Mapping[Any, Any] | list[Any] | str | int | float | None


def plain_number(value: Any) -> int | float | None:
    """Return a value as the nearest number that 64 bits hold, or None if it is not a number.

    Args:
        value (Any): int, float, bool, Decimal, Fraction, a numpy scalar, or an array or tensor without dimensions.

    Returns:
        int | float | None: A plain number, possibly not finite.

    Raises:
        OverflowError: If it is a number that is larger than every float.

    Example:
        >>> plain_number(True), plain_number(0.5), plain_number(2**70), plain_number("0.5")
        (1, 0.5, 1.1805916207174113e+21, None)
    """
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return int(value) if fits_64_bits(value) else float(value)
    if getattr(value, "ndim", None) == 0 and callable(getattr(value, "item", None)):
        # A numpy scalar or a 0-d tensor; `item` waits for a device, so it is called once.
        value = value.item()
        if isinstance(value, _PLAIN):
            return plain_number(value)
    if not isinstance(value, Real | Decimal):
        return None
    if isinstance(value, Decimal) and value.is_nan():
        return math.nan
    number = float(value)
    if math.isinf(number) and number != value:
        raise OverflowError("larger than every float")
    return number


def nonfinite_word(number: float) -> str:
    """Return the word for a number that JSON does not have: `NaN`, `Infinity` or `-Infinity`."""
    return _WORDS.get(number, "NaN")


def plain_value(value: Any, left_out: dict[str, str] | None = None) -> Any:
    """Return any value as plain data. What JSON has no form for becomes a text; its neighbours stay as they are.

    Args:
        value (Any): Anything.
        left_out (dict[str, str] | None): Takes the places of what is left out, and how much or why.

    Returns:
        Any: Dictionaries with texts as keys, lists, texts, numbers of at most 64 bits, None.

    Example:
        >>> from datetime import timedelta
        >>> plain_value({"clip": float("inf"), "seed": 2**80, "betas": (0.9, 0.95), "every": timedelta(minutes=5)})
        {'clip': 'Infinity', 'seed': '1208925819614629174706176', 'betas': [0.9, 0.95], 'every': '0:05:00'}
    """
    return _Conversion({} if left_out is None else left_out).of(value)


class _Conversion:
    """Converts one value; a part of it gets its share of what the whole may cost, so that no part costs another."""

    def __init__(self, left_out: dict[str, str]) -> None:
        self._left_out = left_out
        self._values = 0

    def of(self, value: Any, path: str = "", share: int = MOST_VALUES, within: tuple[int, ...] = ()) -> Any:
        self._values += 1
        if value is None or isinstance(value, bool):
            return value
        try:
            unfolded = _unfolded(value)
            if isinstance(unfolded, Mapping | list):
                if id(value) in within:
                    return f"{REST} (contains itself)"
                if len(within) >= MOST_LEVELS:
                    return f"{REST} (nested too deep)"
                if isinstance(unfolded, list):
                    return self._list(unfolded, path, share - 1, (*within, id(value)))
                return self._dictionary(unfolded, path, share - 1, (*within, id(value)))
        except Exception:  # a user's object may raise anything
            unfolded = _as_text(value)
        if isinstance(unfolded, float) and not math.isfinite(unfolded):
            return nonfinite_word(unfolded)
        return as_json_data(unfolded)

    def _dictionary(self, values: Mapping[Any, Any], path: str, share: int, within: tuple[int, ...]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        entries, failure = _entries(values)
        for (key, each), own in zip(entries, self._shares([each for _, each in entries], share), strict=False):
            name = _free_key(key, result)
            result[name] = self.of(each, f"{path}.{name}" if path else name, own, within)
        if why := failure or self._rest(_length(values, len(entries)) - len(result)):
            result[REST] = f"({why})"
            self._left_out[path] = why
        return result

    def _list(self, values: list[Any], path: str, share: int, within: tuple[int, ...]) -> list[Any]:
        shares = self._shares(values, share)
        result = [self.of(each, path, own, within) for each, own in zip(values, shares, strict=False)]
        if why := self._rest(len(values) - len(result)):
            result.append(f"{REST} ({why})")
            self._left_out[path] = why
        return result

    @staticmethod
    def _rest(count: int) -> str:
        return f"{count:,} more left out" if count else ""

    def _shares(self, values: list[Any], share: int) -> Iterator[int]:
        """Yield how much each of several values may take; what one does not take, those after it get."""
        needs = [_number_within(each) for each in values]
        # A list of rows keeps its first rows whole.
        kept = needs[: number_that_fits([min(need, _FEW_VALUES) for need in needs], share)]
        # Half by their lengths; the rest in equal parts, because more may be nested in them than their lengths say.
        fair = fair_share(kept, max(len(kept), share // 2))
        spare = share - sum(min(need, fair) for need in kept)
        containers = sum(need > 1 for need in kept)
        for need in kept:
            own = min(need, fair)
            before = self._values
            if need > 1:
                yield own + spare // containers
                containers -= 1
            else:
                yield own
            spare += own - (self._values - before)


def _number_within(value: Any) -> int:
    """Return about how many values there are in a value, itself included."""
    if value is None or isinstance(value, bool | int | float | str):
        return 1
    return 1 + (len(value) if isinstance(value, dict | list | tuple | set) else MOST_ELEMENTS)


def _entries(values: Mapping[Any, Any]) -> tuple[list[tuple[Any, Any]], str]:
    """Return what can be read of a mapping, and why the rest cannot.

    Raises:
        Exception: If nothing can be read.
    """
    entries: list[tuple[Any, Any]] = []
    try:
        for entry in itertools.islice(values.items(), MOST_VALUES):
            entries.append(entry)
    except Exception as error:  # a foreign mapping may raise anything
        if not entries:
            entries = list(_readable_entries(values))
            if not entries:
                raise
        return entries, f"cannot be read whole: {type(error).__name__}: {one_line(error)}"
    return entries, ""


def _length(values: Mapping[Any, Any], at_least: int) -> int:
    try:
        return max(len(values), at_least)
    except Exception:  # a foreign mapping may raise anything
        return at_least


def _readable_entries(values: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield what can be read by its key, where reading all at once fails: a value that is missing, for example."""
    for key in itertools.islice(values, MOST_VALUES):
        try:
            yield key, values[key]
        except Exception as error:
            yield key, f"{REST} (cannot be read: {type(error).__name__})"


def _free_key(key: Any, taken: Mapping[str, Any]) -> str:
    """Return a key as a text that no other key of its dictionary has: 1 and "1" are both kept."""
    if isinstance(key, str) and not isinstance(key, Enum):
        # A text of a class of its own may do anything.
        text = str.__str__(key)
    else:
        try:
            unfolded = None if key is None else _unfolded(key)
            text = str(key) if unfolded is None or isinstance(unfolded, Mapping | list) else str(unfolded)
        except Exception:  # a user's object may raise anything
            text = _as_text(key)
    text = cut_text(as_json_data(text), MOST_KEY_BYTES)
    if text not in taken:
        return text
    names = (f"{text} ({type(key).__name__}{number})" for number in itertools.chain([""], itertools.count(2)))
    return next(name for name in names if name not in taken)


def _unfolded(value: Any) -> _Unfolded:
    """Return what a value is made of."""
    if isinstance(value, Enum):
        # The words that its author chose; a number says less than a name.
        return str(value.value if isinstance(value.value, str) else value.name or value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and not fits_64_bits(value):
        return _as_text(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, _PLAIN):
        return float(value) if isinstance(value, float) else int(value)
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list | tuple | Sequence | Set | ValuesView):
        return _unfolded_collection(value)
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return _qualified_name(value)
    if isinstance(value, functools.partial):
        arguments = [*map(repr, value.args), *(f"{name}={each!r}" for name, each in value.keywords.items())]
        return f"{_as_text(_unfolded(value.func))}({', '.join(arguments)})"
    if isinstance(value, date | time):
        return value.isoformat()
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and (shape or hasattr(value, "dtype")):
        return _unfolded_array(value, shape)
    number = plain_number(value)
    if number is not None:
        return number
    fields = _fields(value)
    return _as_text(value) if fields is None else fields


def _unfolded_collection(value: Any) -> _Unfolded:
    if isinstance(value, bytes | bytearray | memoryview):
        return repr(bytes(value)) if len(value) <= MOST_ELEMENTS else f"{len(value):,} bytes"
    if isinstance(value, range):
        return str(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields, value, strict=False))
    if isinstance(value, Set) and len(value) <= MOST_VALUES:
        # In an order that is the same in every run.
        try:
            return sorted(value)
        except TypeError:
            return sorted(value, key=lambda each: (type(each).__name__, _as_text(each)))
    return list(value)


def _unfolded_array(value: Any, shape: tuple[int, ...]) -> _Unfolded:
    with contextlib.suppress(Exception):  # a tensor may have no values, or not give them
        if math.prod(shape) <= MOST_ELEMENTS:
            contents = value.tolist()
            if type(contents) is type(value):
                # A number of more than 64 bits.
                return plain_number(value)
            return contents if isinstance(contents, list) else _unfolded(contents)
    if not shape:
        return _as_text(value)
    kind = f"{getattr(value, 'dtype', '')} {type(value).__name__}".strip()
    return f"{kind} of shape {tuple(shape)}"


def _fields(value: Any) -> Mapping[Any, Any] | None:
    """Return the values in an object of named values; None if it is another object."""
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
    elif hasattr(type(value), "__attrs_attrs__"):
        names = [field.name for field in type(value).__attrs_attrs__]
    elif isinstance(value, SimpleNamespace) or _is_command_line(value):
        return dict(vars(value))
    else:
        # pydantic's models, the configurations of transformers and others.
        for name in ("model_dump", "to_dict"):
            if callable(getattr(type(value), name, None)):
                contents: object = getattr(value, name)()
                return contents if isinstance(contents, Mapping) else None
        return None
    return {name: getattr(value, name) for name in names if hasattr(value, name)}


def _is_command_line(value: Any) -> bool:
    # Imported late: only a program that parses its command line has such a value.
    from argparse import Namespace

    return isinstance(value, Namespace)


def _qualified_name(value: Any) -> str:
    module = getattr(value, "__module__", None)
    return str(value.__qualname__ if module in (None, "builtins") else f"{module}.{value.__qualname__}")


def _as_text(value: Any) -> str:
    try:
        text = str(value)
    except ValueError:
        # Python does not write an integer of thousands of digits.
        return f"an integer of {value.bit_length():,} bits" if isinstance(value, int) else type(value).__name__
    except Exception:  # `str` of a user's object may raise anything
        return type(value).__name__
    # The address of an object tells a person nothing, and differs from run to run.
    return _ADDRESS.sub("", text) if text.startswith("<") and text.endswith(">") else text
