"""Threads and asyncio tasks: each has its own stack, and the own times over a lane are the outermost durations."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
from collections import defaultdict

import pytest

from seo_engine.profiling import CodeProfiler
from seo_engine.profiling import recorder as recorder_module
from seo_engine.profiling.regions.regions import Region
from tests.profiling.timed_regions import counts_of, own_times_of, paths_of, statistics_of


@pytest.fixture
def profiler() -> CodeProfiler:
    return CodeProfiler()


def nest(profiler: CodeProfiler, dice: random.Random, counts: dict[str, int], depth: int = 0) -> None:
    """Open and leave regions in random nesting, and note how often each operation ran."""
    for _ in range(dice.randrange(1, 4)):
        name = dice.choice("abcd")
        counts[name] += 1
        with profiler.profile_operation(name, "parallel_computation"):
            if depth < 4 and dice.random() < 0.6:
                nest(profiler, dice, counts, depth + 1)


async def nest_in_task(profiler: CodeProfiler, dice: random.Random, counts: dict[str, int], depth: int = 0) -> None:
    """Do the same, with other tasks interleaved wherever a region is opened or left."""
    for _ in range(dice.randrange(1, 4)):
        name = dice.choice("abcd")
        counts[name] += 1
        with profiler.profile_operation(name, "parallel_computation"):
            await asyncio.sleep(0)
            if depth < 4 and dice.random() < 0.6:
                await nest_in_task(profiler, dice, counts, depth + 1)
        await asyncio.sleep(0)


def test_threads_and_tasks_together_lose_nothing_and_add_up_exactly(
    profiler: CodeProfiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that they are counted in between, by the thread in the background and by those that open regions.
    monkeypatch.setattr(recorder_module, "SPANS_PER_BATCH", 32)
    monkeypatch.setattr(recorder_module, "MOST_WAITING_SPANS", 128)
    expected: list[dict[str, int]] = []

    def counts_of_a_lane() -> dict[str, int]:
        expected.append(defaultdict(int))
        return expected[-1]

    def work_in_thread(number: int, counts: dict[str, int]) -> None:
        with profiler.profile_operation(f"lane_thread_{number}", "parallel_computation"):
            for seed in range(20):
                nest(profiler, random.Random(f"{number}.{seed}"), counts)

    async def work_in_task(number: int, seed: int) -> None:
        with profiler.profile_operation(f"lane_task_{number}_{seed}", "parallel_computation"):
            await nest_in_task(profiler, random.Random(f"task {number}.{seed}"), counts_of_a_lane())

    async def gather(number: int) -> None:
        await asyncio.gather(*(work_in_task(number, seed) for seed in range(20)))

    threads = []
    for number in range(3):
        threads.append(threading.Thread(target=work_in_thread, args=(number, counts_of_a_lane())))
        threads.append(threading.Thread(target=asyncio.run, args=(gather(number),)))
    for thread in threads:
        thread.start()
    for _ in range(20):
        # Whoever asks meanwhile takes nothing away.
        profiler.statistics()
    for thread in threads:
        thread.join()
    statistics = statistics_of(profiler)
    for name in "abcd":
        assert statistics[name].count == sum(counts[name] for counts in expected)
    outermost = [each for name, each in statistics.items() if name.startswith("lane_")]
    assert len(outermost) == 3 + 60
    assert own_times_of(profiler) == sum(each.total for each in outermost)


def test_interleaved_tasks_within_an_outer_region_have_stacks_of_their_own(profiler: CodeProfiler) -> None:
    async def work(name: str) -> None:
        with profiler.profile_operation(name, "parallel_computation"):
            for _ in range(5):
                with profiler.profile_operation(f"{name}_inner", "parallel_computation"):
                    await asyncio.sleep(0)

    async def main() -> None:
        with profiler.profile_operation("main", "parallel_computation"):
            await asyncio.gather(work("first"), work("second"))

    with profiler.profile_operation("outer", "parallel_computation"):
        asyncio.run(main())
    assert paths_of(profiler.call_tree()) == {
        ("outer",): 1,
        ("main",): 1,
        ("first",): 1,
        ("first", "first_inner"): 5,
        ("second",): 1,
        ("second", "second_inner"): 5,
    }
    statistics = statistics_of(profiler)
    for name in ("first", "second"):
        assert statistics[name].self_time == statistics[name].total - statistics[f"{name}_inner"].total


def test_task_groups_threads_of_tasks_and_callbacks_open_regions_where_they_run(profiler: CodeProfiler) -> None:
    def in_thread() -> None:
        with profiler.profile_operation("in_thread", "parallel_computation"):
            pass

    async def in_task() -> None:
        with profiler.profile_operation("in_task", "parallel_computation"):
            await asyncio.to_thread(in_thread)

    def in_callback(called: asyncio.Event) -> None:
        with profiler.profile_operation("in_callback", "parallel_computation"):
            called.set()

    async def main() -> None:
        with profiler.profile_operation("main", "parallel_computation"):
            async with asyncio.TaskGroup() as group:
                for _ in range(4):
                    group.create_task(in_task())
            called = asyncio.Event()
            asyncio.get_running_loop().call_soon(in_callback, called)
            await called.wait()
            # Awaited in place, a coroutine is no task of its own.
            await in_task()

    with profiler.profile_operation("outer", "parallel_computation"):
        asyncio.run(main())
    assert paths_of(profiler.call_tree()) == {
        ("outer",): 1,
        # An event loop calls back in its thread, outside of every task.
        ("outer", "in_callback"): 1,
        ("main",): 1,
        ("main", "in_task"): 1,
        ("in_task",): 4,
        ("in_thread",): 5,
    }


def test_a_cancelled_task_leaves_its_regions_as_failed(profiler: CodeProfiler) -> None:
    async def work(entered: asyncio.Event) -> None:
        with (
            profiler.profile_operation("outer", "parallel_computation"),
            profiler.profile_operation("inner", "parallel_computation"),
        ):
            entered.set()
            await asyncio.Event().wait()

    async def main() -> None:
        entered = asyncio.Event()
        task = asyncio.create_task(work(entered))
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    statistics = statistics_of(profiler)
    assert {name: (each.count, each.failures) for name, each in statistics.items()} == {
        "outer": (1, 1),
        "inner": (1, 1),
    }
    assert own_times_of(profiler) == statistics["outer"].total


def test_event_loops_in_threads_that_tasks_start_nest_in_lanes_of_their_own(profiler: CodeProfiler) -> None:
    async def innermost() -> None:
        with profiler.profile_operation("innermost", "parallel_computation"):
            await asyncio.sleep(0)

    def thread() -> None:
        with profiler.profile_operation("thread", "parallel_computation"):
            asyncio.run(innermost())

    async def main() -> None:
        with profiler.profile_operation("task", "parallel_computation"):
            await asyncio.gather(*(asyncio.to_thread(thread) for _ in range(5)))

    asyncio.run(main())
    assert paths_of(profiler.call_tree()) == {("task",): 1, ("thread",): 5, ("innermost",): 5}


def test_rows_of_finished_tasks_are_used_again(profiler: CodeProfiler) -> None:
    rows: set[int] = set()
    names: set[str] = set()

    async def work() -> None:
        region = profiler.profile_operation("work", "parallel_computation")
        with region:
            await asyncio.sleep(0)
        assert isinstance(region, Region)
        rows.add(region.lane.row)
        names.add(region.lane.name)

    async def main() -> None:
        for _ in range(50):
            await asyncio.gather(*(work() for _ in range(4)))

    asyncio.run(main())
    assert counts_of(profiler) == {"work": 200}
    # The rows of those before are given back one turn of the loop later.
    assert len(rows) <= 8 and len(names) == len(rows)


def test_a_task_inherits_nothing_from_the_one_that_used_its_row_before(profiler: CodeProfiler) -> None:
    async def load_and_leave_open() -> None:
        with profiler.profile_operation("load_batch", "data_loading"):
            pass
        profiler.add_span("load_batch", "data_loading", 0, 10**12)
        profiler.profile_operation("abandoned", "training_loop").__enter__()

    async def step() -> None:
        with profiler.profile_operation("training_step", "training_loop"):
            await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.create_task(load_and_leave_open())
        await asyncio.sleep(0)
        await asyncio.create_task(step())

    asyncio.run(main())
    view = profiler.training_view()
    assert view is not None and view["data_loading_percent"] == 0
    assert paths_of(profiler.call_tree()) == {("load_batch",): 2, ("training_step",): 1}


def test_a_region_left_after_its_task_has_ended_does_not_disturb_the_next_one(profiler: CodeProfiler) -> None:
    late = profiler.profile_operation("late", "parallel_computation")

    async def enter() -> None:
        late.__enter__()

    async def others() -> None:
        with profiler.profile_operation("other", "parallel_computation"):
            late.__exit__(None, None, None)
            with profiler.profile_operation("inner", "parallel_computation"):
                await asyncio.sleep(0)

    async def main() -> None:
        await asyncio.create_task(enter())
        await asyncio.sleep(0)
        await asyncio.create_task(others())

    asyncio.run(main())
    assert paths_of(profiler.call_tree()) == {("late",): 1, ("other",): 1, ("other", "inner"): 1}


def test_regions_left_in_another_order_are_all_counted_and_spoil_nothing(profiler: CodeProfiler) -> None:
    outer, middle, inner = (profiler.profile_operation(name, "training_loop") for name in ("outer", "middle", "inner"))
    for region in (outer, middle, inner):
        region.__enter__()
    for region in (middle, outer, inner):
        region.__exit__(None, None, None)
    with profiler.profile_operation("next", "training_loop"):
        pass
    assert paths_of(profiler.call_tree()) == {
        ("outer",): 1,
        ("outer", "middle"): 1,
        ("outer", "middle", "inner"): 1,
        ("next",): 1,
    }
    assert all(0 <= each.self_time <= each.total for each in statistics_of(profiler).values())


def test_regions_that_are_never_left_do_not_spoil_the_ones_around_them(profiler: CodeProfiler) -> None:
    with profiler.profile_operation("outer", "training_loop"):
        for _ in range(100):
            profiler.profile_operation("abandoned", "training_loop").__enter__()
        with profiler.profile_operation("inner", "training_loop"):
            pass
    with profiler.profile_operation("next", "training_loop"):
        pass
    assert counts_of(profiler) == {"outer": 1, "inner": 1, "next": 1}
    assert ("next",) in paths_of(profiler.call_tree())


def test_a_region_entered_in_one_thread_and_left_in_another_counts_in_the_first(profiler: CodeProfiler) -> None:
    moved = profiler.profile_operation("moved", "parallel_computation")
    entered, left = threading.Event(), threading.Event()

    def enter() -> None:
        with profiler.profile_operation("first", "parallel_computation"):
            moved.__enter__()
            entered.set()
            left.wait(60)
            with profiler.profile_operation("after", "parallel_computation"):
                pass

    thread = threading.Thread(target=enter)
    thread.start()
    entered.wait(60)
    with profiler.profile_operation("second", "parallel_computation"):
        moved.__exit__(None, None, None)
        with profiler.profile_operation("beside", "parallel_computation"):
            pass
    left.set()
    thread.join()
    assert paths_of(profiler.call_tree()) == {
        ("first",): 1,
        ("first", "moved"): 1,
        ("first", "after"): 1,
        ("second",): 1,
        ("second", "beside"): 1,
    }
    statistics = statistics_of(profiler)
    assert own_times_of(profiler) == statistics["first"].total + statistics["second"].total


def test_the_thread_that_counts_ends_with_its_profiler() -> None:
    before = set(threading.enumerate())
    profiler = CodeProfiler()
    with profiler.profile_operation("operation", "training_loop"):
        pass
    (thread,) = (each for each in set(threading.enumerate()) - before if each.name == "profiling-thread")
    del profiler
    gc.collect()
    thread.join(60)
    assert not thread.is_alive()


def test_thousands_of_short_threads_lose_nothing_and_leave_no_lane(profiler: CodeProfiler) -> None:
    def work() -> None:
        with (
            profiler.profile_operation("outer", "parallel_computation"),
            profiler.profile_operation("inner", "parallel_computation"),
        ):
            pass

    for _ in range(100):
        threads = [threading.Thread(target=work) for _ in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    statistics = statistics_of(profiler)
    assert statistics["outer"].count == statistics["inner"].count == 3000
    assert own_times_of(profiler) == statistics["outer"].total
    assert profiler._recorder.lanes.open_regions() == []
