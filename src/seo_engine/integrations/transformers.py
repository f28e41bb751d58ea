"""Tracks any transformers Trainer: `Trainer(..., callbacks=[ExperimentTrackingCallback()])`."""

from __future__ import annotations

import dataclasses
import logging
import os
import re
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from seo_engine.profiling import LOG_STEP, TRACKING, StepClock, samples_in
from seo_engine.tracking import ExperimentTracker, TrackingConfig

if TYPE_CHECKING:
    import torch
    from torch.utils.hooks import RemovableHandle
    from transformers import TrainerControl, TrainerState, TrainingArguments

logger = logging.getLogger(__name__)

# The Trainer's metrics that have another name here, or belong to another group.
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

# The fields of TrainingArguments, out of a hundred, by which people compare runs.
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
    """Logs what a Trainer logs to an `ExperimentTracker`, and profiles its steps.

    Values of the training become `training/…`, those of evaluations `evaluation/…`. Each step is profiled as
    `training_step`, and within it data loading, forward, backward, optimizer and logging: see
    `CodeProfiler.training_view`. In a model that the Trainer compiles, forward and backward count as one. The
    arguments of the Trainer and the configuration of the model are logged before the first metric.

    Args:
        tracker (ExperimentTracker | TrackingConfig | None): Where everything is logged; the callback does not close it.
            With settings, or None for the defaults, the callback begins a run of its own when the Trainer first logs
            or trains, named after `TrainingArguments.run_name`. It ends with the program, or when you close `tracker`.
        hyperparameters (Mapping[str, Any] | None): Additional ones, logged together with the Trainer's.

    Attributes:
        tracker (ExperimentTracker | None): The tracker; None until the callback has begun a run of its own.

    Example:
        >>> from seo_engine.tracking import TrackingConfig
        >>> callback = ExperimentTrackingCallback(TrackingConfig(wandb_mode="offline"))  # callbacks=[callback]
    """

    def __init__(
        self,
        tracker: ExperimentTracker | TrackingConfig | None = None,
        hyperparameters: Mapping[str, Any] | None = None,
    ) -> None:
        self.tracker: ExperimentTracker | None = None
        if isinstance(tracker, ExperimentTracker):
            self.tracker, self._config = tracker, tracker.config
        else:
            self._config = tracker if tracker is not None else TrackingConfig()
        self._hyperparameters = dict(hyperparameters or {})
        # What was logged last: a Trainer may train again.
        self._described: dict[str, Any] | None = None
        self._clock = StepClock(self._config.code_profiler)
        self._samples = 0
        self._within_epoch = False
        # Whether the step is over, except for what the Trainer logs about it.
        self._awaits_log = False
        self._hooks: list[RemovableHandle] = []

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: Any = None,
        train_dataloader: Any = None,
        **others: Any,
    ) -> None:
        """Log the arguments and the model, and begin to time its forward passes."""
        # An earlier training run may have failed, without reaching `on_train_end`.
        self._give_up()
        self._config.code_profiler.describe_loader(train_dataloader)
        if state.is_world_process_zero:
            tracker = self._opened(args)
            self._describe(tracker, args, model)
            if model is not None:
                tracker.log_model_architecture(model)
        if model is not None and not _is_compiled(model, args):
            hook = _ForwardHook(self)
            self._hooks = [
                model.register_forward_pre_hook(hook.before, with_kwargs=True),
                model.register_forward_hook(hook.after),
            ]

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Begin a step: its data is loaded next."""
        self._within_epoch = True
        self._begin_step()

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """End the data loading of the step."""
        self._clock.end_part()

    def on_substep_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """End a backward pass whose gradients are accumulated."""
        self._clock.end_part()

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """End the last backward pass, and begin the optimizer step."""
        self._clock.begin_part("optimizer_step", "training_loop")

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """End the optimizer step."""
        self._clock.end_part()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """End a step, unless the Trainer has yet to log it."""
        self._awaits_log = control.should_log
        self._clock.end_part()
        if not self._awaits_log:
            self._end_step(control)

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """Begin a step after an evaluation, which is not part of a step."""
        self._go_on()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """Begin a step after a checkpoint, which is not part of a step."""
        self._go_on()

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Forget the step that was begun: there was no further batch."""
        self._within_epoch = False
        self._clock.forget_step()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Stop timing the model."""
        self._give_up()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> None:
        """Log what the Trainer logs."""
        awaited, self._awaits_log = self._awaits_log, False
        if awaited:
            # Timed from here on, because before this the Trainer waits for the GPU to compute the loss.
            self._clock.begin_part(LOG_STEP, TRACKING)
        if state.is_world_process_zero and logs:
            tracker = self._opened(args)
            if self._described is None:
                # An evaluation before the training.
                self._describe(tracker, args, others.get("model"))
            self._log(tracker, state, logs)
        if awaited:
            self._end_step(control)

    def _opened(self, args: TrainingArguments) -> ExperimentTracker:
        if self.tracker is None:
            config = self._config
            if args.run_name and not config.is_given("experiment_name"):
                config = _named(config, args.run_name)
            self.tracker = ExperimentTracker(config)
        return self.tracker

    def _describe(self, tracker: ExperimentTracker, args: TrainingArguments, model: Any) -> None:
        """Log the arguments of the Trainer and the configuration of the model, unless they were the last logged."""
        try:
            arguments = args.to_sanitized_dict()
        except Exception as error:  # of a subclass: the training must continue
            logger.warning("⚠️ The arguments of the Trainer cannot be logged: %s", error)
            arguments = {}
        if arguments == self._described:
            return
        self._described = arguments
        tracker.log_hyperparameters(self._hyperparameters | {name: arguments.get(name) for name in _HYPERPARAMETERS})
        # Two records: the configuration of a model with thousands of labels may be too large for one.
        tracker.log_settings({"training_arguments": arguments})
        if configuration := _model_configuration(model):
            tracker.log_settings(configuration)

    def _log(self, tracker: ExperimentTracker, state: TrainerState, logs: Mapping[str, Any]) -> None:
        training: dict[str, Any] = {}
        evaluation: dict[str, Any] = {}
        performance: dict[str, Any] = {}
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
            # The Trainer logs at an interval of its own, `logging_steps`.
            tracker.log_training_metrics(epoch, step, training, thinned=False)
        if evaluation:
            tracker.log_evaluation_metrics(epoch, step, evaluation)
        if performance:
            tracker.log_performance_metrics(performance, epoch, step)

    def _begin_step(self) -> None:
        self._samples, self._awaits_log = 0, False
        if self._within_epoch:
            self._clock.begin_step()

    def _go_on(self) -> None:
        if self._clock.is_running and self._samples:
            # Nothing is evaluated or saved in the middle of a step: the training failed there, and this comes after it.
            self._within_epoch = False
            self._clock.forget_step()
        self._begin_step()

    def _give_up(self) -> None:
        self._within_epoch = False
        self._clock.forget_step()
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def _end_step(self, control: TrainerControl) -> None:
        self._clock.end_step(self._samples)
        # An evaluation or a checkpoint comes before the next step, and calls back when it is over.
        if not control.should_evaluate and not control.should_save:
            self._begin_step()


def _named(config: TrackingConfig, run_name: str) -> TrackingConfig:
    """Return the settings with the name of the Trainer's run; the name of a folder is plainer than W&B's."""
    name = re.sub(r"[^A-Za-z0-9._+=@ -]", "-", run_name).lstrip("._+=@ -")[:128]
    try:
        named = dataclasses.replace(config, experiment_name=name or None, wandb_name=config.wandb_name or run_name)
    except (TypeError, ValueError) as error:
        # A name that looks like a secret, or a configuration that cannot be copied.
        logger.warning("⚠️ The run is not named after TrainingArguments.run_name: %s", error)
        return config
    named.use_profiler_of(config)
    return named


def _model_configuration(model: Any) -> dict[str, Any]:
    """Return the configuration of a model of transformers, under one name; nothing for another model."""
    try:
        return {"model_config": model.config.to_dict()}
    except Exception as error:  # whatever the model is, the training must continue
        logger.debug("The model has no configuration of transformers: %s", error)
        return {}


def _is_compiled(model: Any, args: TrainingArguments) -> bool:
    """Return whether the model is compiled, and its hooks would be compiled too."""
    backend = os.environ.get("ACCELERATE_DYNAMO_BACKEND", "no").lower()
    return bool(
        args.torch_compile or getattr(model, "_compiled_call_impl", None) is not None or backend not in ("", "no")
    )


class _ForwardHook:
    """Times the model's forward passes; each is followed by its backward pass.

    A model may be copied or pickled with its hooks; those of the copy do nothing.
    """

    def __init__(self, callback: ExperimentTrackingCallback | None = None) -> None:
        self._callback = callback
        # Replicas of a model run in their own threads.
        self._thread = threading.get_ident()

    def before(self, module: torch.nn.Module, inputs: tuple[Any, ...], named_inputs: dict[str, Any]) -> None:
        """Begin the forward pass."""
        if self._callback is not None and self._is_of_training(module):
            self._callback._samples += samples_in(named_inputs or inputs)
            self._callback._clock.begin_part("forward_pass", "training_loop")

    def after(self, module: torch.nn.Module, inputs: tuple[Any, ...], outputs: Any) -> None:
        """End the forward pass."""
        if self._callback is not None and self._is_of_training(module):
            self._callback._clock.begin_part("backward_pass", "training_loop")

    def _is_of_training(self, module: torch.nn.Module) -> bool:
        return module.training and self._thread == threading.get_ident()

    def __reduce__(self) -> tuple[type[_ForwardHook], tuple[()]]:
        return _ForwardHook, ()
