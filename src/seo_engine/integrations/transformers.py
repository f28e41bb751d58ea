"""Tracks any transformers Trainer: `Trainer(..., callbacks=[ExperimentTrackingCallback(tracker)])`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from seo_engine.profiling.system_metrics import SystemMetrics
from seo_engine.tracking.experiment_tracker import ExperimentTracker

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

# Names of the Trainer's that differ from the house's, or belong to another group.
_TRAINING_NAMES = {"grad_norm": "gradient_norm", "train_loss": "mean_loss"}
_PERFORMANCE_NAMES = {
    "train_runtime": "training_seconds",
    "train_samples_per_second": "training_samples_per_second",
    "train_steps_per_second": "training_steps_per_second",
    "train_tokens_per_second": "training_tokens_per_second",
    "total_flos": "total_floating_point_operations",
    "eval_runtime": "evaluation_seconds",
    "eval_samples_per_second": "evaluation_samples_per_second",
    "eval_steps_per_second": "evaluation_steps_per_second",
    "eval_model_preparation_time": "evaluation_preparation_seconds",
}
_EVALUATION_PREFIX = "eval_"

# Of the hundred fields of TrainingArguments, those that people compare runs by.
_HYPERPARAMETERS = (
    "learning_rate",
    "lr_scheduler_type",
    "warmup_steps",
    "weight_decay",
    "max_grad_norm",
    "num_train_epochs",
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "optim",
    "bf16",
    "fp16",
    "seed",
)


class ExperimentTrackingCallback(TrainerCallback):
    """Logs what a Trainer logs, and the load of the machine beside it, to an `ExperimentTracker`.

    The training's values become `training/…`, those of evaluations `evaluation/…`; each step is profiled as
    `training_step`. The tracker stays the caller's: it is not closed here.

    Args:
        tracker (ExperimentTracker): Where everything is logged.
        hyperparameters (Mapping[str, Any] | None): Further ones, logged together with the Trainer's: TensorBoard's
            HPARAMS page shows only the first that a run logs.

    Example:
        >>> from seo_engine.tracking import TrackingConfig
        >>> tracker = ExperimentTracker(TrackingConfig(experiment_tracking_enabled=False))
        >>> callback = ExperimentTrackingCallback(tracker)  # Trainer(..., callbacks=[callback])
    """

    def __init__(self, tracker: ExperimentTracker, hyperparameters: Mapping[str, Any] | None = None) -> None:
        self._tracker = tracker
        self._hyperparameters = dict(hyperparameters or {})
        self._system_metrics = SystemMetrics()
        self._step: AbstractContextManager[object] | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: Any = None, **others: Any
    ) -> None:
        """Log hyperparameters and the model."""
        if state.is_world_process_zero:
            arguments = args.to_sanitized_dict()
            self._tracker.log_hyperparameters(
                self._hyperparameters | {name: arguments.get(name) for name in _HYPERPARAMETERS}
            )
            if model is not None:
                self._tracker.log_model_architecture(model)

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Start the clock of a step."""
        self._step = self._tracker.code_profiler.profile_operation("training_step", "training_loop")
        self._step.__enter__()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """Stop the clock of a step."""
        if self._step is not None:
            self._step.__exit__(None, None, None)
            self._step = None

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> None:
        """Log what the Trainer logs."""
        if not state.is_world_process_zero or not logs:
            return
        training: dict[str, Any] = {}
        evaluation: dict[str, Any] = {}
        performance: dict[str, Any] = self._system_metrics.read()
        for name, value in logs.items():
            if name == "epoch":
                continue
            if name in _PERFORMANCE_NAMES:
                performance[_PERFORMANCE_NAMES[name]] = value
            elif name.startswith(_EVALUATION_PREFIX):
                evaluation[name.removeprefix(_EVALUATION_PREFIX)] = value
            else:
                training[_TRAINING_NAMES.get(name, name)] = value
        epoch, step = state.epoch or 0.0, state.global_step
        if training:
            self._tracker.log_training_metrics(epoch, step, training)
        if evaluation:
            self._tracker.log_evaluation_metrics(epoch, step, evaluation)
        self._tracker.log_performance_metrics(performance, epoch, step)
