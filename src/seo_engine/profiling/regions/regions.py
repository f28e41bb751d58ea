"""Regions: named pieces of code that are timed. A closed region becomes a span, a tuple of plain numbers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, TypeVar

from seo_engine.profiling.regions.compiled_code import no_region, traced_as
from seo_engine.profiling.regions.lanes import Lane, Lanes, running_loop
from seo_engine.profiling.regions.spans import Span, is_failure, now
from seo_engine.profiling.statistics.call_tree import CallPath, CallTree
from seo_engine.profiling.statistics.operations import Operation

FunctionType = TypeVar("FunctionType", bound=Callable[..., Any])


class Taker(Protocol):
    """The part of the recorder that a region needs: it takes the region when it closes, and makes others like it."""

    enabled: bool
    lanes: Lanes
    root: CallPath
    tree: CallTree
    spans: deque[Span]
    next_look: int

    def look(self) -> None:
        """Called when many spans wait."""

    def take_reading(self, reading: Any) -> None:
        """Take what a region read besides the clock."""

    def add_run(self, path: CallPath, start: int, end: int, failed: bool) -> None:
        """Take a generator's whole run."""

    def region(self, operation: Operation) -> Region:
        """Return a new region of an operation, of the kind that it needs."""

    def region_named(self, name: str, category: str) -> Region:
        """Return a new region of the operation that has a name and category."""

    def profiled(self, function: FunctionType, region: Region) -> FunctionType:
        """Return a wrapper of a function that profiles each call as a region like this one."""


class ProfiledRegion:
    """What `profile_operation` returns: for a `with` statement, or as a decorator of a function."""

    __slots__ = ()

    def __call__(self, function: FunctionType) -> FunctionType:
        """Return a wrapper of the function that profiles each call as its own region.

        Args:
            function (Callable): Plain, `async def`, a generator, or an asynchronous generator; or a class method,
                static method, property, cached function or context manager made of one.

        Returns:
            Callable: A function with the same signature, or another descriptor of the same kind.

        Raises:
            TypeError: If it is nothing of these.
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
    """One run of an operation. It does only what timing needs; the aggregation does the rest.

    Args:
        recorder (Taker): Takes the region when it closes.
        operation (Operation): The operation to time.
    """

    __slots__ = ("_again", "children", "is_adrift", "lane", "operation", "parent", "path", "recorder", "start")

    # Set only where it is true: the region is open, but no longer in its lane, because one around it was left.
    is_adrift: bool
    lane: Lane
    parent: Region | None
    path: CallPath

    def __init__(self, recorder: Taker, operation: Operation) -> None:
        # `CodeProfiler.profile_operation` does the same without calling this.
        self.recorder = recorder
        self.operation = operation
        self.start = 0
        # Nanoseconds in regions nested directly in this one.
        self.children = 0
        self._again: list[Region] | None = None

    def __enter__(self) -> Region:
        if self.start:
            return self._enter_again()
        recorder = self.recorder
        lanes = recorder.lanes
        loop = running_loop()
        self.lane = lane = lanes.of_thread.lane if loop is None else lanes.of_task(loop)
        self.parent = parent = lane.innermost
        caller = recorder.root if parent is None else parent.path
        self.path = caller.children.get(self.operation) or recorder.tree.path(caller, self.operation)
        lane.innermost = self
        self.start = now()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        end = now()
        try:
            lane = self.lane
        except AttributeError:  # never entered
            return
        if lane.innermost is not self or self._again:
            self.leave(end, is_failure(error_type))
            return
        # The same as `leave`, without the call, because nearly every region closes here.
        lane.innermost = parent = self.parent
        start = self.start
        duration = end - start
        if parent is not None:
            parent.children += duration
        recorder = self.recorder
        spans = recorder.spans
        flags = error_type is not None and is_failure(error_type)
        spans.append((self.path.number, lane.number, start, end, duration - self.children, flags))
        if len(spans) >= recorder.next_look:
            recorder.look()

    def leave(self, end: int, flags: int) -> None:
        """Close the region and hand it over as a span.

        Args:
            end (int): Nanoseconds of `time.perf_counter_ns`.
            flags (int): `FAILED` if an exception passes through, and flags of the region's own kind.
        """
        if self._again and (run := self._run_to_leave()) is not self:
            run.leave(end, flags)
            return
        lane = self.lane
        parent = self.parent
        if lane.innermost is self:
            lane.innermost = parent
        elif self.is_open():
            lane.leave(self)
            self.is_adrift = False
        else:  # left before
            return
        start = self.start
        duration = end - start
        if parent is not None:
            parent.children += duration
        recorder = self.recorder
        spans = recorder.spans
        # Only numbers: Python's garbage collector, which visits objects with references, can ignore them.
        spans.append((self.path.number, lane.number, start, end, duration - self.children, flags))
        if len(spans) >= recorder.next_look:
            recorder.look()

    def __call__(self, function: FunctionType) -> FunctionType:
        return self.recorder.profiled(function, self)

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy is a new region of the same operation, whether or not this one is open.
        return self.recorder.region_named, (self.operation.name, self.operation.category)

    @traced_as(no_region)
    def of_a_call(self) -> ProfiledRegion:
        """Return a region for one call of a function that this one decorates."""
        recorder = self.recorder
        return recorder.region(self.operation) if recorder.enabled else DISABLED_REGION

    def begin_anew(self, moment: int) -> None:
        """Time an open region from a moment on, as if nothing had been nested in it.

        Args:
            moment (int): Now, in nanoseconds of `time.perf_counter_ns`.
        """
        self.start, self.children = moment, 0

    def fresh(self) -> Region:
        """Return a new region of the same operation."""
        return self.recorder.region(self.operation)

    def is_open(self) -> bool:
        """Return whether the region was entered and not left."""
        lane: Lane | None = getattr(self, "lane", None)
        return lane is not None and (lane.holds(self) or getattr(self, "is_adrift", False))

    def forget(self) -> None:
        """Close the region without counting it."""
        self.lane.leave(self)
        self.is_adrift = False

    def _enter_again(self) -> Region:
        """Enter a region that was entered before, whether or not it has closed: this run gets its own region."""
        again = self.fresh()
        if self._again is None:
            self._again = []
        self._again.append(again)
        return again.__enter__()

    def _run_to_leave(self) -> Region:
        """Return the run that the caller entered last; others may be open in other threads and tasks."""
        again = self._again or []
        lane = self.recorder.lanes.current()
        run = next((run for run in reversed(list(again)) if run.lane is lane), None)
        if run is None:
            # What the lane of the first run leaves once more is not the run of another lane.
            return self if self.lane is lane else again.pop()
        again.remove(run)
        return run
