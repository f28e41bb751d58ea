"""Epochs, steps and values that are no plain, small numbers: kept as such, or refused at the call that gives them."""

from __future__ import annotations

import logging
import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.history.summary import read_run
from seo_engine.tracking.records.metrics import METRIC_KINDS
from seo_engine.tracking.trackers.memory_tracker import MemoryTracker
from seo_engine.tracking.trackers.tensorboard.tensorboard_tracker import TensorBoardTracker
from seo_engine.tracking.trackers.wandb.wandb_tracker import WandBTracker
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.read_views import read_journal, read_tensorboard, read_wandb


class Number(float):
    pass


ALIKE: list[Any] = [
    8.0, Number(8), Decimal(8), Fraction(8), numpy.float16(8), numpy.float64(8), numpy.longdouble(8), numpy.int8(8),
    numpy.uint64(8), numpy.array(8), numpy.array(8.0), torch.tensor(8), torch.tensor([8]), torch.tensor(8.0),
    torch.tensor(8, dtype=torch.bfloat16), torch.tensor(8, dtype=torch.float16), torch.tensor(8, dtype=torch.uint8),
]  # fmt: skip

NO_STEPS: list[Any] = [
    4096.5, math.nan, math.inf, -math.inf, 2**63, 1e300, 10**5000, "5", 5 + 0j, Decimal("NaN"), Decimal("Infinity"),
    b"5", Fraction(1, 2), Fraction(10**400), numpy.uint64(2**64 - 1), numpy.float32("nan"), numpy.str_("5"),
    numpy.ones(2), torch.tensor(math.nan), torch.tensor(5 + 0j), torch.ones(2), torch.tensor(0.5), None, [5], object(),
]  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> TrackingConfig:
    return TrackingConfig(
        tensorboard_log_dir=str(tmp_path), experiment_name="r", wandb_logging=False, **ONLY_WHAT_IS_LOGGED
    )


def moments(directory: Path | None) -> list[tuple[float, int]]:
    assert directory is not None
    records = [record for _, record in read_journal(directory)]
    return [(record["epoch"], record["step"]) for record in records if record["kind"] in (*METRIC_KINDS, "text")]


def test_an_epoch_and_a_step_of_any_type_are_plain_numbers(config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:
        for number in ALIKE:
            tracker.log_training_metrics(number, number, {"loss": 0.5})
            assert (tracker.current_epoch, tracker.global_step) == (8, 8)
            assert type(tracker.current_epoch) in (int, float) and type(tracker.global_step) is int
            tracker.log_text("note", "text", epoch=number, step=number)
        tracker.log_metrics({"loss": 0.5})
        tracker.log_metrics({"loss": 0.5}, step=True, epoch=numpy.bool_(True))
    assert moments(tracker.run_directory) == [(8, 8)] * 2 * len(ALIKE) + [(8, 9), (1, 1)]
    assert tracker.run_directory is not None
    assert b'"epoch":true' not in (tracker.run_directory / "journal.jsonl").read_bytes()
    assert read_journal(tracker.run_directory)[-1][1]["dropped"] == {}


@pytest.mark.parametrize("step", NO_STEPS, ids=lambda value: type(value).__name__)
def test_a_step_that_is_no_whole_number_of_64_bits_is_refused_said_once_counted_and_not_the_last_one(
    config: TrackingConfig, step: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics({"loss": 0.5}, step=7, epoch=2)
        for _ in range(2):
            tracker.log_training_metrics(2, step, {"loss": 0.5})
        if step is not None:
            tracker.log_text("note", "text", step=step)
            tracker.log_performance_metrics({"load": 0.5}, step=step)
        tracker.log_text("note", "text")
        tracker.log_performance_metrics({"load": 0.5})
        tracker.log_metrics({"loss": 0.5})
        assert (tracker.current_epoch, tracker.global_step) == (2, 8)
    assert moments(tracker.run_directory) == [(2, 7), (2, 7), (2, 7), (2, 8)]
    assert tracker.run_directory is not None
    refused = 2 if step is None else 4
    assert read_journal(tracker.run_directory)[-1][1]["dropped"] == {"misuse": refused}
    assert read_run(tracker.run_directory).unreadable_lines == 0
    assert len([message for message in caplog.messages if "log_training_metrics: step must" in message]) == 1


@pytest.mark.parametrize(
    "epoch",
    [
        math.nan, math.inf, 2**63, 10**5000, "5", 5 + 0j, Decimal("NaN"), Decimal("1e999"), Fraction(10**400),
        numpy.float32("inf"), numpy.longdouble("1e4000"), numpy.ones(2), torch.tensor(math.nan), torch.tensor(1 + 0j),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_an_epoch_that_is_no_finite_number_is_refused_said_once_counted_and_not_the_last_one(
    config: TrackingConfig, epoch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics({"loss": 0.5}, step=7, epoch=2)
        for _ in range(2):
            tracker.log_evaluation_metrics(epoch, 8, {"loss": 0.5})
        tracker.log_profiling_data({}, epoch=epoch)
        tracker.log_text("note", "text")
        tracker.log_metrics_with_priority({"loss": 0.5})
    assert moments(tracker.run_directory) == [(2, 7)] * 3
    assert tracker.run_directory is not None
    assert read_journal(tracker.run_directory)[-1][1]["dropped"] == {"misuse": 3}
    assert len([message for message in caplog.messages if "log_evaluation_metrics: epoch must" in message]) == 1


def test_an_epoch_of_more_than_63_bits_is_refused_although_its_names_are_known(config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
        for epoch in (2**63, -(2**63) - 1, 2**64 - 1):
            tracker.log_training_metrics(epoch, 2, {"loss": 0.5})
    assert moments(tracker.run_directory) == [(1, 1)]


def test_behind_the_largest_step_nothing_is_lost(config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics({"loss": 0.5}, step=2**63 - 1)
        for _ in range(3):
            tracker.log_metrics({"loss": 0.5})
    assert moments(tracker.run_directory) == [(0, 2**63 - 1)] * 4


def test_a_step_that_is_a_tensor_may_change_after_the_call(config: TrackingConfig) -> None:
    step, epoch = torch.tensor(7), torch.tensor(1.0)
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(epoch, step, {"loss": 0.5})  # type: ignore[arg-type]
        step += 1
        epoch /= 0
        tracker.log_text("note", "text")
    assert moments(tracker.run_directory) == [(1, 7), (1, 7)]


def test_the_profile_and_the_load_outlive_a_moment_that_the_training_sets_itself(tmp_path: Path) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_logging=False)
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics({"loss": 0.5}, step=7, epoch=2)
        tracker.current_epoch = math.nan
    assert tracker.run_directory is not None
    records = [record for _, record in read_journal(tracker.run_directory)]
    moments_of_profiles = [(record["epoch"], record["step"]) for record in records if record["kind"] == "profiling"]
    assert moments_of_profiles and all(math.isfinite(epoch) for epoch, _ in moments_of_profiles)
    assert records[-1]["dropped"] == {}


@pytest.mark.parametrize("tracker_class", [MemoryTracker, TensorBoardTracker, WandBTracker])
def test_a_tracker_by_itself_keeps_the_last_moment_that_it_took(tracker_class: Any, config: TrackingConfig) -> None:
    config.wandb_mode = "offline"
    tracker = tracker_class() if tracker_class is MemoryTracker else tracker_class(config)
    tracker.log_training_metrics(2, 4096.0, {"loss": 0.5})
    for epoch, step in ((math.nan, 5), (1, math.inf), (1, "5"), (10**30, 5)):
        tracker.log_training_metrics(epoch, step, {"loss": 0.25})
    assert (tracker.current_epoch, tracker.global_step) == (2, 4096)
    tracker.log_text("note", "text")
    tracker.close()
    if tracker_class is TensorBoardTracker:
        view = read_tensorboard(tracker.run_directory)
        assert [(point.step, point.value) for point in view.scalars["training/loss"]] == [(4096, 0.5)]
        assert view.texts["text/note"] == ["text"]
    if tracker_class is WandBTracker:
        rows = read_wandb(tracker.run_directory).rows
        assert [(row["epoch"], row["global_step"], row.get("training/loss")) for row in rows] == [
            (2, 4096, 0.5), (2, 4096, None)
        ]  # fmt: skip


@pytest.mark.parametrize("skip", [True, False])
def test_a_number_beyond_32_bits_is_said_once_for_tensorboard_and_kept_elsewhere(
    config: TrackingConfig, skip: bool, caplog: pytest.LogCaptureFixture
) -> None:
    config.skip_nonfinite_metrics = skip
    with caplog.at_level(logging.WARNING), ExperimentTracker(config) as tracker:
        for step in (1, 2):
            tracker.log_metrics({"loss": 0.5, "far": -1e300, "largest": 3.4e38}, step=step)
        tracker.log_metrics({"far": 2**70}, step=3)
        tracker.log_metrics({"far": 1e300}, step=4)
    assert tracker.run_directory is not None
    points = read_tensorboard(tracker.run_directory).scalars
    far = [(point.step, point.value) for point in points["training/far"]]
    assert far == ([(3, 2.0**70)] if skip else [(1, -math.inf), (2, -math.inf), (3, 2.0**70), (4, math.inf)])
    assert [point.step for point in points["training/loss"]] == [1, 2] and len(points["training/largest"]) == 2
    assert read_run(tracker.run_directory).metrics["training/far"].minimum == -1e300
    (said,) = [message for message in caplog.messages if "32-bit floats" in message]
    assert ("leaves out" in said) == skip and "training/far = -1e+300 (step 1)" in said
    assert tracker.delivery["tensorboard"].is_complete


class OddText(str):
    """A text that fails wherever it is used as one."""

    __slots__ = ()

    def __str__(self) -> str:
        raise ValueError("no words")

    def encode(self, *arguments: object) -> bytes:
        raise ValueError("no bytes")


class OddDictionary(dict[str, float]):
    def items(self) -> Any:
        raise ValueError("no items")


def test_one_odd_name_or_dictionary_costs_no_other(tmp_path: Path) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_logging=False, tensorboard_logging=False)
    with ExperimentTracker(config) as tracker:
        tracker.log_hyperparameters({OddText("odd"): 1, "lr": 0.1})
        tracker.log_training_metrics(1, 1, {OddText("odd"): 1.0, "nested": OddDictionary(a=1.0), "loss": 0.5})  # type: ignore[dict-item]
    assert tracker.run_directory is not None
    run = read_run(tracker.run_directory)
    assert run.hyperparameters == {"odd": 1, "lr": 0.1}
    assert {name for name in run.metrics if name.startswith("training/")} == {"training/odd", "training/loss"}
