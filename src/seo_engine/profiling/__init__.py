"""The profiler: where time and memory go. It depends on `foundation` alone.

Other rooms may use the names listed here; each is imported at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seo_engine.foundation.lazy_names import lazy_names

if TYPE_CHECKING:
    from seo_engine.profiling.categories import CATEGORIES, INFERENCE, LOG_STEP, TRACKING, TRAINING
    from seo_engine.profiling.configuration import ProfilingConfig
    from seo_engine.profiling.profiler import CodeProfiler
    from seo_engine.profiling.reports.bottlenecks import share_in_words
    from seo_engine.profiling.reports.measurements import usable_processors
    from seo_engine.profiling.reports.profiling_data import ProfilingData
    from seo_engine.profiling.reports.ranks.comparison import RankComparison, compare_ranks
    from seo_engine.profiling.reports.ranks.merged_trace import RankTrace, merge_traces
    from seo_engine.profiling.reports.ranks.straggler import slow_rank
    from seo_engine.profiling.reports.ranks.table import ranks_report
    from seo_engine.profiling.reports.readable import readable_parts
    from seo_engine.profiling.reports.tables import report
    from seo_engine.profiling.steps.operation_clock import OperationClock
    from seo_engine.profiling.steps.training_steps import StepClock, samples_in

_MODULES = {
    "CATEGORIES": "categories",
    "CodeProfiler": "profiler",
    "INFERENCE": "categories",
    "LOG_STEP": "categories",
    "OperationClock": "steps.operation_clock",
    "ProfilingConfig": "configuration",
    "ProfilingData": "reports.profiling_data",
    "RankComparison": "reports.ranks.comparison",
    "RankTrace": "reports.ranks.merged_trace",
    "StepClock": "steps.training_steps",
    "TRACKING": "categories",
    "TRAINING": "categories",
    "compare_ranks": "reports.ranks.comparison",
    "merge_traces": "reports.ranks.merged_trace",
    "ranks_report": "reports.ranks.table",
    "readable_parts": "reports.readable",
    "report": "reports.tables",
    "samples_in": "steps.training_steps",
    "share_in_words": "reports.bottlenecks",
    "slow_rank": "reports.ranks.straggler",
    "usable_processors": "reports.measurements",
}

__all__ = [
    "CATEGORIES",
    "INFERENCE",
    "LOG_STEP",
    "TRACKING",
    "TRAINING",
    "CodeProfiler",
    "OperationClock",
    "ProfilingConfig",
    "ProfilingData",
    "RankComparison",
    "RankTrace",
    "StepClock",
    "compare_ranks",
    "merge_traces",
    "ranks_report",
    "readable_parts",
    "report",
    "samples_in",
    "share_in_words",
    "slow_rank",
    "usable_processors",
]

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
