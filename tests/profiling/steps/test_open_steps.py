"""Steps that their loops left open: they end, later epochs are counted, and nothing hangs below them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset
from tqdm import tqdm

from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.statistics.call_tree import CallPath
from tests.profiling.timed_regions import counts_of, own_times_of, paths_of, statistics_of


@pytest.fixture
def profiler() -> CodeProfiler:
    return CodeProfiler()


def bar(batches: Iterable[Any]) -> Any:
    return tqdm(batches, disable=None, file=sys.stderr)


def work(profiler: CodeProfiler, *names: str, category: str = "training_loop") -> None:
    for name in names:
        with profiler.profile_operation(name, category):
            sum(range(100))


def steps_in(profiler: CodeProfiler) -> int:
    view = profiler.training_view()
    return view["steps"] if view is not None else 0


# Each keeps what a notebook or a class keeps of a loop. Whoever calls it holds it.
KEPT = {
    "a progress bar": lambda steps: bar(steps),
    "a progress bar of numbered batches": lambda steps: bar(enumerate(steps)),
    "numbered batches": lambda steps: enumerate(steps),
    "an iterator": lambda steps: iter(steps),
    "several loaders": lambda steps: zip(steps, range(100), strict=False),
}


@pytest.mark.parametrize("keep", KEPT.values(), ids=KEPT)
def test_a_step_that_a_kept_loop_left_ends_and_later_epochs_are_counted(profiler: CodeProfiler, keep: Any) -> None:
    kept = []
    for stop in (3, None, 2, None):
        loop = keep(profiler.profile_steps([[1.0]] * 5))
        kept.append(loop)
        for number, _ in enumerate(loop, start=1):
            work(profiler, "forward_pass", "backward_pass")
            if number == stop:
                break
        work(profiler, "evaluate", category="model_inference")
    for _ in profiler.profile_steps([[1.0]]):
        work(profiler, "backward_pass")
    assert steps_in(profiler) == 3 + 5 + 2 + 5 + 1
    paths = paths_of(profiler.call_tree())
    assert paths["evaluate",] == 4
    assert {path for path in paths if len(path) == 2} == {
        ("training_step", part) for part in ("load_batch", "forward_pass", "backward_pass")
    }
    view = profiler.training_view()
    assert view is not None and view["samples_per_second"] is not None
    assert profiler._recorder.lanes.open_regions() == []


def test_what_came_after_a_step_that_was_left_is_moved_out_of_it_in_every_run(profiler: CodeProfiler) -> None:
    leader, follower = profiler.begin_run(), profiler.begin_run()
    kept = [enumerate(profiler.profile_steps([[1.0]] * 3))]
    for _ in kept[0]:
        work(profiler, "forward_pass")
        break
    with profiler.profile_operation("later", "preprocessing"):
        work(profiler, "within_later")
        time.sleep(0.1)
    kept.clear()
    assert paths_of(follower.call_tree()) == paths_of(leader.call_tree())
    assert ("later", "within_later") in paths_of(follower.call_tree())
    assert follower.profiling_data()["uncovered_seconds"] < 0.05


def test_a_pause_after_a_loop_that_was_left_is_no_part_of_its_last_step(profiler: CodeProfiler) -> None:
    loop = iter(profiler.profile_steps([[1.0]] * 5))
    next(loop)
    work(profiler, "forward_pass")
    left = time.perf_counter_ns()
    work(profiler, "something else")
    with profiler.profile_operation("next cell", "training_loop"):
        work(profiler, "within")
        for _ in profiler.profile_steps([[1.0]] * 2):
            work(profiler, "forward_pass")
    assert paths_of(profiler.call_tree()) == {
        ("training_step",): 1,
        ("training_step", "load_batch"): 1,
        ("training_step", "forward_pass"): 1,
        ("something else",): 1,
        ("next cell",): 1,
        ("next cell", "within"): 1,
        ("next cell", "training_step"): 2,
        ("next cell", "training_step", "load_batch"): 2,
        ("next cell", "training_step", "forward_pass"): 2,
    }
    paths = profiler._aggregation.tree.paths
    first = next(
        span
        for span in profiler._aggregation.newest_spans
        if paths[span[0]] in profiler._aggregation.tree.root.children.values()
        and paths[span[0]].phase is None
        and paths[span[0]].step is not None
    )
    assert first[3] <= left
    statistics = statistics_of(profiler)
    outermost = sum(node["total_seconds"] for node in profiler.call_tree())
    assert own_times_of(profiler) == round(outermost * 1e9)
    assert statistics["training_step"].count == 3


def test_a_step_ends_when_the_region_around_its_loop_is_left(profiler: CodeProfiler) -> None:
    kept = []
    for _ in range(3):
        with profiler.profile_operation("epoch", "training_loop"):
            kept.append(iter(profiler.profile_steps([[1.0, 2.0]] * 5)))
            next(kept[-1])
            work(profiler, "forward_pass")
        work(profiler, "evaluate", category="model_inference")
    assert steps_in(profiler) == 3
    assert paths_of(profiler.call_tree()) == {
        ("epoch",): 3,
        ("epoch", "training_step"): 3,
        ("epoch", "training_step", "load_batch"): 3,
        ("epoch", "training_step", "forward_pass"): 3,
        ("evaluate",): 3,
    }
    kept.clear()
    assert steps_in(profiler) == 3


def test_a_kept_loop_that_goes_on_counts_its_further_steps(profiler: CodeProfiler) -> None:
    loop = iter(profiler.profile_steps([[1.0]] * 4))
    next(loop)
    work(profiler, "forward_pass")
    for _ in profiler.profile_steps([[1.0]] * 2):
        work(profiler, "forward_pass")
    for _ in loop:
        work(profiler, "forward_pass")
    assert steps_in(profiler) == 6 and counts_of(profiler)["forward_pass"] == 6


def test_an_interrupt_ends_the_step_even_if_its_traceback_keeps_the_loop(profiler: CodeProfiler) -> None:
    def cell() -> None:
        numbered = enumerate(profiler.profile_steps([[1.0]] * 5))
        for number, _ in numbered:
            with profiler.profile_operation("forward_pass", "training_loop"):
                if number == 2:
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as interrupt:
        cell()
    work(profiler, "evaluate", category="model_inference")
    for _ in profiler.profile_steps([[1.0]] * 2):
        work(profiler, "forward_pass")
    assert steps_in(profiler) == 5
    assert paths_of(profiler.call_tree())["evaluate",] == 1
    assert interrupt.value is not None


def test_validation_within_a_training_step_is_part_of_it_and_no_training_step(profiler: CodeProfiler) -> None:
    for number, _ in enumerate(profiler.profile_steps([[1.0]] * 4)):
        work(profiler, "forward_pass")
        if number % 2:
            with torch.no_grad():
                for batch in profiler.profile_steps([[1.0, 2.0]] * 3):
                    work(profiler, "forward_pass")
                    if batch is None:
                        break
        work(profiler, "backward_pass", "optimizer_step")
    assert steps_in(profiler) == 4
    paths = paths_of(profiler.call_tree())
    assert paths["training_step", "validation_step"] == 6 and paths["training_step", "optimizer_step"] == 4


def test_validation_between_epochs_is_told_apart_and_keeps_its_loader_to_itself(profiler: CodeProfiler) -> None:
    training, validation = DataLoader([1, 2, 3], num_workers=0), [[1.0]] * 5
    kept = []
    for _ in range(2):
        for _ in profiler.profile_steps(training):
            work(profiler, "forward_pass", "backward_pass")
        with torch.inference_mode():
            loop = enumerate(profiler.profile_steps(validation))
            kept.append(loop)
            for number, _ in loop:
                work(profiler, "forward_pass")
                if number == 2:
                    break
    assert steps_in(profiler) == 6 and counts_of(profiler)["validation_step"] == 5
    # The last one is still open, as far as anybody knows.
    for _ in profiler.profile_steps(training):
        work(profiler, "forward_pass", "backward_pass")
    assert steps_in(profiler) == 9 and counts_of(profiler)["validation_step"] == 6
    assert profiler._recorder.loader == {"workers": 0}


def test_a_validation_loop_left_open_within_a_step_ends_with_that_step(profiler: CodeProfiler) -> None:
    kept = []
    for _ in profiler.profile_steps([[1.0]] * 3):
        work(profiler, "forward_pass")
        with torch.no_grad():
            kept.append(iter(profiler.profile_steps([[1.0]] * 3)))
            next(kept[-1])
            work(profiler, "forward_pass")
    assert counts_of(profiler) == {"training_step": 3, "validation_step": 3, "load_batch": 6, "forward_pass": 6}
    assert steps_in(profiler) == 3
    outermost = sum(node["total_seconds"] for node in profiler.call_tree())
    assert own_times_of(profiler) == round(outermost * 1e9)


class Stream(IterableDataset[int]):
    """A data set that does not know its length."""

    def __iter__(self) -> Iterator[int]:
        return iter(range(3))


def test_steps_have_a_length_where_the_loader_has(profiler: CodeProfiler) -> None:
    assert len(profiler.profile_steps([1, 2, 3])) == 3  # type: ignore[arg-type]
    assert len(profiler.profile_steps(DataLoader(range(7), batch_size=2))) == 4  # type: ignore[arg-type]
    assert bar(profiler.profile_steps([1, 2, 3])).total == 3
    assert len(profiler.profile_steps(bar([1, 2, 3]))) == 3  # type: ignore[arg-type]
    for unknown in (iter([1, 2, 3]), DataLoader(Stream())):
        steps = profiler.profile_steps(unknown)
        with pytest.raises(TypeError):
            len(steps)  # type: ignore[arg-type]
        assert bar(steps).total is None and len(list(steps)) == 3


def test_each_loop_over_the_same_steps_is_an_epoch_of_its_own(profiler: CodeProfiler) -> None:
    steps = profiler.profile_steps([[1.0]] * 3)
    for _ in range(4):
        for _ in steps:
            work(profiler, "forward_pass")
    assert steps_in(profiler) == 12


def test_steps_that_are_asked_for_one_by_one_go_on_in_a_loop(profiler: CodeProfiler) -> None:
    steps = profiler.profile_steps([1, 2, 3])
    assert [next(steps), *steps] == [1, 2, 3] and list(steps) == [1, 2, 3]
    assert steps_in(profiler) == 6


def test_a_loop_that_is_forgotten_in_the_middle_of_counting_is_counted_by_the_next_report(
    profiler: CodeProfiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Any] = [enumerate(profiler.profile_steps([[1.0]] * 3))]
    for _ in kept[0]:
        work(profiler, "forward_pass")
        break
    counted = CallPath.add_batch

    def forget_the_loop_meanwhile(path: CallPath) -> None:
        # As Python may do wherever it collects garbage.
        kept.clear()
        counted(path)

    monkeypatch.setattr(CallPath, "add_batch", forget_the_loop_meanwhile)
    assert counts_of(profiler)["forward_pass"] == 1
    assert not kept and steps_in(profiler) == 1


def test_what_came_after_a_step_that_was_left_is_in_a_region_too(profiler: CodeProfiler) -> None:
    kept = [enumerate(profiler.profile_steps([[1.0]] * 3))]
    for _ in kept[0]:
        work(profiler, "forward_pass")
        break
    with profiler.profile_operation("later", "preprocessing"):
        time.sleep(0.2)
    kept.clear()
    data = profiler.profiling_data()
    assert data["uncovered_seconds"] < 0.1 < data["total_seconds"]
