"""`profile_operation` together with other decorators, above and below them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, ClassVar

import pytest

from seo_engine.profiling import CodeProfiler
from tests.profiling.timed_regions import counts_of, paths_of, statistics_of

Decorate = Callable[[Any], Any]


@pytest.fixture
def profiler() -> CodeProfiler:
    return CodeProfiler()


@pytest.fixture
def decorate(profiler: CodeProfiler) -> Decorate:
    return profiler.profile_operation("decorated", "preprocessing")


def both_orders(decorator: Decorate) -> Any:
    """Run a test with `profile_operation` above and below another decorator."""

    def above(decorate: Decorate, function: Any) -> Any:
        return decorate(decorator(function))

    def below(decorate: Decorate, function: Any) -> Any:
        return decorator(decorate(function))

    return pytest.mark.parametrize("apply", [above, below])


def number_of(self: Any) -> int:
    """Return a number."""
    return 3


@both_orders(classmethod)
def test_class_methods(profiler: CodeProfiler, decorate: Decorate, apply: Any) -> None:
    class Page:
        number = apply(decorate, number_of)

    assert (Page.number(), Page().number(), Page.number.__doc__) == (3, 3, "Return a number.")
    assert counts_of(profiler) == {"decorated": 2}


@both_orders(staticmethod)
def test_static_methods(profiler: CodeProfiler, decorate: Decorate, apply: Any) -> None:
    class Page:
        number = apply(decorate, number_of)

    assert (Page.number(1), Page().number(1)) == (3, 3)
    assert counts_of(profiler) == {"decorated": 2}


@both_orders(property)
def test_properties(profiler: CodeProfiler, decorate: Decorate, apply: Any) -> None:
    class Page:
        number = apply(decorate, number_of)

    assert (Page().number, Page.number.__doc__) == (3, "Return a number.")
    assert counts_of(profiler) == {"decorated": 1}


def test_properties_that_are_set_and_deleted(profiler: CodeProfiler, decorate: Decorate) -> None:
    class Page:
        values: ClassVar[list[int]] = []

        def change(self, *values: int) -> None:
            self.values.extend(values or [-1])

        number = decorate(property(number_of, change, change))

    page = Page()
    page.number = 5
    del page.number
    assert (page.values, page.number) == ([5, -1], 3)
    assert counts_of(profiler) == {"decorated": 3}


def test_cached_properties_are_timed_once(profiler: CodeProfiler, decorate: Decorate) -> None:
    class Page:
        @decorate
        @functools.cached_property
        def above(self) -> int:
            return 3

        @functools.cached_property
        @decorate
        def below(self) -> int:
            return 4

    page = Page()
    assert [(page.above, page.below) for _ in range(2)] == [(3, 4)] * 2
    assert counts_of(profiler) == {"decorated": 2}


def test_partial_methods_and_partial_functions(profiler: CodeProfiler, decorate: Decorate) -> None:
    class Page:
        def number(self, factor: int, *, plus: int) -> int:
            return 3 * factor + plus

        above = decorate(functools.partialmethod(number, 2, plus=1))
        below = functools.partialmethod(decorate(number), 2, plus=1)

    assert (Page().above(), Page().below()) == (7, 7)
    assert (decorate(functools.partial(max, 3))(1), functools.partial(decorate(max), 3)(1)) == (3, 3)
    assert counts_of(profiler) == {"decorated": 4}


def test_cached_functions_keep_their_cache(profiler: CodeProfiler, decorate: Decorate) -> None:
    above, below = decorate(functools.lru_cache(number_of)), functools.lru_cache(decorate(number_of))
    for cached in (above, below):
        assert (cached(1), cached(1), cached.cache_info().hits, cached.__name__) == (3, 3, 1, "number_of")
        cached.cache_clear()
        assert cached.cache_info().currsize == 0
    # Above the cache each call is timed, below it only those that the cache lets through.
    assert counts_of(profiler) == {"decorated": 3}


@both_orders(contextlib.contextmanager)
def test_context_managers_are_timed_until_their_block_ends(
    profiler: CodeProfiler, decorate: Decorate, apply: Any
) -> None:
    def opened(value: int) -> Iterator[int]:
        with profiler.profile_operation("open", "preprocessing"):
            pass
        try:
            yield value
        finally:
            with profiler.profile_operation("close", "preprocessing"):
                pass

    manager = apply(decorate, opened)
    with manager(3) as value, profiler.profile_operation("block", "preprocessing"):
        assert value == 3
    with pytest.raises(KeyError), manager(3):
        raise KeyError
    assert paths_of(profiler.call_tree()) == {
        ("decorated",): 2,
        ("decorated", "open"): 2,
        ("decorated", "close"): 2,
        ("block",): 1,
    }
    statistics = statistics_of(profiler)
    assert statistics["decorated"].failures == 1
    assert statistics["decorated"].total >= statistics["block"].total


@both_orders(contextlib.asynccontextmanager)
def test_asynchronous_context_managers_too(profiler: CodeProfiler, decorate: Decorate, apply: Any) -> None:
    async def opened(value: int) -> AsyncIterator[int]:
        await asyncio.sleep(0)
        yield value

    manager = apply(decorate, opened)

    async def use() -> None:
        async with manager(3) as value:
            with profiler.profile_operation("block", "preprocessing"):
                assert value == 3

    asyncio.run(use())
    assert counts_of(profiler) == {"decorated": 1, "block": 1}
    assert statistics_of(profiler)["decorated"].total >= statistics_of(profiler)["block"].total


def test_objects_with_an_asynchronous_call_are_timed_until_it_ends(profiler: CodeProfiler, decorate: Decorate) -> None:
    class Client:
        async def __call__(self, number: int) -> int:
            with profiler.profile_operation("inside", "preprocessing"):
                await asyncio.sleep(0)
            return number

    class Decorated:
        @decorate
        async def __call__(self, number: int) -> int:
            return await Client()(number)

    for call in (decorate(Client()), decorate(functools.partial(Client(), 3)), Decorated()):
        arguments = () if isinstance(call.__dict__.get("__wrapped__"), functools.partial) else (3,)
        assert asyncio.run(call(*arguments)) == 3
    assert inspect.iscoroutinefunction(decorate(Client()))
    assert paths_of(profiler.call_tree()) == {("decorated",): 3, ("decorated", "inside"): 3}


def test_objects_whose_call_is_a_generator_are_timed_until_it_ends(profiler: CodeProfiler, decorate: Decorate) -> None:
    class Loader:
        def __call__(self, number: int) -> Iterator[int]:
            for each in range(number):
                with profiler.profile_operation("inside", "preprocessing"):
                    yield each

    assert list(decorate(Loader())(3)) == [0, 1, 2]
    assert paths_of(profiler.call_tree()) == {("decorated",): 1, ("decorated", "inside"): 3}


def test_three_decorators_in_any_order(profiler: CodeProfiler, decorate: Decorate) -> None:
    class Page:
        @decorate
        @classmethod
        @contextlib.contextmanager
        def opened(cls) -> Iterator[int]:
            yield 1

        @decorate
        @staticmethod
        @functools.lru_cache
        def cached() -> int:
            return 2

        @property
        @decorate
        @functools.lru_cache  # noqa: B019
        def number(self) -> int:
            return 3

    with Page.opened() as opened:
        assert (opened, Page.cached(), Page().number) == (1, 2, 3)
    assert counts_of(profiler) == {"decorated": 3}


@pytest.mark.parametrize("wrong", [3, None, "text", [], object(), int, CodeProfiler])
def test_what_is_no_function_is_refused_when_it_is_decorated(decorate: Decorate, wrong: object) -> None:
    with pytest.raises(TypeError, match="profile_operation decorates functions and methods, got "):
        decorate(wrong)
