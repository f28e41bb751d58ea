"""Spans -> streaming statistics of one operation."""

from __future__ import annotations

from dataclasses import dataclass

NANOSECONDS = 1e-9


@dataclass
class OperationStatistics:
    """What is known of one operation, however often it ran; times in nanoseconds.

    Example:
        >>> statistics = OperationStatistics("forward_pass", "training_loop")
        >>> statistics.add(duration=2_000_000, self_time=1_500_000, failed=False)
        >>> statistics.mean_seconds
        0.002
    """

    name: str
    category: str
    count: int = 0
    total: int = 0
    self_time: int = 0
    minimum: int = 0
    maximum: int = 0
    failures: int = 0
    memory_readings: int = 0
    memory_bytes: int = 0

    def add(self, duration: int, self_time: int, failed: bool) -> None:
        """Add one run of the operation.

        Args:
            duration (int): Nanoseconds from start to end.
            self_time (int): The same without the operations nested in it.
            failed (bool): Whether an exception passed through.
        """
        if not self.count or duration < self.minimum:
            self.minimum = duration
        if duration > self.maximum:
            self.maximum = duration
        self.count += 1
        self.total += duration
        self.self_time += self_time
        self.failures += failed

    def add_memory(self, change: int) -> None:
        """Add how much the process memory changed during one run, in bytes."""
        self.memory_readings += 1
        self.memory_bytes += change

    def merge(self, other: OperationStatistics) -> None:
        """Take in the statistics of the same operation from another process."""
        if not other.count:
            return
        self.minimum = min(self.minimum, other.minimum) if self.count else other.minimum
        self.maximum = max(self.maximum, other.maximum)
        self.count += other.count
        self.total += other.total
        self.self_time += other.self_time
        self.failures += other.failures
        self.memory_readings += other.memory_readings
        self.memory_bytes += other.memory_bytes

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
    def mean_memory_mb(self) -> float:
        """float: Mean change of the process memory in MB (10^6 bytes)."""
        return self.memory_bytes / self.memory_readings / 1e6 if self.memory_readings else 0.0
