"""Trainers of a tiny random model, for tests of the callback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.integrations.transformers import ExperimentTrackingCallback


def tiny_model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
            num_key_value_heads=2,
        )
    )  # fmt: skip


def tiny_trainer(
    folder: Path,
    callbacks: list[Any],
    eval_sets: tuple[str, ...] = (),
    compute_metrics: Callable[[Any], dict[str, Any]] | None = None,
    **settings: Any,
) -> Trainer:
    tokens = torch.arange(64).repeat(16, 1)[:, :12]
    examples = [{"input_ids": each, "labels": each} for each in tokens]
    chosen = {
        "output_dir": str(folder / "output"), "num_train_epochs": 2, "per_device_train_batch_size": 4,
        "logging_steps": 1, "eval_strategy": "epoch", "save_strategy": "no", "report_to": "none", "disable_tqdm": True,
        "use_cpu": True, "learning_rate": 0.01, **settings,
    }  # fmt: skip
    return Trainer(
        model=tiny_model(),
        args=TrainingArguments(**chosen),
        train_dataset=examples,  # type: ignore[arg-type]
        eval_dataset=dict.fromkeys(eval_sets, examples[:4]) or examples[:4],  # type: ignore[arg-type]
        compute_metrics=compute_metrics,
        callbacks=callbacks,
    )


def untracked() -> tuple[ExperimentTracker, ExperimentTrackingCallback]:
    tracker = ExperimentTracker(TrackingConfig(experiment_tracking_enabled=False))
    return tracker, ExperimentTrackingCallback(tracker)


def counts_of(tracker: ExperimentTracker) -> dict[str, int]:
    return {operation.name: operation.count for operation in tracker.code_profiler.statistics()}
