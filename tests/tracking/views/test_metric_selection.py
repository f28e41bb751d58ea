from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seo_engine.tracking import TrackingConfig
from seo_engine.tracking.views.metric_selection import MetricSelection
from seo_engine.tracking.views.priorities import MetricPriorities


def record(step: int, *names: str, kind: str = "training") -> dict[str, Any]:
    return {"kind": kind, "epoch": 1, "step": step, "time": 0.0, "metrics": dict.fromkeys(names, float(step))}


def shown_steps(config: TrackingConfig, name: str, steps: list[int], kind: str = "training") -> list[int]:
    selection = MetricSelection(config)
    shown = [step for step in steps if selection.select(record(step, name, kind=kind))]
    while last := selection.take_last_values():
        shown.append(last["step"])
    return shown


def test_high_priority_is_shown_at_every_step() -> None:
    assert shown_steps(TrackingConfig(), "training/loss", [1, 2, 3]) == [1, 2, 3]


def test_medium_priority_is_shown_once_an_interval_with_first_and_last() -> None:
    assert shown_steps(TrackingConfig(), "training/gradient_norm", list(range(5, 28))) == [5, 15, 25, 27]


def test_low_priority_is_shown_once_in_ten_intervals_with_first_and_last() -> None:
    config = TrackingConfig(experiment_logging_interval=2)
    assert shown_steps(config, "performance/memory_usage", list(range(30)), "performance") == [0, 20, 29]


def test_a_step_that_goes_back_starts_the_interval_anew() -> None:
    assert shown_steps(TrackingConfig(), "training/gradient_norm", [11, 18, 3, 9, 13]) == [11, 3, 13]


def test_what_nobody_classified_is_shown_whole() -> None:
    for name in ("lr", "acc", "grad_norm", "perplexity", "reward", "memory_alloc", "gpu_memory_allocated_mb"):
        assert shown_steps(TrackingConfig(), f"training/{name}", [1, 2, 3]) == [1, 2, 3]


def test_a_record_that_is_not_to_be_thinned_is_shown_whole() -> None:
    selection = MetricSelection(TrackingConfig())
    whole = [{**record(step, "training/gradient_norm"), "thinned": False} for step in (1, 2, 3)]
    assert [selection.select(each) for each in whole] == [each["metrics"] for each in whole]
    # It also is the last value, in place of one that was withheld.
    for each in (record(4, "training/gradient_norm"), record(5, "training/gradient_norm")):
        selection.select(each)
    selection.select({**record(6, "training/gradient_norm"), "thinned": False})
    assert selection.take_last_values() is None


def test_evaluation_is_never_thinned() -> None:
    assert shown_steps(TrackingConfig(), "evaluation/gradient_norm", [1, 2, 3], "evaluation") == [1, 2, 3]


def test_without_selective_logging_everything_is_shown() -> None:
    assert shown_steps(TrackingConfig(selective_logging=False), "training/gradient_norm", [1, 2, 3]) == [1, 2, 3]


def test_last_values_come_in_the_order_of_their_records_and_only_what_was_withheld() -> None:
    selection = MetricSelection(TrackingConfig(default_metric_priority="medium"))
    for each in (record(1, "a/x", "a/y", "a/loss"), record(2, "a/x", "a/y", "a/loss"), record(3, "a/x", "a/loss")):
        selection.select(each)
    first, second = selection.take_last_values(), selection.take_last_values()
    assert first is not None and second is not None
    assert (first["step"], first["metrics"]) == (2, {"a/y": 2.0})
    assert (second["step"], second["metrics"]) == (3, {"a/x": 3.0})
    assert selection.take_last_values() is None


@given(st.lists(st.integers(0, 60), max_size=60), st.integers(1, 15))
def test_selection_shows_first_and_last_and_leaves_no_gap_wider_than_the_interval(
    steps: list[int], interval: int
) -> None:
    shown = shown_steps(TrackingConfig(experiment_logging_interval=interval), "training/gradient_norm", steps)
    assert shown[:1] == steps[:1] and shown[-1:] == steps[-1:]
    # The same, said step by step as DESIGN.md says it.
    expected: list[int] = []
    last: int | None = None
    for step in steps:
        if last is None or step < last or step - last >= interval:
            expected.append(step)
            last = step
            withheld = None
        else:
            withheld = step
    if steps and withheld is not None:
        expected.append(withheld)
    assert shown == expected


@pytest.mark.parametrize(
    ("name", "priority"),
    [
        ("training/loss", "high"),
        ("evaluation/accuracy", "high"),
        ("teacher/loss", "high"),
        ("loss", "high"),
        ("training/gradient_norm", "medium"),
        ("weight_norm", "medium"),
        ("performance/memory_usage", "low"),
        ("performance/cpu_usage", "low"),
        # Nobody classified these.
        ("training/loss_scale", "high"),
        ("performance/gpu_memory_allocated_mb", "high"),
        ("training/tokens_per_second", "high"),
    ],
)
def test_priorities_are_the_seeds(name: str, priority: str) -> None:
    assert MetricPriorities(TrackingConfig()).of(name) == priority


def test_a_pattern_may_name_a_whole_path_and_the_default_may_be_changed() -> None:
    priorities = MetricPriorities(
        TrackingConfig(high_priority_metrics=["reward/*"], default_metric_priority="low", medium_priority_metrics=[])
    )
    assert priorities.of("reward/mean") == "high" and priorities.of("training/loss") == "low"
