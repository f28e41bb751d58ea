"""Shared names: the categories of operations, and the operations of experiment tracking itself."""

from __future__ import annotations

TRACKING = "experiment_tracking"

CATEGORIES = frozenset(
    {
        TRACKING,
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

# An ExperimentTracker does these once.
TRACKER_SETUP = "experiment_tracker_setup"
TRACKER_IMPORT = "experiment_tracker_import"
TRACKER_CLEANUP = "experiment_tracker_cleanup"

# The training waits for each of these calls; the first three only append a line to the journal.
TRAINING_LOGGING = "unified_training_logging"
EVALUATION_LOGGING = "unified_evaluation_logging"
PERFORMANCE_LOGGING = "unified_performance_logging"
PROFILING_LOGGING = "unified_profiling_logging"
SYNCHRONOUS_DELIVERY = "unified_delivery"

# A framework's own logging within a step, which calls the tracker.
LOG_STEP = "log_step"


def is_tracking_call(name: str) -> bool:
    """Return whether an operation of the category `TRACKING` is a call that the training waits for."""
    return name.startswith("unified_")


def is_tracking_in_background(name: str) -> bool:
    """Return whether an operation of the category `TRACKING` runs in a tracker's own thread or child process."""
    return not is_tracking_call(name) and name not in (TRACKER_SETUP, TRACKER_IMPORT, TRACKER_CLEANUP, LOG_STEP)
