"""What tracking cost is read from the operations of a profile."""

from __future__ import annotations

from seo_engine.profiling import CodeProfiler
from seo_engine.tracking.cost import tracker_cost

SECOND = 1_000_000_000


def test_the_cost_is_told_apart_by_who_waits_for_it() -> None:
    profiler = CodeProfiler()
    profiler.leave_out_of_ranking(["tensorboard_training_logging", "wandb_training_logging"])
    for operation, seconds in (
        ("experiment_tracker_setup", 3),
        ("experiment_tracker_cleanup", 2),
        ("tensorboard_training_logging", 5),
        ("wandb_training_logging", 7),
    ):
        profiler.add_span(operation, "experiment_tracking", 0, seconds * SECOND)
    # Of the training itself, whatever it is called.
    profiler.add_span("wandb_like_name", "training_loop", 0, SECOND)
    cost = tracker_cost(profiler.profiling_data())
    assert (cost.setup_seconds, cost.closing_seconds, cost.background_seconds) == (3, 2, 12)
