"""Operations: what is timed under one name, and what its regions read besides the clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from seo_engine.profiling.categories import INFERENCE, TRACKING
from seo_engine.profiling.statistics.operation_statistics import OperationStatistics

# The operation of a training step, and its parts in a `TrainingView`.
TRAINING_STEP = "training_step"
# The same of a loop that evaluates the model; it is no training step.
VALIDATION_STEP = "validation_step"
PHASES = ("data_loading", "forward", "backward", "optimizer", "logging", "other")
# What saves the state of a training is called, as far as a name can tell: not `load_checkpoint`.
_SAVING = re.compile(
    r"(save|store|write)(_(model|state|training_state|weights|checkpoints?))?|checkpoint(ing)?|(model|checkpoint)_save"
)
_PHASES_BY_CATEGORY = {"data_loading": "data_loading", TRACKING: "logging"}
_PHASES_BY_NAME = {"forward_pass": "forward", "backward_pass": "backward", "optimizer_step": "optimizer"}


class Measures(NamedTuple):
    """What a region reads besides the clock."""

    memory: bool = False
    gpu_memory: bool = False
    device_time: bool = False
    marks: tuple[str, ...] = ()

    def with_asked(self, asked: Measures) -> Measures:
        """Return these measures plus those that the code asks for; the marks stay the operation's."""
        return self._replace(
            memory=self.memory or asked.memory,
            gpu_memory=self.gpu_memory or asked.gpu_memory,
            device_time=self.device_time or asked.device_time,
        )


@dataclass(slots=True, eq=False)
class Operation:
    """One operation of a profiler: its statistics, and what its regions read besides the clock."""

    statistics: OperationStatistics
    measures: Measures
    is_measured: bool

    @property
    def name(self) -> str:
        """str: Its name."""
        return self.statistics.name

    @property
    def category(self) -> str:
        """str: Its category."""
        return self.statistics.category

    @property
    def phase(self) -> str | None:
        """str | None: Which part of a training step it is, by its category or name."""
        return _PHASES_BY_CATEGORY.get(self.category) or _PHASES_BY_NAME.get(self.name)

    @property
    def is_interruption(self) -> bool:
        """bool: Whether it interrupts the training, with all that is nested in it: an evaluation or a checkpoint."""
        return self.phase is None and (self.is_evaluation or self.is_checkpoint)

    @property
    def is_evaluation(self) -> bool:
        """bool: Whether the model is evaluated or used."""
        return self.category == INFERENCE

    @property
    def is_checkpoint(self) -> bool:
        """bool: Whether the state of the training is saved, by its name."""
        return _SAVING.fullmatch(self.name.lower()) is not None
