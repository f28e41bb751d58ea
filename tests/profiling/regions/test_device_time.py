"""Time and memory of a GPU, with a stand-in for `torch.cuda`; with a GPU, the real one."""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from seo_engine.profiling import CodeProfiler
from seo_engine.profiling import recorder as recorder_module
from tests.profiling.timed_regions import statistics_of


class Stream:
    """A GPU that passes events when it is told to."""

    def __init__(self) -> None:
        self.recorded: list[Event] = []
        self.passed = 0
        self.capturing = False
        self.asked_by: set[int] = set()
        self.allocated = 0

    def cuda(self) -> Any:
        return SimpleNamespace(
            is_initialized=lambda: True,
            is_current_stream_capturing=lambda: self.capturing,
            Event=lambda enable_timing: Event(self),
            memory_stats_as_nested_dict=lambda: {
                kind: {"all": {"current": self.allocated, "peak": self.allocated}}
                for kind in ("allocated_bytes", "reserved_bytes")
            },
        )


class Event:
    """Has no `synchronize`: whoever waits for it fails."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def record(self) -> None:
        assert not self._stream.capturing
        self._stream.recorded.append(self)

    def query(self) -> bool:
        assert not self._stream.capturing
        self._stream.asked_by.add(threading.get_ident())
        return self._stream.recorded.index(self) < self._stream.passed

    def elapsed_time(self, end: Event) -> float:
        # One millisecond from each event to the next.
        return float(self._stream.recorded.index(end) - self._stream.recorded.index(self))


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Stream:
    stream = Stream()
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=stream.cuda()))
    return stream


def test_time_on_the_gpu_is_read_when_it_has_passed_the_region_and_not_waited_for(stream: Stream) -> None:
    profiler = CodeProfiler()
    for _ in range(3):
        with profiler.profile_operation("forward_pass", "training_loop", measure_device=True):
            pass
    assert statistics_of(profiler)["forward_pass"].mean_device_seconds is None
    stream.passed = 4
    forward_pass = statistics_of(profiler)["forward_pass"]
    assert (forward_pass.count, forward_pass.device_readings, forward_pass.device_time) == (3, 2, 2 * 10**6)
    stream.passed = 6
    assert profiler.profiling_data()["device_timings"] == {"forward_pass": 0.001}


def test_nothing_is_recorded_or_asked_for_while_a_cuda_graph_is_captured(stream: Stream) -> None:
    profiler = CodeProfiler()
    with profiler.profile_operation("forward_pass", "training_loop", measure_device=True):
        pass
    stream.capturing = True
    with profiler.profile_operation("forward_pass", "training_loop", measure_device=True):
        pass
    assert statistics_of(profiler)["forward_pass"].count == 2 and len(stream.recorded) == 2
    stream.capturing, stream.passed = False, 2
    assert statistics_of(profiler)["forward_pass"].device_readings == 1


def test_the_thread_that_counts_asks_for_no_event(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "LOOK_SECONDS", 0.01)
    profiler = CodeProfiler()
    with profiler.profile_operation("forward_pass", "training_loop", measure_device=True):
        pass
    counted = threading.Event()
    monkeypatch.setattr(type(profiler._aggregation), "count_readings", lambda self, readings: counted.set())
    with profiler.profile_operation("next", "training_loop"):
        pass
    assert counted.wait(60)
    assert stream.asked_by == {threading.get_ident()}


def test_a_thread_that_asks_for_the_profile_asks_for_no_event(stream: Stream) -> None:
    profiler = CodeProfiler()
    with profiler.profile_operation("forward_pass", "training_loop", measure_device=True):
        pass
    stream.passed = 2
    thread = threading.Thread(target=profiler.profiling_data)
    thread.start()
    thread.join()
    assert stream.asked_by == {threading.get_ident()}
    assert statistics_of(profiler)["forward_pass"].device_readings == 1


def test_memory_of_the_gpu_is_measured_where_asked_for(stream: Stream) -> None:
    profiler = CodeProfiler()
    with profiler.profile_operation("grow", "memory_usage", measure_memory=True):
        stream.allocated += 5_000_000
    (summary,) = profiler.profiling_data()["operations"]
    assert summary["mean_gpu_memory_mb"] == summary["mean_gpu_reserved_mb"] == summary["mean_gpu_peak_mb"] == 5.0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_real_gpu_is_timed_without_waiting_for_it() -> None:
    matrix = torch.randn(4096, 4096, device="cuda")
    profiler = CodeProfiler()
    with profiler.profile_operation("multiply", "training_loop", measure_memory=True, measure_device=True):
        for _ in range(20):
            matrix = matrix @ matrix / 4096
    torch.cuda.synchronize()
    multiply = statistics_of(profiler)["multiply"]
    assert multiply.device_readings == 1 and multiply.device_time > multiply.total
