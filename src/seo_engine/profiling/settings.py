"""The profiler's settings, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from seo_engine.foundation.settings import Configuration, setting
from seo_engine.profiling.categories import TRACKING


@dataclass
class ProfilingSettings(Configuration):
    """Settings of the code profiler."""

    enable_code_profiling: bool = setting(True, "Time named regions of code; off, a region costs next to nothing.")
    trace_spans: int = setting(20_000, "Newest regions that a trace shows; older ones are only counted.", at_least=0)
    memory_threshold_seconds: float = setting(
        0.002,
        "Memory is read in regions of operations that last at least so long on average, and where it is asked for.",
        at_least=0,
    )
    bottleneck_thresholds: dict[str, float] = setting(
        {"default": 2.0, "data_loading": 5.0, TRACKING: 1.0},
        "Percent of the time from which an operation is a bottleneck, by its category.",
        at_least=0,
        at_most=100,
    )
    tracking_overhead_warning_percent: float = setting(
        1.0, "Share of the wall time from which the tracker warns of its own calls, in percent.", above=0
    )
    annotate_torch_profiler: bool = setting(False, "Show the regions in traces of `torch.profiler` too.")
    annotate_nvtx: bool = setting(False, "Show the regions as NVTX ranges, for NVIDIA's Nsight.")
