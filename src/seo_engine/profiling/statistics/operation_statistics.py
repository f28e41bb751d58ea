"""Spans -> streaming statistics of one operation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from operator import mul
from typing import Any, Self

from seo_engine.profiling.statistics.quantiles import DurationHistogram

NANOSECONDS = 1e-9


# Kinds of memory that are read: of the process, and of torch's allocator on the current GPU.
PROCESS = "process"
GPU_ALLOCATED = "gpu_allocated"
GPU_RESERVED = "gpu_reserved"
GPU_PEAK = "gpu_peak"


@dataclass(slots=True)
class MemoryChange:
    """How one kind of memory changed over the runs of an operation in which it was read, in bytes."""

    readings: int = 0
    # Runs that ended with more memory than they began with.
    growths: int = 0
    total: int = 0
    # At the end of the first run, which also allocates memory that is reused, and at the end of the last.
    first_level: int = 0
    last_level: int = 0

    def add(self, before: int, after: int) -> None:
        """Add what was read at the start and at the end of a run."""
        if not self.readings:
            self.first_level = after
        self.readings += 1
        self.growths += after > before
        self.total += after - before
        self.last_level = after

    def merge(self, other: MemoryChange) -> None:
        """Add other readings; use their levels only if there are none yet: those of two processes do not compare."""
        if not self.readings:
            self.first_level, self.last_level = other.first_level, other.last_level
        self.readings += other.readings
        self.growths += other.growths
        self.total += other.total

    @property
    def mean_mb(self) -> float:
        """float: Mean change in MB (10^6 bytes)."""
        return self.total / self.readings / 1e6 if self.readings else 0.0


@dataclass(slots=True)
class OperationStatistics:
    """The statistics of one operation over all its runs; times in nanoseconds.

    Example:
        >>> statistics = OperationStatistics("forward_pass", "training_loop")
        >>> statistics.add([2_000_000, 4_000_000], own_time=5_000_000)
        >>> statistics.mean_seconds, statistics.self_seconds
        (0.003, 0.005)
    """

    name: str
    category: str
    count: int = 0
    total: int = 0
    # Without nested operations.
    self_time: int = 0
    minimum: int = 0
    maximum: int = 0
    failures: int = 0
    # An exact integer, so that no digits cancel in the standard deviation.
    sum_of_squares: int = 0
    histogram: DurationHistogram = field(default_factory=DurationHistogram, repr=False)
    memory: dict[str, MemoryChange] = field(default_factory=dict)
    device_readings: int = 0
    device_time: int = 0

    def add(self, durations: Sequence[int], own_time: int, failures: int = 0) -> None:
        """Add runs of the operation.

        Args:
            durations (Sequence[int]): Nanoseconds from start to end of each run.
            own_time (int): Nanoseconds spent in the operation itself, without nested operations.
            failures (int): How many of them an exception passed through.
        """
        self.self_time += own_time
        self.failures += failures
        if not durations:
            # A generator that has not ended yet.
            return
        shortest = min(durations)
        self.minimum = min(self.minimum, shortest) if self.count else shortest
        self.maximum = max(self.maximum, max(durations))
        self.count += len(durations)
        self.total += sum(durations)
        self.sum_of_squares += sum(map(mul, durations, durations))
        self.histogram.add(durations)

    def merge(self, other: OperationStatistics) -> None:
        """Add other statistics of the same operation, such as those of another process."""
        if other.count:
            self.minimum = min(self.minimum, other.minimum) if self.count else other.minimum
            self.maximum = max(self.maximum, other.maximum)
        for name in ("count", "total", "self_time", "failures", "sum_of_squares", "device_readings", "device_time"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.histogram.merge(other.histogram)
        for kind, change in other.memory.items():
            self.memory.setdefault(kind, MemoryChange()).merge(change)

    def copy(self) -> Self:
        """Return a copy of the statistics as they are now."""
        copied = type(self)(self.name, self.category)
        copied.merge(self)
        return copied

    def quantile_seconds(self, share: float) -> float:
        """Return the duration that a share of the runs does not exceed, within 0.4 %.

        Args:
            share (float): From 0 to 1.

        Returns:
            float: Seconds.
        """
        return min(max(self.histogram.quantile(share), self.minimum), self.maximum) * NANOSECONDS

    @property
    def mean_seconds(self) -> float:
        """float: Mean duration in seconds."""
        return self.total * NANOSECONDS / self.count if self.count else 0.0

    @property
    def total_seconds(self) -> float:
        """float: Sum of the durations in seconds."""
        return self.total * NANOSECONDS

    @property
    def self_seconds(self) -> float:
        """float: Sum of the durations without nested operations, in seconds."""
        return self.self_time * NANOSECONDS

    @property
    def standard_deviation_seconds(self) -> float:
        """float: Standard deviation of the durations of all runs (the population's, not a sample's), in seconds."""
        if not self.count:
            return 0.0
        # In integers up to the root, because both terms are large and nearly equal. The difference is negative only if
        # a signal handler reads it in the middle of counting.
        return math.sqrt(max(0, self.count * self.sum_of_squares - self.total**2)) / self.count * NANOSECONDS

    @property
    def mean_memory_mb(self) -> float | None:
        """float | None: Mean change of the process memory in MB (10^6 bytes); None if it was not read."""
        return self.memory[PROCESS].mean_mb if PROCESS in self.memory else None

    @property
    def mean_device_seconds(self) -> float | None:
        """float | None: Mean time on the GPU in seconds; None if it was not read."""
        return self.device_time * NANOSECONDS / self.device_readings if self.device_readings else None

    def as_dictionary(self) -> dict[str, Any]:
        """Return everything as plain data, for another process or a file."""
        contents = {name: getattr(self, name) for name in self.__slots__ if name not in ("histogram", "memory")}
        # JSON readers accept integers of up to 64 bits.
        contents["sum_of_squares"] = str(self.sum_of_squares)
        contents["buckets"] = {str(bucket): count for bucket, count in self.histogram.counts.items()}
        contents["memory"] = {kind: asdict(change) for kind, change in self.memory.items()}
        return contents

    @classmethod
    def from_dictionary(cls, contents: dict[str, Any]) -> Self:
        """Rebuild statistics from what `as_dictionary` returned.

        Args:
            contents (dict[str, Any]): Plain data.

        Returns:
            OperationStatistics: Equal to the original.

        Example:
            >>> statistics = OperationStatistics("forward_pass", "training_loop")
            >>> statistics.add([2, 4], own_time=6)
            >>> OperationStatistics.from_dictionary(statistics.as_dictionary()) == statistics
            True
        """
        contents = dict(contents)
        counts = Counter({int(bucket): count for bucket, count in contents.pop("buckets").items()})
        return cls(
            **contents
            | {
                "sum_of_squares": int(contents["sum_of_squares"]),
                "histogram": DurationHistogram(counts),
                "memory": {kind: MemoryChange(**change) for kind, change in contents["memory"].items()},
            }
        )
