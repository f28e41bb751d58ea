"""Recorder: the part of the profiler that timed code calls. It takes spans, which are counted later."""

from __future__ import annotations

import contextlib
import logging
import queue
import sys
import threading
import time
import uuid
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from seo_engine.profiling.aggregation import Aggregation
from seo_engine.profiling.loaders import LoaderDescription
from seo_engine.profiling.machine.counters import Counters
from seo_engine.profiling.regions.cuda import gpu_clock
from seo_engine.profiling.regions.decorators import profiled
from seo_engine.profiling.regions.lanes import Lanes, running_loop
from seo_engine.profiling.regions.measured_regions import MeasuredRegion
from seo_engine.profiling.regions.readings import Reading
from seo_engine.profiling.regions.regions import FunctionType, Region
from seo_engine.profiling.regions.spans import WHOLE_RUN, Span, now
from seo_engine.profiling.settings import ProfilingSettings
from seo_engine.profiling.statistics.call_tree import CallPath
from seo_engine.profiling.statistics.operations import Measures, Operation

logger = logging.getLogger(__name__)

# At this many waiting spans, the counting thread is woken.
SPANS_PER_BATCH = 4096
# At this many, because the thread does not keep up, the caller counts some itself, so that memory does not grow.
MOST_WAITING_SPANS = 16_384
# Counted without a pause; then the thread lets the training have the interpreter.
SPANS_PER_STRETCH = 512

_MOST_DEVICE_READINGS = 10_000

_NOTHING = Measures()

LOOK_SECONDS = 1.0
_REST_SECONDS = 0.0005

# A thread that counts is done within milliseconds.
_LONGEST_REST_SECONDS = 2.0

Result = TypeVar("Result")


class Recorder:
    """Takes the spans of all threads, and counts them in batches, in its own thread or on demand.

    Regions and decorated functions refer to it, so it is what is copied and pickled with them. A process has one of
    each: a copy is the recorder itself, and so is what comes back from another process. In a process that does not have
    it, a new one with the same settings begins, because times of another process mean nothing there.

    Args:
        aggregation (Aggregation): Where they are counted.
        enabled (bool): Whether regions are timed; may be changed at any time.
        identity (str | None): Identifies it across processes; None means a new one.
    """

    def __init__(self, aggregation: Aggregation, enabled: bool, identity: str | None = None) -> None:
        self.enabled = enabled
        self.aggregation = aggregation
        self._identity = identity or uuid.uuid4().hex
        self._begin()
        _recorders[self._identity] = self

    def __reduce__(self) -> tuple[Any, ...]:
        return _recorder_of_this_process, (self._identity, self.aggregation.settings.alone(), self.enabled)

    def _begin(self) -> None:
        # Those of runs that began while another was open.
        self.followers: tuple[Aggregation, ...] = ()
        self.loader: LoaderDescription | None = None
        self.spans: deque[Span] = deque()
        self._readings: deque[Reading] = deque()
        self._threads_with_gpu: set[int] = set()
        # Readings of regions that the GPU has not finished yet; bounded, in case it never does.
        self._waiting_for_device: deque[Reading] = deque(maxlen=_MOST_DEVICE_READINGS)
        self.tree = self.aggregation.tree
        self.root = self.tree.root
        # The very first span starts the thread.
        self.next_look = 1
        self.lanes = Lanes()
        # Reentrant: a signal handler may ask for statistics while the thread that it interrupts is counting.
        self._counting = threading.RLock()
        self._is_counting = False
        self.counting_nanoseconds = 0
        self.counters = Counters()
        # Not an Event: its lock would hang a signal handler that interrupts `set`. True ends the thread.
        self._wake: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._next_counters = 0

    @property
    def aggregations(self) -> tuple[Aggregation, ...]:
        """tuple[Aggregation, ...]: All that count what is taken."""
        return (self.aggregation, *self.followers)

    def region(self, operation: Operation, asked: Measures = _NOTHING) -> Region:
        """Return a new region of an operation, one that reads more than the clock if needed.

        Args:
            operation (Operation): The operation to time.
            asked (Measures): What the code asks for, in addition to what the operation's regions read anyway.
        """
        if operation.is_measured or asked != _NOTHING:
            return MeasuredRegion(self, operation, operation.measures.with_asked(asked))
        return Region(self, operation)

    def region_named(self, name: str, category: str, asked: Measures = _NOTHING) -> Region:
        """Return a new region of the operation that has a name and category; regions are copied and pickled so."""
        return self.region(self.aggregation.operation(name, category), asked)

    def profiled(self, function: FunctionType, region: Region) -> FunctionType:
        """Return a wrapper of a function that profiles each call as a region like this one."""
        return profiled(function, region, self)

    def span_taker(self, operation: Operation) -> Callable[[int, int], None]:
        """Return a function that takes regions of an operation which the caller timed, and in which nothing nests.

        Args:
            operation (Operation): What is timed.

        Returns:
            Callable[[int, int], None]: Is given the nanoseconds of `time.perf_counter_ns` at start and end.
        """

        # A closure: a method bound to its operation costs a third more.
        def take(start: int, end: int) -> None:
            if not self.enabled:
                return
            loop = running_loop()
            lane = self.lanes.of_thread.lane if loop is None else self.lanes.of_task(loop)
            parent = lane.innermost
            duration = end - start
            if parent is None:
                caller = self.root
            else:
                caller = parent.path
                parent.children += duration
            path = caller.children.get(operation) or self.tree.path(caller, operation)
            spans = self.spans
            spans.append((path.number, lane.number, start, end, duration, 0))
            if len(spans) >= self.next_look:
                self.look()

        return take

    def add_run(self, path: CallPath, start: int, end: int, failed: bool) -> None:
        """Take a generator's whole run; its work was taken before.

        Args:
            path (CallPath): The path along which it was called.
            start (int): Nanoseconds of `time.perf_counter_ns`.
            end (int): The same at the end.
            failed (bool): Whether the generator's own exception ended it.
        """
        self._take((path.number, 0, start, end, 0, WHOLE_RUN | failed))

    def _take(self, span: Span) -> None:
        self.spans.append(span)
        if len(self.spans) >= self.next_look:
            self.look()

    def take_reading(self, reading: Reading) -> None:
        """Take what a region read besides the clock.

        Args:
            reading (Reading): Counted once the GPU has finished the region, if it is timed there.
        """
        if reading.device_interval is None:
            self._readings.append(reading)
        else:
            self._waiting_for_device.append(reading)
            self._threads_with_gpu.add(threading.get_ident())
            self.read_device_times()

    def read_device_times(self) -> None:
        """Read the times of regions that the GPU has finished; do nothing in a thread that has timed none there."""
        if threading.get_ident() not in self._threads_with_gpu:
            return
        while self._waiting_for_device and gpu_clock() is not None:
            try:
                reading = self._waiting_for_device.popleft()
            except IndexError:  # another thread took it
                return
            try:
                is_read = reading.read_device_time()
            except Exception as error:  # the GPU is lost, for example
                logger.debug("GPU time cannot be read: %s", error)
                reading.device_interval, is_read = None, True
            if not is_read:
                # The GPU reaches events in the order in which they were recorded.
                self._waiting_for_device.appendleft(reading)
                return
            self._readings.append(reading)

    def look(self) -> None:
        """Called when many spans wait: wake the thread or, if it does not keep up, count some here."""
        if self.next_look < SPANS_PER_BATCH:
            self._start_thread()
        elif self.next_look < MOST_WAITING_SPANS:
            self.next_look = MOST_WAITING_SPANS
            self._wake.put(False)
        elif (counting := self._counting).acquire(blocking=False):
            try:
                self.count(SPANS_PER_BATCH)
            finally:
                counting.release()

    def changing(self) -> AbstractContextManager[object]:
        """Return what keeps other threads from counting, and from changing who counts.

        It is the only lock, and reentrant: a signal handler or a finalizer may end a run wherever the thread is.
        """
        return self._counting

    def exclusively(self, change: Callable[[], None], read: Callable[[], Result]) -> Result:
        """Change and read the counts while no other thread does.

        If a signal handler or a finalizer calls this in the middle of another call, it only reads, because the
        interrupted code is changing the counts. Waiting spans are counted later.

        Args:
            change (Callable): Called first, except within another call.
            read (Callable): Called next.

        Returns:
            Result: What `read` returned.
        """
        with self._counting:
            if self._is_counting:
                return read()
            self._is_counting = True
            try:
                change()
                return read()
            finally:
                self._is_counting = False

    def count(self, number: int) -> None:
        """Count some of the waiting spans.

        Args:
            number (int): At most this many.
        """
        self.exclusively(lambda: self._count(number), lambda: None)

    def count_at_once(self, spans: Sequence[Span]) -> None:
        """Count spans; called only within `exclusively`."""
        for aggregation in self.aggregations:
            aggregation.count(spans)

    def count_waiting(self) -> None:
        """Count all waiting spans; called only within `exclusively`."""
        self._count(len(self.spans))

    def renew_after_fork(self) -> None:
        """Start over in a forked child, with the same operations, because decorated functions refer to them."""
        # Another thread may have held a lock at the fork, and the parent counts the open regions.
        nowhere = Recorder(self.aggregation, False)
        nowhere.spans = deque(maxlen=0)
        nowhere._readings = deque(maxlen=0)
        for region in self.lanes.open_regions():
            region.recorder = nowhere
        self.aggregation.forget_all()
        self._begin()

    def begin_anew(self) -> None:
        """Start over with the same operations; regions that are open now are timed from here on."""

        def start_over() -> None:
            began = now()
            self.spans.clear()
            self._readings.clear()
            self._waiting_for_device.clear()
            self.aggregation.forget_all()
            self.aggregation.began = began
            self.tree, self.root = self.aggregation.tree, self.aggregation.tree.root
            self.counters = Counters()
            self.counting_nanoseconds = 0
            self.loader = None
            # The outer ones first.
            for region in self.lanes.open_regions():
                caller = self.root if region.parent is None else region.parent.path
                region.path = self.tree.path(caller, region.operation)
                region.begin_anew(began)

        self.exclusively(lambda: None, start_over)

    def rest(self) -> None:
        """Count what waits, and end the counting thread until something is timed again."""
        with self._counting:
            self.exclusively(self.count_waiting, lambda: None)
            thread, self._thread = self._thread, None
            self.next_look = 1
            self._wake.put(True)
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join(_LONGEST_REST_SECONDS)

    def look_at_counters(self) -> None:
        """Read memory and processor load, once a second at most."""
        if now() >= self._next_counters:
            self._next_counters = now() + int(LOOK_SECONDS * 1e9)
            self.counters.read()

    def _count(self, number: int) -> None:
        started = time.thread_time_ns()
        popleft = self.spans.popleft
        # Taken one by one from the left: appending threads are never locked out, and no span is lost.
        self.count_at_once([popleft() for _ in range(min(number, len(self.spans)))])
        readings = [self._readings.popleft() for _ in range(len(self._readings))]
        for aggregation in self.aggregations:
            aggregation.count_readings(readings)
        if len(self.spans) < SPANS_PER_BATCH:
            # The very next span starts the thread, if there is none.
            self.next_look = SPANS_PER_BATCH if self._thread is not None else 1
        self.counting_nanoseconds += time.thread_time_ns() - started

    def _start_thread(self) -> None:
        # Of this process: a signal handler may fork meanwhile.
        counting = self._counting
        if not counting.acquire(blocking=False):
            # The next span tries again.
            return
        try:
            self.next_look = SPANS_PER_BATCH
            # A thread started while the interpreter exits would never run, and starting it would block forever.
            if self._thread is None and not sys.is_finalizing():
                self._wake = queue.SimpleQueue()
                arguments = (weakref.ref(self), self._wake)
                # Known before it starts, because a signal handler may end the run meanwhile.
                self._thread = threading.Thread(
                    target=_count_in_background, args=arguments, name="profiling-thread", daemon=True
                )
                self._thread.start()
        except RuntimeError as error:
            # No more threads are allowed, or the interpreter is shutting down.
            self._thread = None
            logger.debug("The callers count: %s", error)
        finally:
            counting.release()


_recorders: weakref.WeakValueDictionary[str, Recorder] = weakref.WeakValueDictionary()


def _recorder_of_this_process(identity: str, settings: ProfilingSettings, enabled: bool) -> Recorder:
    return _recorders.get(identity) or Recorder(Aggregation(settings), enabled, identity)


def _count_in_background(reference: weakref.ref[Recorder], wake: queue.SimpleQueue[bool]) -> None:
    while True:
        is_over = False
        with contextlib.suppress(queue.Empty):
            is_over = wake.get(timeout=LOOK_SECONDS)
        recorder = reference()
        if recorder is None or is_over:
            return
        recorder.look_at_counters()
        while recorder.spans:
            recorder.count(SPANS_PER_STRETCH)
            if recorder.spans:
                time.sleep(_REST_SECONDS)
        del recorder
