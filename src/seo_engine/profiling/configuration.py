"""ProfilingConfig: the profiler's settings, and the profiler that uses them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seo_engine.profiling.profiler import CodeProfiler
from seo_engine.profiling.settings import ProfilingSettings


@dataclass
class ProfilingConfig(ProfilingSettings):
    """Settings of the code profiler.

    Example:
        >>> config = ProfilingConfig(trace_spans=1_000)
        >>> for batch in config.code_profiler.profile_steps([4.0, 2.0, 1.0]):
        ...     loss = batch / 2
        >>> config.code_profiler.training_view()["steps"]
        3
    """

    @property
    def code_profiler(self) -> CodeProfiler:
        """CodeProfiler: The profiler of this configuration, created at first use."""
        # Not a field: a configuration is copied, pickled, compared and printed without it.
        profiler: CodeProfiler | None = self.__dict__.get("_code_profiler")
        if profiler is None:
            # Atomic for threads; a lock could hang a signal handler.
            profiler = self.__dict__.setdefault("_code_profiler", CodeProfiler(self))
        return profiler

    def use_profiler_of(self, other: ProfilingConfig) -> None:
        """Share the profiler of another configuration, of which this is a variant."""
        self.__dict__["_code_profiler"] = other.code_profiler

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_code_profiler"}
