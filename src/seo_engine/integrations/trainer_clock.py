"""TrainerClock: times what a transformers Trainer does: its steps and their parts, evaluations, checkpoints."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from seo_engine.profiling import (
    INFERENCE,
    LOG_STEP,
    TRACKING,
    TRAINING,
    CodeProfiler,
    OperationClock,
    StepClock,
    samples_in,
)

if TYPE_CHECKING:
    import torch
    from torch.utils.hooks import RemovableHandle
    from transformers import TrainerControl

EVALUATE = ("evaluate", INFERENCE)
SAVE_CHECKPOINT = ("save_checkpoint", TRAINING)


class TrainerClock:
    """Is told what the Trainer does, in the order of its events, and times it.

    The Trainer says when a step, an evaluation or a checkpoint is over. What comes next follows from its control; if a
    later callback decides otherwise, the clock notices at the next event.

    Args:
        profiler (CodeProfiler): Gets the regions.

    Attributes:
        is_evaluating (bool): Whether an evaluation has begun and is not over.
    """

    def __init__(self, profiler: CodeProfiler) -> None:
        self._profiler = profiler
        self._steps = StepClock(profiler)
        # Evaluations are not part of a step.
        self._evaluations = OperationClock(profiler)
        self._samples = 0
        self._within_epoch = False
        self._within_step = False
        # Whether the step is over, except for what the Trainer logs about it.
        self._awaits_log = False
        self.is_evaluating = False
        self._logged_at: int | None = None
        # When the last step, evaluation or checkpoint was over, and the next began.
        self._since = 0
        self._hooks: list[RemovableHandle] = []

    def begin_training(self, model: Any, evaluates_first: bool) -> None:
        """Begin to time a training.

        Args:
            model (torch.nn.Module | None): Its forward passes are timed; None if they cannot be, and are timed together
                with the backward passes.
            evaluates_first (bool): Whether an evaluation comes next.
        """
        # An earlier training may have failed, without an end.
        self.end_training()
        self._since = time.perf_counter_ns()
        if model is not None:
            hook = _ForwardHook(self)
            self._hooks = [
                model.register_forward_pre_hook(hook.before, with_kwargs=True),
                model.register_forward_hook(hook.after),
            ]
        if evaluates_first:
            self._evaluations.begin(*EVALUATE)

    def end_training(self) -> None:
        """Forget what was begun, and stop timing the model."""
        self._within_epoch = self._within_step = self._awaits_log = self.is_evaluating = False
        self._steps.forget_step()
        self._evaluations.forget()
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    def begin_epoch(self) -> None:
        """Begin a step: its data is loaded next."""
        self._within_epoch = True
        self._await_step()

    def end_epoch(self, control: TrainerControl) -> None:
        """Forget the step that was begun: there was no further batch."""
        self._within_epoch = False
        self._steps.forget_step()
        self._go_on(control)

    def begin_step(self) -> None:
        """End the data loading of the step."""
        self._within_step = True
        self.is_evaluating = False
        self._evaluations.forget()
        self.end_batch()

    def begin_forward(self, samples: int) -> None:
        """Begin a forward pass of the step."""
        self._samples += samples
        self._steps.begin_part("forward_pass", TRAINING)

    def begin_backward(self) -> None:
        """Begin the backward pass of the step."""
        self._steps.begin_part("backward_pass", TRAINING)

    def begin_optimizer(self) -> None:
        """End the last backward pass, and begin the optimizer step."""
        self._steps.begin_part("optimizer_step", TRAINING)

    def end_batch(self) -> None:
        """End what comes before a forward pass: the loading, or a backward pass whose gradients are accumulated."""
        self._steps.end_part()
        if not self._hooks:
            # Of a model that nobody can watch, forward and backward are one part.
            self._steps.begin_part("forward_pass", TRAINING)

    def end_optimizer(self) -> None:
        """End the optimizer step."""
        self._steps.end_part()

    def end_step(self, control: TrainerControl) -> None:
        """End a step, unless the Trainer has yet to log it."""
        self._steps.end_part()
        self._within_step, self._within_epoch = False, True
        self._awaits_log = bool(control.should_log)
        if not self._awaits_log:
            self._count_step(control)

    def begin_log(self) -> None:
        """Begin to log; only what is logged about the step is part of it."""
        self._logged_at = time.perf_counter_ns()
        if self._awaits_log:
            # Timed from here on, because before this the Trainer waits for the GPU to compute the loss.
            self._steps.begin_part(LOG_STEP, TRACKING)

    def end_log(self, control: TrainerControl) -> None:
        """End logging, and the step if it was waiting for this."""
        if self._awaits_log:
            self._awaits_log = False
            self._count_step(control)
        elif not self.is_evaluating and (self._evaluations.is_running or control.should_save):
            # The Trainer logs the epoch before it evaluates and saves.
            self._go_on(control)

    def predict(self) -> None:
        """Note that an evaluation is going on: the Trainer has predicted a batch."""
        if self.is_evaluating:
            return
        self.is_evaluating, self._logged_at = True, None
        self._leave_steps()
        if not self._evaluations.is_running:
            self._evaluations.begin(*EVALUATE)

    def end_evaluation(self, seconds: float | None, control: TrainerControl | None = None) -> None:
        """End an evaluation.

        Args:
            seconds (float | None): How long it took until it was logged, as the Trainer says. It knows the beginning
                of each evaluation, also of those that it does not announce.
            control (TrainerControl | None): What comes next; None if the Trainer evaluated on demand.
        """
        if self._evaluations.is_running:
            self._evaluations.end(seconds, self._logged_at if self.is_evaluating else None)
        elif seconds is not None:
            ended = time.perf_counter_ns()
            self._leave_steps()
            self._profiler.add_span(*EVALUATE, ended - int(seconds * 1e9), ended)
        self.is_evaluating = False
        self._go_on(control)

    def end_checkpoint(self, control: TrainerControl) -> None:
        """End the saving of a checkpoint."""
        self._leave_steps()
        self._evaluations.forget()
        self._profiler.add_span(*SAVE_CHECKPOINT, self._since, time.perf_counter_ns())
        self._go_on(control)

    def _count_step(self, control: TrainerControl) -> None:
        self._steps.end_step(self._samples)
        self._go_on(control)

    def _go_on(self, control: TrainerControl | None) -> None:
        self._since = time.perf_counter_ns()
        if control is None or not (control.should_evaluate or control.should_save):
            self._await_step()
        elif control.should_evaluate:
            self._evaluations.begin(*EVALUATE)

    def _await_step(self) -> None:
        self._samples, self._awaits_log = 0, False
        self._evaluations.forget()
        if self._within_epoch:
            self._steps.begin_step()

    def _leave_steps(self) -> None:
        """Forget the step that was begun: something else comes before it."""
        if self._within_step:
            # Nothing is evaluated or saved in the middle of a step: the training failed there, and this comes after it.
            self._within_step = self._within_epoch = False
        self._steps.forget_step()


class _ForwardHook:
    """Times the model's forward passes; each is followed by its backward pass.

    A model may be copied or pickled with its hooks; those of the copy do nothing.
    """

    def __init__(self, clock: TrainerClock | None = None) -> None:
        self._clock = clock
        # Replicas of a model run in their own threads.
        self._thread = threading.get_ident()

    def before(self, module: torch.nn.Module, inputs: tuple[Any, ...], named_inputs: dict[str, Any]) -> None:
        """Begin the forward pass."""
        if self._clock is not None and self._is_of_training(module):
            self._clock.begin_forward(samples_in(named_inputs or inputs))

    def after(self, module: torch.nn.Module, inputs: tuple[Any, ...], outputs: Any) -> None:
        """End the forward pass."""
        if self._clock is not None and self._is_of_training(module):
            self._clock.begin_backward()

    def _is_of_training(self, module: torch.nn.Module) -> bool:
        return module.training and self._thread == threading.get_ident()

    def __reduce__(self) -> tuple[type[_ForwardHook], tuple[()]]:
        return _ForwardHook, ()
