"""Regions that are left twice, without having been entered, or elsewhere: no other number changes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.regions.regions import ProfiledRegion
from tests.profiling.timed_regions import counts_of, own_times_of, paths_of, statistics_of


@pytest.fixture
def profiler() -> CodeProfiler:
    return CodeProfiler()


def region(profiler: CodeProfiler, name: str, measure_memory: bool = False) -> ProfiledRegion:
    return profiler.profile_operation(name, "preprocessing", measure_memory=measure_memory)


def leave(entered: ProfiledRegion) -> None:
    entered.__exit__(None, None, None)


def in_a_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


both_kinds = pytest.mark.parametrize("measure_memory", [False, True])


@both_kinds
def test_a_region_left_twice_counts_once_and_takes_nothing_from_the_one_around_it(
    profiler: CodeProfiler, measure_memory: bool
) -> None:
    outer = region(profiler, "outer")
    with outer:
        inner = region(profiler, "inner", measure_memory)
        inner.__enter__()
        leave(inner)
        total = statistics_of(profiler)["inner"].total
        leave(inner)
        in_a_thread(lambda: leave(inner))
        asyncio.run(asyncio.to_thread(leave, inner))
    leave(outer)
    statistics = statistics_of(profiler)
    assert counts_of(profiler) == {"outer": 1, "inner": 1}
    assert statistics["inner"].total == total
    assert own_times_of(profiler) == statistics["outer"].total
    assert not measure_memory or statistics["inner"].memory["process"].readings == 1


@both_kinds
def test_a_region_left_without_having_been_entered_counts_nothing(profiler: CodeProfiler, measure_memory: bool) -> None:
    with region(profiler, "outer"):
        leave(region(profiler, "never_entered", measure_memory))
        in_a_thread(lambda: leave(region(profiler, "never_entered", measure_memory)))
    assert counts_of(profiler) == {"outer": 1}
    assert own_times_of(profiler) == statistics_of(profiler)["outer"].total


@both_kinds
def test_a_region_left_after_the_one_around_it_counts_once(profiler: CodeProfiler, measure_memory: bool) -> None:
    with region(profiler, "around"):
        outer, inner = region(profiler, "outer", measure_memory), region(profiler, "inner", measure_memory)
        outer.__enter__()
        inner.__enter__()
        for _ in range(2):
            leave(outer)
        with region(profiler, "next"):
            for _ in range(2):
                leave(inner)
    assert paths_of(profiler.call_tree()) == {
        ("around",): 1,
        ("around", "outer"): 1,
        ("around", "outer", "inner"): 1,
        ("around", "next"): 1,
    }
    statistics = statistics_of(profiler)
    assert statistics["next"].self_time == statistics["next"].total
    assert statistics["around"].self_time == sum(
        (statistics["around"].total, -statistics["outer"].total, -statistics["next"].total)
    )


@both_kinds
def test_a_region_left_twice_in_another_thread_counts_once_where_it_was_entered(
    profiler: CodeProfiler, measure_memory: bool
) -> None:
    with region(profiler, "main"):
        moved = region(profiler, "moved", measure_memory)
        moved.__enter__()

        def work() -> None:
            with region(profiler, "thread"):
                leave(moved)
                leave(moved)

        in_a_thread(work)
        leave(moved)
    statistics = statistics_of(profiler)
    assert paths_of(profiler.call_tree()) == {("main",): 1, ("main", "moved"): 1, ("thread",): 1}
    assert statistics["thread"].self_time == statistics["thread"].total
    assert statistics["main"].self_time == statistics["main"].total - statistics["moved"].total


@both_kinds
def test_a_region_left_in_another_task_counts_once_also_after_the_first_task_has_ended(
    profiler: CodeProfiler, measure_memory: bool
) -> None:
    opened = [region(profiler, name, measure_memory) for name in ("outer", "inner")]

    async def enter() -> None:
        for each in opened:
            each.__enter__()

    async def leave_all() -> None:
        with region(profiler, "second_task"):
            for each in (*reversed(opened), *opened):
                leave(each)

    async def both() -> None:
        await asyncio.create_task(enter())
        await asyncio.create_task(leave_all())

    asyncio.run(both())
    statistics = statistics_of(profiler)
    assert paths_of(profiler.call_tree()) == {("outer",): 1, ("outer", "inner"): 1, ("second_task",): 1}
    assert statistics["second_task"].self_time == statistics["second_task"].total
    assert statistics["outer"].self_time == statistics["outer"].total - statistics["inner"].total


@both_kinds
def test_a_shared_region_left_twice_does_not_end_the_run_of_another_thread(
    profiler: CodeProfiler, measure_memory: bool
) -> None:
    shared = region(profiler, "shared", measure_memory)
    entered, left_twice = threading.Event(), threading.Event()

    def second() -> None:
        with shared:
            entered.set()
            left_twice.wait(60)
            with region(profiler, "within"):
                pass

    shared.__enter__()
    thread = threading.Thread(target=second)
    thread.start()
    entered.wait(60)
    for _ in range(2):
        leave(shared)
    left_twice.set()
    thread.join()
    leave(shared)
    assert paths_of(profiler.call_tree()) == {("shared",): 2, ("shared", "within"): 1}
