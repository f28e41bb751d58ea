"""The callback tracks anybody's Trainer: here a plain one, on a tiny random model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.integrations.transformers import ExperimentTrackingCallback
from seo_engine.tracking.run_history import RunSummary, read_run
from tests.tracking.views import read_journal, read_tensorboard, read_wandb


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunSummary, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("trainer")
    os.environ.pop("WANDB_API_KEY", None)
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
            num_key_value_heads=2,
        )
    )  # fmt: skip
    tokens = torch.arange(64).repeat(16, 1)[:, :12]
    examples = [{"input_ids": each, "labels": each} for each in tokens]
    config = TrackingConfig(tensorboard_log_dir=str(folder / "runs"), wandb_mode="offline", selective_logging=False)
    with ExperimentTracker(config) as tracker:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=str(folder / "output"), num_train_epochs=2, per_device_train_batch_size=4, logging_steps=1,
                eval_strategy="epoch", save_strategy="no", report_to="none", disable_tqdm=True, use_cpu=True,
                learning_rate=0.01,
            ),
            train_dataset=examples,  # type: ignore[arg-type]
            eval_dataset=examples[:4],  # type: ignore[arg-type]
            callbacks=[ExperimentTrackingCallback(tracker)],
        )  # fmt: skip
        trainer.train()
        tracker.log_profiling_data(config.code_profiler.profiling_data())
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


def test_the_model_is_described(tracked: tuple[RunSummary, list[dict[str, Any]]]) -> None:
    run, _ = tracked
    (record,) = [record for _, record in read_journal(run.directory) if record["kind"] == "model_architecture"]
    assert "LlamaForCausalLM" in record["architecture"]["text"] and record["architecture"]["parameters"] > 1000


def test_steps_that_an_exception_ended_do_not_spoil_the_profile(tmp_path: Path) -> None:
    tracker = ExperimentTracker(TrackingConfig(experiment_tracking_enabled=False))
    callback = ExperimentTrackingCallback(tracker)
    profile = tracker.code_profiler.profile_operation
    with profile("fine_tune", "training_loop"):
        callback.on_step_begin(None, None, None)  # type: ignore[arg-type]
    callback.on_step_begin(None, None, None)  # type: ignore[arg-type]
    callback.on_step_end(None, None, None)  # type: ignore[arg-type]
    counts = {operation.name: operation.count for operation in tracker.code_profiler.statistics()}
    assert counts == {"fine_tune": 1, "training_step": 1}
