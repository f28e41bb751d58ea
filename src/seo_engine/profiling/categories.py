"""Shared names: the categories of operations, and the operations of experiment tracking itself."""

from __future__ import annotations

from collections.abc import Collection

TRACKING = "experiment_tracking"
TRAINING = "training_loop"
INFERENCE = "model_inference"

CATEGORIES = frozenset(
    {
        TRACKING,
        "progress_monitoring",
        "performance_benchmarking",
        "memory_usage",
        "parallel_computation",
        "data_loading",
        "preprocessing",
        TRAINING,
        INFERENCE,
        "site_audit",
    }
)

# An ExperimentTracker does these once.
TRACKER_SETUP = "experiment_tracker_setup"
TRACKER_IMPORT = "experiment_tracker_import"
TRACKER_CLEANUP = "experiment_tracker_cleanup"
TRACKER_LIFECYCLE = (TRACKER_IMPORT, TRACKER_SETUP, TRACKER_CLEANUP)

# The training waits for each of these calls; the first three only append a line to the journal.
_CALLS = "unified_"


def tracking_call(subject: str) -> str:
    """Return what the calls that log something are profiled as.

    Example:
        >>> tracking_call("training")
        'unified_training_logging'
    """
    return f"{_CALLS}{subject}_logging"


TRAINING_LOGGING, EVALUATION_LOGGING, PERFORMANCE_LOGGING, PROFILING_LOGGING = map(
    tracking_call, ("training", "evaluation", "performance", "profiling")
)
SYNCHRONOUS_DELIVERY = f"{_CALLS}delivery"
MODEL_WATCH = f"{_CALLS}model_watch"


def opening_of(tracker: str) -> str:
    """Return what opening a tracker is profiled as.

    Example:
        >>> opening_of("wandb")
        'wandb_setup'
    """
    return f"{tracker}_setup"


def delivery_of(subject: str, tracker: str) -> str:
    """Return what delivering something to a tracker is profiled as.

    Example:
        >>> delivery_of("training", "wandb")
        'wandb_training_logging'
    """
    return f"{tracker}_{subject}_logging"


# A framework's own logging within a step, which calls the tracker.
LOG_STEP = "log_step"


def is_of_training(name: str, category: str, in_background: Collection[str]) -> bool:
    """Return whether an operation belongs to the training, and not to the tracker before, after or beside it.

    Args:
        name (str): The operation.
        category (str): Its category.
        in_background (Collection[str]): Names of the tracker's operations that no training waits for.

    Example:
        >>> is_of_training("wandb_setup", TRACKING, {"wandb_setup"})
        False
        >>> is_of_training("wandb_setup", "preprocessing", {"wandb_setup"})
        True
    """
    return category != TRACKING or (name not in TRACKER_LIFECYCLE and name not in in_background)


def is_tracking_call(name: str) -> bool:
    """Return whether an operation of the category `TRACKING` is a call that the training waits for."""
    return name.startswith(_CALLS)
