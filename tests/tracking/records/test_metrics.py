from __future__ import annotations

import logging
import math

import numpy
import pytest
import torch

from seo_engine.foundation.redaction import redact_text
from seo_engine.tracking.records import metrics
from seo_engine.tracking.records.metrics import MetricValidation, metric_name, nonfinite_numbers
from seo_engine.tracking.records.plain_values import plain_number


class RaisingFloat:
    ndim = 0

    def item(self) -> float:
        raise RuntimeError("the device is gone")


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1),
        (0.5, 0.5),
        (True, 1),
        (numpy.float32(0.5), 0.5),
        (numpy.float64(0.1), 0.1),
        (numpy.int64(3), 3),
        (numpy.bool_(True), 1),
        (numpy.array(2.5), 2.5),
        (torch.tensor(0.25), 0.25),
        (torch.tensor(0.25, dtype=torch.bfloat16, requires_grad=True), 0.25),
        (torch.tensor(7), 7),
        (torch.tensor(True), 1),
        ("0.5", None),
        (None, None),
        ([1.0], None),
        (1 + 2j, None),
        (numpy.complex64(1), None),
        (torch.tensor([1.0]), None),
        (numpy.array([1.0, 2.0]), None),
        (10**30, 1e30),
        (2**63, 2.0**63),
        ({}, None),
    ],
)
def test_plain_number_takes_numbers_and_nothing_else(value: object, number: float | None) -> None:
    result = plain_number(value)
    assert result == number and type(result) is type(number)


def test_metric_name_gets_its_group_only_without_a_slash() -> None:
    assert metric_name("performance", "cpu_usage_percent") == "performance/cpu_usage_percent"
    assert metric_name("performance", "profiling/timing/forward_pass") == "profiling/timing/forward_pass"


def test_metric_name_holds_no_secret_and_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []
    monkeypatch.setattr(metrics, "redact_text", lambda text: looks.append(text) or redact_text(text))
    for _ in range(3):
        assert metric_name("training", "of https://me:hunter2@h") == "of https://[redacted]@h"
    assert looks == ["of https://me:hunter2@h"]


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 513, 7, None, "\ud800", "a\x00b"])
def test_metric_name_refuses_what_is_no_name(name: object) -> None:
    with pytest.raises(ValueError, match="a name must be"):
        metric_name("training", name)  # type: ignore[arg-type]


def test_values_that_cannot_be_kept_are_warned_of_once_counted_and_the_rest_is_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    validation = MetricValidation()
    given = {"loss": 0.5, "note": "good", "broken": RaisingFloat(), 3: 1.0, "gone": math.nan, "far": -math.inf}
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            numbers, nonfinite = validation.validated("training", list(given.items()))  # type: ignore[arg-type]
    assert numbers == {"training/loss": 0.5}
    assert nonfinite == {"training/gone": "NaN", "training/far": "-Infinity"}
    assert validation.dropped == {"non-numeric value": 3, "unreadable value": 3, "invalid name": 3}
    assert validation.nonfinite == {"training/gone": 3, "training/far": 3}
    messages = [record.getMessage() for record in caplog.records]
    assert "⚠️ Skipping non-numeric metric training/note: 'good' (str)" in messages
    assert "⚠️ Skipping invalid metric training/gone: nan" in messages
    assert len(messages) == 5


def test_nonfinite_words_become_numbers_again() -> None:
    numbers = nonfinite_numbers({"a": "NaN", "b": "Infinity", "c": "-Infinity"})
    assert math.isnan(numbers["a"]) and numbers["b"] == math.inf and numbers["c"] == -math.inf
