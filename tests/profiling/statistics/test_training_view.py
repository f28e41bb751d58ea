"""The training view: phases that add up, the stall of data loading, outliers, and `profile_steps`."""

from __future__ import annotations

import gc
import sys
import time
import types
from collections import UserDict
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from seo_engine.profiling import CodeProfiler, ProfilingConfig
from seo_engine.profiling.statistics.training_view import StepTimes, TrainingView
from seo_engine.profiling.steps.training_steps import StepClock, samples_in
from tests.profiling.timed_regions import counts_of, own_times_of, paths_of, statistics_of

PERCENTAGES = ("data_loading", "forward", "backward", "optimizer", "logging", "other")


@pytest.fixture
def profiler() -> CodeProfiler:
    return CodeProfiler()


def steps_of(profiler: CodeProfiler) -> list[StepTimes]:
    profiler.recent_steps()
    return list(profiler._aggregation.steps.recent)


def view_of(profiler: CodeProfiler) -> TrainingView:
    view = profiler.training_view()
    assert view is not None
    return view


def percentages(view: TrainingView) -> dict[str, float]:
    return {phase: view[f"{phase}_percent"] for phase in PERCENTAGES}  # type: ignore[literal-required]


def work(profiler: CodeProfiler, *names: str, category: str = "training_loop") -> None:
    for name in names:
        with profiler.profile_operation(name, category):
            sum(range(100))


def test_the_phases_of_each_step_add_up_to_it_exactly(profiler: CodeProfiler) -> None:
    for _ in range(5):
        with profiler.profile_operation("training_step", "training_loop"):
            work(profiler, "load_batch", category="data_loading")
            with profiler.profile_operation("forward_pass", "training_loop"):
                # What is called within a phase belongs to it; what has a phase of its own does not.
                work(profiler, "attention")
                work(profiler, "unified_log_metrics", category="experiment_tracking")
            work(profiler, "backward_pass", "optimizer_step", "gradient_clipping")
    statistics = statistics_of(profiler)
    steps = steps_of(profiler)
    assert [step.number for step in steps] == [1, 2, 3, 4, 5]
    assert all(sum(step.phases.values()) == step.total for step in steps)
    totals = {phase: sum(step.phases.get(phase, 0) for step in steps) for phase in PERCENTAGES}
    assert totals == {
        "data_loading": statistics["load_batch"].total,
        "forward": statistics["forward_pass"].total - statistics["unified_log_metrics"].total,
        "backward": statistics["backward_pass"].total,
        "optimizer": statistics["optimizer_step"].total,
        "logging": statistics["unified_log_metrics"].total,
        "other": statistics["training_step"].self_time + statistics["gradient_clipping"].total,
    }
    assert sum(step.total for step in steps) == statistics["training_step"].total
    view = view_of(profiler)
    assert sum(percentages(view).values()) == pytest.approx(100)
    for phase, percent in percentages(view).items():
        assert percent == pytest.approx(100 * totals[phase] / statistics["training_step"].total)
    assert view["mean_step_seconds"] == pytest.approx(statistics["training_step"].mean_seconds)
    assert view["steps_per_second"] == pytest.approx(1 / view["mean_step_seconds"])
    assert view["samples_per_second"] is None


def test_data_loading_before_a_step_belongs_to_it(profiler: CodeProfiler) -> None:
    with profiler.profile_operation("epoch", "training_loop"):
        for _ in range(3):
            with profiler.profile_operation("fetch", "data_loading"):
                work(profiler, "decode", category="preprocessing")
            work(profiler, "unified_log_metrics", category="experiment_tracking")
            work(profiler, "training_step")
    statistics, steps = statistics_of(profiler), steps_of(profiler)
    loading = statistics["fetch"].total
    assert sum(step.phases["data_loading"] for step in steps) == loading
    assert sum(step.total for step in steps) == statistics["training_step"].total + loading
    assert view_of(profiler)["data_loading_percent"] == pytest.approx(
        100 * loading / (statistics["training_step"].total + loading)
    )


def test_data_loading_before_something_else_or_on_another_lane_is_no_stall(profiler: CodeProfiler) -> None:
    profiler.add_span("load_batch", "data_loading", 0, 10**12)
    work(profiler, "evaluate")
    with profiler.profile_operation("training_step", "training_loop"):
        pass
    profiler.add_span("load_batch", "data_loading", 0, 10**12)
    (step,) = steps_of(profiler)
    assert step.phases["data_loading"] == 0 and step.total == statistics_of(profiler)["training_step"].total


def test_outliers_are_found_with_the_phase_that_made_them(profiler: CodeProfiler) -> None:
    # The durations are given, not waited for: the loading before an empty step.
    slow = {0: 90, 20: 5, 30: 3}
    for number in range(50):
        profiler.add_span("load_batch", "data_loading", 0, 10**12 * slow.get(number, 1))
        with profiler.profile_operation("training_step", "training_loop"):
            pass
    view = view_of(profiler)
    # The first steps warm up.
    assert [(outlier["step"], outlier["largest_phase"]) for outlier in view["outliers"]] == [
        (21, "data_loading"),
        (31, "data_loading"),
    ]
    assert view["outliers"][0]["seconds"] == pytest.approx(5000, rel=0.01)
    assert view["outlier_steps"] == 2
    total = 90 + 5 + 3 + 47
    assert view["outlier_percent"] == pytest.approx(100 * (4 + 2) / total, rel=0.05)
    assert view["p50_step_seconds"] == pytest.approx(1000, rel=0.01)
    assert view["p99_step_seconds"] == pytest.approx(5000, rel=0.01)


def test_steps_that_are_alike_have_no_outliers(profiler: CodeProfiler) -> None:
    for _ in range(30):
        profiler.add_span("training_step", "training_loop", 0, 10**9)
    view = view_of(profiler)
    assert (view["outlier_steps"], view["outlier_percent"], view["outliers"]) == (0, 0, [])


def test_the_quantiles_of_a_run_that_ends_while_it_warms_up_are_of_all_its_steps(profiler: CodeProfiler) -> None:
    for seconds in (3, 1, 2):
        profiler.add_span("training_step", "training_loop", 0, seconds * 10**9)
    view = view_of(profiler)
    assert view["p50_step_seconds"] == pytest.approx(2, rel=0.01)
    assert view["p99_step_seconds"] == pytest.approx(3, rel=0.01)
    assert (view["outlier_steps"], view["outliers"]) == (0, [])


def test_without_steps_there_is_no_view(profiler: CodeProfiler) -> None:
    work(profiler, "forward_pass")
    work(profiler, "load_batch", category="data_loading")
    assert profiler.training_view() is None


def test_a_step_that_never_ended_is_none(profiler: CodeProfiler) -> None:
    for _ in range(2_000):
        with profiler.profile_operation("epoch", "training_loop"):
            profiler.profile_operation("training_step", "training_loop").__enter__()
            work(profiler, "forward_pass")
    with profiler.profile_operation("training_step", "training_loop"):
        work(profiler, "forward_pass")
    assert view_of(profiler)["steps"] == 1
    (step_times,) = steps_of(profiler)
    assert sum(step_times.phases.values()) == step_times.total
    assert len(profiler._aggregation.steps._parts) <= 1_001


def test_profile_steps_yields_each_batch_within_a_step(profiler: CodeProfiler) -> None:
    seen = []
    for batch in profiler.profile_steps([[1, 2], [3, 4], [5]]):
        seen.append(batch)
        work(profiler, "forward_pass", "backward_pass", "optimizer_step")
    work(profiler, "after")
    assert seen == [[1, 2], [3, 4], [5]]
    assert paths_of(profiler.call_tree()) == {
        ("training_step",): 3,
        ("training_step", "load_batch"): 3,
        ("training_step", "forward_pass"): 3,
        ("training_step", "backward_pass"): 3,
        ("training_step", "optimizer_step"): 3,
        ("after",): 1,
    }
    steps, statistics = steps_of(profiler), statistics_of(profiler)
    assert all(sum(step.phases.values()) == step.total for step in steps)
    assert own_times_of(profiler) == statistics["training_step"].total + statistics["after"].total
    seconds = sum(step.total for step in steps) * 1e-9
    assert view_of(profiler)["samples_per_second"] == pytest.approx(5 / seconds)


def test_leaving_the_loop_early_ends_the_step_that_was_begun(profiler: CodeProfiler) -> None:
    for number, _ in enumerate(profiler.profile_steps([[1]] * 5)):
        work(profiler, "forward_pass")
        if number == 1:
            break
    gc.collect()
    work(profiler, "after")
    assert counts_of(profiler) == {"training_step": 2, "load_batch": 2, "forward_pass": 2, "after": 1}
    assert ("after",) in paths_of(profiler.call_tree())


def test_an_exception_in_the_body_ends_the_step_and_passes(profiler: CodeProfiler) -> None:
    with pytest.raises(LookupError, match="body"):
        for _ in profiler.profile_steps([[1]] * 5):
            with profiler.profile_operation("forward_pass", "training_loop"):
                raise LookupError("body")
    gc.collect()
    work(profiler, "after")
    statistics = statistics_of(profiler)
    assert (statistics["training_step"].count, statistics["forward_pass"].failures) == (1, 1)
    assert ("after",) in paths_of(profiler.call_tree())


def test_a_loader_that_fails_passes_its_exception_and_leaves_nothing_open(profiler: CodeProfiler) -> None:
    def loader() -> Iterator[list[int]]:
        yield [1]
        raise OSError("no such page")

    with pytest.raises(OSError, match="no such page"):
        for _ in profiler.profile_steps(loader()):
            work(profiler, "forward_pass")
    work(profiler, "after")
    assert counts_of(profiler) == {"training_step": 1, "load_batch": 1, "forward_pass": 1, "after": 1}
    assert ("after",) in paths_of(profiler.call_tree())
    with pytest.raises(TypeError):
        list(profiler.profile_steps(3))  # type: ignore[arg-type]
    assert profiler._recorder.lanes.open_regions() == []


def test_an_empty_loader_makes_no_step(profiler: CodeProfiler) -> None:
    assert list(profiler.profile_steps([])) == []
    assert profiler.statistics() == [] and profiler.training_view() is None
    assert profiler._recorder.lanes.open_regions() == []


def test_switched_off_profile_steps_yields_everything_and_counts_nothing(profiler: CodeProfiler) -> None:
    profiler.enabled = False
    assert list(profiler.profile_steps([[1, 2], [3]])) == [[1, 2], [3]]
    profiler.enabled = True
    assert profiler.training_view() is None
    assert list(profiler.profile_steps([[1, 2, 3]])) == [[1, 2, 3]]
    (step,) = steps_of(profiler)
    # Samples of steps that were not timed are not in the throughput.
    assert view_of(profiler)["samples_per_second"] == pytest.approx(3 / (step.total * 1e-9))


class Pages(Dataset[dict[str, Any]]):
    """Seven pages."""

    def __len__(self) -> int:
        return 7

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"input_ids": torch.full((4,), index), "address": f"https://example.org/{index}"}


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_of_a_data_loader_with_worker_processes_are_steps(profiler: CodeProfiler, workers: int) -> None:
    # Named outright, because Python's default differs between its versions.
    context = "fork" if workers and sys.platform == "linux" else None
    loader = DataLoader(Pages(), batch_size=3, num_workers=workers, multiprocessing_context=context)
    seen = []
    for batch in profiler.profile_steps(loader):
        work(profiler, "forward_pass")
        seen.extend(batch["input_ids"][:, 0].tolist())
    assert seen == list(range(7))
    assert counts_of(profiler) == {"training_step": 3, "load_batch": 3, "forward_pass": 3}
    steps = steps_of(profiler)
    assert all(sum(step.phases.values()) == step.total for step in steps)
    seconds = sum(step.total for step in steps) * 1e-9
    assert view_of(profiler)["samples_per_second"] == pytest.approx(7 / seconds)
    assert profiler._recorder.loader == {"workers": workers}


class OddShape:
    """Something whose shape is no shape."""

    def __init__(self, shape: object) -> None:
        self.shape = shape


class RefusesToTell:
    """Something that raises when it is asked."""

    @property
    def shape(self) -> object:
        raise RuntimeError("not yet")


@pytest.mark.parametrize(
    ("batch", "samples"),
    [
        (torch.zeros(4, 7), 4),
        (torch.tensor(1.0), 1),
        ({"input_ids": torch.zeros(5, 2), "labels": torch.zeros(5)}, 5),
        (UserDict(input_ids=torch.zeros(6, 2)), 6),
        ((torch.zeros(3, 2), torch.zeros(3)), 3),
        ([torch.zeros(3, 2), torch.zeros(3)], 3),
        (["a", "b"], 2),
        ({"pages": ["a", "b"]}, 2),
        ({}, 0),
        ([], 0),
        (None, 0),
        ("text", 0),
        (OddShape(3), 0),
        (OddShape(("?",)), 0),
        (OddShape(lambda: (3,)), 0),
        (RefusesToTell(), 0),
        ([RefusesToTell()], 0),
    ],
)
def test_samples_of_a_batch_are_found_or_none(batch: object, samples: int) -> None:
    assert samples_in(batch) == samples


def test_a_batch_that_nobody_understands_does_not_stop_the_training(profiler: CodeProfiler) -> None:
    batches = [OddShape(3), RefusesToTell()]
    assert list(profiler.profile_steps(batches)) == batches
    assert view_of(profiler)["steps"] == 2


def test_marks_of_a_step_that_is_forgotten_are_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    open_ranges: list[str] = []
    # Stands in for NVIDIA's library, which needs a GPU.
    nvtx = types.SimpleNamespace(range_push=open_ranges.append, range_pop=open_ranges.pop)
    monkeypatch.setattr(torch.cuda, "nvtx", nvtx)
    profiler = CodeProfiler(ProfilingConfig(annotate_nvtx=True))
    for _ in profiler.profile_steps([[1], [2]]):
        assert open_ranges == ["training_step"]
        with profiler.profile_operation("forward_pass", "training_loop"):
            assert open_ranges == ["training_step", "forward_pass"]
    assert open_ranges == []


def test_a_clock_that_is_told_of_parts_outside_of_steps_times_nothing(profiler: CodeProfiler) -> None:
    clock = StepClock(profiler)
    clock.begin_part("forward_pass", "training_loop")
    clock.end_part()
    clock.end_step(5)
    assert profiler.statistics() == []
    clock.begin_step()
    clock.begin_step()
    clock.begin_part("forward_pass", "training_loop")
    clock.end_step(5)
    assert counts_of(profiler) == {"training_step": 1, "load_batch": 1, "forward_pass": 1}


def test_loading_a_data_set_before_the_first_step_is_no_stall_of_it(profiler: CodeProfiler) -> None:
    started = time.perf_counter_ns()
    profiler.add_span("load_dataset", "data_loading", started - 10**10, started)
    for _ in profiler.profile_steps([1, 2]):
        pass
    view = profiler.training_view()
    assert view is not None and view["mean_step_seconds"] < 5
