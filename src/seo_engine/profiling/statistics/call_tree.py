"""The call tree: which operation was called within which, and how often."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypedDict

from seo_engine.profiling.statistics.operation_statistics import NANOSECONDS, OperationStatistics
from seo_engine.profiling.statistics.operations import PHASES, TRAINING_STEP, Operation

# More paths than anyone reads, and only a few megabytes of memory.
MOST_PATHS = 10_000

# As deep as JSON libraries go (orjson: 254 brackets, and each level has two).
MOST_LEVELS = 100


# Shared by all trees of a process: the number of a tree that was given up, at a fork or between runs, is not reused.
_numbers = itertools.count(1)


class CallTreeNode(TypedDict):
    """An operation called along one path, as plain data."""

    operation: str
    category: str
    calls: int
    total_seconds: float
    self_seconds: float
    children: list[CallTreeNode]


@dataclass(slots=True, eq=False)
class CallPath:
    """One operation called along one path; times in nanoseconds."""

    operation: Operation | None = None
    number: int = 0
    caller: CallPath | None = None
    level: int = 0
    is_outermost: bool = False
    phase: str | None = None
    # The training step that this is, or is within.
    step: Operation | None = None
    within_step: bool = False
    # The evaluation or checkpoint that this is, or is within.
    interruption: Operation | None = None
    is_interruption: bool = False
    # Whether it is a training step, within one, or possibly data loading, an evaluation or a checkpoint before one.
    concerns_steps: bool = False
    # Whether it is other work, outside the steps.
    separates_steps: bool = False
    count: int = 0
    total: int = 0
    self_time: int = 0
    children: dict[Operation, CallPath] = field(default_factory=dict)
    # Spans that wait to be added, a batch at a time.
    is_touched: bool = False
    durations: list[int] = field(default_factory=list)
    own_time: int = 0
    failures: int = 0

    def add_batch(self) -> None:
        """Add the waiting spans to this path and to the statistics of its operation."""
        assert self.operation is not None
        # Cleared first, so that nothing is added twice if a signal handler raises.
        durations, own_time, failures = self.durations, self.own_time, self.failures
        self.is_touched, self.durations, self.own_time, self.failures = False, [], 0, 0
        self.count += len(durations)
        self.total += sum(durations)
        self.self_time += own_time
        self.operation.statistics.add(durations, own_time, failures)

    def move(self, other: CallPath, start: int, end: int, own_time: int, is_run: bool) -> None:
        """Count a span that was counted here along another path instead.

        Args:
            other (CallPath): A path of the same operation.
            start (int): Nanoseconds of `time.perf_counter_ns`.
            end (int): The same at the end.
            own_time (int): Nanoseconds without nested regions.
            is_run (bool): Whether it is a run of the operation, and not a stretch of one.
        """
        duration = end - start if is_run else 0
        for path, sign in ((self, -1), (other, 1)):
            path.count += sign * is_run
            path.total += sign * duration
            path.self_time += sign * own_time

    def as_dictionary(self) -> CallTreeNode:
        """Return this path and those below it as plain data, the largest total first."""
        assert self.operation is not None
        return {
            "operation": self.operation.name,
            "category": self.operation.category,
            "calls": self.count,
            "total_seconds": self.total * NANOSECONDS,
            "self_seconds": self.self_time * NANOSECONDS,
            "children": plain_paths(self.children.values()),
        }


def plain_paths(paths: Iterable[CallPath]) -> list[CallTreeNode]:
    """Return paths as plain data, the largest total first, without those that began and never ended."""
    plain = [path.as_dictionary() for path in sorted(paths, key=lambda path: path.total, reverse=True)]
    return [each for each in plain if each["calls"] or each["self_seconds"] or each["children"]]


class CallTree:
    """All paths of a profiler, starting from the outermost operations."""

    def __init__(self) -> None:
        self.root = CallPath()
        self.paths: dict[int, CallPath] = {}

    def path(self, caller: CallPath, operation: Operation, number: int | None = None) -> CallPath:
        """Return the path of an operation, created at its first call; any thread may ask at any time.

        Args:
            caller (CallPath): The path of its caller, or the root.
            operation (Operation): What is called.
            number (int | None): Its number, if it is created, in another tree; None means a new one.

        Returns:
            CallPath: A shorter path if there are too many, or if this one is too deep.
        """
        return caller.children.get(operation) or self._make(caller, operation, number)

    def path_along(self, caller: CallPath, operations: Iterable[Operation]) -> CallPath:
        """Return the path of operations, each called by the one before it.

        Args:
            caller (CallPath): The path of the first one's caller, or the root.
            operations (Iterable[Operation]): What is called.
        """
        for operation in operations:
            caller = self.path(caller, operation)
        return caller

    def as_dictionaries(self) -> list[CallTreeNode]:
        """Return the tree as plain data: the outermost operations, the largest total first."""
        return plain_paths(self.root.children.values())

    def slowest_within_steps(self, phase: str) -> OperationStatistics | None:
        """Return the statistics of the operation with the most own time within training steps.

        Args:
            phase (str): Only operations of this part of the steps.

        Returns:
            OperationStatistics | None: A copy; None if there is no such operation.
        """
        own_times: dict[Operation, int] = {}
        paths = [self.root]
        while paths:
            path = paths.pop()
            paths.extend(path.children.values())
            if path.operation is not None and path.within_step and path.phase == phase:
                own_times[path.operation] = own_times.get(path.operation, 0) + path.self_time
        slowest = max(own_times, key=lambda operation: own_times[operation], default=None)
        return slowest.statistics.copy() if slowest is not None else None

    def _make(self, caller: CallPath, operation: Operation, number: int | None) -> CallPath:
        if len(self.paths) >= MOST_PATHS or caller.level >= MOST_LEVELS:
            # As if only its training step, or nobody, had called it. There are few operations, so this adds few paths.
            outermost = self.root if caller.step is None else self.path(self.root, caller.step)
            if caller is not outermost:
                return self.path(outermost, operation, number)
        is_step = operation.name == TRAINING_STEP
        within_step = caller.step is not None
        # Activation checkpoints within a forward pass, for example, are part of it.
        is_interruption = caller.interruption is None and caller.phase not in PHASES and operation.is_interruption
        interruption = operation if is_interruption else caller.interruption
        # The forward passes of an evaluation, for example, are no parts of a training step.
        phase = (operation.phase or caller.phase) if interruption is None else None
        path = CallPath(
            operation,
            number=next(_numbers) if number is None else number,
            caller=caller,
            level=caller.level + 1,
            is_outermost=caller is self.root,
            phase=phase,
            step=operation if is_step else caller.step,
            within_step=within_step,
            interruption=interruption,
            is_interruption=is_interruption,
            concerns_steps=is_step or within_step or is_interruption or phase == "data_loading",
            separates_steps=not is_step and not within_step and phase not in ("data_loading", "logging"),
        )
        # The number is known before any span can carry it; `setdefault` is atomic.
        self.paths[path.number] = path
        return caller.children.setdefault(operation, path)
