from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from seo_engine.profiling import CodeProfiler, ProfilingConfig
from seo_engine.profiling import recorder as recorder_module
from seo_engine.profiling.statistics.operation_statistics import OperationStatistics


def statistics_of(profiler: CodeProfiler) -> dict[str, OperationStatistics]:
    return {operation.name: operation for operation in profiler.statistics()}


def test_nested_regions_split_their_time_into_own_and_others() -> None:
    profiler = CodeProfiler()
    with profiler.profile_operation("outer", "training_loop"):
        time.sleep(0.01)
        for _ in range(2):
            with profiler.profile_operation("inner", "training_loop"):
                time.sleep(0.01)
        started = time.perf_counter_ns()
        profiler.add_span("leaf", "experiment_tracking", started, started + 1000)
    statistics = statistics_of(profiler)
    outer, inner = statistics["outer"], statistics["inner"]
    assert (outer.count, inner.count) == (1, 2)
    assert outer.self_time == outer.total - inner.total - 1000 > 0
    assert inner.self_time == inner.total and 0 < inner.minimum <= inner.maximum <= inner.total


def test_recursion_counts_each_call_and_its_own_time_once() -> None:
    profiler = CodeProfiler()

    def recurse(depth: int) -> None:
        with profiler.profile_operation("recurse", "training_loop"):
            if depth:
                recurse(depth - 1)

    started = time.perf_counter_ns()
    recurse(3)
    wall = time.perf_counter_ns() - started
    statistics = statistics_of(profiler)["recurse"]
    assert statistics.count == 4 and statistics.self_time <= wall <= statistics.total * 4


def test_an_exception_passes_through_and_is_counted() -> None:
    profiler = CodeProfiler()
    with pytest.raises(KeyError), profiler.profile_operation("fails", "training_loop"):
        raise KeyError
    assert statistics_of(profiler)["fails"].failures == 1


def test_threads_have_stacks_of_their_own_and_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "SPANS_PER_BATCH", 64)
    profiler = CodeProfiler()

    def work() -> None:
        for _ in range(2000):
            with (
                profiler.profile_operation("outer", "parallel_computation"),
                profiler.profile_operation("inner", "parallel_computation"),
            ):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statistics = statistics_of(profiler)
    assert statistics["outer"].count == statistics["inner"].count == 8000
    assert statistics["outer"].self_time == statistics["outer"].total - statistics["inner"].total


def test_a_region_that_was_never_left_does_not_spoil_the_ones_around_it() -> None:
    profiler = CodeProfiler()
    with profiler.profile_operation("outer", "training_loop"):
        profiler.profile_operation("abandoned", "training_loop").__enter__()
    with profiler.profile_operation("next", "training_loop"):
        pass
    statistics = statistics_of(profiler)
    assert set(statistics) == {"outer", "next"}
    assert statistics["outer"].self_time == statistics["outer"].total


def test_disabled_keeps_nothing() -> None:
    profiler = CodeProfiler(ProfilingConfig(enable_code_profiling=False))
    with profiler.profile_operation("x", "training_loop"):
        pass
    profiler.add_span("y", "training_loop", 0, 5)
    assert profiler.statistics() == []
    data = profiler.profiling_data()
    assert data["timings"] == data["memory"] == {} and data["bottlenecks"] == data["recommendations"] == []


def test_an_unknown_category_is_accepted_and_warned_of_once_with_a_hint(
    caplog: pytest.LogCaptureFixture,
) -> None:
    profiler = CodeProfiler()
    with caplog.at_level(logging.WARNING):
        for name in ("a", "b"):
            with profiler.profile_operation(name, "tracking"):
                pass
        profiler.statistics()
    (message,) = caplog.messages
    assert message.endswith("'tracking' is kept; did you mean 'experiment_tracking'?")
    assert {operation.name for operation in profiler.statistics()} == {"a", "b"}


def test_profiling_data_tells_one_name_in_two_categories_apart() -> None:
    profiler = CodeProfiler()
    profiler.add_span("load", "data_loading", 0, 10**9)
    profiler.add_span("load", "preprocessing", 0, 3 * 10**9)
    profiler.add_span("step", "training_loop", 0, 2 * 10**9)
    timings = profiler.profiling_data()["timings"]
    assert timings == {"preprocessing.load": 3.0, "data_loading.load": 1.0, "step": 2.0}


def test_memory_is_measured_where_asked_for() -> None:
    # In a process of its own: in this one, other tests free memory meanwhile.
    program = """
from seo_engine.profiling import CodeProfiler
profiler = CodeProfiler()
with profiler.profile_operation("grow", "memory_usage", measure_memory=True):
    kept = bytearray(b"x" * 1024) * 50_000
with profiler.profile_operation("still", "memory_usage"):
    pass
memory = profiler.profiling_data()["memory"]
assert set(memory) == {"grow"} and 45 < memory["grow"] < 60, memory
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_bottlenecks_rank_own_time() -> None:
    profiler = CodeProfiler()
    with profiler.profile_operation("outer", "training_loop"):
        # Both longer than a busy machine lets the outer region wait.
        with profiler.profile_operation("slow", "data_loading"):
            time.sleep(0.5)
        with profiler.profile_operation("fast", "training_loop"):
            time.sleep(0.25)
    bottlenecks = profiler.bottlenecks()
    assert [bottleneck["operation"] for bottleneck in bottlenecks][:2] == ["slow", "fast"]
    assert bottlenecks[0]["share_percent"] == pytest.approx(
        100 * bottlenecks[0]["self_seconds"] / profiler.wall_seconds(), rel=0.1
    )


def test_statistics_of_another_process_are_taken_in() -> None:
    profiler, other = CodeProfiler(), CodeProfiler()
    for each, duration in ((profiler, 2), (other, 1), (other, 5)):
        each.add_span("x", "training_loop", 0, duration)
    profiler.merge(other.statistics())
    (merged,) = profiler.statistics()
    assert (merged.count, merged.total, merged.minimum, merged.maximum) == (3, 8, 1, 5)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_starts_with_no_open_region(tmp_path: Path) -> None:
    program = (
        "import os\nfrom seo_engine.profiling import CodeProfiler\np = CodeProfiler()\n"
        "with p.profile_operation('parent', 'training_loop'):\n"
        "    if os.fork() == 0:\n"
        "        with p.profile_operation('child', 'training_loop'): pass\n"
        "        os._exit([o.name for o in p.statistics()] != ['child'])\n"
        "    assert os.wait()[1] == 0\n"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False).returncode == 0


def test_importing_profiling_compiles_no_redaction_rule() -> None:
    program = (
        "import seo_engine.profiling\n"
        "from seo_engine.profiling import CodeProfiler\n"
        "CodeProfiler()\n"
        "from seo_engine.foundation import redaction_rules as rules\n"
        "patterns = [each for each in vars(rules).values() if isinstance(each, rules.Pattern)]\n"
        "patterns += rules.SECRETS_BEHIND.values()\n"
        "assert len(patterns) > 9 and not any(each.is_compiled for each in patterns)\n"
        "from seo_engine.foundation.redaction import redact_text\n"
        "assert redact_text('token=abc123def') == 'token=[redacted]' and rules.ASSIGNMENT.is_compiled\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


def test_profiling_imports_neither_torch_nor_wandb_nor_any_other_room() -> None:
    program = (
        "import sys, seo_engine.profiling; "
        "ours = [m for m in sys.modules if m.startswith('seo_engine.') "
        "and not m.startswith(('seo_engine.profiling', 'seo_engine.foundation'))]; "
        "bad = ours + [m for m in sys.modules if m in ('torch', 'wandb')]; "
        "sys.exit(str(bad) if bad else 0)"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
