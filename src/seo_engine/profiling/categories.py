"""The categories of operations."""

from __future__ import annotations

CATEGORIES = frozenset(
    {
        "experiment_tracking",
        "progress_monitoring",
        "performance_benchmarking",
        "memory_usage",
        "parallel_computation",
        "data_loading",
        "preprocessing",
        "training_loop",
        "model_inference",
        "site_audit",
    }
)
