"""Evaluations and checkpoints of a Trainer are operations of their own, and not part of a step."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from transformers import Trainer, TrainerCallback

from seo_engine import ExperimentTracker
from seo_engine.integrations.transformers import ExperimentTrackingCallback
from tests.integrations.tiny_trainer import counts_of, tiny_trainer, untracked


def outermost(tracker: ExperimentTracker) -> dict[str, int]:
    return {each["operation"]: each["calls"] for each in tracker.code_profiler.call_tree()}


def total_seconds(tracker: ExperimentTracker, name: str) -> float:
    return sum(each["total_seconds"] for each in tracker.code_profiler.call_tree() if each["operation"] == name)


def runtimes(trainer: Trainer) -> list[float]:
    return [entry[name] for entry in trainer.state.log_history for name in entry if name.endswith("_runtime")
            and not name.startswith("train_")]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "evaluations", "checkpoints"),
    [
        ({"eval_strategy": "steps", "eval_steps": 2, "save_strategy": "steps", "save_steps": 4}, 4, 2),
        ({"eval_strategy": "epoch", "save_strategy": "epoch", "logging_strategy": "epoch"}, 2, 2),
        ({"eval_strategy": "steps", "eval_steps": 4, "logging_steps": 3}, 2, 0),
        ({"eval_strategy": "no", "save_strategy": "steps", "save_steps": 3}, 0, 3),
        ({"eval_strategy": "epoch", "eval_on_start": True}, 3, 0),
        ({"eval_strategy": "epoch", "save_strategy": "best", "metric_for_best_model": "loss"}, 2, 2),
        ({"eval_strategy": "epoch", "eval_sets": ("one", "two")}, 4, 0),
    ],
)
def test_evaluations_and_checkpoints_are_counted_outside_the_steps(
    tmp_path: Path, settings: dict[str, Any], evaluations: int, checkpoints: int
) -> None:
    tracker, callback = untracked()
    trainer = tiny_trainer(tmp_path, [callback], **settings)
    trainer.train()
    expected = {"training_step": 8, "evaluate": evaluations, "save_checkpoint": checkpoints}
    assert outermost(tracker) == {name: count for name, count in expected.items() if count}
    # As long as the Trainer itself says, which rounds to a tenth of a millisecond.
    assert len(runtimes(trainer)) == evaluations
    assert total_seconds(tracker, "evaluate") >= sum(runtimes(trainer)) - 0.0001 * evaluations
    assert (counts_of(tracker)["forward_pass"], counts_of(tracker)["load_batch"]) == (8, 8)


def test_the_passes_of_a_compiled_model_are_one_part_of_the_step(tmp_path: Path) -> None:
    tracker, callback = untracked()
    compiled = {"torch_compile": True, "torch_compile_backend": "eager"}
    tiny_trainer(tmp_path, [callback], eval_strategy="no", gradient_accumulation_steps=2, **compiled).train()
    counts = counts_of(tracker)
    assert (counts["training_step"], counts["forward_pass"], counts["optimizer_step"]) == (4, 8, 4)
    assert "backward_pass" not in counts
    view = tracker.code_profiler.training_view()
    assert view is not None and view["forward_percent"] > view["other_percent"]


def test_evaluations_and_checkpoints_that_another_callback_asks_for_are_counted_too(tmp_path: Path) -> None:
    tracker, callback = untracked()

    class Asking(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            control.should_evaluate = state.global_step == 3
            control.should_save = state.global_step == 5

    tiny_trainer(tmp_path, [callback, Asking()], eval_strategy="no", logging_strategy="no").train()
    assert outermost(tracker) == {"training_step": 8, "evaluate": 1, "save_checkpoint": 1}


def test_evaluations_and_predictions_without_a_training_take_as_long_as_the_trainer_says(tmp_path: Path) -> None:
    tracker, callback = untracked()
    trainer = tiny_trainer(tmp_path, [callback])
    with tracker.code_profiler.profile_operation("measure", "performance_benchmarking"):
        trainer.evaluate()
        predicted = trainer.predict(trainer.eval_dataset)  # type: ignore[arg-type]
    (measure,) = tracker.code_profiler.call_tree()
    (evaluate,) = measure["children"]
    assert (evaluate["operation"], evaluate["category"], evaluate["calls"]) == ("evaluate", "model_inference", 2)
    assert predicted.metrics is not None
    seconds = runtimes(trainer)[0] + predicted.metrics["test_runtime"]
    assert seconds - 0.0002 <= evaluate["total_seconds"] <= measure["total_seconds"]
    assert measure["self_seconds"] >= 0


def test_what_is_profiled_within_an_evaluation_is_nested_in_it(tmp_path: Path) -> None:
    tracker, callback = untracked()

    @tracker.code_profiler.profile_operation("compute_metrics", "model_inference")
    def compute_metrics(predictions: Any) -> dict[str, Any]:
        return {"accuracy": 0.5}

    trainer = tiny_trainer(tmp_path, [callback], compute_metrics=compute_metrics)
    trainer.train()
    trainer.evaluate()
    (evaluate,) = [each for each in tracker.code_profiler.call_tree() if each["operation"] == "evaluate"]
    assert {each["operation"]: each["calls"] for each in evaluate["children"]} == {"compute_metrics": 3}
    assert evaluate["self_seconds"] >= 0


def test_an_evaluation_that_failed_spoils_no_later_one(tmp_path: Path) -> None:
    tracker, callback = untracked()
    failures = ["once"]

    def compute_metrics(predictions: Any) -> dict[str, Any]:
        if failures:
            failures.pop()
            with tracker.code_profiler.profile_operation("long_work", "model_inference"):
                sum(range(1_000_000))
            raise KeyError
        return {}

    trainer = tiny_trainer(tmp_path, [callback], compute_metrics=compute_metrics)
    with pytest.raises(KeyError):
        trainer.train()
    trainer.evaluate()
    (evaluate,) = [each for each in tracker.code_profiler.call_tree() if each["operation"] == "evaluate"]
    assert evaluate["calls"] == 1 and evaluate["self_seconds"] >= 0
    trainer.train()
    assert outermost(tracker) == {"training_step": 4 + 8, "evaluate": 3}


def test_the_training_set_may_be_evaluated_by_a_callback(tmp_path: Path) -> None:
    tracker, callback = untracked()
    trainer = tiny_trainer(tmp_path, [callback])

    class EvaluatingTheTrainingSet(TrainerCallback):
        """As people write it to watch the accuracy of the training set."""

        def on_epoch_end(self, args: Any, state: Any, control: Any, **others: Any) -> Any:
            before = copy.deepcopy(control)
            trainer.evaluate(trainer.train_dataset, metric_key_prefix="train")  # type: ignore[arg-type]
            return before

    trainer.add_callback(EvaluatingTheTrainingSet())
    trainer.train()
    assert outermost(tracker) == {"training_step": 8, "evaluate": 4}


def test_steps_are_timed_again_after_an_evaluation_in_the_middle_of_one(tmp_path: Path) -> None:
    tracker, _ = untracked()
    callback = ExperimentTrackingCallback(tracker)
    trainer = tiny_trainer(tmp_path, [callback], eval_strategy="no")

    class Evaluating(TrainerCallback):
        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            if state.global_step == 1:
                trainer.evaluate()

    trainer.add_callback(Evaluating())
    trainer.train()
    # The step with the evaluation in it is not counted, nor is the next, whose loading was not seen to begin.
    counts = outermost(tracker)
    assert counts["evaluate"] == 1 and counts["training_step"] >= 6
