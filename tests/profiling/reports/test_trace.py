"""Traces: valid by the rules of their format, nested, with threads, tasks and counters; the newest regions, no more."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import jq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seo_engine.profiling import CodeProfiler, ProfilingConfig
from seo_engine.profiling.regions import regions
from tests.profiling.reports.trace_format import ReadTrace, read_trace


def exported(profiler: CodeProfiler, folder: Path) -> ReadTrace:
    profiler.export_trace(folder / "trace.json")
    return read_trace(folder / "trace.json")


def test_regions_nest_as_they_were_called_in_threads_that_are_named(tmp_path: Path) -> None:
    profiler = CodeProfiler()

    def work() -> None:
        for _ in range(50):
            with profiler.profile_operation("outer", "parallel_computation"):
                for _ in range(3):
                    with profiler.profile_operation("inner", "parallel_computation"):
                        pass

    threads = [threading.Thread(target=work, name=f"worker {number}") for number in range(4)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    trace = exported(profiler, tmp_path)
    assert trace.paths() == {"outer": 250, "outer/inner": 750}
    by_thread = Counter(trace.row_names[each.row] for each in trace.slices)
    names = [threading.current_thread().name, *(f"worker {number}" for number in range(4))]
    assert by_thread == dict.fromkeys(names, 200)
    assert trace.about["regions_recorded"] == trace.about["regions_shown"] == 1000
    assert trace.about["note"] == "all regions" and trace.about["schema_version"] == 1


def test_tasks_of_asyncio_have_rows_of_their_own_in_which_their_regions_nest(tmp_path: Path) -> None:
    profiler = CodeProfiler()

    async def download(page: int) -> None:
        with profiler.profile_operation(f"page {page}", "site_audit"):
            for _ in range(3):
                with profiler.profile_operation("request", "site_audit"):
                    await asyncio.sleep(0)

    async def crawl() -> None:
        for _ in range(3):
            await asyncio.gather(*(download(page) for page in range(5)))

    asyncio.run(crawl())
    trace = exported(profiler, tmp_path)
    assert trace.paths() == {f"page {page}": 3 for page in range(5)} | {f"page {page}/request": 9 for page in range(5)}
    # Those of tasks that are done are used again.
    assert len(trace.row_names) == 5 and all(name.startswith("asyncio ") for name in trace.row_names.values())


def test_generators_show_the_stretches_in_which_they_work(tmp_path: Path) -> None:
    profiler = CodeProfiler()

    @profiler.profile_operation("batches", "data_loading")
    def batches(number: int) -> Iterator[int]:
        for batch in range(number):
            with profiler.profile_operation("read", "data_loading"):
                pass
            yield batch

    with profiler.profile_operation("epoch", "training_loop"):
        for _ in zip(batches(3), batches(4), strict=False):
            with profiler.profile_operation("step", "training_loop"):
                pass
    trace = exported(profiler, tmp_path)
    # The first generator is asked a fourth time, and ends; the second is closed after its third value.
    assert trace.paths() == {"epoch": 1, "epoch/batches": 8, "epoch/batches/read": 6, "epoch/step": 3}
    assert trace.about["regions_recorded"] == trace.about["regions_shown"] == len(trace.slices)
    # The end of the values is no failure.
    assert not any(each.arguments for each in trace.slices)


def test_a_region_that_a_generator_keeps_open_between_its_values_overlaps_nothing_in_its_row(tmp_path: Path) -> None:
    profiler = CodeProfiler()

    @profiler.profile_operation("lines", "data_loading")
    def lines() -> Iterator[int]:
        with profiler.profile_operation("open file", "data_loading"):
            yield 1
            yield 2

    for _ in lines():
        with profiler.profile_operation("step", "training_loop"):
            pass
    trace = exported(profiler, tmp_path)
    assert Counter(each.name for each in trace.slices) == {"lines": 3, "open file": 1, "step": 2}
    (open_file,), stretches = trace.called("open file"), trace.called("lines")
    assert stretches[0].start <= open_file.start <= stretches[0].end
    assert stretches[-1].start <= open_file.end <= stretches[-1].end
    assert trace.row_names[open_file.row].endswith("(overlapping)")


def test_regions_left_out_of_order_or_by_another_thread_keep_their_times(tmp_path: Path) -> None:
    profiler = CodeProfiler()
    first, second, third = (profiler.profile_operation(name, "training_loop") for name in ("a", "b", "c"))
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    third.__enter__()
    second.__exit__(None, None, None)
    other = threading.Thread(target=third.__exit__, args=(None, None, None))
    with profiler.profile_operation("d", "training_loop"):
        other.start()
        other.join()
    trace = exported(profiler, tmp_path)
    found = {each.name: each for each in trace.slices}
    assert set(found) == {"a", "b", "c", "d"}
    assert found["a"].start < found["b"].start < found["a"].end < found["c"].start < found["b"].end
    assert found["b"].end < found["d"].start < found["c"].end < found["d"].end


def test_a_failed_region_is_marked_and_nests(tmp_path: Path) -> None:
    profiler = CodeProfiler()
    with (
        pytest.raises(ValueError),
        profiler.profile_operation("outer", "training_loop"),
        profiler.profile_operation("inner", "training_loop"),
    ):
        raise ValueError
    with profiler.profile_operation("works", "training_loop"):
        pass
    trace = exported(profiler, tmp_path)
    assert trace.paths() == {"outer": 1, "outer/inner": 1, "works": 1}
    assert {each.name: each.arguments.get("failed", False) for each in trace.slices} == {
        "outer": True,
        "inner": True,
        "works": False,
    }


def test_a_region_that_asks_for_memory_shows_its_change(tmp_path: Path) -> None:
    profiler = CodeProfiler()
    with profiler.profile_operation("grow", "memory_usage", measure_memory=True):
        kept = bytearray(b"x" * 1024) * 50_000
    with profiler.profile_operation("still", "memory_usage"):
        del kept
    changes = {each.name: each.arguments.get("process_change_mb") for each in exported(profiler, tmp_path).slices}
    assert changes["grow"] > 20 and changes["still"] is None


def test_open_regions_are_shown_to_the_end_of_the_trace_around_what_they_did(tmp_path: Path) -> None:
    profiler = CodeProfiler()
    opened, may_end = threading.Event(), threading.Event()

    def wait() -> None:
        with profiler.profile_operation("waits", "site_audit"):
            opened.set()
            may_end.wait()

    thread = threading.Thread(target=wait, name="waiting")
    thread.start()
    opened.wait()
    with profiler.profile_operation("run", "training_loop"), profiler.profile_operation("epoch", "training_loop"):
        with profiler.profile_operation("step", "training_loop"):
            pass
        trace = exported(profiler, tmp_path)
    may_end.set()
    thread.join()
    assert trace.paths() == {"run": 1, "run/epoch": 1, "run/epoch/step": 1, "waits": 1}
    still_open = [each for each in trace.slices if each.arguments.get("open")]
    assert {each.name for each in still_open} == {"run", "epoch", "waits"} and len({e.end for e in still_open}) == 1
    # Once they are left they are as all others.
    assert not any(each.arguments.get("open") for each in exported(profiler, tmp_path).slices)


def test_a_region_that_is_just_being_entered_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As a signal's handler may export, or another thread: between the moment it is open and the reading of the clock.
    profiler = CodeProfiler()
    exports: list[ReadTrace] = []

    def clock() -> int:
        monkeypatch.undo()
        exports.append(exported(profiler, tmp_path))
        return time.perf_counter_ns()

    with profiler.profile_operation("outer", "training_loop"):
        monkeypatch.setattr(regions, "now", clock)
        with profiler.profile_operation("entered", "training_loop"):
            pass
    (trace,) = exports
    assert trace.paths() == {"outer": 1}


def test_memory_and_processor_load_and_whatever_is_added_are_counters(tmp_path: Path) -> None:
    profiler = CodeProfiler()
    with profiler.profile_operation("work", "training_loop"):
        sum(range(100_000))
    profiler.add_counters({"gpu_utilization_percent": 40, "queue": True})
    for unusable in (float("nan"), float("inf"), -float("inf")):
        profiler.add_counters({"loss": unusable, "queue": unusable})
    profiler.add_counters({"gpu_utilization_percent": 60.5})
    counters = exported(profiler, tmp_path).counters
    assert len(counters["memory_usage_mb"]) >= 1 and min(counters["memory_usage_mb"]) > 1
    assert len(counters["cpu_usage_percent"]) >= 1 and min(counters["cpu_usage_percent"]) >= 0
    assert counters["gpu_utilization_percent"] == [40, 60.5] and counters["queue"] == [1] and "loss" not in counters


def test_a_counter_that_another_thread_adds_meanwhile_does_no_harm(tmp_path: Path) -> None:
    profiler = CodeProfiler()
    profiler.add_counters({"a": 1, "b": 2})

    class GrowingSamples(list[tuple[int, float]]):
        def __iter__(self) -> Iterator[tuple[int, float]]:
            profiler.add_counters({f"new {len(profiler._recorder.counters.series)}": 1})
            return super().__iter__()

    for series in list(profiler._recorder.counters.series.values()):
        series.samples = GrowingSamples(series.samples)
    assert {"a", "b"} <= set(exported(profiler, tmp_path).counters)
    assert profiler.recommendations() == []


@pytest.mark.parametrize("kept", [1, 10, 100])
def test_the_trace_keeps_exactly_the_newest_regions_and_says_so(kept: int, tmp_path: Path) -> None:
    profiler = CodeProfiler(ProfilingConfig(trace_spans=kept))

    @profiler.profile_operation("generator", "data_loading")
    def generator() -> Iterator[int]:
        yield 1

    list(generator())
    for number in range(200):
        with profiler.profile_operation(f"region {number}", "training_loop"):
            pass
    trace = exported(profiler, tmp_path)
    assert [each.name for each in trace.slices] == [f"region {number}" for number in range(200 - kept, 200)]
    assert (trace.about["regions_recorded"], trace.about["regions_shown"]) == (202, kept)
    older = 202 - kept
    assert trace.about["note"] == f"the oldest {older} regions are not shown: a trace keeps the newest"
    # The run of the generator as a whole is counted, but is nothing that could be drawn: it takes nobody's place.
    list(generator())
    assert sum(each.name == "generator" for each in exported(profiler, tmp_path).slices) == min(kept, 2)


def test_a_trace_of_no_regions_still_has_its_counters(tmp_path: Path) -> None:
    profiler = CodeProfiler(ProfilingConfig(trace_spans=0))
    with profiler.profile_operation("x", "training_loop"):
        pass
    trace = exported(profiler, tmp_path)
    assert (
        trace.slices == [] and trace.about["note"].startswith("the oldest 1 ") and "memory_usage_mb" in trace.counters
    )


def test_a_region_timed_by_its_caller_may_have_begun_before_the_profiler_was_made(tmp_path: Path) -> None:
    started, started_at = time.perf_counter_ns(), time.time()
    time.sleep(0.01)
    profiler = CodeProfiler()
    ended = time.perf_counter_ns()
    profiler.add_span("start of the program", "training_loop", started, ended)
    profiler.add_span("clock that went back", "training_loop", ended, started)
    trace = exported(profiler, tmp_path)
    durations = {each.name: each.end - each.start for each in trace.slices}
    assert durations == {"start of the program": ended - started, "clock that went back": 0}
    assert trace.about["began_at"] == pytest.approx(started_at, abs=0.005)


HOSTILE_NAMES = [
    "",
    "\x00\x01\x1b[31m\x7f",
    "line\nbreak\r\t\u2028\u2029",
    "quote \" and \\ and ' and `",
    "</script><script>alert(1)</script>",
    "lone \ud800 surrogate \udfff",
    "名前 🙂 \u202e",
    "]}\n{",
    "x" * 100_000,
    "\ud800" * 100_000,
]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
def test_names_of_any_characters_are_shown_in_a_file_that_stays_small(name: str, tmp_path: Path) -> None:
    profiler = CodeProfiler()

    def work() -> None:
        for _ in range(100):
            with profiler.profile_operation(name, name or "training_loop"):
                pass

    thread = threading.Thread(target=work, name=name or "nameless")
    thread.start()
    thread.join()
    profiler.add_counters({name: 1})
    trace = exported(profiler, tmp_path)
    assert len(trace.slices) == 100 and len({each.name for each in trace.slices}) == 1
    assert trace.slices[0].name[:10] == name.encode("utf-8", "backslashreplace").decode()[:10]
    assert (tmp_path / "trace.json").stat().st_size < 500_000
    # Another parser takes it too.
    assert (
        jq.compile('[.traceEvents[] | select(.ph == "X")] | length')
        .input_text((tmp_path / "trace.json").read_text("utf-8"))
        .first()
        == 100
    )


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 7)), max_size=60))
def test_whatever_the_order_in_which_regions_are_left_all_are_shown_and_nest(program: list[tuple[bool, int]]) -> None:
    profiler = CodeProfiler()
    opened = {}
    for enter, number in program:
        if enter and number not in opened:
            opened[number] = profiler.profile_operation(str(number), "training_loop")
            opened[number].__enter__()
        elif not enter and number in opened:
            opened.pop(number).__exit__(None, None, None)
    left = Counter(str(number) for number in range(8) for _ in range(_times_left(program, number)))
    trace = exported(profiler, Path.cwd())
    assert Counter(each.name for each in trace.slices if not each.arguments.get("open")) == left
    assert {each.name for each in trace.slices if each.arguments.get("open")} <= {str(number) for number in opened}


def _times_left(program: list[tuple[bool, int]], number: int) -> int:
    is_open, left = False, 0
    for enter in (enter for enter, which in program if which == number):
        left += is_open and not enter
        is_open = enter
    return left


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40))
def test_spans_of_any_times_are_shown_with_these_times_and_nest(times: list[tuple[int, int]]) -> None:
    profiler = CodeProfiler()
    for start, duration in times:
        profiler.add_span("span", "training_loop", start, start + duration)
    slices = exported(profiler, Path.cwd()).slices
    first = min((start for start, _ in times), default=0)
    assert Counter((each.start, each.end - each.start) for each in slices) == Counter(
        (start - first, duration) for start, duration in times
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_exports_its_own_regions_under_its_own_number(tmp_path: Path) -> None:
    profiler = CodeProfiler()
    with profiler.profile_operation("parent", "training_loop"):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with profiler.profile_operation("child", "training_loop"):
                    pass
                trace = exported(profiler, tmp_path)
                number = f'"pid":{os.getpid()},' in (tmp_path / "trace.json").read_text()
                code = 0 if trace.paths() == {"child": 1} and number else 1
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
