"""The profiler's settings, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, fields

from seo_engine.foundation.settings import Configuration, setting


@dataclass
class ProfilingSettings(Configuration):
    """Settings of the code profiler."""

    enable_code_profiling: bool = setting(True, "Time named regions of code. If False, a region costs next to nothing.")
    trace_spans: int = setting(
        20_000, "How many regions a trace shows, the newest ones. Older ones are only counted.", at_least=0
    )
    memory_threshold_seconds: float = setting(
        0.002,
        "Read memory in operations that take at least this many seconds on average, and where you ask for it.",
        at_least=0,
    )
    bottleneck_thresholds: dict[str, float] = setting(
        {"default": 2.0, "data_loading": 5.0, "experiment_tracking": 1.0},
        "An operation that takes at least this percentage of the time is a bottleneck, by category.",
        at_least=0,
        at_most=100,
    )
    tracking_overhead_warning_percent: float = setting(
        1.0, "Warn when the tracker's own calls take more than this percentage of the wall time.", above=0
    )
    annotate_torch_profiler: bool = setting(False, "Show the regions in traces of `torch.profiler` too.")
    annotate_nvtx: bool = setting(False, "Show the regions as NVTX ranges in NVIDIA Nsight.")

    def alone(self) -> ProfilingSettings:
        """Return these settings without those that a subclass adds, such as secrets of a tracker."""
        return ProfilingSettings(**{field.name: getattr(self, field.name) for field in fields(ProfilingSettings)})
