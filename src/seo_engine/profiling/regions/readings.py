"""Readings: what a region reads besides the clock, and how it enters the statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from seo_engine.profiling.statistics.operation_statistics import MemoryChange, OperationStatistics
from seo_engine.profiling.statistics.operations import Operation


class DeviceInterval(NamedTuple):
    """Two events in a CUDA stream; the time between them is known once the GPU has reached the second."""

    start: Any
    end: Any

    def nanoseconds(self) -> int | None:
        """Return the time between the events without waiting for them: None until the GPU has reached the second."""
        if not self.end.query():
            return None
        return int(self.start.elapsed_time(self.end) * 1e6)


@dataclass(slots=True, eq=False)
class Reading:
    """What one region read besides the clock; memory in bytes by kind, at its start and at its end."""

    operation: Operation
    lane: int
    start: int
    before: dict[str, int]
    after: dict[str, int]
    device_interval: DeviceInterval | None
    device_nanoseconds: int | None = None

    def read_device_time(self) -> bool:
        """Read the time on the GPU without waiting for it; return whether it was available."""
        assert self.device_interval is not None
        nanoseconds = self.device_interval.nanoseconds()
        if nanoseconds is None:
            return False
        # The events are no longer needed.
        self.device_interval, self.device_nanoseconds = None, nanoseconds
        return True

    def count(self, statistics: OperationStatistics) -> None:
        """Add the change of memory, and the time on the GPU, to the statistics of the operation."""
        for kind in self.before.keys() & self.after.keys():
            statistics.memory.setdefault(kind, MemoryChange()).add(self.before[kind], self.after[kind])
        if self.device_nanoseconds is not None:
            statistics.device_readings += 1
            statistics.device_time += self.device_nanoseconds

    def details(self) -> dict[str, float]:
        """Return what a trace shows about it."""
        details = {
            f"{kind}_change_mb": (self.after[kind] - self.before[kind]) / 1e6
            for kind in self.before.keys() & self.after.keys()
        }
        if self.device_nanoseconds is not None:
            details["device_milliseconds"] = self.device_nanoseconds / 1e6
        return details
