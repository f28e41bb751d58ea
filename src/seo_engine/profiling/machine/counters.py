"""Counters: memory, CPU load and other values over the course of a run, in bounded memory."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping

from seo_engine.profiling.machine.child_processes import child_processor_seconds
from seo_engine.profiling.machine.process_memory import process_memory_bytes
from seo_engine.profiling.machine.system_metrics import processor_load

MEMORY = "memory_usage_mb"
CPU = "cpu_usage_percent"
CHILDREN_CPU = "children_cpu_usage_percent"
SYSTEM_CPU = "system_cpu_usage_percent"

# A full series drops every second sample, and from then on keeps only every second one, so that it always covers the
# whole run.
MOST_SAMPLES = 2_000
# A stream of new names must not fill the memory.
_MOST_SERIES = 200

_SHORTEST_NANOSECONDS = 100_000_000

Sample = tuple[int, float]


class CounterSeries:
    """Values over time.

    Example:
        >>> series = CounterSeries()
        >>> for moment in range(3 * MOST_SAMPLES):
        ...     series.add(moment, 0.0)
        >>> len(series.samples) <= MOST_SAMPLES, series.samples[0][0]
        (True, 0)
    """

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self._every = 1
        self._offered = 0

    def add(self, moment: int, value: float) -> None:
        """Add a value, unless the series skips this one.

        Args:
            moment (int): Nanoseconds of `time.perf_counter_ns`.
            value (float): The value.
        """
        if self._offered % self._every == 0:
            self.samples.append((moment, value))
            if len(self.samples) >= MOST_SAMPLES:
                self.samples = self.samples[::2]
                self._every *= 2
        self._offered += 1


class Counters:
    """The series of one run, by name."""

    def __init__(self) -> None:
        self.series: dict[str, CounterSeries] = {}
        self._processor_nanoseconds = time.process_time_ns()
        self._read = time.perf_counter_ns()
        self._children: tuple[int, float] | None = None
        self._read_system_cpu = processor_load()
        # The loads are measured from here on.
        self._read_other_processes(self._read)

    def add(self, values: Mapping[str, float]) -> None:
        """Add current values.

        Args:
            values (Mapping[str, float]): Values by name, such as `gpu_utilization_percent`.
        """
        moment = time.perf_counter_ns()
        for name, value in values.items():
            number = float(value)
            # A trace cannot show it.
            if not math.isfinite(number):
                continue
            series = self.series.get(name)
            if series is None:
                if len(self.series) >= _MOST_SERIES:
                    continue
                series = self.series[name] = CounterSeries()
            series.add(moment, number)

    def samples(self, since: int) -> dict[str, list[Sample]]:
        """Return copies of all series by their names.

        Args:
            since (int): Nanoseconds of `time.perf_counter_ns`; what was read before is left out.
        """
        # Another thread may add a series meanwhile.
        return {
            name: [sample for sample in list(series.samples) if sample[0] >= since]
            for name, series in list(self.series.items())
        }

    def read(self) -> None:
        """Add this process's memory and CPU load, and that of the machine; cheap enough to call once a second."""
        moment, used = time.perf_counter_ns(), time.process_time_ns()
        elapsed = moment - self._read
        if elapsed < _SHORTEST_NANOSECONDS and CPU in self.series:
            # The load over microseconds means nothing; the caller may ask several times in a row.
            return
        percent = 100 * (used - self._processor_nanoseconds) / max(1, elapsed)
        self._read, self._processor_nanoseconds = moment, used
        values = {CPU: percent}
        # It fails without /proc, for example.
        with contextlib.suppress(Exception):
            values[MEMORY] = process_memory_bytes() / 1e6
        self.add(values | self._read_other_processes(moment))

    def _read_other_processes(self, moment: int) -> dict[str, float]:
        values: dict[str, float] = {}
        # Each fails where the system does not tell.
        with contextlib.suppress(Exception):
            values |= self._read_system_cpu()
        with contextlib.suppress(Exception):
            # With its moment: the reading before may have failed.
            last, self._children = self._children, (moment, child_processor_seconds())
            if last is not None:
                # A child that its parent did not wait for takes its time with it.
                used = max(0.0, self._children[1] - last[1])
                values[CHILDREN_CPU] = 100 * used / max((moment - last[0]) / 1e9, 1e-9)
        return values
