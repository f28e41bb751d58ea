"""Batches -> training steps: one optimizer step is one step, over however many batches the gradients accumulate."""

from __future__ import annotations

from dataclasses import dataclass

from seo_engine.profiling.statistics.operations import Operation

# More batches without an optimizer step mean that its region is missing.
MOST_ACCUMULATED = 256
_MOST_LANES = 1_000


@dataclass(slots=True)
class BatchTimes:
    """What one batch, or several that are one step, took; times in nanoseconds."""

    start: int
    end: int
    total: int
    phases: dict[str, int]
    # The own time of the operations that make up a part of the phase `other`; the rest of it is in no region.
    others: dict[Operation, int]
    batches: int = 1

    @property
    def trains(self) -> bool:
        """bool: Whether gradients were computed or used."""
        return bool(self.phases["backward"] or self.phases["optimizer"])

    def add(self, other: BatchTimes) -> None:
        """Add a later batch of the same step."""
        self.end = other.end
        self.total += other.total
        for phase, nanoseconds in other.phases.items():
            self.phases[phase] += nanoseconds
        for operation, nanoseconds in other.others.items():
            self.others[operation] = self.others.get(operation, 0) + nanoseconds
        self.batches += other.batches


class OptimizerSteps:
    """Puts batches together into steps. As long as no optimizer step was seen, each batch is one."""

    def __init__(self) -> None:
        # By lane: batches whose optimizer step may be to come.
        self._waiting: dict[int, list[BatchTimes]] = {}
        self._sees_optimizer = False
        # How many batches before the last optimizer step computed no gradients.
        self._without_gradients = 0

    def add(self, lane: int, batch: BatchTimes) -> list[BatchTimes]:
        """Add a batch.

        Args:
            lane (int): Number of the lane.
            batch (BatchTimes): What it took.

        Returns:
            list[BatchTimes]: The steps that are complete now.
        """
        waiting = self._waiting.setdefault(lane, [])
        waiting.append(batch)
        if batch.phases["optimizer"]:
            self._sees_optimizer = True
            return [_together(self._of_training(self._waiting.pop(lane)))]
        if len(waiting) >= MOST_ACCUMULATED or len(self._waiting) > _MOST_LANES:
            return self._each_one()
        return []

    def settle(self) -> list[BatchTimes]:
        """Return the waiting batches, each as a step, if there is no sign of an optimizer step to come."""
        return [] if self._sees_optimizer else self._each_one()

    def _each_one(self) -> list[BatchTimes]:
        waiting = [batch for batches in self._waiting.values() for batch in batches]
        self._waiting.clear()
        # Where some batches have a backward pass, those that have none are validation.
        return [batch for batch in waiting if batch.trains] or waiting

    def _of_training(self, batches: list[BatchTimes]) -> list[BatchTimes]:
        """Return the batches of a step, without those of a validation loop before it."""
        gradients = [batch for batch in batches if batch.trains]
        number, before = len(batches) - len(gradients), self._without_gradients
        self._without_gradients = number
        # If every step has the same number of them, they belong to it: a loss over several batches.
        return batches if number == before else gradients


def _together(batches: list[BatchTimes]) -> BatchTimes:
    step, *others = batches
    for batch in others:
        step.add(batch)
    return step
