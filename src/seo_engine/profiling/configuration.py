"""ProfilingConfig: the profiler's settings, and the one profiler that has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seo_engine.profiling.profiler import CodeProfiler
from seo_engine.profiling.settings import ProfilingSettings


@dataclass
class ProfilingConfig(ProfilingSettings):
    """Settings of the code profiler.

    Example:
        >>> ProfilingConfig(enable_code_profiling=False).code_profiler.enabled
        False
    """

    @property
    def code_profiler(self) -> CodeProfiler:
        """CodeProfiler: The one profiler of this configuration, made at its first use."""
        # Kept outside the fields: a configuration copies, pickles, compares and prints without it.
        profiler: CodeProfiler | None = self.__dict__.get("_code_profiler")
        if profiler is None:
            # One step for all threads, and for a signal's handler, which a lock could hang.
            profiler = self.__dict__.setdefault("_code_profiler", CodeProfiler(self))
        return profiler

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_code_profiler"}
