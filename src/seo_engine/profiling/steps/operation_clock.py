"""The clock of what comes between training steps, such as evaluations."""

from __future__ import annotations

from seo_engine.profiling.regions.regions import ProfiledRegion, Region
from seo_engine.profiling.regions.spans import now
from seo_engine.profiling.steps.training_steps import Profiler


class OperationClock:
    """Times one operation after another, for code that learns when each ends, and sometimes too late when it began.

    What is timed meanwhile is nested in the operation.

    Args:
        profiler (CodeProfiler): Gets the regions.

    Example:
        >>> from seo_engine.profiling import CodeProfiler
        >>> profiler = CodeProfiler()
        >>> clock = OperationClock(profiler)
        >>> clock.begin("evaluate", "model_inference")
        >>> clock.end()
        >>> [operation.name for operation in profiler.statistics()]
        ['evaluate']
    """

    def __init__(self, profiler: Profiler) -> None:
        self._profiler = profiler
        self._region: ProfiledRegion | None = None

    @property
    def is_running(self) -> bool:
        """bool: Whether an operation has begun and not ended."""
        return self._region is not None

    def begin(self, name: str, category: str) -> None:
        """Begin an operation; an unfinished one is forgotten.

        Args:
            name (str): The operation.
            category (str): Its category.
        """
        self.forget()
        self._region = self._profiler.profile_operation(name, category)
        self._region.__enter__()

    def end(self, seconds: float | None = None, until: int | None = None) -> None:
        """End the operation, if one is running.

        Args:
            seconds (float | None): How long it took until `until`, as somebody measured who saw it begin.
            until (int | None): Nanoseconds of `time.perf_counter_ns`; None means now.
        """
        region, self._region = self._region, None
        # Otherwise nothing runs, or profiling was off when it began.
        if not isinstance(region, Region):
            return
        if seconds is not None:
            ended = now()
            began = (ended if until is None else until) - int(max(0.0, seconds) * 1e9)
            region.start = began if region.parent is None else max(began, region.parent.start)
            # Of an earlier operation that failed, there may be more.
            region.children = min(region.children, ended - region.start)
        region.__exit__(None, None, None)

    def forget(self) -> None:
        """Forget an operation that was begun but did not take place, or failed."""
        if isinstance(self._region, Region):
            self._region.forget()
        self._region = None
