"""The transformers Trainer of this engine: its settings, what it logs besides the loss, and how it is stopped."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import (
    DataCollatorForSeq2Seq,
    EarlyStoppingCallback,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import EvalLoopOutput

from seo_engine.engine.configuration import TrainingConfig
from seo_engine.engine.language_model import LanguageModel
from seo_engine.engine.training.examples import IGNORED_LABEL
from seo_engine.engine.training.processes import Processes
from seo_engine.integrations.transformers import ExperimentTrackingCallback
from seo_engine.tracking import ExperimentTracker

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState

Example = dict[str, list[int]]

# Of a held-out example, so that one that two processes take counts once.
_NUMBER = "number"


def make_trainer(
    language_model: LanguageModel,
    training_examples: list[Example],
    validation_examples: list[Example],
    config: TrainingConfig,
    tracker: ExperimentTracker,
    checkpoints: Path,
    processes: Processes,
    *,
    step_done: Callable[[int, int, str], None],
    stop_requested: Callable[[], bool],
) -> SnippetTrainer:
    """Build the Trainer.

    Args:
        language_model (LanguageModel): The model with its adapter.
        training_examples (list[Example]): The examples to train on.
        validation_examples (list[Example]): The examples to measure the loss on, after each epoch.
        config (TrainingConfig): The settings.
        tracker (ExperimentTracker): Receives what the Trainer logs.
        checkpoints (Path): Where checkpoints are kept.
        processes (Processes): The processes that train together.
        step_done (Callable[[int, int, str], None]): Called with the steps done, the number of all steps, and the loss.
        stop_requested (Callable[[], bool]): Called after each forward and backward pass, in all processes.

    Returns:
        SnippetTrainer: Ready to evaluate and train.

    Raises:
        ValueError: If the launcher asks for FSDP.
    """
    on_gpu = torch.cuda.is_available()
    # Together, the processes take as many pages at a time as one alone, so that they learn the same.
    batch_size = config.pages_of_each(processes.count)
    mixed_precision = "bf16" if on_gpu and torch.cuda.is_bf16_supported() else "fp16" if on_gpu else None
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=config.number_of_epochs,
        per_device_train_batch_size=batch_size,
        per_device_eval_batch_size=batch_size,
        gradient_accumulation_steps=config.gradient_accumulation_steps,
        learning_rate=config.learning_rate,
        lr_scheduler_type="cosine",
        # The Trainer takes a value below 1 as a share of all steps.
        warmup_steps=min(config.warmup_share, math.nextafter(1.0, 0.0)),
        bf16=mixed_precision == "bf16",
        fp16=mixed_precision == "fp16",
        dataloader_pin_memory=on_gpu,
        # Each step uses the whole adapter.
        ddp_find_unused_parameters=False,
        # Several processes without a GPU each train together only where this is said.
        use_cpu=processes.count > 1 and not on_gpu,
        logging_steps=config.logging_steps,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        remove_unused_columns=False,
        seed=config.seed,
        disable_tqdm=True,
        report_to="none",
    )
    if processes.is_first:
        settings = {each.name: getattr(config, each.name) for each in dataclasses.fields(TrainingConfig)}
        tracker.log_settings({"training_config": settings, "processes": processes.count})
    hyperparameters = {
        "model_name": config.model_name,
        "lora_rank": config.lora_rank,
        "maximum_example_tokens": config.maximum_example_tokens,
        "training_pages": len(training_examples),
        "validation_pages": len(validation_examples),
    }
    trainer = SnippetTrainer(
        model=language_model.model,
        args=arguments,
        processes=processes,
        train_dataset=training_examples,
        eval_dataset=[{**example, _NUMBER: [number]} for number, example in enumerate(validation_examples)],
        data_collator=DataCollatorForSeq2Seq(language_model.tokenizer, label_pad_token_id=IGNORED_LABEL),
        callbacks=[
            ExperimentTrackingCallback(tracker, hyperparameters),
            EarlyStoppingCallback(config.early_stopping_patience),
            _StepCallback(step_done, stop_requested),
        ],
    )
    if trainer.is_fsdp_enabled:
        raise ValueError("the engine does not train with FSDP yet; without it, each process holds the whole model")
    # It prints every log as a dictionary; the caller's progress display replaces it.
    trainer.remove_callback(PrinterCallback)
    return trainer


def newest_checkpoint(checkpoints: Path) -> str | None:
    """Return the newest whole checkpoint of an earlier attempt of this training; None if there is none.

    Args:
        checkpoints (Path): Where checkpoints are kept.
    """
    # A kill may leave one half-written; the Trainer writes its own state last.
    whole = [path for path in checkpoints.glob("checkpoint-*") if path.name[11:].isdecimal() and _has_state(path)]
    newest = max(whole, key=lambda path: int(path.name[11:]), default=None)
    return str(newest) if newest is not None else None


def _has_state(checkpoint: Path) -> bool:
    try:
        return isinstance(json.loads((checkpoint / TRAINER_STATE_NAME).read_bytes()), dict)
    except (OSError, ValueError):
        return False


class SnippetTrainer(Trainer):
    """A Trainer that also logs token accuracy, the adapter's weight norm, and tokens per second."""

    _counts: torch.Tensor
    _interval_started: float | None

    def __init__(self, processes: Processes, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._processes = processes
        # Of each held-out example of this process, by its number: the sum of its tokens' losses, and their number.
        self._losses: dict[int, tuple[float, int]] = {}
        self._start_interval()

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor | Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor | tuple[torch.Tensor, Any]:
        """Compute the loss on the answers, and count correct tokens along the way."""
        numbers = inputs.get(_NUMBER)
        inputs = {name: each for name, each in inputs.items() if name != _NUMBER}
        # Examples are padded on the left, so all answers are at the end. Logits are not needed elsewhere, and with a
        # vocabulary this large they would be a third of the work.
        learnt_columns = (inputs["labels"] != IGNORED_LABEL).any(dim=0).nonzero()
        kept = inputs["labels"].shape[1] - int(learnt_columns[0]) + 1
        inputs = {**inputs, "labels": inputs["labels"][:, -kept:], "logits_to_keep": kept}
        if model.training and self._interval_started is None:
            # Starts at the first pass, so that an evaluation before it does not count as slow training.
            self._interval_started = time.perf_counter()
        loss, outputs = super().compute_loss(model, inputs, True, num_items_in_batch)
        if model.training:
            with torch.no_grad():
                # Each position predicts the next token.
                labels = inputs["labels"][:, 1:]
                is_learnt = labels != IGNORED_LABEL
                predicted = outputs.logits[:, :-1][is_learnt].argmax(-1)
                # Kept on the device, and read only when logged: reading waits for the device.
                counts = ((predicted == labels[is_learnt]).sum(), is_learnt.sum(), inputs["attention_mask"].sum())
                self._counts = self._counts + torch.stack(counts)
        elif numbers is not None and self._processes.count > 1:
            self._note_losses(numbers, inputs["labels"], outputs.logits)
        return (loss, outputs) if return_outputs else loss

    def measure_base_model(self) -> float:
        """Return the validation loss before the training."""
        loss = float(self.evaluate()["eval_loss"])
        # An evaluation marks the model as prepared, and it would then be trained without an exchange of gradients
        # (transformers 5 with accelerate 1). Checked in `training_step`.
        if self.accelerator.num_processes > 1:
            self.accelerator.free_memory()
            vars(self.model).pop("_is_accelerate_prepared", None)
        return loss

    def training_step(self, model: torch.nn.Module, *arguments: Any, **options: Any) -> torch.Tensor:
        """Take one step, in all processes together."""
        if self.accelerator.num_processes > 1 and not isinstance(model, torch.nn.parallel.DistributedDataParallel):
            raise RuntimeError("the processes would not exchange their gradients: the model is not prepared for it")
        loss: torch.Tensor = super().training_step(model, *arguments, **options)
        return loss

    def evaluation_loop(self, *arguments: Any, **options: Any) -> EvalLoopOutput:
        """Evaluate, in several processes as one does.

        To have equal shares, they take some examples twice, and the mean of their means is not that of the examples.
        """
        self._losses = {}
        output = super().evaluation_loop(*arguments, **options)
        if self._processes.count > 1 and output.metrics is not None:
            losses = {number: loss for each in self._processes.all(self._losses) for number, loss in each.items()}
            size = self.args.per_device_eval_batch_size * self._processes.count
            output.metrics["eval_loss"] = _mean_of_batches([loss for _, loss in sorted(losses.items())], size)
        return output

    def _note_losses(self, numbers: torch.Tensor, labels: torch.Tensor, logits: torch.Tensor) -> None:
        # Each position predicts the next token.
        targets = labels[:, 1:]
        losses = torch.nn.functional.cross_entropy(
            logits[:, :-1].float().transpose(1, 2), targets, ignore_index=IGNORED_LABEL, reduction="none"
        )
        tokens = (targets != IGNORED_LABEL).sum(dim=1)
        for number, loss, count in zip(
            numbers.flatten().tolist(), losses.sum(dim=1).tolist(), tokens.tolist(), strict=True
        ):
            self._losses[number] = loss, count

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add this engine's metrics to those of a training interval."""
        if "loss" in logs and self._interval_started is not None:
            # Of all processes, which log at the same steps.
            right, learnt, tokens = self.accelerator.reduce(self._counts, reduction="sum").tolist()
            logs["accuracy"] = right / max(1, learnt)
            logs["tokens_per_second"] = tokens / (time.perf_counter() - self._interval_started)
            logs["weight_norm"] = self._adapter_norm()
            self._start_interval()
        super().log(logs, start_time)

    def lowest_loss(self) -> float:
        """Return the validation loss of the best epoch, whose weights are kept at the end."""
        return math.nan if self.state.best_metric is None else float(self.state.best_metric)

    def _start_interval(self) -> None:
        self._interval_started = None
        # Tokens predicted correctly, tokens of answers, all tokens.
        self._counts = torch.zeros(3, dtype=torch.long, device=self.args.device)

    def _adapter_norm(self) -> float:
        assert self.model is not None
        trained = [parameter.detach() for parameter in self.model.parameters() if parameter.requires_grad]
        return float(torch.nn.utils.get_total_norm(trained))


def _mean_of_batches(losses: Sequence[tuple[float, int]], size: int) -> float:
    """Return the loss that the Trainer reports in one process: of each batch the mean over its tokens.

    Args:
        losses (Sequence[tuple[float, int]]): Of each example, the sum of its tokens' losses, and their number.
        size (int): Examples of a batch.
    """
    total = 0.0
    for start in range(0, len(losses), size):
        batch = losses[start : start + size]
        total += len(batch) * sum(loss for loss, _ in batch) / max(1, sum(tokens for _, tokens in batch))
    return total / len(losses)


class _StepCallback(TrainerCallback):
    """Reports each step, and stops the training cleanly when asked to."""

    def __init__(self, step_done: Callable[[int, int, str], None], stop_requested: Callable[[], bool]) -> None:
        self._step_done = step_done
        self._losses: dict[str, float] = {}
        self._stop_requested = stop_requested

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        self._tell(state)

    def on_substep_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any
    ) -> None:
        self._end_if_requested(control)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **others: Any) -> None:
        self._tell(state)
        self._end_if_requested(control)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **others: Any,
    ) -> None:
        for name, words in (("loss", "loss"), ("eval_loss", "validation loss")):
            if logs is not None and name in logs:
                self._losses[words] = float(logs[name])

    def _tell(self, state: TrainerState) -> None:
        note = "  ".join(f"{words} {loss:.3f}" for words, loss in self._losses.items())
        self._step_done(state.global_step, state.max_steps, note)

    def _end_if_requested(self, control: TrainerControl) -> None:
        if self._stop_requested():
            # The Trainer then ends the epoch, which saves a checkpoint.
            control.should_training_stop = True
