"""Tracks any transformers Trainer: `Trainer(..., callbacks=[ExperimentTrackingCallback()])`."""

from __future__ import annotations

import copy
import dataclasses
import logging
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from seo_engine.integrations.framework_metrics import evaluation_seconds, log_framework_metrics
from seo_engine.integrations.trainer_checkpoints import CheckpointArtifacts
from seo_engine.integrations.trainer_clock import TrainerClock
from seo_engine.integrations.trainer_description import describe_training
from seo_engine.integrations.trainer_hooks import TrainerHooks, hook
from seo_engine.tracking import LONGEST_NAME, ExperimentTracker, TrackingConfig

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState, TrainingArguments

logger = logging.getLogger(__name__)

_SUMMARY = "total_flos"
# The Trainer's metrics that mean something else than their names say.
_NAMES = {
    "grad_norm": "training/gradient_norm",
    "train_loss": "training/mean_loss",
    _SUMMARY: "performance/total_floating_point_operations",
}


class ExperimentTrackingCallback(TrainerHooks):
    """Logs what a Trainer logs to an `ExperimentTracker`, and profiles its steps, evaluations and checkpoints.

    Values of the training become `training/…`, those of evaluations `evaluation/…` or `evaluation/<set>/…`, those of
    `predict` `test/…`, and how fast it all went `performance/…`; texts are kept. Each step is profiled as
    `training_step`, and within it data loading, forward, backward, optimizer and logging: see
    `CodeProfiler.training_view`. The forward pass of a compiled model includes its backward pass. Evaluations
    and predictions are profiled as `evaluate`, checkpoints as `save_checkpoint`; neither is part of a step. The
    arguments of the Trainer and its model are logged before the first metric; later, what has changed.

    Nothing that the callback does raises into the training, unless a run of its own cannot begin and the settings have
    `on_setup_failure="raise"`. Added to a Trainer twice, it logs once. It can be pickled;
    in another process it logs to the same run.

    Args:
        tracker (ExperimentTracker | TrackingConfig | None): Where everything is logged; the callback does not close it.
            With settings, or None for the defaults, the callback begins a run of its own when the Trainer first logs
            or trains, named after `TrainingArguments.run_name`. It ends with the program, or when you close `tracker`.
        hyperparameters (Mapping[str, Any] | None): Additional ones, logged together with the Trainer's.
        keep_checkpoints (int): How many checkpoints to keep as versions of an artifact, beside the runs: the best
            ones by the Trainer's `metric_for_best_model`, or the newest. They stay when the Trainer removes its own.

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
        *,
        keep_checkpoints: int = 0,
    ) -> None:
        super().__init__()
        if not isinstance(keep_checkpoints, int) or keep_checkpoints < 0:
            raise ValueError(f"keep_checkpoints must be a whole number, at least 0, got {keep_checkpoints!r}")
        self.tracker: ExperimentTracker | None = None
        if isinstance(tracker, ExperimentTracker):
            self.tracker, self._config = tracker, tracker.config
        else:
            self._config = tracker if tracker is not None else TrackingConfig()
        self._has_defaults = tracker is None
        self._hyperparameters = dict(hyperparameters or {})
        self._checkpoints = CheckpointArtifacts(keep_checkpoints) if keep_checkpoints else None
        self._is_described = False
        self._failure_to_begin: Exception | None = None
        self._clock = TrainerClock(self._config.code_profiler)

    @hook
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
        self._clock.begin_training(None if _is_compiled(model, args) else model, bool(args.eval_on_start))
        self._config.code_profiler.describe_loader(train_dataloader)
        if state.is_world_process_zero:
            self._describe(args, model)
        else:
            # Its part in the run: how it ended, and where its time went. What the Trainer logs, the first one has.
            self._opened(args)

    @hook
    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Begin a step: its data is loaded next."""
        self._clock.begin_epoch()

    @hook
    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """End the data loading of the step."""
        self._clock.begin_step()

    @hook
    def on_substep_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """End a backward pass whose gradients are accumulated."""
        self._clock.end_batch()

    @hook
    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """End the last backward pass, and begin the optimizer step."""
        self._clock.begin_optimizer()

    @hook
    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """End the optimizer step."""
        self._clock.end_optimizer()

    @hook
    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """End a step, unless the Trainer has yet to log it."""
        self._clock.end_step(control)

    @hook
    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Forget the step that was begun: there was no further batch."""
        self._clock.end_epoch(control)

    @hook
    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Note that an evaluation is going on."""
        self._clock.predict()

    @hook
    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> None:
        """End an evaluation, whose metrics the Trainer has logged."""
        self._clock.end_evaluation(evaluation_seconds(metrics or {}), control)

    @hook
    def on_predict(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, Any] | None = None,
        model: Any = None,
        **others: Any,
    ) -> None:
        """End a prediction, and log its metrics, which the Trainer does not."""
        self._clock.end_evaluation(evaluation_seconds(metrics or {}))
        if state.is_world_process_zero and metrics:
            self._log(args, state, metrics, model, is_evaluation=True)

    @hook
    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        """End the saving of a checkpoint, and keep it if that is asked for."""
        try:
            if self._checkpoints is not None and state.is_world_process_zero:
                self._checkpoints.keep(self._opened(args), args, state)
        finally:
            self._clock.end_checkpoint(control)

    @hook
    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        """Stop timing the model."""
        self._clock.end_training()
        if self._checkpoints is not None and state.is_world_process_zero:
            self._checkpoints.finish(self._opened(args), args, state)

    @hook
    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        model: Any = None,
        **others: Any,
    ) -> None:
        """Log what the Trainer logs."""
        self._clock.begin_log()
        try:
            if state.is_world_process_zero and logs:
                # The Trainer's summary of the training looks like an evaluation of the training set, but for one name.
                is_evaluation = self._clock.is_evaluating and _SUMMARY not in logs
                self._log(args, state, logs, model, is_evaluation)
        finally:
            self._clock.end_log(control)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        del state["_clock"]
        if self.tracker is not None:
            # It comes with its settings.
            del state["_config"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        ExperimentTrackingCallback.__init__(self, state["tracker"] or state["_config"])
        self.__dict__.update(state)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # It logs to the same run, through the same tracker.
        memo.update({id(shared): shared for shared in (self.tracker, self._config)})
        copied = type(self).__new__(type(self))
        memo[id(self)] = copied
        copied.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        return copied

    def _has_run_of(self, other: Self) -> bool:
        if self.tracker is not None and other.tracker is not None:
            return self.tracker is other.tracker
        return self._config is other._config or (self._has_defaults and other._has_defaults)

    def _join(self, first: Self) -> None:
        self.tracker = first.tracker

    def _is_to_raise(self, error: Exception) -> bool:
        return error is self._failure_to_begin

    def _opened(self, args: TrainingArguments) -> ExperimentTracker:
        if self.tracker is None:
            config = self._config
            if args.run_name and not config.is_given("experiment_name"):
                config = _named(config, args.run_name)
            try:
                self.tracker = ExperimentTracker(config)
            except Exception as error:
                # With `on_setup_failure="raise"`, this is what the user wants to hear of.
                self._failure_to_begin = error
                raise
        return self.tracker

    def _describe(self, args: TrainingArguments, model: Any) -> None:
        tracker = self._opened(args)
        self._is_described = True
        try:
            describe_training(tracker, args, model, self._hyperparameters)
        except Exception as error:  # whatever the model is, the metrics must be logged
            logger.warning("⚠️ The training cannot be described: %s", error)

    def _log(
        self, args: TrainingArguments, state: TrainerState, logs: Mapping[str, Any], model: Any, is_evaluation: bool
    ) -> None:
        if not self._is_described:
            # An evaluation before the training.
            self._describe(args, model)
        metrics = {name: value for name, value in logs.items() if name != "epoch"}
        log_framework_metrics(
            self._opened(args),
            state.epoch or 0.0,
            state.global_step,
            metrics,
            names=_NAMES,
            is_evaluation=is_evaluation,
        )


def _named(config: TrackingConfig, run_name: str) -> TrackingConfig:
    """Return the settings with the name of the Trainer's run; the name of a folder is plainer than W&B's."""
    name = re.sub(r"[^A-Za-z0-9._+=@ -]", "-", run_name).lstrip("._+=@ -")[:LONGEST_NAME]
    try:
        wandb_name = config.wandb_name or run_name[:LONGEST_NAME]
        named = dataclasses.replace(config, experiment_name=name or None, wandb_name=wandb_name)
    except (TypeError, ValueError) as error:
        # A name that looks like a secret, or a configuration that cannot be copied.
        logger.warning("⚠️ The run is not named after TrainingArguments.run_name: %s", error)
        return config
    named.use_profiler_of(config)
    return named


def _is_compiled(model: Any, args: TrainingArguments) -> bool:
    """Return whether the model is compiled, and its hooks would be compiled too."""
    backend = os.environ.get("ACCELERATE_DYNAMO_BACKEND", "no").lower()
    return bool(
        args.torch_compile or getattr(model, "_compiled_call_impl", None) is not None or backend not in ("", "no")
    )
