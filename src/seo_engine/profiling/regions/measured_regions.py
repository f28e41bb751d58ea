"""Regions that read more than the clock: memory, the GPU's own clock, marks for other profilers."""

from __future__ import annotations

import contextlib
import sys
from types import TracebackType
from typing import Any

from seo_engine.profiling.machine.process_memory import process_memory_bytes
from seo_engine.profiling.regions.compiled_code import no_region, traced_as
from seo_engine.profiling.regions.cuda import read_gpu_memory, record_event, warn_once
from seo_engine.profiling.regions.readings import DeviceInterval, Reading
from seo_engine.profiling.regions.regions import DISABLED_REGION, ProfiledRegion, Region, Taker
from seo_engine.profiling.regions.spans import is_failure, now
from seo_engine.profiling.statistics.operation_statistics import PROCESS
from seo_engine.profiling.statistics.operations import Measures, Operation

# Marks for other profilers, named after their settings.
TORCH_PROFILER = "torch_profiler"
NVTX = "nvtx"


class MeasuredRegion(Region):
    """A region that also reads memory, or the GPU's clock, or leaves marks.

    Args:
        recorder (Taker): Takes the region when it closes.
        operation (Operation): The operation to time.
        measures (Measures): What to read.
    """

    __slots__ = ("_before", "_marks", "_start_event", "measures")

    def __init__(self, recorder: Taker, operation: Operation, measures: Measures) -> None:
        super().__init__(recorder, operation)
        self.measures = measures
        self._before: dict[str, int] = {}
        self._start_event: Any = None
        self._marks: list[Any] = []

    def __enter__(self) -> Region:
        if self.start:
            return self._enter_again()
        for mark in self.measures.marks:
            self._leave_mark(mark)
        self._read_before()
        return super().__enter__()

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Before the readings, because their time is not the region's.
        end = now()
        if self._again and (run := self._run_to_leave()) is not self:
            run.__exit__(error_type, error, traceback)
            return
        if not self.is_open():
            return
        end_event = record_event() if self._start_event is not None else None
        after = self._read_memory()
        self._take_marks_back()
        if after or end_event is not None:
            interval = DeviceInterval(self._start_event, end_event) if end_event is not None else None
            reading = Reading(self.operation, self.lane.number, self.start, self._before, after, interval)
            self.recorder.take_reading(reading)
        # A run may have begun in another thread meanwhile, and with it the region anew.
        self.leave(max(end, self.start), is_failure(error_type))

    def begin_anew(self, moment: int) -> None:
        """Time and measure an open region from a moment on.

        Args:
            moment (int): Now, in nanoseconds of `time.perf_counter_ns`.
        """
        self._read_before()
        super().begin_anew(moment)

    def forget(self) -> None:
        """Close the region without counting it."""
        self._take_marks_back()
        super().forget()

    @traced_as(no_region)
    def of_a_call(self) -> ProfiledRegion:
        """Return a region for one call of a function that this one decorates."""
        return self.fresh() if self.recorder.enabled else DISABLED_REGION

    def fresh(self) -> MeasuredRegion:
        """Return a new region of the same operation."""
        return MeasuredRegion(self.recorder, self.operation, self.operation.measures.with_asked(self.measures))

    def __reduce__(self) -> tuple[Any, ...]:
        again, named = super().__reduce__()
        return again, (*named, self.measures)

    def _read_before(self) -> None:
        self._before = self._read_memory()
        if self.measures.device_time:
            self._start_event = record_event()

    def _read_memory(self) -> dict[str, int]:
        memory = read_gpu_memory() if self.measures.gpu_memory else {}
        if self.measures.memory:
            try:
                memory[PROCESS] = process_memory_bytes()
            except Exception as error:
                warn_once("Process memory", error)
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
            warn_once(kind, error)
        else:
            self._marks.append(mark)


class _NVTXRange:
    """A range that NVIDIA Nsight shows."""

    def __init__(self, nvtx: Any, name: str) -> None:
        self._nvtx = nvtx
        self._name = name

    def __enter__(self) -> None:
        self._nvtx.range_push(self._name)

    def __exit__(self, *error: object) -> None:
        self._nvtx.range_pop()


def _make_mark(kind: str, name: str) -> Any:
    # Looked up, not imported: without torch in the process, no profiler shows the marks.
    torch = sys.modules.get("torch")
    if torch is None:
        return None
    return torch.profiler.record_function(name) if kind == TORCH_PROFILER else _NVTXRange(torch.cuda.nvtx, name)
