"""Lanes: which regions are open in which thread or task. In one lane regions only nest; those of two may overlap."""

from __future__ import annotations

import itertools
import threading
import weakref
from asyncio import AbstractEventLoop, Task, current_task
from asyncio import _get_running_loop as running_loop
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Lane", "Lanes", "running_loop"]

# How many of the newest lanes keep their row and title after they are gone.
_MOST_ROWS = 20_000


class OpenRegion(Protocol):
    """The part of a region that a lane uses: the region it is nested in, and whether it lost its place in the lane."""

    parent: Any
    is_adrift: bool


class Lane:
    """A thread's or an asyncio task's stack of open regions, linked from the innermost one outwards.

    Args:
        number (int): Its number, which is unique.
        row (int): Its row in a trace.
        name (str): The row's title.
    """

    __slots__ = ("__weakref__", "innermost", "name", "number", "row")

    def __init__(self, number: int, row: int, name: str) -> None:
        self.number = number
        self.row = row
        self.name = name
        self.innermost: Any | None = None

    def holds(self, region: OpenRegion) -> bool:
        """Return whether a region is open in this lane."""
        open_region = self.innermost
        while open_region is not None and open_region is not region:
            open_region = open_region.parent
        return open_region is not None

    def leave(self, region: OpenRegion) -> None:
        """Close a region that is not the innermost: nested ones are left later or never, or it was closed before."""
        if self.holds(region):
            self._set_adrift(region)
            self.innermost = region.parent

    def end(self) -> None:
        """Close the lane, because its task has ended; regions that are open may still be left by another."""
        self._set_adrift(None)
        self.innermost = None

    def _set_adrift(self, outermost: OpenRegion | None) -> None:
        open_region = self.innermost
        while open_region is not None and open_region is not outermost:
            open_region.is_adrift = True
            open_region = open_region.parent


class _ThreadLane(threading.local):
    """Holds the current thread's lane; each thread creates its own at first use."""

    def __init__(self, make_lane: Callable[[], Lane]) -> None:
        self.lane = make_lane()


class Lanes:
    """All lanes of one profiler."""

    def __init__(self) -> None:
        # Without a lock, because a signal handler may open a region while the code that it interrupts creates a lane:
        # each operation on these is atomic.
        self._lanes: weakref.WeakValueDictionary[int, Lane] = weakref.WeakValueDictionary()
        self._numbers = itertools.count(1)
        self._of_tasks: weakref.WeakKeyDictionary[Task[Any], Lane] = weakref.WeakKeyDictionary()
        # Rows of finished tasks are reused: a program creates thousands of tasks, but few at a time.
        self._free_task_rows: list[int] = []
        # Row and title of the newest lanes; spans refer to a lane by its number.
        self._rows: dict[int, tuple[int, str]] = {}
        self.of_thread = _ThreadLane(self._make_thread_lane)

    def current(self) -> Lane:
        """Return the caller's lane."""
        loop = running_loop()
        lane: Lane = self.of_thread.lane
        return lane if loop is None else self.of_task(loop)

    def of_task(self, loop: AbstractEventLoop) -> Lane:
        """Return the lane of the running task, or of the thread where the event loop calls a plain function.

        Args:
            loop (AbstractEventLoop): The running event loop.

        Returns:
            Lane: For regions that the caller opens.
        """
        task = current_task(loop)
        if task is None:
            return self.of_thread.lane
        lane = self._of_tasks.get(task)
        if lane is None:
            lane = self._take_task_lane()
            self._of_tasks[task] = lane
            task.add_done_callback(self._give_back)
        return lane

    def open_regions(self) -> list[Any]:
        """Return the regions that are open now, the outer ones first."""
        regions: list[Any] = []
        for reference in self._lanes.valuerefs():
            lane = reference()
            if lane is None:
                continue
            of_lane: list[Any] = []
            region = lane.innermost
            while region is not None:
                of_lane.append(region)
                region = region.parent
            regions.extend(reversed(of_lane))
        return regions

    def rows(self) -> dict[int, tuple[int, str]]:
        """Return row and title of the newest lanes by their numbers."""
        return dict(self._rows)

    def _make_thread_lane(self) -> Lane:
        number = next(self._numbers)
        return self._make(number, number, threading.current_thread().name)

    def _make(self, number: int, row: int, name: str) -> Lane:
        lane = Lane(number, row, name)
        self._lanes[number] = lane
        self._rows[number] = (row, name)
        old = number - _MOST_ROWS
        if old not in self._lanes:
            self._rows.pop(old, None)
        return lane

    def _take_task_lane(self) -> Lane:
        number = next(self._numbers)
        try:
            row = self._free_task_rows.pop()
        except IndexError:
            row = number
        # The row is reused, not the lane: what the earlier task left open or loaded does not concern this one.
        return self._make(number, row, f"asyncio {row}")

    def _give_back(self, task: Task[Any]) -> None:
        lane = self._of_tasks.pop(task, None)
        if lane is not None:
            lane.end()
            self._free_task_rows.append(lane.row)
