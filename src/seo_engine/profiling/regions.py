"""Regions: named stretches of code that are being timed, or were. A region that was left is a span."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from seo_engine.profiling.lanes import Lane, running_loop

if TYPE_CHECKING:
    from seo_engine.profiling.aggregation import Aggregation
    from seo_engine.profiling.call_tree import CallPath, Operation
    from seo_engine.profiling.recorder import Recorder

now = time.perf_counter_ns

FunctionType = TypeVar("FunctionType", bound=Callable[..., Any])


class ProfiledRegion:
    """What `profile_operation` returns: for a `with` statement, or as a decorator of a function."""

    __slots__ = ()

    def __call__(self, function: FunctionType) -> FunctionType:
        """Return the function with each of its calls profiled as a region of its own.

        Args:
            function (Callable): Plain, `async def`, a generator, or an asynchronous generator.

        Returns:
            Callable: Of the same signature.
        """
        return function

    def __enter__(self) -> object:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None


# Stands in for every region while profiling is off.
DISABLED_REGION = ProfiledRegion()


class Region(ProfiledRegion):
    """One run of an operation. What is not needed to time it is left to the aggregation.

    Args:
        recorder (Recorder): Takes the region when it was left.
        operation (Operation): What it is a run of.
    """

    # False where it overlaps others of its lane instead of lying within or beside them.
    shown_in_trace: ClassVar[bool] = True

    __slots__ = ("_again", "children", "end", "failed", "lane", "operation", "parent", "path", "recorder", "start")

    lane: Lane
    parent: Region | None
    end: int
    failed: bool

    def __init__(self, recorder: Recorder, operation: Operation) -> None:
        # `CodeProfiler.profile_operation` does the same without calling this.
        self.recorder = recorder
        self.operation = operation
        self.start = 0
        # Nanoseconds in regions nested directly in this one; the aggregation adds them up.
        self.children = 0
        self.path: CallPath | None = None
        self._again: list[Region] | None = None

    def __enter__(self) -> Region:
        if self.start:
            return self._enter_again()
        lanes = self.recorder.lanes
        loop = running_loop()
        self.lane = lane = lanes.of_thread.lane if loop is None else lanes.of_task(loop)
        self.parent = lane.innermost
        lane.innermost = self
        self.start = now()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave(now(), error_type is not None)

    def leave(self, end: int, failed: bool) -> None:
        """Close the region and hand it over as a span.

        Args:
            end (int): Nanoseconds of `time.perf_counter_ns`.
            failed (bool): Whether an exception passes through.
        """
        if self._again and (run := self._run_to_leave()) is not self:
            run.leave(end, failed)
            return
        self.end = end
        self.failed = failed
        lane = self.lane
        if lane.innermost is self:
            lane.innermost = self.parent
        else:
            lane.leave(self)
        recorder = self.recorder
        spans = recorder.spans
        spans.append(self)
        if len(spans) >= recorder.next_look:
            recorder.look()

    def __call__(self, function: FunctionType) -> FunctionType:
        # Only where something is decorated, because `inspect` and `functools` are not needed otherwise.
        from seo_engine.profiling.decorators import profiled

        return profiled(function, self, self.recorder)

    def fresh(self) -> Region:
        """Return a region of the same operation that was not entered yet."""
        if self.operation.is_measured:
            # Only here, because it builds on this module.
            from seo_engine.profiling.measured_region import MeasuredRegion

            return MeasuredRegion(self.recorder, self.operation)
        return Region(self.recorder, self.operation)

    def forget(self) -> None:
        """Close the region without counting it."""
        self.lane.leave(self)

    def count_in(self, aggregation: Aggregation) -> None:
        """Have the aggregation count this span; kinds that measure more than time do that here."""
        aggregation.count_time(self)

    def _enter_again(self) -> Region:
        """Enter a region that was entered before, perhaps left since: this run of it has a region of its own."""
        again = self.fresh()
        if self._again is None:
            self._again = []
        self._again.append(again)
        return again.__enter__()

    def _run_to_leave(self) -> Region:
        """Return the run that the caller entered last; further ones may be open in other threads and tasks."""
        again = self._again or []
        lane = self.recorder.lanes.current()
        run = next((run for run in reversed(list(again)) if run.lane is lane), None)
        if run is None:
            # `end` is set when the first run is left.
            is_own = self.lane is lane and not hasattr(self, "end")
            return self if is_own else again.pop()
        again.remove(run)
        return run
