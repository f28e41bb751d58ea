"""Signals, finalizers, exceptions and forks in the midst of what the profiler does; each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

needs_signals = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

# A process that hangs is an error, not a long test.
_PATIENCE_SECONDS = 120


def run(program: str) -> None:
    """Run a program in a process of its own, and fail as it does."""
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_SECONDS,
    )
    assert finished.returncode == 0, finished.stderr


@needs_signals
def test_a_handler_that_opens_regions_and_asks_for_statistics_neither_hangs_nor_loses() -> None:
    # Real signals, at whatever point of the profiler's own code they come: small batches, so that it often counts.
    run(
        """
import asyncio, signal
from seo_engine.profiling import CodeProfiler, recorder
recorder.SPANS_PER_BATCH, recorder.MOST_WAITING_SPANS, recorder.SPANS_PER_STRETCH = 16, 16, 16
profiler = CodeProfiler()
handled = 0
def handler(*_):
    global handled
    handled += 1
    with profiler.profile_operation("handler", "training_loop"):
        for number in range(3):
            with profiler.profile_operation(f"in_handler_{number}", "training_loop"):
                pass
    for operation in profiler.statistics():
        # As far as it was counted when the signal came; reading it is never an error.
        operation.standard_deviation_seconds, operation.quantile_seconds(0.5)
    profiler.call_tree(), profiler.training_view()
    # Again only now: a handler that is slower than its timer would interrupt itself without end.
    if handled < 500:
        signal.setitimer(signal.ITIMER_REAL, 0.0002 + handled % 7 * 0.0001)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0005)
opened = 0
async def task(name):
    with profiler.profile_operation(name, "training_loop"):
        await asyncio.sleep(0)
async def tasks():
    await asyncio.gather(*(task("task") for _ in range(20)))
rounds = 0
while handled < 500:
    with profiler.profile_operation("outer", "training_loop"):
        for number in range(20):
            # New names make new paths.
            with profiler.profile_operation(f"inner_{(rounds + number) % 50}", "training_loop"):
                opened += 1
    asyncio.run(tasks())
    profiler.statistics()
    rounds += 1
statistics = {operation.name: operation for operation in profiler.statistics()}
inner = sum(operation.count for name, operation in statistics.items() if name.startswith("inner_"))
assert statistics["outer"].count == rounds, (statistics["outer"].count, rounds)
assert statistics["task"].count == 20 * rounds, (statistics["task"].count, rounds)
assert inner == opened, (inner, opened)
assert statistics["handler"].count == handled
for number in range(3):
    assert statistics[f"in_handler_{number}"].count == handled
for operation in statistics.values():
    assert operation.histogram.counts.total() == operation.count, operation
def calls(nodes):
    return sum(node["calls"] + calls(node["children"]) for node in nodes)
assert calls(profiler.call_tree()) == sum(operation.count for operation in statistics.values())
"""
    )


def test_an_interruption_at_any_line_of_the_counting_loses_nothing_and_counts_nothing_twice() -> None:
    # What a signal does by chance, at each line of the counting in turn.
    run(
        """
import asyncio, sys
from seo_engine.profiling import CodeProfiler
where = tuple("profiling/" + name for name in (
    "aggregation.py", "statistics/call_tree.py", "statistics/operation_statistics.py", "statistics/quantiles.py",
    "statistics/training_view.py", "regions/lanes.py"))
traced = set()
def interrupt(profiler):
    with profiler.profile_operation("step", "training_loop"), profiler.profile_operation("handler", "data_loading"):
        pass
    for operation in profiler.statistics():
        operation.standard_deviation_seconds
    profiler.training_view(), profiler.call_tree()
line = 0
while True:
    profiler, passed, interrupted = CodeProfiler(), 0, False
    def trace(frame, event, argument):
        global passed, interrupted
        if not frame.f_code.co_filename.endswith(where):
            return trace
        traced.add(next(name for name in where if frame.f_code.co_filename.endswith(name)))
        if event == "line" and not interrupted:
            if passed == line:
                interrupted = True
                # The interpreter traces nothing within a trace function.
                interrupt(profiler)
            passed += 1
        return trace
    async def use():
        for _ in range(2):
            with profiler.profile_operation("step", "training_loop"):
                for _ in range(2):
                    with profiler.profile_operation("handler", "data_loading"):
                        pass
            profiler.statistics()
    sys.settrace(trace)
    # In a task, whose lane is made at its first region.
    asyncio.run(use())
    sys.settrace(None)
    statistics = {operation.name: operation for operation in profiler.statistics()}
    found = {name: (each.count, each.histogram.counts.total()) for name, each in statistics.items()}
    expected = {"step": (2 + interrupted,) * 2, "handler": (4 + interrupted,) * 2}
    assert found == expected, (line, found, expected)
    tree = profiler.call_tree()
    def total(nodes, key):
        return sum(node[key] + total(node["children"], key) for node in nodes)
    assert total(tree, "calls") == 6 + 2 * interrupted, line
    assert sum(each.self_time for each in statistics.values()) == round(1e9 * total(tree, "self_seconds")), line
    if not interrupted:
        break
    line += 1
assert line > 100, line
# No file has moved away from under this test.
assert traced == set(where), traced
"""
    )


def test_after_an_exception_out_of_a_handler_counting_goes_on() -> None:
    # As Ctrl-C does: at each line of the counting in turn.
    run(
        """
import sys
import textwrap
from seo_engine.profiling import CodeProfiler
where = ("aggregation.py", "call_tree.py", "operation_statistics.py", "quantiles.py")
traced = set()
line = 0
while True:
    profiler, passed, interrupted = CodeProfiler(), 0, False
    def use():
        with profiler.profile_operation("outer", "training_loop"):
            with profiler.profile_operation("inner", "training_loop"):
                pass
    use()
    def trace(frame, event, argument):
        global passed, interrupted
        if not frame.f_code.co_filename.endswith(where):
            return trace
        traced.add(next(name for name in where if frame.f_code.co_filename.endswith(name)))
        if event == "line" and not interrupted:
            if passed == line:
                interrupted = True
                raise KeyboardInterrupt
            passed += 1
        return trace
    sys.settrace(trace)
    try:
        profiler.statistics()
    except KeyboardInterrupt:
        pass
    sys.settrace(None)
    before = {operation.name: operation.count for operation in profiler.statistics()}
    for _ in range(3):
        use()
    after = {operation.name: operation.count for operation in profiler.statistics()}
    grown = {name: count - before.get(name, 0) for name, count in after.items()}
    assert grown == {"outer": 3, "inner": 3}, (line, before, after)
    if not interrupted:
        break
    line += 1
assert line > 30, line
assert traced == set(where), traced
"""
    )


def test_a_generator_that_is_collected_while_the_profiler_counts_is_counted() -> None:
    run(
        """
import gc
from seo_engine.profiling import CodeProfiler, recorder
recorder.SPANS_PER_BATCH, recorder.MOST_WAITING_SPANS = 8, 8
profiler = CodeProfiler()
@profiler.profile_operation("generator", "data_loading")
def generate(cycle):
    yield cycle
def abandon():
    cycle = []
    generator = generate(cycle)
    cycle.append(generator)
    next(generator)
gc.set_threshold(1, 1, 1)
for _ in range(300):
    abandon()
    with profiler.profile_operation("region", "training_loop"):
        pass
    profiler.statistics()
gc.collect()
counts = {operation.name: operation.count for operation in profiler.statistics()}
assert counts == {"generator": 300, "region": 300}, counts
"""
    )


@needs_fork
def test_a_fork_while_another_thread_counts_neither_hangs_nor_mixes_the_processes() -> None:
    run(
        """
import os, threading
from seo_engine.profiling import CodeProfiler, recorder
recorder.SPANS_PER_BATCH = 64
profiler = CodeProfiler()
done = threading.Event()
def count():
    while not done.is_set():
        with profiler.profile_operation("thread", "training_loop"):
            pass
        profiler.statistics()
threads = [threading.Thread(target=count) for _ in range(2)]
for thread in threads:
    thread.start()
for _ in range(40):
    child = os.fork()
    if child == 0:
        for _ in range(200):
            with profiler.profile_operation("child", "training_loop"):
                pass
        counts = {operation.name: operation.count for operation in profiler.statistics()}
        os._exit(counts != {"child": 200})
    assert os.waitpid(child, 0)[1] == 0
done.set()
for thread in threads:
    thread.join()
assert [operation.name for operation in profiler.statistics()] == ["thread"]
"""
    )


@needs_fork
def test_decorated_functions_and_kept_regions_are_counted_in_a_forked_child_too() -> None:
    run(
        """
import os
from seo_engine.profiling import CodeProfiler
profiler = CodeProfiler()
kept = profiler.profile_operation("kept", "training_loop")
@profiler.profile_operation("decorated", "training_loop")
def decorated():
    pass
@profiler.profile_operation("generator", "training_loop")
def generator():
    yield 1
def use():
    decorated()
    list(generator())
    with kept:
        pass
use()
profiler.add_samples(3)
for _ in range(2):
    child = os.fork()
    if child == 0:
        assert profiler.statistics() == [] == profiler.call_tree()
        use()
        counts = {operation.name: operation.count for operation in profiler.statistics()}
        tree = {node["operation"]: node["calls"] for node in profiler.call_tree()}
        assert counts == tree == {"decorated": 1, "generator": 1, "kept": 1}, (counts, tree)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
use()
assert {operation.name: operation.count for operation in profiler.statistics()} == {
    "decorated": 2, "generator": 2, "kept": 2}
"""
    )


@needs_fork
def test_regions_that_were_open_at_the_fork_are_counted_in_the_parent_alone(tmp_path: Path) -> None:
    run(
        """
import os
from seo_engine.profiling import CodeProfiler
profiler = CodeProfiler()
@profiler.profile_operation("generator", "training_loop")
def generator():
    yield 1
    yield 2
started = generator()
next(started)
with profiler.profile_operation("outer", "training_loop", measure_memory=True):
    with profiler.profile_operation("inner", "training_loop"):
        before = profiler.wall_seconds()
        child = os.fork()
        with profiler.profile_operation("within", "training_loop"):
            pass
# The child leaves them as well.
if child == 0:
    counts = {operation.name: operation.count for operation in profiler.statistics()}
    tree = [(node["operation"], node["calls"]) for node in profiler.call_tree()]
    assert counts == {"within": 1} and tree == [("within", 1)], (counts, tree)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
counts = {operation.name: operation.count for operation in profiler.statistics()}
assert counts == {"outer": 1, "inner": 1, "within": 1, "generator": 0}, counts
"""
    )


@needs_fork
def test_the_wall_time_of_a_forked_child_begins_with_it() -> None:
    run(
        """
import os, time
from seo_engine.profiling import CodeProfiler
profiler = CodeProfiler()
before = time.perf_counter_ns()
child = os.fork()
if child == 0:
    wall_seconds = profiler.wall_seconds()
    os._exit(not wall_seconds <= (time.perf_counter_ns() - before) * 1e-9)
assert os.waitpid(child, 0)[1] == 0
"""
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_generator_that_a_fork_meets_half_way_ends_in_the_child_without_harm(tmp_path: Path) -> None:
    program = """
        import os
        from seo_engine.profiling import CodeProfiler
        profiler = CodeProfiler()

        @profiler.profile_operation("numbers", "data_loading")
        def numbers():
            yield 1
            yield 2

        generator = numbers()
        next(generator)
        if os.fork() == 0:
            list(generator)
            with profiler.profile_operation("child", "training_loop"):
                pass
            names = {operation.name: operation.count for operation in profiler.statistics()}
            profiler.export_trace("trace.json")
            os._exit(names.get("child") != 1)
        assert os.wait()[1] == 0
        list(generator)
        assert [(each.name, each.count) for each in profiler.statistics()] == [("numbers", 1)]
    """
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr


def test_a_program_whose_first_region_is_left_while_the_interpreter_ends_does_end(tmp_path: Path) -> None:
    program = """
        from seo_engine.profiling import CodeProfiler
        profiler = CodeProfiler()

        def pages():
            with profiler.profile_operation("read_pages", "data_loading"):
                yield 1
                yield 2

        generator = pages()
        next(generator)
    """
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert finished.returncode == 0 and not finished.stderr
