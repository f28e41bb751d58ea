"""The callback tracks anybody's Trainer: here a plain one, on a tiny random model."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from transformers import LlamaForCausalLM, TrainerCallback

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.integrations.transformers import ExperimentTrackingCallback
from seo_engine.tracking.history.summary import RunSummary, read_run
from tests.integrations.tiny_trainer import counts_of, tiny_trainer, untracked
from tests.tracking.read_views import read_journal, read_tensorboard, read_wandb


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunSummary, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("trainer")
    os.environ.pop("WANDB_API_KEY", None)
    config = TrackingConfig(tensorboard_log_dir=str(folder / "runs"), wandb_mode="offline", selective_logging=False)
    with ExperimentTracker(config) as tracker:
        trainer = tiny_trainer(folder, [ExperimentTrackingCallback(tracker)])
        trainer.train()
    assert tracker.run_directory is not None
    return read_run(tracker.run_directory), trainer.state.log_history


def test_what_the_trainer_logs_is_tracked_with_the_houses_names(
    tracked: tuple[RunSummary, list[dict[str, Any]]],
) -> None:
    run, history = tracked
    losses = [entry["loss"] for entry in history if "loss" in entry]
    assert len(losses) == 8 and run.metrics["training/loss"].count == 8
    assert run.metrics["training/loss"].last == losses[-1] < losses[0]
    assert {"training/learning_rate", "training/gradient_norm", "training/mean_loss"} <= run.metrics.keys()
    assert run.metrics["evaluation/loss"].count == 2
    assert {"performance/cpu_usage_percent", "performance/memory_usage_mb", "performance/training_seconds"} <= set(
        run.metrics
    )
    assert run.hyperparameters["learning_rate"] == 0.01 and run.hyperparameters["num_train_epochs"] == 2
    assert run.timings["training_step"] > 0


def test_both_views_hold_the_trainers_losses(tracked: tuple[RunSummary, list[dict[str, Any]]]) -> None:
    run, history = tracked
    expected = [(entry["step"], entry["loss"]) for entry in history if "loss" in entry]
    tensorboard = [(each.step, each.value) for each in read_tensorboard(run.directory).scalars["training/loss"]]
    assert tensorboard == [(step, float(numpy.float32(loss))) for step, loss in expected]
    rows = read_wandb(run.directory / "wandb").rows
    assert [(row["global_step"], row["training/loss"]) for row in rows if "training/loss" in row] == expected


def test_training_and_then_evaluating_makes_no_second_run_and_thins_nothing(tmp_path: Path) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path / "runs"), wandb_logging=False)
    with ExperimentTracker(config) as tracker:
        trainer = tiny_trainer(tmp_path, [ExperimentTrackingCallback(tracker)])
        trainer.train()
        trainer.evaluate()
    assert tracker.run_directory is not None and not list(tracker.run_directory.glob("late*"))
    scalars = read_tensorboard(tracker.run_directory).scalars
    # The Trainer logs the norm at an interval of its own, `logging_steps`.
    assert [each.step for each in scalars["training/gradient_norm"]] == list(range(1, 9))


def test_a_trainer_without_a_tracker_gets_a_run_with_its_name_and_everything_that_it_was_given(tmp_path: Path) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path / "runs"), wandb_mode="offline")
    callback = ExperimentTrackingCallback(config)
    trainer = tiny_trainer(tmp_path, [callback], run_name="tiny/llama run", weight_decay=0.125)
    # An evaluation before the training: what was given comes first nevertheless.
    trainer.evaluate()
    trainer.train()
    assert callback.tracker is not None and callback.tracker.run_directory is not None
    callback.tracker.close()
    directory = callback.tracker.run_directory
    assert directory.name == "tiny-llama run" and config.experiment_name is None
    wandb = read_wandb(directory / "wandb")
    assert wandb.config["weight_decay"] == 0.125 == wandb.config["training_arguments"]["weight_decay"]
    assert len(wandb.config["training_arguments"]) > 80
    assert wandb.config["model_config"]["num_hidden_layers"] == 1
    kinds = [record["kind"] for _, record in read_journal(directory)]
    assert kinds.index("hyperparameters") < kinds.index("evaluation") and kinds.count("settings") == 2
    (*_, table) = read_tensorboard(directory).texts["experiment/settings"]
    assert "| training_arguments.weight_decay |" in table and "| model_config.num_hidden_layers | 1 |" in table
    assert callback.tracker.code_profiler.training_view() is not None


def test_a_name_that_is_too_long_for_a_run_is_cut(tmp_path: Path) -> None:
    callback = ExperimentTrackingCallback(
        TrackingConfig(tensorboard_log_dir=str(tmp_path / "runs"), wandb_logging=False, tensorboard_logging=False)
    )
    tiny_trainer(tmp_path, [callback], run_name="swept " * 50, max_steps=1).train()
    assert callback.tracker is not None and callback.tracker.run_directory is not None
    callback.tracker.close()
    assert callback.tracker.run_directory.name == ("swept " * 50)[:120]


def test_names_and_arguments_that_cannot_be_used_stop_no_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path / "runs"), wandb_logging=False)
    callback = ExperimentTrackingCallback(config)
    trainer = tiny_trainer(tmp_path, [callback], run_name="https://me:hunter2@example.org", max_steps=1)

    def to_sanitized_dict() -> dict[str, Any]:
        raise TypeError("no")

    trainer.args.to_sanitized_dict = to_sanitized_dict  # type: ignore[method-assign]
    with config.code_profiler.profile_operation("around", "training_loop"):
        trainer.train()
    assert callback.tracker is not None and callback.tracker.run_directory is not None
    callback.tracker.close()
    assert callback.tracker.run_directory.name.startswith("seo_engine_")
    assert "The run is not named after TrainingArguments.run_name" in caplog.text
    assert "The arguments of the Trainer cannot be logged: no" in caplog.text


def test_a_run_with_a_name_is_profiled_together_with_the_regions_of_the_program(tmp_path: Path) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path / "runs"), wandb_logging=False)
    callback = ExperimentTrackingCallback(config)
    trainer = tiny_trainer(tmp_path, [callback], run_name="named", max_steps=1)
    # Too many labels for one record; everything beside them is there nevertheless.
    trainer.model.config.id2label = {number: f"label {number}" for number in range(80_000)}  # type: ignore[union-attr]
    trainer.train()
    assert callback.tracker is not None and callback.tracker.run_directory is not None
    callback.tracker.close()
    assert callback.tracker.code_profiler is config.code_profiler
    logged = [record["settings"] for _, record in read_journal(callback.tracker.run_directory)
              if record["kind"] == "settings"]  # fmt: skip
    assert [list(settings) for settings in logged] == [["training_arguments"], ["model_config"]]
    shown = logged[1]["model_config"]
    assert shown["hidden_size"] == trainer.model.config.hidden_size  # type: ignore[union-attr]
    assert shown["id2label"]["0"] == "label 0" and shown["id2label"]["…"].endswith("bytes left out)")


def test_the_model_is_described(tracked: tuple[RunSummary, list[dict[str, Any]]]) -> None:
    run, _ = tracked
    (record,) = [record for _, record in read_journal(run.directory) if record["kind"] == "model_architecture"]
    assert "LlamaForCausalLM" in record["architecture"]["text"] and record["architecture"]["parameters"] > 1000


def test_the_parts_of_each_step_are_told_apart_with_no_line_of_the_users(tmp_path: Path) -> None:
    tracker, callback = untracked()
    tiny_trainer(tmp_path, [callback]).train()
    assert counts_of(tracker) == {
        "training_step": 8, "load_batch": 8, "forward_pass": 8, "backward_pass": 8, "optimizer_step": 8, "log_step": 8,
        "evaluate": 2,
    }  # fmt: skip
    view = tracker.code_profiler.training_view()
    assert view is not None and view["steps"] == 8 and view["samples_per_second"] is not None
    assert view["samples_per_second"] == pytest.approx(4 * view["steps_per_second"])
    parts = [view[name] for name in view if name.endswith("_percent") and name != "outlier_percent"]  # type: ignore[literal-required]
    assert sum(parts) == pytest.approx(100) and all(part > 0 for part in parts)


def test_accumulated_gradients_and_checkpoints_are_parts_of_the_right_steps(tmp_path: Path) -> None:
    tracker, callback = untracked()
    tiny_trainer(
        tmp_path, [callback], gradient_accumulation_steps=2, logging_steps=3, save_strategy="steps", save_steps=1,
    ).train()  # fmt: skip
    # 16 examples in batches of 4, two batches a step, twice.
    assert counts_of(tracker) == {
        "training_step": 4, "load_batch": 4, "forward_pass": 8, "backward_pass": 8, "optimizer_step": 4, "log_step": 1,
        "evaluate": 2, "save_checkpoint": 4,
    }  # fmt: skip
    outermost = {each["operation"] for each in tracker.code_profiler.call_tree()}
    assert outermost == {"training_step", "evaluate", "save_checkpoint"}


def test_an_evaluation_belongs_to_no_step(tmp_path: Path) -> None:
    tracker, callback = untracked()

    class Evaluating(TrainerCallback):
        def on_evaluate(self, *arguments: Any, **others: Any) -> None:
            with tracker.code_profiler.profile_operation("evaluated", "model_inference"):
                pass

    tiny_trainer(tmp_path, [Evaluating(), callback], eval_strategy="steps", eval_steps=2).train()
    tree = {each["operation"]: each for each in tracker.code_profiler.call_tree()}
    assert {name: each["calls"] for name, each in tree.items()} == {"training_step": 8, "evaluate": 4}
    assert [each["operation"] for each in tree["evaluate"]["children"]] == ["evaluated"]


def test_a_training_that_failed_does_not_spoil_the_profile_of_the_next(tmp_path: Path) -> None:
    tracker, callback = untracked()
    profile = tracker.code_profiler.profile_operation

    class Failing(TrainerCallback):
        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            if state.global_step == 2 and not (tmp_path / "failed").exists():
                (tmp_path / "failed").touch()
                raise KeyError

    trainer = tiny_trainer(tmp_path, [callback, Failing()])
    with pytest.raises(KeyError), profile("fine_tune", "training_loop"):
        trainer.train()
    with profile("fine_tune", "training_loop"):
        trainer.train()
    counts = counts_of(tracker)
    assert (counts["fine_tune"], counts["training_step"], counts["forward_pass"]) == (2, 2 + 8, 3 + 8)
    (outermost,) = tracker.code_profiler.call_tree()
    assert outermost["operation"] == "fine_tune"
    assert not trainer.model._forward_hooks and not trainer.model._forward_pre_hooks  # type: ignore[union-attr]


def test_what_is_evaluated_after_a_failed_training_is_no_step_of_it(tmp_path: Path) -> None:
    tracker, callback = untracked()

    class Failing(TrainerCallback):
        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **others: Any) -> None:
            raise KeyError

    trainer = tiny_trainer(tmp_path, [callback, Failing()])
    with pytest.raises(KeyError):
        trainer.train()
    trainer.evaluate()
    with tracker.code_profiler.profile_operation("audit", "site_audit"):
        pass
    outermost = {each["operation"] for each in tracker.code_profiler.call_tree()}
    assert "audit" in outermost and tracker.code_profiler.training_view() is None


def test_a_copy_of_the_model_is_not_looked_at(tmp_path: Path) -> None:
    tracker, callback = untracked()

    class Copying(TrainerCallback):
        """Keeps an average of the weights, for example, and saves the model as a whole."""

        def on_step_begin(self, *arguments: Any, model: torch.nn.Module | None = None, **others: Any) -> None:
            assert model is not None
            copied = copy.deepcopy(model)
            copied(input_ids=torch.tensor([[1, 2]]))
            torch.save(model, tmp_path / "model.pt")

    tiny_trainer(tmp_path, [callback, Copying()], max_steps=2, eval_strategy="no").train()
    assert counts_of(tracker)["forward_pass"] == 2
    loaded = torch.load(tmp_path / "model.pt", weights_only=False)
    loaded(input_ids=torch.tensor([[1, 2]]))
    assert counts_of(tracker)["forward_pass"] == 2


def test_a_tracker_without_profiling_sees_the_same_training(tmp_path: Path) -> None:
    config = TrackingConfig(experiment_tracking_enabled=False, enable_code_profiling=False)
    with ExperimentTracker(config) as tracker:
        tiny_trainer(tmp_path, [ExperimentTrackingCallback(tracker)]).train()
    assert tracker.code_profiler.statistics() == [] and tracker.code_profiler.training_view() is None


def test_the_best_checkpoints_are_kept_as_versions_that_outlive_the_trainers_own(tmp_path: Path) -> None:
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path / "runs"), artifact_dir=str(tmp_path / "artifacts"), experiment_name="r",
        wandb_logging=False, tensorboard_logging=False,
    )  # fmt: skip
    with ExperimentTracker(config) as tracker:
        trainer = tiny_trainer(
            tmp_path, [ExperimentTrackingCallback(tracker, keep_checkpoints=2)], num_train_epochs=5,
            save_strategy="epoch", save_total_limit=1, metric_for_best_model="eval_loss", greater_is_better=False,
        )  # fmt: skip
        trainer.train()
    store = tracker.artifact_store
    present = store.versions("checkpoint-r").present
    losses = {each["step"]: each["eval_loss"] for each in trainer.state.log_history if "eval_loss" in each}
    best = sorted(losses, key=lambda step: losses[step])[:2]
    assert sorted(version.metadata["step"] for version in present) == sorted(best)
    kept = store.resolve("checkpoint-r:best")
    assert kept.metadata["step"] == best[0] and kept.metadata["value"] == losses[best[0]]
    resumed = LlamaForCausalLM.from_pretrained(store.get(kept.label))
    assert resumed.config.hidden_size == 16 and store.verify().is_whole
    # What was let go takes no space.
    needed = {file.sha256 for version in present for file in version.files}
    assert {path.name for path in (tmp_path / "artifacts" / "objects").glob("*/*")} == needed
