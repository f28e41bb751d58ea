"""`profile_operation` as a decorator of functions, methods and coroutines."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncGenerator, Iterator

import pytest

from seo_engine.profiling import CodeProfiler
from tests.profiling.timed_regions import paths_of, statistics_of


@pytest.fixture
def profiler() -> CodeProfiler:
    return CodeProfiler()


def test_each_call_of_a_function_is_a_region_and_errors_are_counted(profiler: CodeProfiler) -> None:
    @profiler.profile_operation("divide", "preprocessing")
    def divide(dividend: int, *, divisor: int = 2) -> float:
        return dividend / divisor

    assert divide(4) == 2 and divide(6, divisor=3) == 2
    with pytest.raises(ZeroDivisionError):
        divide(1, divisor=0)
    divide_statistics = statistics_of(profiler)["divide"]
    assert (divide_statistics.count, divide_statistics.failures) == (3, 1)


def test_methods_class_methods_static_methods_and_partial_functions_are_profiled(profiler: CodeProfiler) -> None:
    class Page:
        factor = 2

        @profiler.profile_operation("method", "preprocessing")
        def method(self, number: int) -> int:
            return self.factor * number

        @classmethod
        @profiler.profile_operation("class_method", "preprocessing")
        def class_method(cls, number: int) -> int:
            return cls.factor * number

        @staticmethod
        @profiler.profile_operation("static_method", "preprocessing")
        def static_method(number: int) -> int:
            return number

        @property
        @profiler.profile_operation("property", "preprocessing")
        def doubled(self) -> int:
            return self.factor * 2

    partial = profiler.profile_operation("partial", "preprocessing")(functools.partial(max, 3))
    assert (Page().method(3), Page.class_method(4), Page.static_method(5), Page().doubled, partial(1)) == (
        6,
        8,
        5,
        4,
        3,
    )
    assert {name: each.count for name, each in statistics_of(profiler).items()} == {
        "method": 1,
        "class_method": 1,
        "static_method": 1,
        "property": 1,
        "partial": 1,
    }


def test_recursion_has_a_region_for_each_call_and_its_own_times_add_up(profiler: CodeProfiler) -> None:
    @profiler.profile_operation("fibonacci", "preprocessing")
    def fibonacci(number: int) -> int:
        return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)

    with profiler.profile_operation("outer", "preprocessing"):
        assert fibonacci(10) == 55
    statistics = statistics_of(profiler)
    assert statistics["fibonacci"].count == 177
    own_times = statistics["fibonacci"].self_time + statistics["outer"].self_time
    assert own_times == statistics["outer"].total


def test_coroutines_are_timed_from_their_start_to_their_end(profiler: CodeProfiler) -> None:
    @profiler.profile_operation("inner", "data_loading")
    async def inner(value: int) -> int:
        await asyncio.sleep(0)
        if value < 0:
            raise ValueError(value)
        return value

    @profiler.profile_operation("outer", "data_loading")
    async def outer() -> int:
        total = await inner(1) + await inner(2)
        with pytest.raises(ValueError):
            await inner(-1)
        return total

    assert asyncio.run(outer()) == 3
    statistics = statistics_of(profiler)
    assert (statistics["inner"].count, statistics["inner"].failures, statistics["outer"].failures) == (3, 1, 0)
    assert statistics["outer"].self_time == statistics["outer"].total - statistics["inner"].total
    assert paths_of(profiler.call_tree()) == {("outer",): 1, ("outer", "inner"): 3}


def test_a_coroutine_that_is_never_awaited_is_not_counted(profiler: CodeProfiler) -> None:
    @profiler.profile_operation("coroutine", "data_loading")
    async def coroutine() -> None:
        pass

    coroutine().close()
    assert profiler.statistics() == []


def test_decorated_functions_keep_their_metadata_and_kind(profiler: CodeProfiler) -> None:
    decorate = profiler.profile_operation("operation", "preprocessing")

    def plain(first: int, second: str = "x") -> bool:
        """Say what it does."""
        return True

    async def coroutine() -> None: ...

    def generator() -> Iterator[int]:
        yield 1

    async def asynchronous_generator() -> AsyncGenerator[int, None]:
        yield 1

    for function in (plain, coroutine, generator, asynchronous_generator):
        decorated = decorate(function)
        assert decorated is not function
        assert (decorated.__name__, decorated.__doc__) == (function.__name__, function.__doc__)
        assert inspect.unwrap(decorated) is function
        assert inspect.signature(decorated) == inspect.signature(function)
        for kind in (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction):
            assert kind(decorated) == kind(function), (kind, function)
