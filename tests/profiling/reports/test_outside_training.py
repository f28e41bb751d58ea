"""The ranking holds the training: what the tracker does before, after and beside it has a line of its own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from seo_engine import CodeProfiler, ExperimentTracker, TrackingConfig

SECOND = 1_000_000_000


@pytest.fixture
def profiler(monkeypatch: pytest.MonkeyPatch) -> CodeProfiler:
    """Return a profiler of ten seconds: six of set-up and closing, and four of a training."""
    profiler = CodeProfiler()
    profiler.leave_out_of_ranking(["wandb_setup"])
    for name, seconds in (("import", 3), ("setup", 1), ("cleanup", 2)):
        profiler.add_span(f"experiment_tracker_{name}", "experiment_tracking", 0, seconds * SECOND)
    profiler.add_span("wandb_setup", "experiment_tracking", 0, 5 * SECOND)
    profiler.add_span("forward_pass", "training_loop", 0, 3 * SECOND)
    profiler.add_span("unified_training_logging", "experiment_tracking", 0, SECOND // 2)
    # Of the user, whatever it is called.
    profiler.add_span("wandb_log", "experiment_tracking", 0, SECOND // 4)
    monkeypatch.setattr(CodeProfiler, "wall_seconds", lambda profiler: 10.0)
    return profiler


def test_the_training_is_ranked_and_has_shares_of_its_own_time(profiler: CodeProfiler) -> None:
    data = profiler.profiling_data()
    assert [(each["operation"], each["share_percent"]) for each in data["operations"]] == [
        ("forward_pass", 75.0), ("unified_training_logging", 12.5), ("wandb_log", 6.25),
    ]  # fmt: skip
    assert [each["operation"] for each in data["bottlenecks"]] == [each["operation"] for each in data["operations"]]
    assert profiler.bottlenecks() == data["bottlenecks"] and profiler.categories() == data["categories"]
    assert sum(each["share_percent"] for each in data["categories"]) == 93.75
    assert {each["operation"] for each in data["unranked_operations"]} == {
        "wandb_setup", "experiment_tracker_import", "experiment_tracker_setup", "experiment_tracker_cleanup",
    }  # fmt: skip


def test_the_report_says_in_a_line_of_its_own_what_is_not_ranked(profiler: CodeProfiler) -> None:
    lines = [line.strip() for line in profiler.report().splitlines()]
    assert lines[1].startswith("forward_pass") and not any(line.startswith("experiment_tracker_") for line in lines)
    own = "imports (torch, TensorBoard) 3 s, set-up 1 s, closing 2 s, background 5 s"
    assert f"Not ranked: the tracker's {own}" in lines


def test_without_a_tracker_nothing_is_said_of_one() -> None:
    profiler = CodeProfiler()
    profiler.add_span("forward_pass", "training_loop", 0, SECOND)
    assert "tracker" not in profiler.report()


@pytest.mark.parametrize("asynchronous", [True, False])
def test_of_a_real_run_only_what_the_training_waits_for_is_ranked(tmp_path: Path, asynchronous: bool) -> None:
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path), asynchronous_logging=asynchronous, wandb_mode="offline", print_summary=False
    )
    with ExperimentTracker(config) as tracker:
        for _ in config.code_profiler.profile_steps(range(3)):
            with config.code_profiler.profile_operation("forward_pass", "training_loop"):
                time.sleep(0.01)
            tracker.log_metrics({"loss": 0.5})
    data = config.code_profiler.profiling_data()
    ranked = {each["operation"] for each in data["operations"]}
    unranked = {each["operation"] for each in data["unranked_operations"]}
    assert {"forward_pass", "training_step", "unified_training_logging"} <= ranked
    lifecycle = {"experiment_tracker_import", "experiment_tracker_setup", "experiment_tracker_cleanup"}
    assert lifecycle <= unranked
    views = {f"{view}_{work}" for view in ("tensorboard", "wandb") for work in ("setup", "training_logging")}
    # Called by the training itself, they are what it waits for.
    assert views <= (unranked if asynchronous else ranked)
    assert all(seconds > 0 for name, seconds in data["outside_training"].items() if name != "background_seconds")
    assert (data["outside_training"]["background_seconds"] > 0) is asynchronous
