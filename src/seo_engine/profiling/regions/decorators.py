"""`profile_operation` as a decorator for functions, coroutines, generators and asynchronous generators."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from types import TracebackType
from typing import Any, cast

from seo_engine.profiling.regions.regions import DISABLED_REGION, FunctionType, ProfiledRegion, Region, Taker
from seo_engine.profiling.regions.spans import STRETCH, now
from seo_engine.profiling.statistics.call_tree import CallPath
from seo_engine.profiling.statistics.operations import Operation


def profiled(function: FunctionType, region: Region, recorder: Taker) -> FunctionType:
    """Return a wrapper of a function that profiles each call as its own region.

    Args:
        function (Callable): Plain, `async def`, a generator, or an asynchronous generator. Generators are timed from
            the request for the first value to their end, whatever the caller does in between.
        region (Region): A region of the operation; it is never entered itself.
        recorder (Taker): Takes the spans.

    Returns:
        Callable: A function with the same signature.
    """
    wrapper: Callable[..., Any]
    if inspect.iscoroutinefunction(function):

        async def wrapper(*arguments: Any, **named: Any) -> Any:
            with region.fresh() if recorder.enabled else DISABLED_REGION:
                return await function(*arguments, **named)

    elif inspect.isasyncgenfunction(function):
        wrapper = _drive_asynchronous(function, region.operation, recorder)

    elif inspect.isgeneratorfunction(function):

        def wrapper(*arguments: Any, **named: Any) -> Any:
            # A generator function, too, for code that inspects it.
            return (yield from _drive(function(*arguments, **named), GeneratorRun(recorder, region.operation)))

    else:

        def wrapper(*arguments: Any, **named: Any) -> Any:
            with region.fresh() if recorder.enabled else DISABLED_REGION:
                return function(*arguments, **named)

    return cast(FunctionType, functools.wraps(function)(wrapper))


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
        failed = error_type is not None and not issubclass(error_type, StopIteration | StopAsyncIteration)
        self.leave(now(), STRETCH | failed)


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
        failed = not isinstance(error, GeneratorExit)
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
            failed = not isinstance(error, GeneratorExit)
            raise
        finally:
            run.end(failed)

    return wrapper
