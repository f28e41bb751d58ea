"""Millions of regions in flat memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Ten millions pass as well (40 seconds each way on a busy machine with two cores): too long for every day.
REGIONS = 4_000_000

# Python's allocator takes and gives back memory by the megabyte; 40 bytes kept for each region would be more than this.
GROWTH_ALLOWED_BYTES = 20_000_000

PROGRAM = """
import contextlib, sys
from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.machine.process_memory import process_memory_bytes
regions, growth_allowed, is_within = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "True"
profiler = CodeProfiler()
def open_regions(rounds):
    profile_operation = profiler.profile_operation
    for _ in range(rounds):
        with profile_operation("step", "training_loop"):
            with profile_operation("forward", "training_loop"):
                with profile_operation("attention", "model_inference"):
                    pass
            with profile_operation("load", "data_loading"):
                pass
            with profile_operation("log", "experiment_tracking"):
                pass
rounds = regions // 50
with profiler.profile_operation("outer", "training_loop") if is_within else contextlib.nullcontext():
    # The first tenth fills what has bounds.
    open_regions(rounds)
    first = largest = process_memory_bytes()
    for _ in range(9):
        open_regions(rounds)
        largest = max(largest, process_memory_bytes())
counts = {operation.name: operation.count for operation in profiler.statistics()}
expected = dict.fromkeys(("step", "forward", "attention", "load", "log"), 10 * rounds)
expected |= {"outer": 1} if is_within else {}
assert counts == expected, counts
assert largest - first < growth_allowed, (first, largest)
print(f"{sum(counts.values()):,} regions, {first / 1e6:.1f} MB, at most {largest / 1e6:.1f} MB")
"""


@pytest.mark.parametrize("is_within", [False, True], ids=["beside_each_other", "within_one_open_region"])
def test_millions_of_regions_need_no_more_memory_than_the_first_of_them(is_within: bool) -> None:
    # In a process of its own, whose memory is that of nothing else.
    command = [sys.executable, "-c", PROGRAM, str(REGIONS // 2), str(GROWTH_ALLOWED_BYTES), str(is_within)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
