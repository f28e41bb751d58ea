"""Profilers, regions and decorated functions that are copied, pickled and sent to other processes."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seo_engine import SEOConfig, TrackingConfig
from seo_engine.profiling import CodeProfiler, ProfilingConfig, StepClock
from seo_engine.profiling.statistics.operation_statistics import OperationStatistics
from tests.profiling.timed_regions import counts_of, statistics_of

module_profiler = CodeProfiler()


@module_profiler.profile_operation("square", "preprocessing")
def square(number: int) -> int:
    return number * number


class Model:
    """Holds whatever a model may hold of a profiler."""

    def __init__(self, **settings: Any) -> None:
        self.profiler = CodeProfiler(ProfilingConfig(**settings))
        self.region = self.profiler.profile_operation("region", "model_inference")
        self.measured = self.profiler.profile_operation("measured", "model_inference", measure_memory=True)
        self.clock = StepClock(self.profiler)
        self.function = square

    @module_profiler.profile_operation("method", "model_inference")
    def method(self) -> int:
        return 1

    def run(self) -> dict[str, int]:
        with self.region, self.measured, self.profiler.profile_operation("forward_pass"):
            self.function(3)
        return counts_of(self.profiler)


COPIES: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))]


@pytest.mark.parametrize("make_copy", COPIES)
def test_a_copy_in_the_same_process_reports_to_the_same_profiler(make_copy: Callable[[Any], Any]) -> None:
    model = Model()
    model.run()
    copied = make_copy(model)
    assert copied.profiler is model.profiler
    assert copied.run() == {"region": 2, "measured": 2, "forward_pass": 2}
    assert statistics_of(model.profiler)["measured"].memory["process"].readings == 2
    assert copied.function is square and make_copy(model.method)() == 1


@pytest.mark.parametrize("make_copy", COPIES[1:])
def test_a_copy_of_an_open_region_is_a_region_of_its_own(make_copy: Callable[[Any], Any]) -> None:
    model = Model()
    with model.region:
        copied = make_copy(model).region
        assert copied is not model.region
        with copied:
            pass
        copied.__exit__(None, None, None)
    assert counts_of(model.profiler) == {"region": 2}


def test_what_was_pickled_begins_empty_where_its_profiler_is_gone_and_is_one_again() -> None:
    model = Model(trace_spans=7, enable_code_profiling=True)
    model.run()
    model.profiler.enabled = False
    contents, other = pickle.dumps(model), pickle.dumps([model.region, model.profiler])
    del model
    gc.collect()
    restored, (region, profiler) = pickle.loads(contents), pickle.loads(other)
    assert restored.profiler is profiler
    assert (profiler.statistics(), profiler.enabled) == ([], False)
    profiler.enabled = True
    with region:
        assert restored.run() == {"measured": 1, "region": 1, "forward_pass": 1}
    assert counts_of(profiler)["region"] == 2


def test_a_pickled_profiler_holds_no_setting_of_the_tracker() -> None:
    config = TrackingConfig(wandb_project="hidden-project", trace_spans=7)
    contents = pickle.dumps(config.code_profiler)
    assert b"hidden-project" not in contents and b"wandb" not in contents


@pytest.mark.parametrize("make_copy", COPIES)
@pytest.mark.parametrize("make_config", [ProfilingConfig, TrackingConfig, SEOConfig])
def test_a_configuration_with_a_profiler_in_use_is_copied_with_a_profiler_of_its_own(
    make_config: type[ProfilingConfig], make_copy: Callable[[Any], Any]
) -> None:
    config = make_config(trace_spans=7)
    with config.code_profiler.profile_operation("region", "preprocessing"):
        copied = make_copy(config)
    assert copied == config and copied.code_profiler.statistics() == []


def count_in_child(model: Model, results: Any) -> None:
    counts = model.run()
    results.put((counts, square(5), [each.as_dictionary() for each in model.profiler.statistics()]))


def test_a_spawned_worker_gets_an_empty_profiler_that_can_be_merged() -> None:
    context = multiprocessing.get_context("spawn")
    model, results = Model(), context.Queue()
    model.run()
    worker = context.Process(target=count_in_child, args=(model, results))
    worker.start()
    counts, squared, measured = results.get(timeout=60)
    worker.join()
    assert (counts, squared) == ({"region": 1, "measured": 1, "forward_pass": 1}, 25)
    assert counts_of(model.profiler) == {"region": 1, "measured": 1, "forward_pass": 1}
    model.profiler.merge(OperationStatistics.from_dictionary(each) for each in measured)
    assert counts_of(model.profiler) == {"region": 2, "measured": 2, "forward_pass": 2}


SENDING = {
    "cloudpickle": "restored = cloudpickle.loads(cloudpickle.dumps((Model, Model(), local, profiler)))",
    "joblib": (
        "restored = (Model, Model(), local, profiler)\n"
        "import joblib\n"
        "with joblib.parallel_config('loky', n_jobs=2):\n"
        "    assert joblib.Parallel()(joblib.delayed(local)(number) for number in range(4)) == [1, 2, 3, 4]\n"
        "    assert joblib.Parallel()(joblib.delayed(Model().run)() for _ in range(4)) == [1] * 4"
    ),
}


@pytest.mark.parametrize("library", SENDING)
def test_functions_and_classes_of_a_script_are_sent_by_value(library: str, tmp_path: Path) -> None:
    pytest.importorskip(library)
    script = tmp_path / "script.py"
    script.write_text(
        f"""
from seo_engine.profiling import CodeProfiler
profiler = CodeProfiler()

def make():
    @profiler.profile_operation("local", "preprocessing")
    def local(number):
        with profiler.profile_operation("inside", "preprocessing"):
            return number + 1
    return local

local = make()

class Model:
    def __init__(self):
        self.profiler = profiler

    @profiler.profile_operation("run", "model_inference")
    def run(self):
        return local(0)

if __name__ == "__main__":
    import {library}
    {SENDING[library].replace(chr(10), chr(10) + "    ")}
    kind, model, function, same = restored
    assert same is profiler and model.profiler is profiler
    assert (function(1), model.run(), kind().run()) == (2, 1, 1)
    print(sorted((each.name, each.count) for each in profiler.statistics()))
"""
    )
    finished = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert finished.stdout == "[('inside', 3), ('local', 3), ('run', 2)]\n", finished.stderr
