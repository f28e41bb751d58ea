"""Regions that read more than the clock: memory, the GPU's own clock, marks for other profilers."""

from __future__ import annotations

import contextlib
import logging
import sys
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple

from seo_engine.profiling.machine.system_metrics import process_memory_bytes
from seo_engine.profiling.regions.regions import Region, Taker, now
from seo_engine.profiling.statistics.operation_statistics import (
    GPU_ALLOCATED,
    GPU_PEAK,
    GPU_RESERVED,
    PROCESS,
    MemoryChange,
)
from seo_engine.profiling.statistics.operations import Measures, Operation

logger = logging.getLogger(__name__)

# Reading the GPU's memory takes tens of microseconds: only regions that last hundreds of times as long pay for it.
GPU_MEMORY_SECONDS = 0.02

# Marks that other profilers show, by the name of their setting.
TORCH_PROFILER = "torch_profiler"
NVTX = "nvtx"


class DeviceInterval(NamedTuple):
    """Two events in a CUDA stream; how long the GPU took between them is known once it has come that far."""

    start: Any
    end: Any

    def nanoseconds(self) -> int | None:
        """Return the time between the events, without waiting for them: None while the GPU is not that far."""
        if not self.end.query():
            return None
        return int(self.start.elapsed_time(self.end) * 1e6)


@dataclass(slots=True, eq=False)
class Reading:
    """What one region read beside the clock; memory in bytes by its kind, at its start and at its end."""

    operation: Operation
    lane: int
    start: int
    before: dict[str, int]
    after: dict[str, int]
    device_interval: DeviceInterval | None
    device_nanoseconds: int | None = None

    def read_device_time(self) -> bool:
        """Read the time on the GPU, without waiting for it; return whether there is nothing more to wait for."""
        assert self.device_interval is not None
        nanoseconds = self.device_interval.nanoseconds()
        if nanoseconds is None:
            return False
        # The events are no longer needed.
        self.device_interval, self.device_nanoseconds = None, nanoseconds
        return True

    def count(self) -> None:
        """Add the change of memory, and the time on the GPU, to the operation's statistics."""
        statistics = self.operation.statistics
        for kind in self.before.keys() & self.after.keys():
            statistics.memory.setdefault(kind, MemoryChange()).add(self.before[kind], self.after[kind])
        if self.device_nanoseconds is not None:
            statistics.device_readings += 1
            statistics.device_time += self.device_nanoseconds

    def details(self) -> dict[str, float]:
        """Return what a trace shows of it."""
        details = {
            f"{kind}_change_mb": (self.after[kind] - self.before[kind]) / 1e6
            for kind in self.before.keys() & self.after.keys()
        }
        if self.device_nanoseconds is not None:
            details["device_milliseconds"] = self.device_nanoseconds / 1e6
        return details


class MeasuredRegion(Region):
    """A region that also reads memory, or the GPU's clock, or leaves marks.

    Args:
        recorder (Taker): Takes the region when it was left.
        operation (Operation): What it is a run of.
        measures (Measures | None): What to read; None means what the operation's regions read by default.
    """

    __slots__ = ("_before", "_marks", "_start_event", "measures")

    def __init__(self, recorder: Taker, operation: Operation, measures: Measures | None = None) -> None:
        super().__init__(recorder, operation)
        self.measures = measures if measures is not None else operation.measures
        self._before: dict[str, int] = {}
        self._start_event: Any = None
        self._marks: list[Any] = []

    def __enter__(self) -> Region:
        if self.start:
            return self._enter_again()
        for mark in self.measures.marks:
            self._leave_mark(mark)
        self._before = self._read_memory()
        if self.measures.device_time:
            self._start_event = record_event()
        return super().__enter__()

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Now, because the readings cost time which is not the region's.
        end = now()
        if self._again and (run := self._run_to_leave()) is not self:
            run.__exit__(error_type, error, traceback)
            return
        end_event = record_event() if self._start_event is not None else None
        after = self._read_memory()
        self._take_marks_back()
        if after or end_event is not None:
            interval = DeviceInterval(self._start_event, end_event) if end_event is not None else None
            reading = Reading(self.operation, self.lane.number, self.start, self._before, after, interval)
            self.recorder.take_reading(reading)
        self.leave(end, error_type is not None)

    def forget(self) -> None:
        """Close the region without counting it."""
        self._take_marks_back()
        super().forget()

    def fresh(self) -> MeasuredRegion:
        """Return a region of the same operation that was not entered yet."""
        return MeasuredRegion(self.recorder, self.operation, self.operation.measures.with_asked(self.measures))

    def _read_memory(self) -> dict[str, int]:
        memory = read_gpu_memory() if self.measures.gpu_memory else {}
        if self.measures.memory:
            try:
                memory[PROCESS] = process_memory_bytes()
            except Exception as error:
                _say_once("Process memory", error)
        return memory

    def _take_marks_back(self) -> None:
        for mark in reversed(self._marks):
            with contextlib.suppress(Exception):
                mark.__exit__(None, None, None)

    def _leave_mark(self, kind: str) -> None:
        try:
            mark = _make_mark(kind, self.operation.name)
            if mark is None:
                return
            mark.__enter__()
        except Exception as error:
            _say_once(kind, error)
        else:
            self._marks.append(mark)


def cuda_in_use() -> Any:
    """Return `torch.cuda` if this process uses it already, else None; nothing is imported or initialised."""
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    try:
        return cuda if cuda is not None and cuda.is_initialized() else None
    except Exception:  # a torch that is half imported
        return None


def gpu_clock() -> Any:
    """Return `torch.cuda` if events may be recorded and asked for now; None without a GPU in use.

    While a CUDA graph is captured they may not, and asking for one from any thread would spoil the capture. So it is
    the timed code that asks, which knows, and never a thread in the background.
    """
    cuda = cuda_in_use()
    try:
        return None if cuda is None or cuda.is_current_stream_capturing() else cuda
    except Exception as error:
        _say_once("GPU time", error)
        return None


def read_gpu_memory() -> dict[str, int]:
    """Return the memory of torch's allocator on the current GPU by its kind, in bytes; nothing without one in use."""
    cuda = cuda_in_use()
    if cuda is None:
        return {}
    try:
        statistics = cuda.memory_stats_as_nested_dict()
        allocated, reserved = statistics["allocated_bytes"]["all"], statistics["reserved_bytes"]["all"]
        return {
            GPU_ALLOCATED: allocated["current"],
            GPU_RESERVED: reserved["current"],
            GPU_PEAK: allocated["peak"],
        }
    except Exception as error:
        _say_once("GPU memory", error)
        return {}


def record_event() -> Any:
    """Return a CUDA event put into the current stream, which the GPU passes later; None without a GPU in use."""
    cuda = gpu_clock()
    if cuda is None:
        return None
    try:
        event = cuda.Event(enable_timing=True)
        event.record()
    except Exception as error:
        _say_once("GPU time", error)
        return None
    return event


class _NVTXRange:
    """A range that NVIDIA's Nsight shows."""

    def __init__(self, nvtx: Any, name: str) -> None:
        self._nvtx = nvtx
        self._name = name

    def __enter__(self) -> None:
        self._nvtx.range_push(self._name)

    def __exit__(self, *error: object) -> None:
        self._nvtx.range_pop()


def _make_mark(kind: str, name: str) -> Any:
    # Looked up, not imported: without torch in the process nobody shows the marks.
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    return torch.profiler.record_function(name) if kind == TORCH_PROFILER else _NVTXRange(torch.cuda.nvtx, name)


_said: set[str] = set()


def _say_once(subject: str, error: Exception) -> None:
    if subject not in _said:
        _said.add(subject)
        logger.warning("⚠️ %s cannot be profiled: %s", subject, error)
