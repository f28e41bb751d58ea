from __future__ import annotations

from typing import Any

import pytest

from seo_engine.foundation.texts import one_line
from seo_engine.tracking.records.profiling.operations_table import COLUMNS, MOST_ROWS, operation_rows
from seo_engine.tracking.records.profiling.profiling_metrics import profiling_metrics

BOTTLENECK = {
    "operation": "training_step", "category": "training_loop", "self_seconds": 1.5, "share_percent": 60.0, "calls": 3,
    "mean_seconds": 0.5,
}  # fmt: skip


class Unspeakable:
    """A foreign object that answers nothing."""

    ndim = 0

    def item(self) -> float:
        raise RuntimeError("the device is gone")

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


# What a caller may bring of another profiler.
FOREIGN: list[dict[str, Any]] = [
    {},
    {"timings": None, "memory": [], "bottlenecks": None, "recommendations": {}, "operations": 7, "training": "fast"},
    {"timings": {"a": None, "b": "slow", 3: 0.5, "c": Unspeakable()}, "experiment_tracking": 3.0},
    {"bottlenecks": "the disk", "recommendations": "buy another one", "operations": "all of them"},
    {"bottlenecks": [None, 3, [], {}, {"operation": "x"}, {**BOTTLENECK, "share_percent": None}, Unspeakable()]},
    {"bottlenecks": [{**BOTTLENECK, "self_seconds": "long", "evidence": Unspeakable()}]},
    {"recommendations": [None, 3, {}, {"advice": None}, {"advice": Unspeakable()}, {"advice": "a", "subject": None}]},
    {"operations": [None, 3, {}, "x", {"operation": Unspeakable()}, {"self_seconds": float("nan")}, Unspeakable()]},
    {"operations": [{"operation": "x", "self_seconds": value} for value in (-1.0, 10**400, float("inf"), True, "1")]},
    {"operations": [{"operation": ["a"], "category": {"b": 1}, "self_seconds": 1e300, "share_percent": 1e300}]},
]


def test_all_numbers_that_were_measured_become_metrics() -> None:
    metrics, texts = profiling_metrics(
        {
            "timings": {"forward_pass": 0.25},
            "memory": {"forward_pass": 1.5},
            "device_timings": {"forward_pass": 0.2},
            "training": {"steps": 8, "steps_per_second": 2.5, "samples_per_second": None, "outlier_steps": 0},
            "experiment_tracking": {"overhead_percent": 0.1},
        }
    )
    assert metrics == {
        "profiling/timing/forward_pass": 0.25,
        "profiling/memory/forward_pass": 1.5,
        "profiling/device_timing/forward_pass": 0.2,
        "profiling/training/steps": 8,
        "profiling/training/steps_per_second": 2.5,
        "profiling/training/outlier_steps": 0,
        "profiling/experiment_tracking/overhead_percent": 0.1,
    }
    assert not texts


def test_bottlenecks_and_recommendations_are_one_sentence_each() -> None:
    recommendation = {"subject": "data_loading", "advice": "Load in more processes.", "evidence": "40 % of a step."}
    _, texts = profiling_metrics(
        {
            "bottlenecks": [BOTTLENECK, {**BOTTLENECK, "evidence": "grew from 0.4 s\nto 0.6 s"}],
            "recommendations": [recommendation, {"advice": "Log less"}, {**recommendation, "subject": "processes"}],
        }
    )
    sentence = "training_step (training_loop): 1.500 s of its own, 60.0 % of the total, 3 calls"
    assert texts == {
        "profiling/bottlenecks/bottleneck_0": sentence,
        "profiling/bottlenecks/bottleneck_1": f"{sentence} (grew from 0.4 s to 0.6 s)",
        "profiling/recommendations/recommendation_0": "data_loading: Load in more processes (40 % of a step)",
        "profiling/recommendations/recommendation_1": "Log less",
        "profiling/recommendations/recommendation_2": "Load in more processes (40 % of a step)",
    }


@pytest.mark.parametrize("profiling_data", FOREIGN)
def test_data_of_another_profiler_are_shown_as_far_as_they_can_be(profiling_data: dict[str, Any]) -> None:
    _, texts = profiling_metrics(profiling_data)
    assert all(isinstance(text, str) and "\n" not in text for text in texts.values())
    for row in operation_rows(profiling_data):
        assert len(row) == len(COLUMNS) and all(isinstance(cell, int | float | str | None) for cell in row)


def test_words_of_another_profiler_are_kept() -> None:
    _, texts = profiling_metrics({"bottlenecks": ["the disk"], "recommendations": ["buy another one"]})
    assert list(texts.values()) == ["the disk", "buy another one"]
    assert [row[0] for row in operation_rows({"operations": ["all of them", {"phase": "x"}]})] == [
        "all of them",
        "{'phase': 'x'}",
    ]


def test_rows_of_operations_are_plain_bounded_and_hold_no_secret() -> None:
    operations: list[dict[str, Any]] = [{"operation": "of https://me:hunter2@h", "self_seconds": float("nan")}]
    operations += [{"operation": str(rank), "calls": rank, "mean_memory_mb": None} for rank in range(MOST_ROWS)]
    rows = operation_rows({"operations": operations})
    assert len(rows) == MOST_ROWS
    assert rows[0][0] == "of https://[redacted]@h" and rows[0][COLUMNS.index("self_seconds")] is None
    assert rows[5][:3] == ["4", None, 4]


def test_one_line_has_no_character_that_steers() -> None:
    assert one_line("a\r\n\tb\x00\u202ec\ud800 \x1b[2J") == "a b c [2J"
