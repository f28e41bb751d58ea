"""Where time and memory go. Imports nothing else of ours."""

from seo_engine.profiling.configuration import ProfilingConfig
from seo_engine.profiling.profiler import CodeProfiler, ProfilingData

__all__ = ["CodeProfiler", "ProfilingConfig", "ProfilingData"]
