"""Where time and memory go. Imports nothing else of ours."""

from seo_engine.profiling.categories import CATEGORIES
from seo_engine.profiling.configuration import ProfilingConfig
from seo_engine.profiling.profiler import CodeProfiler
from seo_engine.profiling.reports.profiling_data import ProfilingData

__all__ = ["CATEGORIES", "CodeProfiler", "ProfilingConfig", "ProfilingData"]
