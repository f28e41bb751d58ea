from __future__ import annotations

import argparse
import collections
import dataclasses
import datetime
import enum
import functools
import math
import uuid
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import orjson
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seo_engine.tracking.records.plain_values import MOST_VALUES, plain_number, plain_value


class Colour(enum.Enum):
    RED = 1


class Optimizer(enum.StrEnum):
    ADAM = "adamw_torch"


class Rights(enum.IntFlag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Schedule:
    warmup: float = math.inf
    colour: Colour = Colour.RED


class Point(collections.namedtuple("Point", ["x", "y"])):
    pass


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__

    def method(self) -> None: ...


class Torn(dict[str, Any]):
    """A dictionary whose reading fails after the first entry, as that of a configuration with a missing value does."""

    def items(self) -> Any:
        yield "first", 1
        raise KeyError("second")


class OfFields:
    def to_dict(self) -> dict[str, Any]:
        return {"layers": 12}


class Number(float):
    pass


def made() -> Iterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**80, str(2**80)),
        (-(2**63), -(2**63)),
        (10**5000, "an integer of 16,610 bits"),
        (True, True),
        (None, None),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (math.nan, "NaN"),
        (Number(1.5), 1.5),
        (1 + 2j, "(1+2j)"),
        (Decimal("0.1"), 0.1),
        (Decimal("NaN"), "NaN"),
        (Decimal("sNaN"), "NaN"),
        (Decimal("-Infinity"), "-Infinity"),
        (Decimal("1e999"), "1E+999"),
        (Fraction(1, 4), 0.25),
        (Fraction(10**400), str(10**400)),
        (numpy.float32(0.5), 0.5),
        (numpy.float64("inf"), "Infinity"),
        (numpy.bool_(True), True),
        (numpy.longdouble("0.1"), 0.1),
        (numpy.longdouble("1e4000"), "1e+4000"),
        (numpy.uint64(2**64 - 1), str(2**64 - 1)),
        (numpy.datetime64("2024-01-02"), "2024-01-02"),
        (numpy.array([1.0, math.nan]), [1.0, "NaN"]),
        (numpy.zeros((1000, 3)), "float64 ndarray of shape (1000, 3)"),
        (numpy.dtype("float32"), "float32"),
        (torch.tensor(0.123456, dtype=torch.float64), 0.123456),
        (torch.tensor(True), True),
        (torch.arange(3), [0, 1, 2]),
        (torch.tensor(0.5, dtype=torch.bfloat16, requires_grad=True), 0.5),
        (torch.tensor(1 + 2j), "(1+2j)"),
        (torch.zeros(100, 100), "torch.float32 Tensor of shape (100, 100)"),
        (torch.float32, "torch.float32"),
        (torch.empty(3, device="meta"), "torch.float32 Tensor of shape (3,)"),
        (torch.device("cpu"), "cpu"),
        (Colour.RED, "RED"),
        (Optimizer.ADAM, "adamw_torch"),
        (Rights.READ | Rights.WRITE, "READ|WRITE"),
        (Schedule(), {"warmup": "Infinity", "colour": "RED"}),
        (Schedule, f"{__name__}.Schedule"),
        (len, "len"),
        (made, f"{__name__}.made"),
        (functools.partial(made, 1, x="y"), f"{__name__}.made(1, x='y')"),
        (Unspeakable().method, f"{__name__}.Unspeakable.method"),
        (numpy.float32, "numpy.float32"),
        (made(), "<generator object made>"),
        (Unspeakable(), "Unspeakable"),
        (OfFields(), {"layers": 12}),
        (argparse.Namespace(seed=2**70), {"seed": str(2**70)}),
        (SimpleNamespace(a=Path("x")), {"a": "x"}),
        (Path("/data"), "/data"),
        (datetime.datetime(2024, 1, 2), "2024-01-02T00:00:00"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (datetime.timedelta(1), "1 day, 0:00:00"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ({3, 1, 2}, [1, 2, 3]),
        ({1, "a"}, [1, "a"]),
        (b"abc", "b'abc'"),
        (bytes(5000), "5,000 bytes"),
        (range(3), "range(0, 3)"),
        (collections.deque([1]), [1]),
        (Point(1, 2), {"x": 1, "y": 2}),
        ({"a": 1}.keys(), ["a"]),
        (torch.Size([1, 2]), [1, 2]),
        ("caf\udce9", "caf\\udce9"),
        (
            {1: "a", "1": "b", (1, 2): 3, Colour.RED: 4, None: 5},
            {"1": "a", "1 (str)": "b", "(1, 2)": 3, "RED": 4, "None": 5},
        ),
        (Torn(first=1), {"first": 1, "…": "(cannot be read whole: KeyError: 'second')"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_value_is_a_number_or_a_text_that_a_person_recognises(value: object, expected: object) -> None:
    shown = plain_value({"odd": value, "learning_rate": 0.1})
    assert shown == {"odd": expected, "learning_rate": 0.1}
    assert type(shown["odd"]) is type(expected) and orjson.loads(orjson.dumps(shown)) == shown


def test_a_value_that_contains_itself_or_is_nested_too_deep_ends_there() -> None:
    circle: dict[str, Any] = {"loss": 1.0}
    circle["again"] = circle
    deep: list[Any] = []
    for _ in range(150):
        deep = [deep]
    shown = plain_value({"circle": circle, "deep": deep, "seed": 7})
    assert shown["circle"] == {"loss": 1.0, "again": "… (contains itself)"} and shown["seed"] == 7
    assert "… (nested too deep)" in str(shown["deep"])


def test_what_is_too_much_leaves_room_for_what_is_beside_it_and_says_how_much_is_left_out() -> None:
    nested = {str(outer): {str(inner): inner for inner in range(50)} for outer in range(50)}
    few: dict[str, Any] = {f"setting_{number}": number for number in range(1_000)}
    left_out: dict[str, str] = {}
    assert plain_value({"numbers": list(range(5_000)), "nested": nested} | few, left_out) == {
        "numbers": list(range(5_000)), "nested": nested
    } | few  # fmt: skip
    assert not left_out
    tower: dict[str, Any] = {"loss": 1.0}
    for _ in range(9):
        tower = {str(number): tower for number in range(10)}
    shown = plain_value({"numbers": list(range(1_000_000)), "tower": tower, "nested": nested} | few, left_out)
    assert {name: shown[name] for name in ("nested", *few)} == {"nested": nested} | few
    kept = len(shown["numbers"]) - 1
    assert shown["numbers"][-1] == f"… ({1_000_000 - kept:,} more left out)" and 10_000 < kept < MOST_VALUES
    assert left_out["numbers"] == f"{1_000_000 - kept:,} more left out"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (2**70, 2.0**70), (numpy.uint64(2**64 - 1), 2.0**64), (numpy.longdouble("0.1"), 0.1), (Decimal("0.1"), 0.1),
        (Fraction(1, 3), 1 / 3), (Number(0.5), 0.5), (torch.tensor(2, dtype=torch.float16), 2.0), ("5", None),
        (numpy.longdouble("inf"), math.inf), (Decimal("-Infinity"), -math.inf), (1 + 0j, None), (b"5", None),
    ],
)  # fmt: skip
def test_a_number_of_any_type_is_the_nearest_float(value: object, number: float | None) -> None:
    assert plain_number(value) == number and type(plain_number(value)) is type(number)


@pytest.mark.parametrize("value", [10**400, Fraction(10**400), Decimal("1e999"), numpy.longdouble("1e4000")], ids=repr)
def test_a_number_beyond_every_float_is_no_infinity(value: object) -> None:
    with pytest.raises(OverflowError):
        plain_number(value)


def test_a_decimal_that_is_no_number_is_nan() -> None:
    assert all(math.isnan(plain_number(Decimal(word)) or 0) for word in ("NaN", "sNaN"))


numbers = st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.decimals() | st.fractions()
others = st.none() | st.text(st.characters()) | st.binary() | st.datetimes() | st.sampled_from([Colour.RED, made])
keys = st.integers() | st.text() | st.booleans()
anything = st.recursive(
    numbers | others, lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(keys, inner)
)


@given(anything)
def test_whatever_is_given_becomes_data_that_json_holds(value: object) -> None:
    shown = plain_value(value)
    assert orjson.loads(orjson.dumps(shown)) == shown
