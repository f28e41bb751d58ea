"""Real trainings with a planted bottleneck get the right recommendation and no other; healthy ones get none."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch.utils.tensorboard import SummaryWriter

import seo_engine
from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.profiling import CodeProfiler
from seo_engine.profiling import profiler as profiler_module
from seo_engine.profiling.machine.counters import CHILDREN_CPU, CPU, SYSTEM_CPU, Counters
from seo_engine.profiling.reports.advice.recommendation import Recommendation
from tests.profiling.reports import planted_trainings as planted


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiler_module, "usable_processors", lambda: 2)


@pytest.fixture
def planted_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only planted work take time."""
    clock = planted.PlantedClock(sleeps=False)
    monkeypatch.setattr(planted, "planted_clock", clock)
    for module in planted.READERS_OF_THE_CLOCK:
        monkeypatch.setattr(module, "now", clock)


def recommendations_of(training: Callable[[CodeProfiler], None]) -> list[Recommendation]:
    """Return what a training is recommended."""
    profiler = CodeProfiler()
    training(profiler)
    return profiler.recommendations()


def found_on_the_real_clock(training: Callable[[CodeProfiler], None], subject: str) -> list[Recommendation]:
    """Return those of one subject; what else is found depends on how busy the machine is."""
    return [each for each in recommendations_of(training) if each["subject"] == subject]


def recommendations_of_process(training: Callable[[CodeProfiler], None]) -> list[Recommendation]:
    """Return those of a training in a process of its own; in this one, other tests free memory meanwhile."""
    repository = Path(__file__).parents[3]
    # Where this package is, in whatever way it was found.
    path = os.pathsep.join([str(Path(seo_engine.__file__).parents[1]), str(repository)])
    finished = subprocess.run(
        [sys.executable, "-m", planted.__name__, training.__name__],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    recommendations: list[Recommendation] = json.loads(finished.stdout)
    return recommendations


@pytest.mark.usefixtures("planted_time")
@pytest.mark.parametrize(
    "training",
    [
        planted.healthy,
        planted.healthy_with_a_slow_first_step,
        planted.healthy_of_three_steps,
        planted.healthy_with_evaluation_between_epochs,
        planted.healthy_with_evaluation_between_steps,
        planted.healthy_in_plain_regions,
        planted.healthy_and_short,
        planted.without_training_steps,
        planted.healthy_with_accumulated_gradients,
        planted.healthy_that_evaluates_within_its_steps_now_and_then,
        planted.healthy_that_saves_now_and_then,
        planted.healthy_with_validation_loops,
        planted.healthy_whose_loops_are_left_early,
        planted.healthy_with_a_region_for_each_layer,
        planted.healthy_with_a_test_at_its_end,
    ],
    ids=lambda training: training.__name__,
)
def test_a_healthy_training_gets_no_recommendation(training: Any) -> None:
    assert recommendations_of(training) == []


@pytest.mark.parametrize(
    "training",
    [
        planted.healthy_that_loads_its_model_first,
        planted.healthy_that_frees_in_backward_what_forward_keeps,
    ],
    ids=lambda training: training.__name__,
)
def test_a_training_whose_memory_is_as_it_should_be_gets_no_recommendation(training: Any) -> None:
    assert recommendations_of_process(training) == []


@pytest.fixture
def machine_load(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Say how busy the processors are, whatever they do for others meanwhile."""

    def set_load(machine: float, process: float, workers: float) -> None:
        load = {SYSTEM_CPU: machine, CPU: process, CHILDREN_CPU: workers}
        monkeypatch.setattr(Counters, "read", lambda counters: counters.add(load))

    return set_load


@pytest.mark.usefixtures("planted_time")
@pytest.mark.parametrize(
    "training, subject, advice",
    [
        (planted.evaluations_that_take_most_of_the_time, "evaluation", "run evaluate less often"),
        (planted.evaluations_within_the_steps, "evaluation", "run validate less often"),
        (planted.checkpoints_that_take_long, "checkpoints", "run save_checkpoint less often"),
        (planted.tokenizing_within_the_steps, "other_work", "shorten tokenize, or move it out of the step"),
        (planted.steps_without_regions, "other_work", "see what it is: put profile_operation around the parts"),
        (
            planted.costly_steps_beside_slightly_slow_ones,
            "step_outliers",
            "look at what happens in plot at",
        ),
        (planted.names_made_in_a_loop, "names", "give these regions one name, such as step"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_planted_cause_is_found_and_nothing_else(training: Any, subject: str, advice: str) -> None:
    (recommendation,) = recommendations_of(training)
    assert recommendation["subject"] == subject and recommendation["advice"].startswith(advice)


@pytest.mark.usefixtures("planted_time")
@pytest.mark.parametrize(
    "load, advice",
    [
        ((10, 5, 0), "try num_workers=2"),
        # Beside others, a loader that waits may still have workers; one that computes may not.
        ((100, 5, 0), "try num_workers=2"),
        ((100, 100, 0), "more workers will not help, because the processors are busy"),
    ],
)
@pytest.mark.parametrize("training", [planted.slow_loader_without_workers, planted.slow_loader_behind_a_progress_bar])
def test_workers_are_advised_where_processors_are_left_for_them(
    training: Any, load: tuple[float, ...], advice: str, machine_load: Callable[..., None]
) -> None:
    machine_load(*load)
    (recommendation,) = recommendations_of(training)
    assert recommendation["advice"].startswith(advice)


@pytest.mark.usefixtures("planted_time")
@pytest.mark.parametrize(
    "training, advice, evidence",
    [
        (planted.slow_iterator, "load the next batch in the background", "of the training steps"),
        (planted.slow_loading_in_plain_regions, "load the next batch in the background", "of the time, 30 loads"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_slow_loading_is_found_and_nothing_else(training: Any, advice: str, evidence: str) -> None:
    (recommendation,) = recommendations_of(training)
    assert recommendation["subject"] == "data_loading"
    assert recommendation["advice"].startswith(advice) and recommendation["evidence"].endswith(evidence)


@pytest.mark.parametrize(
    "load, advice",
    [((10, 5, 5), "try num_workers="), ((100, 5, 195), "more workers will not help, because the processors are busy")],
)
def test_a_loader_whose_workers_are_too_slow_gets_more_where_that_helps(
    load: tuple[float, ...], advice: str, machine_load: Callable[..., None]
) -> None:
    machine_load(*load)
    (recommendation,) = found_on_the_real_clock(planted.slow_loader_with_two_workers, "data_loading")
    assert recommendation["advice"].startswith(advice)
    assert recommendation["evidence"].endswith(f"with 2 workers on 2 processors, which are {load[0]} % busy")


def test_a_summary_writer_that_is_flushed_within_the_steps_is_found(tmp_path: Path) -> None:
    def training(profiler: CodeProfiler) -> None:
        def log(number: int) -> None:
            for name in range(300):
                with profiler.profile_operation("add_scalar", "experiment_tracking"):
                    writer.add_scalar(f"loss/{name}", 1.0, number)
                    writer.flush()

        planted.train(profiler, planted.loader(), log)

    with SummaryWriter(str(tmp_path)) as writer:
        (recommendation,) = found_on_the_real_clock(training, "logging")
    assert recommendation["advice"].startswith("log through ExperimentTracker with asynchronous_logging=True")
    assert "most of it in add_scalar: " in recommendation["evidence"]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_an_experiment_tracker_is_found_where_it_delivers_within_the_steps(asynchronous: bool, tmp_path: Path) -> None:
    names = [f"loss {number}" for number in range(40)]

    def training(profiler: CodeProfiler) -> None:
        config = TrackingConfig(
            tensorboard_log_dir=str(tmp_path), asynchronous_logging=asynchronous, wandb_logging=False
        )
        config.__dict__["_code_profiler"] = profiler
        with ExperimentTracker(config) as tracker:

            def log(number: int) -> None:
                for part in range(1 if asynchronous else 30):
                    tracker.log_training_metrics(number, 1000 * number + part, dict.fromkeys(names, 0.5))

            planted.train(profiler, planted.loader(), log)

    if asynchronous:
        # What the tracker does in the background takes longer than its calls, but no step waits for it. The calls may
        # be blamed: on a busy machine, one that waits for a processor takes more than a percent of these steps.
        for each in found_on_the_real_clock(training, "logging"):
            assert each["advice"] == "log every few steps" and "most of it in log_training_step: " in each["evidence"]
        return
    (recommendation,) = found_on_the_real_clock(training, "logging")
    assert recommendation["advice"].startswith("log through ExperimentTracker with asynchronous_logging=True")
    assert re.search("most of it in (unified_delivery|tensorboard_training_logging): ", recommendation["evidence"])


@pytest.mark.usefixtures("planted_time")
def test_steps_that_take_longer_now_and_then_are_found_and_nothing_else() -> None:
    (recommendation,) = recommendations_of(planted.slow_steps_now_and_then)
    assert recommendation["subject"] == "step_outliers"
    assert recommendation["advice"].startswith("look at what happens in optimizer at these steps: ")
    assert set(re.findall(r"\d+", recommendation["advice"])) == {"20", "40", "60"}
    assert "3 steps took more than twice the median" in recommendation["evidence"]


@pytest.mark.usefixtures("planted_time")
def test_regions_that_are_too_small_are_found_and_nothing_else() -> None:
    (recommendation,) = recommendations_of(planted.regions_that_are_too_small)
    assert recommendation["subject"] == "profiling"
    assert recommendation["advice"] == "profile the loop around token instead of each call of it"
    assert f"token ran {450_000:,} times" in recommendation["evidence"]


@pytest.mark.parametrize(
    "training, culprit",
    # What is kept in one part of a step may appear in another one; only a step of one part is certain of it.
    [(planted.losses_collected_with_their_graphs, "forward_pass"), (planted.buffers_in_a_list, "training_step")],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_memory_that_an_operation_keeps_is_found_and_nothing_else(training: Any, culprit: str) -> None:
    (recommendation,) = recommendations_of_process(training)
    assert recommendation["advice"].startswith(f"look for what {culprit} keeps at each run")
    assert re.search(rf"in (2\d|30) of (2\d|30) runs of {culprit}, by [3-9]\.\d MB a run", recommendation["evidence"])


def test_memory_that_is_kept_outside_of_any_region_is_found_and_nothing_else() -> None:
    (recommendation,) = recommendations_of_process(planted.leak_outside_of_any_region)
    assert recommendation["advice"].startswith("profile the parts of the step with measure_memory=True")
    assert recommendation["evidence"].startswith("process memory grew from ")
