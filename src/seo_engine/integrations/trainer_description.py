"""What describes the run of a transformers Trainer: its arguments and its model, once a run, and then what changes."""

from __future__ import annotations

import logging
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seo_engine.tracking import ExperimentTracker, ModelArchitecture, describe_model

if TYPE_CHECKING:
    from transformers import TrainingArguments

logger = logging.getLogger(__name__)

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


@dataclass
class _Described:
    """What was logged of a run, so far."""

    hyperparameters: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    model_configuration: dict[str, Any] = field(default_factory=dict)
    architecture: ModelArchitecture | None = None


# Kept by run, because several Trainers may log to one: a teacher and its student, or the folds of one training.
_described: weakref.WeakKeyDictionary[ExperimentTracker, _Described] = weakref.WeakKeyDictionary()


def describe_training(
    tracker: ExperimentTracker, args: TrainingArguments, model: Any, hyperparameters: Mapping[str, Any]
) -> None:
    """Log the arguments of the Trainer and its model or, if the run has them, what has changed since.

    Args:
        tracker (ExperimentTracker): The run.
        args (TrainingArguments): The arguments.
        model (torch.nn.Module | None): The model.
        hyperparameters (Mapping[str, Any]): Additional ones.
    """
    if tracker not in _described:
        _described[tracker] = _Described()
        _say_what_is_reported_twice(tracker, args)
    described = _described[tracker]
    arguments = _arguments(args)
    chosen = {name: arguments[name] for name in _HYPERPARAMETERS if name in arguments}
    if changes := _take_changes(described.hyperparameters, {**hyperparameters, **chosen}):
        tracker.log_hyperparameters(changes)
    if changes := _take_changes(described.arguments, arguments):
        tracker.log_settings({"training_arguments": changes})
    if model is None:
        return
    if changes := _take_changes(described.model_configuration, _model_configuration(model)):
        tracker.log_settings({"model_config": changes})
    architecture = describe_model(model)
    if architecture != described.architecture:
        described.architecture = architecture
        tracker.log_model_architecture(architecture)


def _arguments(args: TrainingArguments) -> dict[str, Any]:
    try:
        return dict(args.to_sanitized_dict())
    except Exception as error:  # of a subclass: the training must continue
        logger.warning("⚠️ The arguments of the Trainer cannot be logged: %s", error)
        return {}


def _model_configuration(model: Any) -> dict[str, Any]:
    """Return the configuration of a model of transformers; nothing for another model."""
    try:
        return dict(model.config.to_dict())
    except Exception as error:  # whatever the model is, the training must continue
        logger.debug("The model has no configuration of transformers: %s", error)
        return {}


def _take_changes(known: dict[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is not known yet, or has another value now, and know it from now on."""
    changes = {name: value for name, value in current.items() if name not in known or not _same(known[name], value)}
    known.update(changes)
    return changes


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except Exception:  # arrays have no truth, and foreign objects may do anything
        return False


def _say_what_is_reported_twice(tracker: ExperimentTracker, args: TrainingArguments) -> None:
    config = tracker.config
    reported = _reported(args)
    shown = {"tensorboard": ("TensorBoard", config.tensorboard_logging), "wandb": ("W&B", config.wandb_logging)}
    twice = [title for name, (title, is_shown) in shown.items() if is_shown and reported & {name, "all"}]
    if twice and config.experiment_tracking_enabled:
        logger.warning(
            '⚠️ %s will get everything twice, because report_to also names %s; report_to="none" ends that',
            " and ".join(twice),
            "it" if len(twice) == 1 else "them",
        )


def _reported(args: TrainingArguments) -> set[str]:
    report_to: str | Iterable[str] | None = getattr(args, "report_to", None)
    return {report_to} if isinstance(report_to, str) else set(report_to or ())
