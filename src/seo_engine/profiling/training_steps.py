"""The clock of training steps: data loading, forward, backward, optimizer, one after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from seo_engine.profiling.regions.regions import ProfiledRegion, Region
from seo_engine.profiling.statistics.operations import TRAINING_STEP

Batch = TypeVar("Batch")

LOAD_BATCH = ("load_batch", "data_loading")


class Profiler(Protocol):
    """The part of a profiler that the clock of training steps needs."""

    def profile_operation(self, name: str, category: str, *, measure_device: bool = False) -> ProfiledRegion:
        """Time a region of code."""

    def add_samples(self, number: int) -> None:
        """Count training samples."""


class StepClock:
    """Times the parts of training steps for code that is told when each begins, such as a framework's callbacks.

    Args:
        profiler (CodeProfiler): Gets the regions.

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

    def __init__(self, profiler: Profiler) -> None:
        self._profiler = profiler
        self._step: ProfiledRegion | None = None
        self._part: ProfiledRegion | None = None

    @property
    def is_running(self) -> bool:
        """bool: Whether a step has begun and not ended."""
        return self._step is not None

    def begin_step(self) -> None:
        """Begin a step, with data loading as its first part; an unfinished step is forgotten."""
        self.forget_step()
        self._step = self._profiler.profile_operation(TRAINING_STEP, "training_loop")
        self._step.__enter__()
        self.begin_part(*LOAD_BATCH)

    def begin_part(self, name: str, category: str) -> None:
        """End the current part of the step, and begin another; outside a step, nothing is timed.

        Args:
            name (str): The operation: `forward_pass`, `backward_pass`, `optimizer_step`.
            category (str): Its category.
        """
        self.end_part()
        if self._step is not None:
            self._part = self._profiler.profile_operation(name, category, measure_device=True)
            self._part.__enter__()

    def end_part(self) -> None:
        """End the current part of the step."""
        part, self._part = self._part, None
        if part is not None:
            part.__exit__(None, None, None)

    def end_step(self, samples: int = 0) -> None:
        """End the step.

        Args:
            samples (int): How many samples the step trained on.
        """
        self.end_part()
        step, self._step = self._step, None
        # Otherwise there was no step, or profiling was off when it began.
        if isinstance(step, Region):
            step.__exit__(None, None, None)
            self._profiler.add_samples(samples)

    def forget_step(self) -> None:
        """Forget a step that was begun but did not take place."""
        for region in (self._part, self._step):
            if isinstance(region, Region):
                region.forget()
        self._part = self._step = None


def profile_steps(profiler: Profiler, batches: Iterable[Batch]) -> Generator[Batch, None, None]:
    """Yield batches, and time a training step for each: loading the batch, and the work on it.

    Args:
        profiler (CodeProfiler): Gets the regions.
        batches (Iterable): A data loader, for example.

    Yields:
        Batch: Each batch.
    """
    clock = StepClock(profiler)
    try:
        clock.begin_step()
        # Within the step, because a loader with workers starts them here.
        iterator = iter(batches)
        for batch in iterator:
            clock.end_part()
            try:
                yield batch
            finally:
                clock.end_step(samples_in(batch))
            clock.begin_step()
    finally:
        # There was no further batch, or the loader failed.
        clock.forget_step()


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
        elif (
            isinstance(batch, list | tuple) and batch and (hasattr(batch[0], "shape") or isinstance(batch[0], Mapping))
        ):
            batch = batch[0]
        else:
            break
    return len(batch) if isinstance(batch, list | tuple) else 0
