"""`profile_operation` as a decorator for functions, coroutines, generators and asynchronous generators."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from types import TracebackType
from typing import Any, cast

from seo_engine.profiling.regions.compiled_code import traced_as
from seo_engine.profiling.regions.regions import DISABLED_REGION, FunctionType, ProfiledRegion, Region, Taker
from seo_engine.profiling.regions.spans import STRETCH, is_failure, now
from seo_engine.profiling.statistics.call_tree import CallPath
from seo_engine.profiling.statistics.operations import Operation


def profiled(function: FunctionType, region: Region, recorder: Taker) -> FunctionType:
    """Return a wrapper of a function that profiles each call as its own region.

    Args:
        function (Callable): Plain, `async def`, a generator, or an asynchronous generator; an object with such a
            `__call__`; or a method, property, cached function or context manager made of one. Generators are timed from
            the request for the first value to their end, whatever the caller does in between; context managers too.
        region (Region): A region of the operation; it is never entered itself.
        recorder (Taker): Takes the spans.

    Returns:
        Callable: A function with the same signature, or another descriptor of the same kind.

    Raises:
        TypeError: If it is nothing of these.
    """

    def profiled_inside(inner: Any) -> Any:
        return None if inner is None else profiled(inner, region, recorder)

    descriptor: Any = function
    if isinstance(descriptor, classmethod | staticmethod):
        return cast(FunctionType, type(descriptor)(profiled_inside(descriptor.__func__)))
    if isinstance(descriptor, property):
        read, write, delete = map(profiled_inside, (descriptor.fget, descriptor.fset, descriptor.fdel))
        return cast(FunctionType, type(descriptor)(read, write, delete, descriptor.__doc__))
    if isinstance(descriptor, functools.cached_property):
        return cast(FunctionType, type(descriptor)(profiled_inside(descriptor.func)))
    if isinstance(descriptor, functools.partialmethod):
        inner = profiled_inside(descriptor.func)
        return cast(FunctionType, type(descriptor)(inner, *descriptor.args, **descriptor.keywords))
    for make_context_manager in (contextlib.contextmanager, contextlib.asynccontextmanager):
        # Only the generator inside knows when the `with` block ends.
        if getattr(descriptor, "__code__", None) is make_context_manager(_nothing).__code__:  # type: ignore[arg-type]
            return cast(FunctionType, make_context_manager(profiled_inside(descriptor.__wrapped__)))
    if not callable(function) or inspect.isclass(function):
        raise TypeError(f"profile_operation decorates functions and methods, got {function!r}")
    return _wrapped(function, region, recorder)


def _nothing() -> None:
    """Stands for any function: what a library makes of it is recognised by its code."""


def _wrapped(function: FunctionType, region: Region, recorder: Taker) -> FunctionType:
    called = _called(function)
    wrapper: Callable[..., Any]
    if inspect.iscoroutinefunction(called):

        async def wrapper(*arguments: Any, **named: Any) -> Any:
            with region.of_a_call():
                return await function(*arguments, **named)

    elif inspect.isasyncgenfunction(called):
        wrapper = _drive_asynchronous(function, region.operation, recorder)

    elif inspect.isgeneratorfunction(called):

        def wrapper(*arguments: Any, **named: Any) -> Any:
            # A generator function, too, for code that inspects it.
            return (yield from _drive(function(*arguments, **named), GeneratorRun(recorder, region.operation)))

    else:

        def wrapper(*arguments: Any, **named: Any) -> Any:
            with region.of_a_call():
                return function(*arguments, **named)

    functools.update_wrapper(wrapper, function)
    for name in ("cache_info", "cache_clear", "cache_parameters"):
        # What `functools.lru_cache` adds to a function.
        if hasattr(function, name):
            setattr(wrapper, name, getattr(function, name))
    return cast(FunctionType, wrapper)


def _called(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that a call runs in the end: of an object, its `__call__`."""
    while isinstance(function, functools.partial):
        function = function.func
    # Functions and methods of any kind say themselves what they are.
    return function if inspect.isroutine(function) else type(function).__call__


class GeneratorRun:
    """One run of a generator, from the request for its first value to its end.

    Between two values the caller does other work. So the run is timed as a whole, and its own time is the sum of the
    stretches in which the generator works.

    Args:
        recorder (Taker): Takes the spans.
        operation (Operation): The operation to time.
    """

    __slots__ = ("_operation", "_recorder", "_start", "path")

    def __init__(self, recorder: Taker, operation: Operation) -> None:
        self._recorder = recorder
        self._operation = operation
        self._start = 0
        self.path: CallPath | None = None

    def stretch(self) -> ProfiledRegion:
        """Return a region for the work until the next value."""
        if not self._recorder.enabled:
            return DISABLED_REGION
        self._start = self._start or now()
        return _Stretch(self._recorder, self._operation, self)

    def end(self, failed: bool) -> None:
        """Count the run.

        Args:
            failed (bool): Whether the generator's own exception ended it.
        """
        if self.path is not None:
            self._recorder.add_run(self.path, self._start, now(), failed)


class _Stretch(Region):
    """The work of a generator until its next value."""

    __slots__ = ("_run",)

    def __init__(self, recorder: Taker, operation: Operation, run: GeneratorRun) -> None:
        super().__init__(recorder, operation)
        self._run = run

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._run.path = self.path
        # The end of the values is not a failure.
        is_end = error_type is not None and issubclass(error_type, StopIteration | StopAsyncIteration)
        self.leave(now(), STRETCH | (is_failure(error_type) and not is_end))


def _untimed(generator: Generator[Any, Any, Any], _: GeneratorRun) -> Generator[Any, Any, Any]:
    return generator


@traced_as(_untimed)
def _drive(generator: Generator[Any, Any, Any], run: GeneratorRun) -> Generator[Any, Any, Any]:
    """Pass through what a generator yields, is sent and returns, and time it."""
    resume: Callable[[Any], Any] = generator.send
    value: Any = None
    failed = False
    try:
        while True:
            try:
                with run.stretch():
                    item = resume(value)
            except StopIteration as stop:
                return stop.value
            try:
                value = yield item
                resume = generator.send
            except GeneratorExit:
                with run.stretch():
                    generator.close()
                raise
            except BaseException as error:
                resume, value = generator.throw, error
    except BaseException as error:
        failed = is_failure(type(error)) and not isinstance(error, GeneratorExit)
        raise
    finally:
        run.end(failed)


def _drive_asynchronous(
    function: Callable[..., AsyncGenerator[Any, Any]], operation: Operation, recorder: Taker
) -> Callable[..., AsyncGenerator[Any, Any]]:
    """Return a wrapper of a function that times its asynchronous generators."""

    # An asynchronous generator function, too, for code that inspects it; these cannot use `yield from`.
    async def wrapper(*arguments: Any, **named: Any) -> AsyncGenerator[Any, Any]:
        generator = function(*arguments, **named)
        run = GeneratorRun(recorder, operation)
        resume: Callable[[Any], Any] = generator.asend
        value: Any = None
        failed = False
        try:
            while True:
                try:
                    with run.stretch():
                        item = await resume(value)
                except StopAsyncIteration:
                    return
                try:
                    value = yield item
                    resume = generator.asend
                except GeneratorExit:
                    with run.stretch():
                        await generator.aclose()
                    raise
                except BaseException as error:
                    resume, value = generator.athrow, error
        except BaseException as error:
            failed = is_failure(type(error)) and not isinstance(error, GeneratorExit)
            raise
        finally:
            run.end(failed)

    return wrapper
