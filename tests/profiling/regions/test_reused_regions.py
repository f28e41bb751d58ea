"""Profiling switched off and on, and regions that are used again or shared."""

from __future__ import annotations

import asyncio
import threading

import pytest

from seo_engine.profiling import CodeProfiler, ProfilingConfig
from tests.profiling.timed_regions import asynchronous_countdown, countdown, paths_of, statistics_of


@pytest.fixture
def profiler() -> CodeProfiler:
    return CodeProfiler()


def one() -> int:
    return 1


def test_switched_off_nothing_is_counted_and_everything_still_works(profiler: CodeProfiler) -> None:
    generate, plain = countdown(profiler), profiler.profile_operation("plain", "preprocessing")(one)
    asynchronous = asynchronous_countdown(profiler)

    async def consume() -> list[int]:
        return [value async for value in asynchronous(2)]

    def use_all() -> None:
        assert (list(generate(2)), plain(), asyncio.run(consume())) == ([2, 1], 1, [2, 1])

    profiler.enabled = False
    use_all()
    assert profiler.statistics() == []
    profiler.enabled = True
    use_all()
    counts = {name: each.count for name, each in statistics_of(profiler).items()}
    assert counts == {"countdown": 2, "plain": 1, "work": 4, "cleanup": 2}
    profiler.enabled = False
    use_all()
    assert {name: each.count for name, each in statistics_of(profiler).items()} == counts


def test_what_is_open_while_profiling_is_switched_keeps_the_stack_right(profiler: CodeProfiler) -> None:
    generator = countdown(profiler)(3)
    with profiler.profile_operation("outer", "training_loop"):
        next(generator)
        profiler.enabled = False
        next(generator)
        with profiler.profile_operation("unseen", "training_loop"):
            pass
    profiler.enabled = True
    assert list(generator) == [1]
    with profiler.profile_operation("next", "training_loop"):
        pass
    statistics = statistics_of(profiler)
    assert {name: each.count for name, each in statistics.items()} == {
        "outer": 1,
        "countdown": 1,
        "work": 2,
        "cleanup": 1,
        "next": 1,
    }
    assert ("next",) in paths_of(profiler.call_tree())


@pytest.mark.parametrize("measure_memory", [False, True])
def test_a_region_used_again_and_again_and_within_itself_counts_each_use(
    profiler: CodeProfiler, measure_memory: bool
) -> None:
    region = profiler.profile_operation("again", "training_loop", measure_memory=measure_memory)
    for _ in range(3):
        with region, profiler.profile_operation("between", "training_loop"), region, region:
            pass
    with pytest.raises(KeyError), region:
        raise KeyError
    statistics = statistics_of(profiler)
    again = statistics["again"]
    assert (again.count, again.failures, statistics["between"].count) == (10, 1, 3)
    assert paths_of(profiler.call_tree()) == {
        ("again",): 4,
        ("again", "between"): 3,
        ("again", "between", "again"): 3,
        ("again", "between", "again", "again"): 3,
    }
    outermost = sum(round(node["total_seconds"] * 1e9) for node in profiler.call_tree())
    assert again.self_time + statistics["between"].self_time == outermost
    assert (again.memory["process"].readings if measure_memory else len(again.memory)) == (10 if measure_memory else 0)


@pytest.mark.parametrize("measure_memory", [False, True])
def test_a_region_shared_by_threads_is_left_in_the_thread_that_entered_it(
    profiler: CodeProfiler, measure_memory: bool
) -> None:
    shared = profiler.profile_operation("shared", "parallel_computation", measure_memory=measure_memory)
    first_entered, second_entered, first_left = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with profiler.profile_operation("first", "parallel_computation"):
            with shared:
                first_entered.set()
                second_entered.wait(60)
            with profiler.profile_operation("after_shared", "parallel_computation"):
                pass
        first_left.set()

    def second() -> None:
        first_entered.wait(60)
        with profiler.profile_operation("second", "parallel_computation"):
            with shared:
                second_entered.set()
                first_left.wait(60)
            with profiler.profile_operation("after_shared", "parallel_computation"):
                pass

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert paths_of(profiler.call_tree()) == {
        ("first",): 1,
        ("first", "shared"): 1,
        ("first", "after_shared"): 1,
        ("second",): 1,
        ("second", "shared"): 1,
        ("second", "after_shared"): 1,
    }
    statistics = statistics_of(profiler)
    own_times = sum(each.self_time for each in statistics.values())
    assert own_times == statistics["first"].total + statistics["second"].total
    assert all(each.self_time >= 0 for each in statistics.values())


def test_a_region_shared_by_tasks_is_left_in_the_task_that_entered_it(profiler: CodeProfiler) -> None:
    shared = profiler.profile_operation("shared", "parallel_computation")

    async def use(name: str, entered: asyncio.Event, leave: asyncio.Event) -> None:
        with profiler.profile_operation(name, "parallel_computation"), shared:
            entered.set()
            await leave.wait()

    async def both() -> None:
        events = [asyncio.Event() for _ in range(4)]
        first = asyncio.create_task(use("first", events[0], events[1]))
        await events[0].wait()
        second = asyncio.create_task(use("second", events[2], events[3]))
        await events[2].wait()
        events[1].set()
        await first
        events[3].set()
        await second

    asyncio.run(both())
    statistics = statistics_of(profiler)
    assert paths_of(profiler.call_tree())["first", "shared"] == paths_of(profiler.call_tree())["second", "shared"] == 1
    own_times = sum(each.self_time for each in statistics.values())
    assert own_times == statistics["first"].total + statistics["second"].total


def test_a_decorated_function_that_lasts_long_enough_has_its_memory_read() -> None:
    profiler = CodeProfiler(ProfilingConfig(memory_threshold_seconds=0))

    @profiler.profile_operation("decorated", "preprocessing")
    def decorated() -> None:
        pass

    decorated()
    assert statistics_of(profiler)["decorated"].memory == {}
    decorated()
    assert statistics_of(profiler)["decorated"].memory["process"].readings == 1


def test_a_decorated_function_measures_memory_where_it_was_asked_for(profiler: CodeProfiler) -> None:
    @profiler.profile_operation("decorated", "preprocessing", measure_memory=True)
    def decorated() -> None:
        pass

    @profiler.profile_operation("coroutine", "preprocessing", measure_memory=True)
    async def coroutine() -> None:
        pass

    for _ in range(3):
        decorated()
        asyncio.run(coroutine())
    statistics = statistics_of(profiler)
    assert [statistics[name].memory["process"].readings for name in ("decorated", "coroutine")] == [3, 3]
