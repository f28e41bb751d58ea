"""Runs of one profiler: how they begin and end, in whatever thread, and in the middle of whatever."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.regions import measured_regions
from tests.profiling.timed_regions import counts_of


@pytest.fixture
def profiler() -> CodeProfiler:
    return CodeProfiler()


def begin_later_run(profiler: CodeProfiler) -> CodeProfiler:
    """Return the profile of a run that begins after another has ended."""
    profiler.end_run(profiler.begin_run())
    return profiler.begin_run()


def test_a_run_that_ends_in_the_middle_of_counting_while_another_begins_hangs_neither(profiler: CodeProfiler) -> None:
    run = profiler.begin_run()
    done = threading.Event()

    def end_while_another_begins() -> None:
        # As in a signal handler or a finalizer.
        beginning = threading.Thread(target=profiler.begin_run, daemon=True)
        beginning.start()
        beginning.join(timeout=0.1)
        profiler.end_run(run)

    def count() -> None:
        profiler._recorder.exclusively(end_while_another_begins, lambda: None)
        done.set()

    threading.Thread(target=count, daemon=True).start()
    assert done.wait(timeout=30)


def test_a_run_that_ends_while_the_counting_thread_starts_leaves_no_thread(
    profiler: CodeProfiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[threading.Thread] = []
    start = threading.Thread.start
    run = profiler.begin_run()

    def start_and_end_the_run(thread: threading.Thread) -> None:
        start(thread)
        if thread.name == "profiling-thread":
            started.append(thread)
            profiler.end_run(run)

    monkeypatch.setattr(threading.Thread, "start", start_and_end_the_run)
    with profiler.profile_operation("first"):
        pass
    (thread,) = started
    thread.join(timeout=30)
    assert not thread.is_alive()


def test_what_lies_before_a_later_run_does_not_count_whoever_timed_it(profiler: CodeProfiler) -> None:
    before = time.perf_counter_ns() - 10**12
    with profiler.profile_operation("around", "preprocessing"):
        begin_later_run(profiler)
        profiler.add_span("save", "preprocessing", before, before + 10**9)
        profiler.add_span("load", "preprocessing", before, time.perf_counter_ns())
    assert counts_of(profiler) == {"around": 1, "load": 1}
    for operation in profiler.statistics():
        assert 0 <= operation.self_seconds <= operation.total_seconds < 100
    # What the trace shows.
    assert min(span[2] for span in profiler._aggregation.newest_spans) > before


def test_a_run_that_begins_while_a_measured_region_closes_makes_no_negative_time(
    profiler: CodeProfiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiler.end_run(profiler.begin_run())
    with profiler.profile_operation("around"):
        region = profiler.profile_operation("load", measure_memory=True)
        region.__enter__()

        def begin_a_run_meanwhile() -> int:
            # As another thread may.
            monkeypatch.undo()
            profiler.begin_run()
            return 10**6

        monkeypatch.setattr(measured_regions, "process_memory_bytes", begin_a_run_meanwhile)
        region.__exit__(None, None, None)
    for operation in profiler.statistics():
        assert 0 <= operation.self_seconds <= operation.total_seconds < 100


def test_a_step_that_an_earlier_run_left_is_none_of_the_next_one(profiler: CodeProfiler) -> None:
    run = profiler.begin_run()
    kept = iter(profiler.profile_steps(range(100)))
    next(kept)
    with profiler.profile_operation("forward_pass"):
        pass
    profiler.end_run(run)
    profiler.begin_run()
    for _ in profiler.profile_steps(range(3)):
        with profiler.profile_operation("forward_pass"):
            pass
    view = profiler.training_view()
    assert view is not None and view["steps"] == 3


def test_a_run_that_ends_while_it_reports_lasted_until_the_report(profiler: CodeProfiler, tmp_path: Path) -> None:
    run = profiler.begin_run()
    with profiler.profile_operation("work"):
        pass
    until = profiler.wall_seconds()

    def end_the_run(contents: Any) -> Any:
        if profiler._runs:
            time.sleep(0.1)
            profiler.end_run(run)
            time.sleep(0.1)
        return contents

    profiler.export_profiling_data(tmp_path / "profile.json", redact=end_the_run)
    assert until <= profiler.wall_seconds() < until + 0.1


def test_the_first_of_two_runs_to_end_shows_what_it_was(profiler: CodeProfiler) -> None:
    first, second = profiler.begin_run(), profiler.begin_run()
    with profiler.profile_operation("both"):
        pass
    profiler.end_run(first)
    lasted = first.profiling_data()["wall_seconds"]
    assert first.profiling_data()["wall_seconds"] == lasted
    profiler.end_run(second)
    assert counts_of(second) == {"both": 1}
