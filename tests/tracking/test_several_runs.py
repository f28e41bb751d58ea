"""Several runs of one configuration: each has the profile of its own time, and the last to end leaves no thread."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from seo_engine import CodeProfiler, ExperimentTracker, TrackingConfig


@pytest.fixture
def config(tmp_path: Path) -> TrackingConfig:
    return TrackingConfig(tensorboard_log_dir=str(tmp_path / "runs"), wandb_logging=False, tensorboard_logging=False)


def profile(tracker: ExperimentTracker) -> dict[str, Any]:
    assert tracker.run_directory is not None
    contents: dict[str, Any] = json.loads((tracker.run_directory / "profile" / "profiling_data.json").read_text())
    return contents


def calls(tracker: ExperimentTracker) -> dict[str, int]:
    """Return how often each operation of the training ran, in the last profile that was logged and in the file."""
    assert tracker.run_directory is not None
    records = [json.loads(line) for line in (tracker.run_directory / "journal.jsonl").open()]
    logged = [record["profiling_data"] for record in records if record["kind"] == "profiling"][-1]
    in_both = [
        {each["operation"]: each["calls"] for each in data["operations"] if each["category"] != "experiment_tracking"}
        for data in (logged, profile(tracker))
    ]
    assert in_both[0] == in_both[1]
    return in_both[0]


def test_folds_have_the_profile_of_their_own_time(config: TrackingConfig) -> None:
    found = []
    for fold in ("first", "second"):
        with ExperimentTracker(config) as tracker:
            for _ in config.code_profiler.profile_steps([1.0, 2.0]):
                with config.code_profiler.profile_operation(fold):
                    pass
        found.append((calls(tracker).get(fold), len(calls(tracker)), profile(tracker)["training"]["steps"]))
    # The loading, the step, and the fold's own operation.
    assert found == [(2, 3, 2), (2, 3, 2)]
    assert profile(tracker)["wall_seconds"] > 0


def test_what_was_timed_before_the_first_run_is_its_own(config: TrackingConfig) -> None:
    with config.code_profiler.profile_operation("tokenize", "preprocessing"):
        pass
    with ExperimentTracker(config) as tracker:
        pass
    assert calls(tracker) == {"tokenize": 1}


def test_runs_that_are_open_at_the_same_time_share_what_is_timed_each_from_its_beginning(
    config: TrackingConfig,
) -> None:
    profiler = config.code_profiler

    def work(name: str) -> None:
        with profiler.profile_operation(name), profiler.profile_operation(f"within_{name}", measure_memory=True):
            pass

    first = ExperimentTracker(config)
    work("first_alone")
    with profiler.profile_operation("around"):
        second = ExperimentTracker(config)
        work("both")
    first.close()
    work("second_alone")
    # The profiler of a run that is open goes on.
    second.close()
    assert calls(first) == dict.fromkeys(("first_alone", "within_first_alone", "around", "both", "within_both"), 1)
    assert calls(second) == dict.fromkeys(("around", "both", "within_both", "second_alone", "within_second_alone"), 1)
    around = {data["operation"]: data["total_seconds"] for data in profile(second)["operations"]}["around"]
    assert around < {data["operation"]: data["total_seconds"] for data in profile(first)["operations"]}["around"]
    (outer,) = [node for node in profile(second)["call_tree"] if node["operation"] == "around"]
    assert {node["operation"] for node in outer["children"]} >= {"both"}


def test_a_run_that_begins_while_another_is_open_has_samples_loader_and_shares_of_its_own(
    config: TrackingConfig,
) -> None:
    first = ExperimentTracker(config)
    with config.code_profiler.profile_operation("around"):
        # Long before the second run, as it seems.
        config.code_profiler._recorder.lanes.current().innermost.start -= 10**12
        second = ExperimentTracker(config)
        for _ in config.code_profiler.profile_steps([[1.0, 2.0], [3.0, 4.0]]):
            with config.code_profiler.profile_operation("forward_pass"):
                pass
        second.close()
    data = profile(second)
    assert data["training"]["samples_per_second"] > 0
    assert data["total_seconds"] < 100 and data["uncovered_seconds"] >= 0
    first.close()


def test_a_region_that_is_open_when_a_later_run_begins_is_timed_from_there_on(config: TrackingConfig) -> None:
    with ExperimentTracker(config):
        pass
    with config.code_profiler.profile_operation("sweep"):
        with config.code_profiler.profile_operation("between"):
            pass
        tracker = ExperimentTracker(config)
        with config.code_profiler.profile_operation("fold"):
            pass
    tracker.close()
    assert calls(tracker) == {"sweep": 1, "fold": 1}
    (sweep,) = [node for node in profile(tracker)["call_tree"] if node["operation"] == "sweep"]
    assert "fold" in {node["operation"] for node in sweep["children"]}


def test_after_a_run_the_profiler_shows_that_run_until_something_else_is_timed(config: TrackingConfig) -> None:
    profiler = config.code_profiler
    with ExperimentTracker(config), profiler.profile_operation("work"):
        pass
    lasted = profiler.wall_seconds()
    assert profiler.profiling_data()["wall_seconds"] == lasted == profiler.wall_seconds()
    with profiler.profile_operation("later"):
        pass
    assert profiler.profiling_data()["wall_seconds"] > lasted
    second = ExperimentTracker(config)
    assert profiler.wall_seconds() != profiler.wall_seconds()
    second.close()


def test_a_later_run_knows_no_loader_and_no_memory_of_the_time_before_it(config: TrackingConfig) -> None:
    profiler = config.code_profiler
    with ExperimentTracker(config):
        for _ in profiler.profile_steps([1.0]):
            pass
    with profiler.profile_operation("sweep", measure_memory=True):
        held = bytearray(64_000_000)
        tracker = ExperimentTracker(config)
        assert profiler._recorder.loader is None
    tracker.close()
    assert held and profile(tracker)["memory"]["sweep"] < 32


def test_runs_that_begin_in_two_threads_at_once_have_a_profile_each() -> None:
    profiler = CodeProfiler()
    profiler.end_run(profiler.begin_run())
    begun: list[CodeProfiler] = []
    threads = [threading.Thread(target=lambda: begun.append(profiler.begin_run())) for _ in range(2)]
    # What both of them need.
    with profiler._recorder._counting:
        for thread in threads:
            thread.start()
            thread.join(timeout=0.1)
    for thread in threads:
        thread.join()
    assert begun[0] is profiler and begun[1] is not profiler


def test_an_unknown_category_is_warned_of_once_for_all_runs(
    config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        ExperimentTracker(config),
        ExperimentTracker(config),
        config.code_profiler.profile_operation("tokenize", "preparing"),
    ):
        pass
    assert caplog.text.count("Unknown profiling category") == 1


def test_twenty_trackers_leave_no_thread(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    for number in range(20):
        config = TrackingConfig(
            tensorboard_log_dir=str(tmp_path), wandb_logging=False, print_summary=False, experiment_name=f"r{number}"
        )
        with ExperimentTracker(config) as tracker:
            tracker.log_metrics({"loss": 1.0})
            if number == 7:
                assert tracker.run_directory is not None
                with ExperimentTracker.attach(tracker.run_directory) as attached:
                    attached.log_metrics({"loss": 0.5}, step=3)
    assert set(threading.enumerate()) <= before


def test_a_profiler_that_rests_counts_again_when_it_is_used(config: TrackingConfig) -> None:
    with ExperimentTracker(config):
        pass
    profiler: CodeProfiler = config.code_profiler
    # More than wait before a counting thread is woken.
    for _ in range(10_000):
        with profiler.profile_operation("after"):
            pass
    assert "profiling-thread" in {thread.name for thread in threading.enumerate()}
    assert {each.name: each.count for each in profiler.statistics()}["after"] == 10_000
