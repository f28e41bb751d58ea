"""The clock of training steps: data loading, forward, backward, optimizer, one after the other."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

from seo_engine.profiling.categories import INFERENCE, TRAINING
from seo_engine.profiling.regions.regions import ProfiledRegion, Region
from seo_engine.profiling.statistics.operations import TRAINING_STEP, VALIDATION_STEP

Batch = TypeVar("Batch")

LOAD_BATCH = ("load_batch", "data_loading")
_TRAINING = (TRAINING_STEP, TRAINING)
_VALIDATION = (VALIDATION_STEP, INFERENCE)


class StepWatcher(Protocol):
    """The steps that have begun and not ended, of all clocks of a profiler."""

    def begin(self, clock: StepClock) -> None:
        """End what earlier loops of the same thread or task left open, and note that a step begins."""

    def end(self, clock: StepClock) -> None:
        """Note that a step ends now."""

    def leave(self, clock: StepClock) -> None:
        """End a step whose loop was left."""


class Profiler(Protocol):
    """The part of a profiler that the clock of training steps needs."""

    @property
    def open_steps(self) -> StepWatcher:
        """StepWatcher: The steps that have begun and not ended."""

    def profile_operation(self, name: str, category: str, *, measure_device: bool = False) -> ProfiledRegion:
        """Time a region of code."""

    def add_samples(self, number: int) -> None:
        """Count training samples."""

    def describe_loader(self, loader: object) -> None:
        """Note how a data loader loads."""


class StepClock:
    """Times the parts of training steps for code that is told when each begins, such as a framework's callbacks.

    Args:
        profiler (CodeProfiler): Gets the regions.
        is_validation (bool): Whether its steps evaluate the model: those are no training steps.

    Example:
        >>> from seo_engine.profiling import CodeProfiler
        >>> profiler = CodeProfiler()
        >>> clock = StepClock(profiler)
        >>> clock.begin_step()
        >>> clock.begin_part("forward_pass", "training_loop")
        >>> clock.end_step()
        >>> [operation.name for operation in sorted(profiler.statistics(), key=lambda each: each.name)]
        ['forward_pass', 'load_batch', 'training_step']
    """

    def __init__(self, profiler: Profiler, is_validation: bool = False) -> None:
        self.is_validation = is_validation
        # How many samples the step trains on, for a loop that knows before the step ends.
        self.samples = 0
        self.step: Region | None = None
        self._profiler = profiler
        self._part: ProfiledRegion | None = None

    def begin_step(self) -> None:
        """Begin a step, with data loading as its first part; an unfinished step is forgotten."""
        self.forget_step()
        step = self._profiler.profile_operation(*(_VALIDATION if self.is_validation else _TRAINING))
        # Otherwise profiling is off.
        if isinstance(step, Region):
            self._profiler.open_steps.begin(self)
            step.__enter__()
            self.step, self.samples = step, 0
            self.begin_part(*LOAD_BATCH)

    def begin_part(self, name: str, category: str) -> None:
        """End the current part of the step, and begin another; outside a step, nothing is timed.

        Args:
            name (str): The operation: `forward_pass`, `backward_pass`, `optimizer_step`.
            category (str): Its category.
        """
        self.end_part()
        if self.step is not None:
            self._part = self._profiler.profile_operation(name, category, measure_device=True)
            self._part.__enter__()

    def end_part(self) -> None:
        """End the current part of the step."""
        part, self._part = self._part, None
        if part is not None:
            part.__exit__(None, None, None)

    def end_step(self, samples: int = 0) -> None:
        """End the step; it may have ended before, because its loop was left.

        Args:
            samples (int): How many samples the step trained on.
        """
        self.end_part()
        if self.step is not None:
            self._profiler.open_steps.end(self)
            step, self.step = self.step, None
            step.__exit__(None, None, None)
            self.count_samples(samples)

    def forget_step(self) -> None:
        """Forget a step that was begun but did not take place."""
        if self.step is not None:
            self._profiler.open_steps.end(self)
        step = self.let_go_of_step()
        if step is not None:
            step.forget()

    def let_go_of_step(self) -> Region | None:
        """Forget the current part of the step, and return the step, which is ended elsewhere."""
        if isinstance(self._part, Region):
            self._part.forget()
        step, self.step, self._part = self.step, None, None
        return step

    def count_samples(self, samples: int) -> None:
        """Count the samples of a step that ended."""
        if not self.is_validation:
            self._profiler.add_samples(samples)


class ProfiledSteps(Generic[Batch]):
    """Batches, and for each of them a step that is timed. Each `for` begins anew, as with the loader itself.

    Args:
        profiler (CodeProfiler): Gets the regions.
        batches (Iterable): A data loader, for example.
    """

    def __init__(self, profiler: Profiler, batches: Iterable[Batch]) -> None:
        self.batches = batches
        self._profiler = profiler
        # A loop that `next` began.
        self._begun: Iterator[Batch] | None = None

    def __iter__(self) -> Iterator[Batch]:
        # Not the object itself, which a progress bar keeps: what a `for` alone refers to ends with it.
        begun, self._begun = self._begun, None
        return begun if begun is not None else _steps(self._profiler, self.batches)

    def __next__(self) -> Batch:
        if self._begun is None:
            self._begun = iter(self)
        return next(self._begun)


class CountedSteps(ProfiledSteps[Batch]):
    """The steps of a loader that knows how many batches it has."""

    def __len__(self) -> int:
        return len(self.batches)  # type: ignore[arg-type]


def profile_steps(profiler: Profiler, batches: Iterable[Batch]) -> ProfiledSteps[Batch]:
    """Return batches, and time a step for each: loading the batch, and the work on it.

    Args:
        profiler (CodeProfiler): Gets the regions.
        batches (Iterable): A data loader, for example.

    Returns:
        ProfiledSteps: It has a length if the loader has.
    """
    counts = hasattr(type(batches), "__len__")
    return CountedSteps(profiler, batches) if counts else ProfiledSteps(profiler, batches)


def _steps(profiler: Profiler, batches: Iterable[Batch]) -> Iterator[Batch]:
    clock = StepClock(profiler, is_validation=_gradients_are_off())
    if not clock.is_validation:
        profiler.describe_loader(batches)
    try:
        clock.begin_step()
        # Within the step, because a loader with workers starts them here.
        iterator = iter(batches)
        for batch in iterator:
            clock.end_part()
            clock.samples = samples_in(batch)
            try:
                yield batch
            except GeneratorExit:
                # The loop was left, maybe long ago.
                profiler.open_steps.leave(clock)
                raise
            clock.end_step(clock.samples)
            clock.begin_step()
    finally:
        # There was no further batch, or the loader failed.
        clock.forget_step()


def _gradients_are_off() -> bool:
    # Looked up, not imported: without torch in the process, nobody has switched them off.
    torch = sys.modules.get("torch")
    return torch is not None and not torch.is_grad_enabled()


def samples_in(batch: Any) -> int:
    """Return how many samples a batch holds: the first dimension of its first tensor, or its length.

    Args:
        batch (Any): A tensor, or a dictionary, tuple or list of them.

    Returns:
        int: 0 if it cannot be told.

    Example:
        >>> samples_in({"input_ids": [[1, 2], [3, 4], [5, 6]]})
        3
    """
    try:
        return _samples_in(batch)
    except Exception:  # whatever the batch is, the training must continue
        return 0


def _samples_in(batch: Any) -> int:
    # A loop, not recursion, because a batch may be nested without end.
    for _ in range(3):
        shape = getattr(batch, "shape", None)
        if shape is not None:
            return int(shape[0]) if len(shape) else 1
        if isinstance(batch, Mapping):
            batch = next(iter(batch.values()), None)
        elif isinstance(batch, list | tuple) and (parts := [each for each in batch[:3] if _is_part(each)]):
            # Not always the first: `enumerate` puts a number before it.
            batch = parts[0]
        else:
            break
    return len(batch) if isinstance(batch, list | tuple) else 0


def _is_part(value: Any) -> bool:
    return hasattr(value, "shape") or isinstance(value, Mapping)
