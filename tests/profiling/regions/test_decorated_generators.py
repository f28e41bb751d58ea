"""`profile_operation` as a decorator of generators and asynchronous generators."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import AsyncGenerator, Generator, Iterator
from typing import Any

import pytest

from seo_engine.profiling import CodeProfiler
from tests.profiling.timed_regions import asynchronous_countdown, countdown, paths_of, statistics_of


@pytest.fixture
def profiler() -> CodeProfiler:
    return CodeProfiler()


def test_an_exhausted_generator_is_one_run_with_its_own_regions_within_it(profiler: CodeProfiler) -> None:
    generate = countdown(profiler)
    with profiler.profile_operation("consumer", "training_loop"):
        for _ in generate(3):
            with profiler.profile_operation("consume", "training_loop"):
                time.sleep(0.001)
    statistics = statistics_of(profiler)
    generator, consumer = statistics["countdown"], statistics["consumer"]
    assert (generator.count, generator.failures, statistics["work"].count) == (1, 0, 3)
    # Its own time is what it works, its total is from its first value to its end.
    assert generator.total >= generator.self_time + statistics["work"].total + statistics["consume"].total
    own_times = sum(each.self_time for each in statistics.values())
    assert own_times == consumer.total
    assert paths_of(profiler.call_tree()) == {
        ("consumer",): 1,
        ("consumer", "countdown"): 1,
        ("consumer", "countdown", "work"): 3,
        ("consumer", "countdown", "cleanup"): 1,
        ("consumer", "consume"): 3,
    }


def test_send_throw_and_the_returned_value_pass_through(profiler: CodeProfiler) -> None:
    @profiler.profile_operation("echo", "data_loading")
    def echo() -> Generator[Any, Any, str]:
        received: Any = "first"
        while received != "stop":
            try:
                received = yield received
            except KeyError as error:
                received = yield f"caught {error.args[0]}"
        return "returned"

    generator = echo()
    assert next(generator) == "first"
    assert generator.send(1) == 1
    assert next(generator) is None
    assert generator.throw(KeyError("key")) == "caught key"
    # What is sent after a throw is sent, not thrown.
    assert generator.send(2) == 2
    with pytest.raises(StopIteration) as stopped:
        generator.send("stop")
    assert stopped.value.value == "returned"
    statistics = statistics_of(profiler)["echo"]
    assert (statistics.count, statistics.failures) == (1, 0)

    def delegating() -> Generator[Any, Any, str]:
        return (yield from echo())

    outer = delegating()
    next(outer)
    with pytest.raises(StopIteration) as stopped:
        outer.send("stop")
    assert stopped.value.value == "returned"


def test_an_exception_in_the_generator_passes_and_is_counted_once(profiler: CodeProfiler) -> None:
    @profiler.profile_operation("fails", "data_loading")
    def fails() -> Iterator[int]:
        yield 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        list(fails())
    statistics = statistics_of(profiler)["fails"]
    assert (statistics.count, statistics.failures) == (1, 1)


def test_an_exception_thrown_in_that_the_generator_does_not_catch_is_counted(profiler: CodeProfiler) -> None:
    generator = countdown(profiler)(3)
    next(generator)
    with pytest.raises(LookupError):
        generator.throw(LookupError("thrown"))
    statistics = statistics_of(profiler)
    assert (statistics["countdown"].count, statistics["countdown"].failures) == (1, 1)
    assert statistics["cleanup"].count == 1


def test_an_exception_in_the_consumer_is_no_failure_of_the_generator(profiler: CodeProfiler) -> None:
    cleaned: list[str] = []
    with pytest.raises(LookupError):
        for _ in countdown(profiler, cleaned)(3):
            raise LookupError
    gc.collect()
    statistics = statistics_of(profiler)["countdown"]
    assert (statistics.count, statistics.failures, cleaned) == (1, 0, ["cleaned"])


def test_closing_runs_the_cleanup_within_the_generator(profiler: CodeProfiler) -> None:
    cleaned: list[str] = []
    generator = countdown(profiler, cleaned)(3)
    with profiler.profile_operation("consumer", "training_loop"):
        next(generator)
        generator.close()
    generator.close()
    assert cleaned == ["cleaned"]
    with pytest.raises(StopIteration):
        next(generator)
    statistics = statistics_of(profiler)
    assert (statistics["countdown"].count, statistics["countdown"].failures) == (1, 0)
    # The cleanup is the generator's work too.
    assert paths_of(profiler.call_tree())["consumer", "countdown", "cleanup"] == 1
    own_times = sum(each.self_time for each in statistics.values())
    assert own_times == statistics["consumer"].total
    within = statistics["countdown"].self_time + statistics["work"].total + statistics["cleanup"].total
    assert statistics["countdown"].total >= within


def test_an_abandoned_generator_is_counted_when_it_is_collected(profiler: CodeProfiler) -> None:
    cleaned: list[str] = []
    generator = countdown(profiler, cleaned)(3)
    next(generator)
    del generator
    gc.collect()
    assert cleaned == ["cleaned"] and statistics_of(profiler)["countdown"].count == 1


def test_a_generator_that_ignores_its_closing_is_told_so(profiler: CodeProfiler) -> None:
    @profiler.profile_operation("stubborn", "data_loading")
    def stubborn() -> Iterator[int]:
        while True:
            try:
                yield 1
            except GeneratorExit:
                yield 2
                return

    generator = stubborn()
    next(generator)
    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        generator.close()  # type: ignore[attr-defined]
    statistics = statistics_of(profiler)["stubborn"]
    assert (statistics.count, statistics.failures) == (1, 1)


def test_a_generator_that_was_never_started_is_not_counted(profiler: CodeProfiler) -> None:
    generate = countdown(profiler)
    generate(3)
    generate(3).close()
    with pytest.raises(KeyError):
        generate(3).throw(KeyError())
    assert profiler.statistics() == []


def test_a_generator_that_has_not_ended_shows_its_work_but_no_run(profiler: CodeProfiler) -> None:
    generator = countdown(profiler)(3)
    next(generator)
    statistics = statistics_of(profiler)["countdown"]
    assert statistics.count == 0 and statistics.self_time > 0
    generator.close()
    assert statistics_of(profiler)["countdown"].count == 1


def test_a_generator_advanced_by_another_thread_nests_there(profiler: CodeProfiler) -> None:
    generator = countdown(profiler)(2)
    with profiler.profile_operation("first_thread", "parallel_computation"):
        next(generator)

        def advance() -> None:
            with profiler.profile_operation("second_thread", "parallel_computation"):
                next(generator)

        thread = threading.Thread(target=advance)
        thread.start()
        thread.join()
        assert list(generator) == []
    statistics = statistics_of(profiler)
    assert statistics["countdown"].count == 1 and statistics["work"].count == 2
    paths = paths_of(profiler.call_tree())
    assert paths["first_thread", "countdown", "work"] == paths["second_thread", "countdown", "work"] == 1
    own_times = sum(each.self_time for each in statistics.values())
    assert own_times == statistics["first_thread"].total + statistics["second_thread"].total


def test_nested_generators_split_their_own_time(profiler: CodeProfiler) -> None:
    @profiler.profile_operation("numbers", "data_loading")
    def numbers() -> Iterator[int]:
        yield from range(3)

    @profiler.profile_operation("squares", "data_loading")
    def squares() -> Iterator[int]:
        for number in numbers():
            yield number**2

    with profiler.profile_operation("consumer", "training_loop"):
        assert list(squares()) == [0, 1, 4]
    statistics = statistics_of(profiler)
    assert paths_of(profiler.call_tree()) == {
        ("consumer",): 1,
        ("consumer", "squares"): 1,
        ("consumer", "squares", "numbers"): 1,
    }
    assert sum(each.self_time for each in statistics.values()) == statistics["consumer"].total


def test_a_region_that_spans_a_yield_spoils_neither_stack_nor_counts(profiler: CodeProfiler) -> None:
    @profiler.profile_operation("generator", "data_loading")
    def decorated() -> Iterator[int]:
        with profiler.profile_operation("spanning", "data_loading"):
            yield 1
            yield 2

    def plain() -> Iterator[int]:
        with profiler.profile_operation("plain_spanning", "data_loading"):
            yield 1
            yield 2

    for generate in (decorated, plain):
        for _ in generate():
            with profiler.profile_operation("consume", "training_loop"):
                pass
        with profiler.profile_operation("after", "training_loop"):
            pass
    statistics = statistics_of(profiler)
    assert {name: each.count for name, each in statistics.items()} == {
        "generator": 1,
        "spanning": 1,
        "plain_spanning": 1,
        "consume": 4,
        "after": 2,
    }
    assert paths_of(profiler.call_tree())[("after",)] == 2
    assert all(0 <= each.self_time <= each.total for each in statistics.values())


def test_an_exhausted_asynchronous_generator_is_one_run(profiler: CodeProfiler) -> None:
    async def consume() -> list[int]:
        values = []
        with profiler.profile_operation("consumer", "training_loop"):
            async for value in asynchronous_countdown(profiler)(3):
                with profiler.profile_operation("consume", "training_loop"):
                    await asyncio.sleep(0.001)
                values.append(value)
        return values

    assert asyncio.run(consume()) == [3, 2, 1]
    statistics = statistics_of(profiler)
    generator = statistics["countdown"]
    assert (generator.count, generator.failures) == (1, 0)
    assert generator.total >= generator.self_time + statistics["work"].total + statistics["consume"].total
    assert sum(each.self_time for each in statistics.values()) == statistics["consumer"].total
    paths = paths_of(profiler.call_tree())
    assert paths["consumer", "consume"] == paths["consumer", "countdown", "work"] == 3


def test_asend_and_athrow_pass_through(profiler: CodeProfiler) -> None:
    @profiler.profile_operation("echo", "data_loading")
    async def echo() -> AsyncGenerator[Any, Any]:
        received: Any = "first"
        while received != "stop":
            try:
                received = yield received
            except KeyError as error:
                received = yield f"caught {error.args[0]}"

    async def consume() -> None:
        generator = echo()
        assert await anext(generator) == "first"
        assert await generator.asend(1) == 1
        assert await generator.athrow(KeyError("key")) == "caught key"
        assert await generator.asend(2) == 2
        with pytest.raises(StopAsyncIteration):
            await generator.asend("stop")
        second = echo()
        await anext(second)
        with pytest.raises(LookupError):
            await second.athrow(LookupError("thrown"))

    asyncio.run(consume())
    statistics = statistics_of(profiler)["echo"]
    assert (statistics.count, statistics.failures) == (2, 1)


def test_aclose_runs_the_cleanup_within_the_asynchronous_generator(profiler: CodeProfiler) -> None:
    cleaned: list[str] = []

    async def consume() -> None:
        with profiler.profile_operation("consumer", "training_loop"):
            generator = asynchronous_countdown(profiler, cleaned)(3)
            await anext(generator)
            await generator.aclose()

    asyncio.run(consume())
    statistics = statistics_of(profiler)
    assert cleaned == ["cleaned"]
    assert (statistics["countdown"].count, statistics["countdown"].failures) == (1, 0)
    assert paths_of(profiler.call_tree())["consumer", "countdown", "cleanup"] == 1
    assert sum(each.self_time for each in statistics.values()) == statistics["consumer"].total


def test_breaking_out_of_async_for_ends_the_run_and_cleans_up(profiler: CodeProfiler) -> None:
    cleaned: list[str] = []

    async def consume() -> None:
        async for _ in asynchronous_countdown(profiler, cleaned)(3):
            break
        # The event loop closes it in a task of its own.
        while not cleaned:
            await asyncio.sleep(0)
        with profiler.profile_operation("after", "training_loop"):
            await asyncio.sleep(0)

    asyncio.run(consume())
    gc.collect()
    statistics = statistics_of(profiler)
    assert cleaned == ["cleaned"]
    assert (statistics["countdown"].count, statistics["after"].count) == (1, 1)


def test_a_cancelled_asynchronous_generator_is_counted_as_failed(profiler: CodeProfiler) -> None:
    @profiler.profile_operation("waits", "data_loading")
    async def waits(started: asyncio.Event) -> AsyncGenerator[int, None]:
        started.set()
        await asyncio.Event().wait()
        yield 1

    async def consume() -> None:
        started = asyncio.Event()

        async def iterate() -> None:
            async for _ in waits(started):
                pass

        task = asyncio.create_task(iterate())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(consume())
    statistics = statistics_of(profiler)["waits"]
    assert (statistics.count, statistics.failures) == (1, 1)


def test_an_asynchronous_generator_that_was_never_started_is_not_counted(profiler: CodeProfiler) -> None:
    async def consume() -> None:
        await asynchronous_countdown(profiler)(3).aclose()

    asyncio.run(consume())
    assert profiler.statistics() == []


def test_an_asynchronous_generator_advanced_by_several_tasks_nests_in_each(profiler: CodeProfiler) -> None:
    async def advance(generator: AsyncGenerator[int, Any], name: str) -> int:
        with profiler.profile_operation(name, "parallel_computation"):
            return await anext(generator)

    async def consume() -> None:
        generator = asynchronous_countdown(profiler)(3)
        for name in ("first", "second"):
            await asyncio.create_task(advance(generator, name))
        await generator.aclose()

    asyncio.run(consume())
    paths = paths_of(profiler.call_tree())
    assert paths["first", "countdown", "work"] == paths["second", "countdown", "work"] == 1
    assert statistics_of(profiler)["countdown"].count == 1
