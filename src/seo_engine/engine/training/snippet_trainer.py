"""The transformers Trainer of this engine: its settings, what it logs besides the loss, and how it is stopped."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
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

from seo_engine.engine.configuration import TrainingConfig
from seo_engine.engine.language_model import LanguageModel
from seo_engine.engine.training.examples import IGNORED_LABEL
from seo_engine.integrations.transformers import ExperimentTrackingCallback
from seo_engine.tracking import ExperimentTracker

if TYPE_CHECKING:
    from transformers import TrainerControl, TrainerState

Example = dict[str, list[int]]


def make_trainer(
    language_model: LanguageModel,
    training_examples: list[Example],
    validation_examples: list[Example],
    config: TrainingConfig,
    tracker: ExperimentTracker,
    checkpoints: Path,
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
        step_done (Callable[[int, int, str], None]): Called with the steps done, the number of all steps, and the loss.
        stop_requested (Callable[[], bool]): Called after each forward and backward pass.

    Returns:
        SnippetTrainer: Ready to evaluate and train.
    """
    on_gpu = torch.cuda.is_available()
    mixed_precision = "bf16" if on_gpu and torch.cuda.is_bf16_supported() else "fp16" if on_gpu else None
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=config.number_of_epochs,
        per_device_train_batch_size=config.train_batch_size,
        per_device_eval_batch_size=config.train_batch_size,
        gradient_accumulation_steps=config.gradient_accumulation_steps,
        learning_rate=config.learning_rate,
        lr_scheduler_type="cosine",
        # The Trainer takes a value below 1 as a share of all steps.
        warmup_steps=min(config.warmup_share, math.nextafter(1.0, 0.0)),
        bf16=mixed_precision == "bf16",
        fp16=mixed_precision == "fp16",
        dataloader_pin_memory=on_gpu,
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
    settings = {each.name: getattr(config, each.name) for each in dataclasses.fields(TrainingConfig)}
    tracker.log_settings({"training_config": settings})
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
        train_dataset=training_examples,
        eval_dataset=validation_examples,
        data_collator=DataCollatorForSeq2Seq(language_model.tokenizer, label_pad_token_id=IGNORED_LABEL),
        callbacks=[
            ExperimentTrackingCallback(tracker, hyperparameters),
            EarlyStoppingCallback(config.early_stopping_patience),
            _StepCallback(step_done, stop_requested),
        ],
    )
    # It prints every log as a dictionary; the caller's progress display replaces it.
    trainer.remove_callback(PrinterCallback)
    return trainer


class SnippetTrainer(Trainer):
    """A Trainer that also logs token accuracy, the adapter's weight norm, and tokens per second."""

    _counts: torch.Tensor
    _interval_started: float | None

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._start_interval()

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor | Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor | tuple[torch.Tensor, Any]:
        """Compute the loss on the answers, and count correct tokens along the way."""
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
        return (loss, outputs) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add this engine's metrics to those of a training interval."""
        if "loss" in logs and self._interval_started is not None:
            right, learnt, tokens = self._counts.tolist()
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
