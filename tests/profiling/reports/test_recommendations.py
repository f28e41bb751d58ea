"""Each rule on plain data: at and below its threshold, with the numbers of the data, and never an error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seo_engine.profiling.configuration import ProfilingConfig
from seo_engine.profiling.reports.advice.recommendation import Recommendation
from seo_engine.profiling.reports.measurements import Measurements
from seo_engine.profiling.reports.recommendations import recommend
from seo_engine.profiling.statistics.operation_statistics import (
    GPU_ALLOCATED,
    PROCESS,
    MemoryChange,
    OperationStatistics,
)
from seo_engine.profiling.statistics.operations import Measures, Operation
from seo_engine.profiling.statistics.training_view import OutlierStep, Share, TrainingView

SECOND = 10**9


def training(**numbers: Any) -> TrainingView:
    view = {
        "steps": 100,
        "batches": 100,
        "steps_per_second": 10.0,
        "samples_per_second": None,
        "mean_step_seconds": 0.1,
        "p50_step_seconds": 0.1,
        "p99_step_seconds": 0.1,
        "data_loading_percent": 0.0,
        "forward_percent": 60.0,
        "backward_percent": 40.0,
        "optimizer_percent": 0.0,
        "logging_percent": 0.0,
        "other_percent": 0.0,
        "mean_uncovered_seconds": 0.0,
        "outlier_steps": 0,
        "outlier_percent": 0.0,
        "outliers": [],
    }
    return TrainingView(**view | numbers)  # type: ignore[typeddict-item]


def operation(name: str, category: str, runs: int, nanoseconds: int) -> OperationStatistics:
    statistics = OperationStatistics(name, category)
    statistics.add([nanoseconds] * runs, own_time=runs * nanoseconds)
    return statistics


def found(**what: Any) -> list[Recommendation]:
    healthy: dict[str, Any] = {
        "operations": [],
        "training": None,
        "phase_percent": {},
        "slowest_logging": None,
        "steps_between": (0, 1_000),
        "loader": None,
        "counters": {},
        "wall_seconds": 10.0,
        "counting_seconds": 0.0,
        "processors": 4,
        "thresholds": ProfilingConfig().bottleneck_thresholds,
    }
    return recommend(Measurements(**healthy | what))


def test_nothing_measured_and_a_healthy_training_get_none() -> None:
    assert found() == found(training=training(), phase_percent={"forward": 60.0, "backward": 40.0}) == []


@pytest.mark.parametrize(
    "workers, processors, advice, evidence",
    [
        (0, 4, "try num_workers=2", ", and the loader has 0 workers on 4 processors"),
        (0, 1, "try num_workers=1", ", and the loader has 0 workers on 1 processor"),
        (1, 4, "try num_workers=2", ", with 1 worker on 4 processors"),
        (3, 4, "try num_workers=4", ", with 3 workers on 4 processors"),
        (4, 4, "do less for each sample", ", with 4 workers on 4 processors"),
        (8, 4, "do less for each sample", ", with 8 workers on 4 processors"),
        (None, 4, "load the next batch in the background", ""),
    ],
)
def test_slow_loading_is_told_with_the_workers_there_are(
    workers: int | None, processors: int, advice: str, evidence: str
) -> None:
    (recommendation,) = found(
        training=training(),
        phase_percent={"data_loading": 38.0},
        loader={"workers": workers},
        processors=processors,
    )
    assert recommendation["subject"] == "data_loading" and recommendation["advice"].startswith(advice)
    assert recommendation["evidence"] == "data loading takes 38 % of the training steps" + evidence


def load(machine: float, process: float, workers: float, samples: int = 5) -> dict[str, list[tuple[int, float]]]:
    percent = {
        "system_cpu_usage_percent": machine,
        "cpu_usage_percent": process,
        "children_cpu_usage_percent": workers,
    }
    return {name: [(100 * number, value) for number in range(1, samples + 1)] for name, value in percent.items()}


@pytest.mark.parametrize(
    "workers, share, counters, advice",
    [
        # The workers wait: as many as the model needs, however few processors there are.
        (2, 90.0, load(5, 5, 5), "try num_workers=20"),
        (8, 50.0, load(5, 5, 5), "try num_workers=16"),
        (2, 99.9, load(5, 5, 5), "try num_workers=32"),
        (0, 50.0, load(5, 5, 0), "try num_workers=2"),
        (0, 90.0, load(5, 5, 0), "try num_workers=9"),
        # They compute: no more than there are processors for.
        (2, 90.0, load(50, 5, 195), "try num_workers=4"),
        (4, 50.0, load(100, 5, 395), "more workers will not help, because the processors are busy"),
        (0, 50.0, load(100, 380, 0), "more workers will not help, because the processors are busy"),
        # Others keep them busy: those that wait may have more workers, those that compute may not.
        (4, 50.0, load(100, 5, 195), "more workers will not help, because the processors are busy"),
        (2, 90.0, load(100, 5, 5), "try num_workers=20"),
        # As many as may be, and it still waits.
        (32, 90.0, load(5, 5, 5), "do less for each sample"),
        # Workers that have only started say nothing.
        (2, 90.0, load(100, 5, 395, samples=1), "try num_workers=4"),
        (4, 90.0, load(100, 5, 395, samples=1), "do less for each sample"),
        # Without their processor time, all of the load is theirs.
        (2, 90.0, {"system_cpu_usage_percent": [(100, 98.0), (200, 98.0)]}, "more workers will not help"),
    ],
)
def test_workers_are_as_many_as_pay(workers: int, share: float, counters: dict[str, Any], advice: str) -> None:
    (recommendation,) = found(
        training=training(), phase_percent={"data_loading": share}, loader={"workers": workers}, counters=counters
    )
    assert recommendation["advice"].startswith(advice)


def test_a_worker_is_advised_only_where_it_saves_more_than_it_costs() -> None:
    for share, step_seconds, advice in (
        (7.0, 0.008, None),
        (45.0, 0.002, "do less for each sample"),
        (45.0, 0.02, "try num_workers=2"),
    ):
        recommendations = found(
            training=training(mean_step_seconds=step_seconds),
            phase_percent={"data_loading": share},
            loader={"workers": 0},
        )
        assert [each["advice"].startswith(str(advice)) for each in recommendations] == [True] * (advice is not None)


def test_loading_is_slow_from_the_threshold_of_the_configuration_on() -> None:
    for percent, thresholds, told in (
        (5.0, {"default": 2.0, "data_loading": 5.0}, True),
        (4.99, {"default": 2.0, "data_loading": 5.0}, False),
        (4.99, {"default": 2.0}, True),
        (1.99, {}, False),
        (50.0, {"data_loading": 51.0}, False),
        # From nothing on: still not where there is nothing.
        (0.01, {"data_loading": 0.0}, True),
        (0.0, {"data_loading": 0.0}, False),
    ):
        shares = {"data_loading": percent}
        assert bool(found(training=training(), phase_percent=shares, thresholds=thresholds)) is told, (percent, told)


def test_few_steps_say_nothing_of_loading_and_logging() -> None:
    shares = {"data_loading": 50.0, "logging": 50.0}
    slowest = operation("add_scalar", "experiment_tracking", 7, SECOND)
    assert found(training=training(steps=7), phase_percent=shares, slowest_logging=slowest) == []
    assert len(found(training=training(steps=8), phase_percent=shares, slowest_logging=slowest)) == 2


def test_without_steps_loading_is_slow_by_its_share_of_the_time_the_slowest_load_left_out() -> None:
    loads = operation("load_batch", "data_loading", 10, SECOND // 10)
    loads.add([5 * SECOND], own_time=5 * SECOND)
    model = operation("forward_pass", "training_loop", 10, SECOND // 10)
    (recommendation,) = found(operations=[loads, model], wall_seconds=10.0)
    assert recommendation["evidence"] == "data loading takes 10 % of the time, 11 loads"
    assert found(operations=[loads, model], wall_seconds=20.01) == []
    assert found(operations=[operation("load_batch", "data_loading", 7, SECOND), model], wall_seconds=10.0) == []
    assert found(operations=[loads, model], wall_seconds=0.0) == []


def test_loading_is_no_wait_where_no_model_waits_or_a_thread_does_it_beside_the_model() -> None:
    loads = operation("load_batch", "data_loading", 10, SECOND)
    assert found(operations=[loads], wall_seconds=11.0) == []
    assert found(operations=[loads, operation("forward_pass", "training_loop", 10, SECOND)], wall_seconds=11.0) == []
    assert (
        len(found(operations=[loads, operation("forward_pass", "training_loop", 10, SECOND)], wall_seconds=21.0)) == 1
    )


@pytest.mark.parametrize(
    "name, advice",
    [
        ("add_scalar", "log through ExperimentTracker with asynchronous_logging=True"),
        ("unified_delivery", "log through ExperimentTracker with asynchronous_logging=True"),
        # It is what is used already.
        ("unified_training_logging", "log every few steps"),
    ],
)
def test_slow_logging_names_the_slowest_operation_within_the_steps(name: str, advice: str) -> None:
    slowest = operation(name, "experiment_tracking", 200, 4_000_000)
    (recommendation,) = found(training=training(), phase_percent={"logging": 1.04}, slowest_logging=slowest)
    assert recommendation["subject"] == "logging" and recommendation["advice"].startswith(advice)
    assert recommendation["evidence"] == (
        f"logging takes 1.0 % of the training steps, most of it in {name}: 200 calls, median 4 ms"
    )
    assert found(training=training(), phase_percent={"logging": 0.99}, slowest_logging=slowest) == []


def test_a_threshold_of_nothing_for_logging_needs_logging() -> None:
    assert found(training=training(), thresholds={"experiment_tracking": 0.0}) == []
    assert found(training=training(), phase_percent={"logging": 3.0}) == []


def keeping(kind: str = PROCESS, **changed: int) -> OperationStatistics:
    change = {"readings": 10, "growths": 6, "total": 60_000_000, "first_level": 10**8, "last_level": 160_000_000}
    statistics = operation("collect", "training_loop", 10, SECOND // 100)
    statistics.memory[kind] = MemoryChange(**change | changed)
    return statistics


def test_an_operation_that_keeps_memory_is_named_with_its_numbers() -> None:
    outer = operation("epoch", "training_loop", 10, SECOND)
    outer.memory[PROCESS] = keeping().memory[PROCESS]
    (recommendation,) = found(operations=[outer, keeping()])
    # The process may grow in one operation because another one took the room that it used before.
    assert recommendation["subject"] == "memory_growth"
    assert recommendation["advice"].startswith("look for what epoch keeps at each run")
    assert recommendation["advice"].endswith("is not certain, though the memory appears in collect")
    assert recommendation["evidence"] == (
        "process memory grew in 6 of 10 runs of epoch, by 6.0 MB a run, and by 60 MB from the first to the last"
    )
    (recommendation,) = found(operations=[keeping()])
    assert recommendation["advice"].startswith("look for what is kept in collect or between its runs")
    (recommendation,) = found(operations=[keeping()], wall_seconds=0.102)
    assert recommendation["advice"].startswith("look for what collect keeps at each run")
    # Torch counts exactly what each operation keeps on the GPU.
    outer.memory[GPU_ALLOCATED] = keeping().memory[PROCESS]
    (recommendation,) = found(operations=[outer, keeping(GPU_ALLOCATED)])
    assert recommendation["advice"].startswith("look for what collect keeps at each run")
    (recommendation,) = found(operations=[keeping(GPU_ALLOCATED)])
    assert recommendation["evidence"].startswith("GPU memory grew in 6 of 10 runs of collect")


@pytest.mark.parametrize(
    "changed",
    [
        {"readings": 9, "growths": 9},
        {"growths": 5},
        {"last_level": 149_000_000},
        # Given back between the runs, but for a part.
        {"total": 121_000_000},
        # Little beside what there was.
        {"first_level": 2_000_000_000, "last_level": 2_060_000_000},
    ],
)
def test_memory_that_is_given_back_or_little_is_no_growth(changed: dict[str, int]) -> None:
    assert found(operations=[keeping(**changed)]) == []


def levels(*megabytes: float) -> dict[str, list[tuple[int, float]]]:
    return {"memory_usage_mb": [(number * SECOND, level) for number, level in enumerate(megabytes)]}


def test_a_process_that_grows_in_each_quarter_is_told_with_its_levels() -> None:
    (recommendation,) = found(counters=levels(*range(100, 300, 2)))
    assert recommendation["subject"] == "memory_growth"
    # The first fifth is left out.
    assert recommendation["evidence"] == (
        "process memory grew from 140 to 260 MB in 79 s, from each quarter of that time to the next"
    )


@pytest.mark.parametrize(
    "megabytes",
    [
        pytest.param([100 + 5 * number for number in range(24)], id="too few"),
        pytest.param([100 + 1.6 * number for number in range(100)], id="too little"),
        pytest.param([5000 + 3 * number for number in range(100)], id="little beside what there was"),
        pytest.param([100] * 30 + [1000] * 70, id="a step"),
        pytest.param([100 + 20 * min(number, 40) for number in range(100)], id="loading, then work"),
        pytest.param([100 + 400 * (number % 2) for number in range(100)], id="up and down"),
        pytest.param([400 - 2 * number for number in range(100)], id="shrinks"),
    ],
)
def test_memory_that_does_not_grow_all_the_time_is_no_trend(megabytes: list[float]) -> None:
    assert found(counters=levels(*megabytes)) == []


def test_the_operation_that_keeps_the_memory_is_told_instead_of_the_trend() -> None:
    (recommendation,) = found(counters=levels(*range(100, 300, 2)), operations=[keeping()])
    assert "runs of collect" in recommendation["evidence"]


def gpu(*percent: float) -> dict[str, list[tuple[int, float]]]:
    return {"gpu_utilization_percent": [(number, each) for number, each in enumerate(percent)]}


def test_an_idle_gpu_is_told_with_what_it_waits_for() -> None:
    (recommendation,) = found(
        training=training(), phase_percent={"other": 25.0}, others=[share("tokenize", 25.0)], counters=gpu(20, 30, 40)
    )
    assert recommendation["subject"] == "other_work" and recommendation["advice"].startswith("shorten tokenize")
    (recommendation,) = found(training=training(), phase_percent={"other": 19.0}, counters=gpu(20, 30, 40))
    assert recommendation["subject"] == "gpu_idle" and "larger batch" in recommendation["advice"]
    assert recommendation["evidence"] == (
        "the GPU works 30 % of the time (3 readings), and no part of the step except the model takes long"
    )
    for counters in (gpu(50, 50, 50), gpu(0, 0), {"memory_usage_mb": [(0, 1.0)] * 9}, {"cpu_utilization_percent": []}):
        assert found(training=training(), counters=counters) == []
    assert found(training=training(steps=7), counters=gpu(0, 0, 0)) == found(counters=gpu(0, 0, 0)) == []


def test_the_gpu_counts_while_the_steps_run_and_one_of_several_suffices() -> None:
    counters = gpu(0, 0, 0, 90, 90, 90)
    assert found(training=training(), counters=counters, steps_between=(3, 6)) == []
    assert len(found(training=training(), counters=counters, steps_between=(0, 6))) == 1
    several = {f"gpu_{number}_utilization_percent": [(0, used)] * 3 for number, used in enumerate((0.0, 97.0))}
    assert found(training=training(), counters=several) == []


def test_a_gpu_that_waits_for_slow_loading_is_told_by_that_alone() -> None:
    (recommendation,) = found(training=training(), phase_percent={"data_loading": 60.0}, counters=gpu(0, 0, 0))
    assert recommendation["subject"] == "data_loading"


def share(name: str, percent: float, category: str = "training_loop", runs: int = 5, seconds: float = 1.0) -> Share:
    what = Operation(OperationStatistics(name, category), Measures(), False)
    return Share(what, percent, runs, seconds)


def test_other_work_is_named_or_said_to_be_in_no_region() -> None:
    def told(*others: Share, percent: float = 60.0, **numbers: Any) -> list[tuple[str, str]]:
        given = found(training=training(**numbers), phase_percent={"other": percent}, others=others)
        return [(each["subject"], each["advice"]) for each in given]

    assert told(share("tokenize", 40.0, "preprocessing")) == [
        ("other_work", "shorten tokenize, or move it out of the step, or do it once before the training")
    ]
    assert told(share("gather", 40.0), share("scatter", 20.0)) == [
        ("other_work", "shorten gather, or move it out of the step")
    ]
    ((_, advice),) = told(share("gather", 20.0))
    assert advice.startswith("see what it is: put profile_operation around")
    # Many operations, none of which is worth it.
    assert told(*[share(f"part {number}", 10.0) for number in range(6)]) == []
    assert told(percent=24.9) == []
    # So short that the profiler itself is seen.
    assert told(mean_step_seconds=0.0015) == []
    assert told(steps=7) == []


@pytest.mark.parametrize(
    "interruptions, subjects",
    [
        ([share("evaluate", 31.0, "model_inference")], ["evaluation"]),
        ([share("evaluate", 29.0, "model_inference")], []),
        ([share("evaluate", 16.0, "model_inference"), share("test", 16.0, "model_inference")], ["evaluation"]),
        ([share("evaluate", 90.0, "model_inference", runs=1)], []),
        ([share("save_checkpoint", 11.0)], ["checkpoints"]),
        ([share("save_checkpoint", 9.0), share("evaluate", 25.0, "model_inference")], []),
        ([share("save_checkpoint", 20.0), share("evaluate", 50.0, "model_inference")], ["evaluation", "checkpoints"]),
    ],
)
def test_evaluations_and_checkpoints_are_told_when_their_share_is_worth_it(
    interruptions: list[Share], subjects: list[str]
) -> None:
    recommendations = found(training=training(), interruptions=interruptions)
    assert [each["subject"] for each in recommendations] == subjects
    assert found(training=training(steps=7), interruptions=interruptions) == []


def test_names_made_in_a_loop_are_said_as_such() -> None:
    (recommendation,) = found(
        operations=[operation(f"step_{number}", "training_loop", 1, SECOND) for number in range(20)]
    )
    assert recommendation["subject"] == "names"
    assert recommendation["advice"].startswith("give these regions one name, such as step, so that")
    assert recommendation["evidence"] == ("20 operations are called step_<number>, such as step_0, and each ran once")
    for names, runs in (
        ([f"step_{number}" for number in range(19)], 1),
        ([f"layer_{number}" for number in range(100)], 50),
        ([f"{chr(97 + number)}_1" for number in range(25)], 1),
    ):
        assert found(operations=[operation(name, "training_loop", runs, SECOND) for name in names]) == []


def outlier(step: int, phase: str, seconds: float, name: str | None = None) -> OutlierStep:
    return {
        "step": step,
        "seconds": seconds,
        "median_seconds": 0.1,
        "largest_phase": phase,
        "largest_phase_seconds": seconds / 2,
        "largest_operation": name,
    }


def test_steps_that_stand_out_are_named_where_the_same_part_took_longest() -> None:
    outliers = [
        outlier(60, "optimizer", 1.0),
        outlier(20, "optimizer", 0.9),
        outlier(40, "optimizer", 0.8),
        outlier(7, "data_loading", 0.5),
    ]
    numbers = {"outlier_steps": 4, "outlier_percent": 5.0, "outliers": outliers}
    (recommendation,) = found(training=training(**numbers))
    assert recommendation["subject"] == "step_outliers"
    assert recommendation["advice"] == "look at what happens in optimizer at these steps: 20, 40, 60"
    assert recommendation["evidence"] == (
        "4 steps took more than twice the median (100 ms) and cost 5 % of the time; the slowest, step 60, took 1 s, "
        "500 ms of it in optimizer"
    )
    assert found(training=training(**numbers | {"outlier_percent": 4.99})) == []
    assert found(training=training(**numbers | {"outliers": []})) == []
    # Many that are slightly slow weigh less than few that are very slow.
    slightly = [outlier(number, "forward", 0.21) for number in range(7)]
    assert len(found(training=training(**numbers | {"outliers": [*slightly, *outliers]}))) == 1
    very = [outlier(number, "forward", 3.0) for number in range(2)]
    assert found(training=training(**numbers | {"outliers": [*very, *outliers]})) == []
    # What is in no known part has the name of its operation.
    for name, words in (("plot", "plot"), (None, "code that no region covers")):
        others = [outlier(number, "other", 1.0, name) for number in (2, 4, 6)]
        (recommendation,) = found(training=training(**numbers | {"outliers": others}))
        assert f"look at what happens in {words} at these steps: 2, 4, 6" in recommendation["advice"]
    # Two alike, and others, may be chance.
    assert found(training=training(**numbers | {"outliers": outliers[1:]})) == []
    assert found(training=training(**numbers | {"steps": 7})) == []


def test_steps_that_wait_for_a_slow_loader_are_told_once() -> None:
    numbers = {"outlier_steps": 50, "outlier_percent": 40.0, "outliers": [outlier(4, "data_loading", 1.0)] * 3}
    for percent, subject in ((40.0, "data_loading"), (4.0, "step_outliers")):
        (recommendation,) = found(training=training(**numbers), phase_percent={"data_loading": percent})
        assert recommendation["subject"] == subject


def test_regions_that_are_too_small_are_told_where_counting_them_takes_time() -> None:
    tiny, long = operation("token", "preprocessing", 10_000, 4_999), operation("step", "training_loop", 100, 10**7)
    (recommendation,) = found(operations=[tiny, long], counting_seconds=0.2)
    assert recommendation["subject"] == "profiling"
    assert recommendation["advice"] == "profile the loop around token instead of each call of it"
    assert recommendation["evidence"] == (
        "counting regions took 2.0 % of the time, and token ran 10,000 times with a mean of 5 µs"
    )
    for operations, counting, wall in (
        ([tiny, long], 0.1, 10.0),
        ([tiny, long], 0.2, 0.0),
        ([operation("token", "preprocessing", 10_000, 5_000), long], 0.2, 10.0),
        ([operation("token", "preprocessing", 9_999, 100), long], 0.2, 10.0),
        # Most of the counting is for others, which are worth it.
        ([tiny, operation("step", "training_loop", 20_000, 10**7)], 0.2, 10.0),
    ):
        assert found(operations=operations, counting_seconds=counting, wall_seconds=wall) == []


numbers = st.floats(allow_nan=True, allow_infinity=True) | st.sampled_from([0.0, 1e300, 5.0, 2.0, 1.0, 50.0])
integers = st.integers(0, 2**63) | st.sampled_from([0, 1, 10_000])
shares = st.dictionaries(st.sampled_from(["data_loading", "logging", "other"]), numbers)


@st.composite
def any_operation(draw: st.DrawFn) -> OperationStatistics:
    category = draw(st.sampled_from(["data_loading", "experiment_tracking", "training_loop"]))
    statistics = OperationStatistics(draw(st.text(max_size=3)), category)
    statistics.add(draw(st.lists(st.integers(0, 2**62), max_size=12)), draw(integers), draw(integers))
    statistics.count += draw(st.sampled_from([0, 20_000]))
    if draw(st.booleans()):
        statistics.memory[draw(st.sampled_from([PROCESS, GPU_ALLOCATED]))] = MemoryChange(
            *draw(st.tuples(integers, integers, st.integers(-(2**63), 2**63), integers, integers))
        )
    return statistics


@st.composite
def any_training(draw: st.DrawFn) -> TrainingView:
    outliers = st.builds(outlier, st.integers(), st.sampled_from(["forward", "other", ""]), numbers)
    return training(
        steps=draw(integers),
        outlier_steps=draw(integers),
        outliers=draw(st.lists(outliers, max_size=3)),
        **{name: draw(numbers) for name in training() if name.endswith("percent") and draw(st.booleans())},
    )


@given(
    operations=st.lists(any_operation(), max_size=4),
    view=st.none() | any_training(),
    phase_percent=shares,
    slowest_logging=st.none() | any_operation(),
    steps_between=st.tuples(integers, integers),
    workers=st.none() | st.integers(-1, 10**30),
    counters=st.dictionaries(
        st.sampled_from(["memory_usage_mb", "gpu_utilization_percent", "gpu0_utilization_percent", ""]),
        st.lists(st.tuples(integers, numbers), max_size=40),
    ),
    wall_seconds=numbers,
    counting_seconds=numbers,
    processors=st.integers(1, 10**6),
    thresholds=st.dictionaries(st.sampled_from(["default", "data_loading", "experiment_tracking"]), st.floats(0, 100)),
)
def test_no_numbers_make_a_rule_fail(view: TrainingView | None, workers: int | None, **measured: Any) -> None:
    recommendations = found(training=view, loader={"workers": workers}, **measured)
    subjects = [each["subject"] for each in recommendations]
    assert len(set(subjects)) == len(subjects)
    for each in recommendations:
        assert each["advice"] and each["evidence"] and all(isinstance(text, str) for text in each.values())
