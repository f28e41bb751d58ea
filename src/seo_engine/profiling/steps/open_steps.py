"""Steps that their loops left open: after `break`, or in an interrupted cell, when something still holds the loop."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from itertools import takewhile

from seo_engine.profiling.recorder import Recorder
from seo_engine.profiling.regions.regions import Region
from seo_engine.profiling.regions.spans import now
from seo_engine.profiling.statistics.call_tree import CallPath
from seo_engine.profiling.statistics.operations import Operation
from seo_engine.profiling.steps.training_steps import StepClock


class OpenSteps:
    """The steps that have begun and not ended. At most one training step and one validation step is open in a lane.

    A step that its loop left ends when the loop is forgotten, when the next one begins, or when a report is made after
    an outer region was left. Nobody knows when the loop was left. So the step is taken to end with its last part:
    loading, forward, backward, optimizer, or logging. What came later is moved out of it.

    Args:
        recorder (Recorder): Has the lanes of the steps, and counts them.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        # By lane and kind. Without a lock: each operation on it is atomic.
        self._clocks: dict[tuple[int, bool], StepClock] = {}
        # Steps that were left, until they are counted.
        self._left: deque[Region] = deque()

    def begin(self, clock: StepClock) -> None:
        """End what earlier loops of the same thread or task left open, and note that a step begins.

        Args:
            clock (StepClock): Its step begins next. A validation step may be part of a training step.
        """
        lane = self._recorder.lanes.current().number
        left = [(lane, True)] if clock.is_validation else [(lane, True), (lane, False)]
        for key in left:
            if key in self._clocks:
                self._end_left(self._clocks.pop(key))
        self._clocks[lane, clock.is_validation] = clock

    def end(self, clock: StepClock) -> None:
        """Note that a step ends now.

        Args:
            clock (StepClock): Its step ends, and so does a validation step that was left open within it.
        """
        if clock.step is None:
            return
        lane = clock.step.lane.number
        within = self._clocks.pop((lane, True), None)
        if within is not None and within is not clock:
            self._end_left(within)
        if self._clocks.get((lane, clock.is_validation)) is clock:
            del self._clocks[lane, clock.is_validation]

    def leave(self, clock: StepClock) -> None:
        """End a step whose loop was left.

        Args:
            clock (StepClock): Its step.
        """
        if sys.is_finalizing():
            # A thread that has ended may hold the lock that guards the counts.
            clock.forget_step()
        elif clock.step is not None:
            self.end(clock)
            self._end_left(clock)

    def end_left(self) -> None:
        """End the steps whose outer region was left; called only within `exclusively`."""
        for key, clock in list(self._clocks.items()):
            step = clock.step
            if step is not None and not step.lane.holds(step) and self._clocks.pop(key, None) is not None:
                self._end_left(clock)
        self._count_left()

    def _end_left(self, clock: StepClock) -> None:
        step = clock.let_go_of_step()
        if step is not None and step.recorder is self._recorder:
            self._left.append(step)
            clock.count_samples(clock.samples)
            # Python may forget a loop in the middle of counting: then the next report does this.
            self._recorder.exclusively(self._count_left, lambda: None)

    def _count_left(self) -> None:
        self._recorder.count_waiting()
        while self._left:
            _end_with_its_last_part(self._left.popleft(), self._recorder)


def _end_with_its_last_part(step: Region, recorder: Recorder) -> None:
    """Count a step that its loop left, and move what came after its last part out of it."""
    tree, parent = recorder.tree, step.parent
    below = {path.number: operations for path, operations in _paths_below(step.path)}
    lane, began = step.lane.number, step.start
    nested = [
        (number, start, end)
        for number, its_lane, start, end, _, _ in recorder.aggregation.newest_spans
        if its_lane == lane and start >= began and number in below
    ]
    parts = [(number, start, end) for number, start, end in nested if len(below[number]) == 1]
    # No part of a validation step is known, and none at all if the trace keeps no spans. A step that an earlier run
    # left open has none in this run: nothing of it counts.
    otherwise = began if began == recorder.aggregation.began else now()
    ended = max((end for number, _, end in parts if tree.paths[number].phase is not None), default=otherwise)
    outer = parent.path if parent is not None else tree.root
    came_later = {number for number, start, _ in nested if start >= ended}
    paths = {number: tree.path_along(outer, below[number]) for number in came_later}
    for aggregation in recorder.aggregations:
        aggregation.move(paths, lane, ended)
    _take_out_of_its_lane(step, recorder)
    if parent is not None:
        parent.children += ended - began + sum(end - start for _, start, end in parts if start >= ended)
    if ended > began:
        within = sum(end - start for _, start, end in parts if start < ended)
        recorder.count_at_once([(step.path.number, lane, began, ended, ended - began - within, 0)])


def _paths_below(
    path: CallPath, operations: tuple[Operation, ...] = ()
) -> Iterator[tuple[CallPath, tuple[Operation, ...]]]:
    for operation, child in list(path.children.items()):
        yield child, (*operations, operation)
        yield from _paths_below(child, (*operations, operation))


def _take_out_of_its_lane(step: Region, recorder: Recorder) -> None:
    """Let the regions that are open within a step be open outside of it."""
    if step.lane.holds(step):
        within = list(takewhile(lambda region: region is not step, _outwards(step.lane.innermost)))
        for region in reversed(within):
            if region.parent is step:
                region.parent = step.parent
            caller = region.parent.path if region.parent is not None else recorder.root
            region.path = recorder.tree.path(caller, region.operation)
    step.forget()


def _outwards(region: Region | None) -> Iterator[Region]:
    while region is not None:
        yield region
        region = region.parent
