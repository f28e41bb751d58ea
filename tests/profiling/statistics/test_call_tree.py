"""The call tree: who called whom, how often, however deep, and in bounded memory."""

from __future__ import annotations

import os
import random
from collections import Counter
from itertools import pairwise
from pathlib import Path

import orjson
import pytest

from seo_engine.profiling import CodeProfiler, aggregation
from seo_engine.profiling.aggregation import MOST_OPERATIONS, OTHERS
from seo_engine.profiling.regions.regions import ProfiledRegion
from seo_engine.profiling.statistics import call_tree
from seo_engine.profiling.statistics.call_tree import MOST_PATHS, CallTreeNode
from seo_engine.profiling.statistics.operation_statistics import OperationStatistics
from tests.profiling.timed_regions import counts_of, own_times_of, paths_of, statistics_of


@pytest.fixture
def profiler() -> CodeProfiler:
    return CodeProfiler()


def enter(profiler: CodeProfiler, names: list[str]) -> list[ProfiledRegion]:
    """Open regions within one another; without recursion, which ends at a thousand."""
    regions = [profiler.profile_operation(name, "training_loop") for name in names]
    for region in regions:
        region.__enter__()
    return regions


def leave(regions: list[ProfiledRegion]) -> None:
    for region in reversed(regions):
        region.__exit__(None, None, None)


def all_nodes(nodes: list[CallTreeNode]) -> list[CallTreeNode]:
    found, waiting = [], list(nodes)
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting.extend(node["children"])
    return found


def test_calls_are_counted_by_their_path(profiler: CodeProfiler) -> None:
    dice = random.Random(3)
    expected: Counter[tuple[str, ...]] = Counter()

    def call(path: tuple[str, ...]) -> None:
        for name in dice.choices("abc", k=dice.randrange(4)):
            expected[*path, name] += 1
            with profiler.profile_operation(name, "training_loop"):
                if len(path) < 5:
                    call((*path, name))
            if dice.random() < 0.05:
                # Asked in the middle of it, with regions open.
                profiler.call_tree()

    for _ in range(300):
        call(())
    tree = profiler.call_tree()
    assert paths_of(tree) == expected
    # Times agree with the statistics, and each path's with those of its children.
    nodes = all_nodes(tree)
    assert sum(round(node["self_seconds"] * 1e9) for node in nodes) == own_times_of(profiler)
    for node in nodes:
        within = sum(round(child["total_seconds"] * 1e9) for child in node["children"])
        assert round(node["self_seconds"] * 1e9) == round(node["total_seconds"] * 1e9) - within
        totals = [child["total_seconds"] for child in node["children"]]
        assert totals == sorted(totals, reverse=True)


def test_one_name_in_two_categories_is_two_operations_of_the_tree(profiler: CodeProfiler) -> None:
    for category in ("data_loading", "preprocessing"):
        with profiler.profile_operation("load", category):
            pass
    assert {(node["operation"], node["category"]) for node in profiler.call_tree()} == {
        ("load", "data_loading"),
        ("load", "preprocessing"),
    }


@pytest.mark.parametrize("asked_while_open", [False, True])
def test_ten_thousand_regions_within_one_another_need_no_recursion(
    profiler: CodeProfiler, tmp_path: Path, asked_while_open: bool
) -> None:
    regions = enter(profiler, ["recursive"] * 10_000)
    if asked_while_open:
        with profiler.profile_operation("leaf", "training_loop"):
            pass
        assert counts_of(profiler) == {"leaf": 1}
        profiler.export_trace(tmp_path / "trace.json")
    leave(regions)
    statistics = statistics_of(profiler)["recursive"]
    assert statistics.count == 10_000 and own_times_of(profiler) == statistics.maximum
    nodes = all_nodes(profiler.call_tree())
    assert sum(node["calls"] for node in nodes if node["operation"] == "recursive") == 10_000
    # JSON's readers and writers recurse: what is written can be read.
    profiler.export_profiling_data(tmp_path / "profile.json")
    read_back = orjson.loads((tmp_path / "profile.json").read_bytes())
    assert (
        sum(node["calls"] for node in all_nodes(read_back["call_tree"]) if node["operation"] == "recursive") == 10_000
    )
    del regions
    assert profiler.statistics()


def test_more_paths_than_are_kept_are_counted_as_if_nobody_had_called(profiler: CodeProfiler) -> None:
    dice, expected = random.Random(5), Counter[str]()
    for _ in range(6_000):
        names = dice.choices("abcdefgh", k=8)
        expected.update(names)
        leave(enter(profiler, names))
    nodes = all_nodes(profiler.call_tree())
    assert MOST_PATHS <= len(nodes) <= MOST_PATHS + 8
    assert counts_of(profiler) == expected
    calls = Counter[str]()
    for node in nodes:
        calls[node["operation"]] += node["calls"]
    assert calls == expected
    assert sum(round(node["self_seconds"] * 1e9) for node in nodes) == own_times_of(profiler)


def test_parts_of_training_steps_stay_so_when_there_are_too_many_paths(
    profiler: CodeProfiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_tree, "MOST_PATHS", 3)
    for name in ("a", "b", "c"):
        leave(enter(profiler, [name]))
    for _ in range(2):
        regions = enter(profiler, ["epoch", "training_step"])
        with profiler.profile_operation("load_batch", "data_loading"):
            pass
        leave(enter(profiler, ["forward_pass"]))
        leave(regions)
    view, statistics = profiler.training_view(), statistics_of(profiler)
    assert view is not None and view["steps"] == 2
    steps = profiler._aggregation.steps.recent
    # The loading within a step is not added to it as if it had been before.
    assert sum(step.total for step in steps) == statistics["training_step"].total
    assert sum(step.phases["data_loading"] for step in steps) == statistics["load_batch"].total
    assert sum(step.phases["forward"] for step in steps) == statistics["forward_pass"].total


def test_parts_of_a_training_step_far_below_it_are_parts_of_it(profiler: CodeProfiler) -> None:
    with profiler.profile_operation("training_step", "training_loop"):
        for deep in (["module"] * 300 + ["load_batch"], ["module"] * 150 + ["forward_pass"] + ["module"] * 300):
            regions = enter(profiler, deep[:-1])
            category = "data_loading" if deep[-1] == "load_batch" else "training_loop"
            with profiler.profile_operation(deep[-1], category):
                pass
            leave(regions)
    statistics = statistics_of(profiler)
    profiler.recent_steps()
    (step,) = profiler._aggregation.steps.recent
    assert step.total == statistics["training_step"].total == sum(step.phases.values())
    assert step.phases["data_loading"] == statistics["load_batch"].total
    assert step.phases["forward"] >= statistics["forward_pass"].self_time


def test_names_made_up_anew_at_each_call_are_counted_as_others(
    profiler: CodeProfiler, caplog: pytest.LogCaptureFixture
) -> None:
    calls = 3 * MOST_OPERATIONS
    for number in range(calls):
        with profiler.profile_operation(f"step_{number}", "training_loop"):
            pass
    counts = counts_of(profiler)
    assert len(counts) == MOST_OPERATIONS + 1
    assert counts[OTHERS] == calls - MOST_OPERATIONS
    assert len(profiler.call_tree()) == MOST_OPERATIONS + 1
    assert sum("operations are profiled" in message for message in caplog.messages) == 1
    # Each known category has others of its own, and all unknown ones have one together.
    for number in range(500):
        profiler.add_span(f"span_{number}", f"category {number}", 0, 1)
        profiler.add_span(f"span_{number}", "data_loading", 0, 1)
    others = {each.category: each.count for each in profiler.statistics() if each.name == OTHERS}
    assert others == {"training_loop": calls - MOST_OPERATIONS, OTHERS: 500, "data_loading": 500}


def test_names_that_are_no_unicode_can_be_written(profiler: CodeProfiler, tmp_path: Path) -> None:
    # As Python reads the names of files that others wrote.
    name = os.fsdecode(b"parse \xff.html")
    for _ in range(2):
        profiler.add_span(name, name, 0, 5)
        with profiler.profile_operation(name, name):
            pass
    (operation,) = profiler.statistics()
    assert operation.count == 4
    read_back = OperationStatistics.from_dictionary(orjson.loads(orjson.dumps(operation.as_dictionary())))
    assert read_back == operation
    profiler.export_profiling_data(tmp_path / "profile.json")
    profiler.export_trace(tmp_path / "trace.json")
    assert orjson.loads((tmp_path / "profile.json").read_bytes())["operations"][0]["calls"] == 4


def test_unknown_categories_made_up_anew_at_each_call_fill_no_memory(
    profiler: CodeProfiler, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(aggregation, "MOST_OPERATIONS", 20)
    for number in range(100):
        for _ in range(2):
            profiler.add_span("operation", f"odd {number}", 0, 1)
    assert sum("Unknown profiling category" in message for message in caplog.messages) == 20
    assert len(profiler.statistics()) == 21


def test_the_tree_of_a_chain_of_names_is_that_chain(profiler: CodeProfiler) -> None:
    names = [f"level_{number}" for number in range(60)]
    for _ in range(3):
        leave(enter(profiler, names))
    nodes, chain = profiler.call_tree(), []
    while nodes:
        (node,) = nodes
        chain.append((node["operation"], node["calls"]))
        nodes = node["children"]
    assert chain == [(name, 3) for name in names]
    totals = [statistics_of(profiler)[name].total for name in names]
    assert all(outer >= inner for outer, inner in pairwise(totals))
