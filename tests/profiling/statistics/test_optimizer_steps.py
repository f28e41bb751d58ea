"""Gradient accumulation: an optimizer step is a step; evaluations and checkpoints are no parts of it."""

from __future__ import annotations

import time

import pytest

from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.statistics.optimizer_steps import MOST_ACCUMULATED
from seo_engine.profiling.statistics.training_view import TrainingView

FORWARD, BACKWARD, OPTIMIZER = "forward_pass", "backward_pass", "optimizer_step"


@pytest.fixture
def profiler() -> CodeProfiler:
    return CodeProfiler()


def train(profiler: CodeProfiler, *batches: tuple[str, ...]) -> None:
    for names in profiler.profile_steps(batches):
        for name in names:
            with profiler.profile_operation(name, "training_loop"):
                sum(range(100))


def view_of(profiler: CodeProfiler) -> TrainingView:
    view = profiler.training_view()
    assert view is not None
    return view


def test_batches_whose_gradients_accumulate_are_one_step(profiler: CodeProfiler) -> None:
    train(profiler, *[*[(FORWARD, BACKWARD)] * 3, (FORWARD, BACKWARD, OPTIMIZER)] * 10)
    view = view_of(profiler)
    assert (view["steps"], view["batches"]) == (10, 40)
    assert len(profiler.recent_steps()) == 10


@pytest.mark.parametrize("names", [(FORWARD,), (FORWARD, BACKWARD), (), (FORWARD, BACKWARD, OPTIMIZER)])
def test_a_loop_in_which_all_batches_are_alike_has_as_many_steps(
    profiler: CodeProfiler, names: tuple[str, ...]
) -> None:
    number = MOST_ACCUMULATED + 20
    train(profiler, *[names] * number)
    assert (view_of(profiler)["steps"], view_of(profiler)["batches"]) == (number, number)


def test_a_step_is_counted_when_its_optimizer_step_is_done_whoever_asks_before(profiler: CodeProfiler) -> None:
    train(profiler, *[(FORWARD, BACKWARD), (FORWARD, BACKWARD, OPTIMIZER)] * 3, (FORWARD, BACKWARD))
    assert view_of(profiler)["steps"] == 3
    train(profiler, (FORWARD, BACKWARD, OPTIMIZER))
    assert (view_of(profiler)["steps"], view_of(profiler)["batches"]) == (4, 8)


def test_batches_without_gradients_before_a_step_are_validation(profiler: CodeProfiler) -> None:
    for _ in range(3):
        train(profiler, *[(FORWARD, BACKWARD, OPTIMIZER)] * 5)
        train(profiler, *[(FORWARD,)] * 20)
    train(profiler, (FORWARD, BACKWARD, OPTIMIZER))
    view = view_of(profiler)
    assert (view["steps"], view["batches"]) == (16, 16)


def test_a_loss_over_several_batches_is_one_step_of_them(profiler: CodeProfiler) -> None:
    train(profiler, *[*[(FORWARD,)] * 3, (FORWARD, BACKWARD, OPTIMIZER)] * 10)
    view = view_of(profiler)
    # What the batches before the first one were is not known yet.
    assert (view["steps"], view["batches"]) == (10, 37)


def test_what_an_evaluation_within_a_step_does_is_no_part_of_the_training(profiler: CodeProfiler) -> None:
    for _ in profiler.profile_steps(range(8)):
        with profiler.profile_operation("forward_pass", "training_loop"):
            pass
        with profiler.profile_operation("evaluate", "model_inference"):
            for name, category in (("forward_pass", "model_inference"), ("load", "data_loading")):
                started = profiler.open_steps._recorder.lanes.current().innermost.start  # type: ignore[union-attr]
                profiler.add_span(name, category, started, started + 10**9)
            time.sleep(0.05)
    view = view_of(profiler)
    seconds_per_percent = view["steps"] * view["mean_step_seconds"] / 100
    for share in (view["data_loading_percent"], view["forward_percent"]):
        # What the evaluations did took 0.4 s at least.
        assert share * seconds_per_percent < 0.2
    (evaluate,) = profiler._aggregation.steps.interruptions()
    assert (evaluate.operation.name, evaluate.runs) == ("evaluate", 8)


def test_evaluations_and_checkpoints_between_steps_are_counted_and_those_around_the_training_are_not(
    profiler: CodeProfiler,
) -> None:
    def interruption(name: str, category: str) -> None:
        with profiler.profile_operation(name, category):
            pass

    interruption("evaluate", "model_inference")
    for _ in range(3):
        train(profiler, (FORWARD,), (FORWARD,))
        interruption("evaluate", "model_inference")
        interruption("save_checkpoint", "training_loop")
    assert view_of(profiler)["steps"] == 6
    counted = {share.operation.name: share.runs for share in profiler._aggregation.steps.interruptions()}
    assert counted == {"evaluate": 2, "save_checkpoint": 2}


def test_checkpoints_of_activations_are_part_of_the_forward_pass() -> None:
    profiler = CodeProfiler()
    for _ in profiler.profile_steps([[1.0]] * 8):
        for name in ("load_checkpoint", "checkpointed_block", "checkpoint"):
            with profiler.profile_operation("forward_pass"), profiler.profile_operation(name):
                time.sleep(0.001)
    view = profiler.training_view()
    assert view is not None and view["forward_percent"] > view["other_percent"]
    assert profiler._aggregation.steps.interruptions() == []
