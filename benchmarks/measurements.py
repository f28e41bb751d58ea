"""Measures one tracker in a process of its own: `python -m benchmarks.measurements ROW MEASUREMENT NUMBER`.

It writes its result as JSON into the working directory. `killed` writes none: its result is what is left on the disk.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from benchmarks.rows import REFERENCE, row_named

RESULT = "result.json"

# How many records are logged before the kill: without a pause, and with one after each.
KILLED_AT_FULL_SPEED = 2_000
KILLED_SLOWLY, PAUSE_SECONDS = 20, 0.2

# How many calls of each follow each other when two are compared in one process.
BATCH = 100

MEMORY_RECORDS = 1_000_000
LONGEST_MEMORY_SECONDS = 60.0
# The first reading is the baseline, so it comes after caches and first files have been made.
MEMORY_LOOK_EVERY = 1_000


def small_step() -> Callable[[], Any]:
    """Return one step of a small training, which takes less than a millisecond."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(256, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))
    optimizer = torch.optim.AdamW(model.parameters())
    inputs, targets = torch.randn(32, 256), torch.randint(0, 10, (32,))

    def step() -> None:
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()

    return step


def calibrate(row: str, number: int) -> dict[str, float]:
    """Return how many milliseconds a small step takes without a tracker."""
    step = small_step()
    durations = []
    for _ in range(500):
        started = time.perf_counter()
        step()
        durations.append(time.perf_counter() - started)
    return {"step_ms": 1000 * statistics.median(durations)}


def back_to_back(row: str, number: int) -> dict[str, float]:
    """Return median and 99th percentile of `number` calls, in microseconds."""
    return _timed_calls(row, number, repeats=0)


def between_steps(row: str, number: int, repeats: str) -> dict[str, float]:
    """Return the same for calls after training steps of `repeats` small steps each, and the wall time per step."""
    return _timed_calls(row, number, int(repeats))


def _timed_calls(row: str, number: int, repeats: int) -> dict[str, float]:
    step = small_step() if repeats else None
    log = row_named(row).open()
    # The pause lets imports and set-up in the background finish, so that no call is measured with them.
    log.call(0)
    time.sleep(2.0)
    durations = []
    began = time.perf_counter()
    for each in range(1, number + 1):
        if step is not None:
            for _ in range(repeats):
                step()
        started = time.perf_counter_ns()
        log.call(each)
        durations.append(time.perf_counter_ns() - started)
    wall = time.perf_counter() - began
    log.close()
    return {**_spread(durations), "wall": wall / number}


def beside_reference(row: str, number: int) -> dict[str, float]:
    """Return how many times as long `number` calls take as those of the reference, by median and 99th percentile.

    Batches of both alternate in this process, because two processes of one machine differ by more than the two calls.
    """
    logs = [row_named(each).open() for each in (row, REFERENCE)]
    for log in logs:
        log.call(0)
    time.sleep(2.0)
    durations: list[list[int]] = [[], []]
    for first in range(1, number + 1, BATCH):
        for log, taken in zip(logs, durations, strict=True):
            for each in range(first, first + BATCH):
                started = time.perf_counter_ns()
                log.call(each)
                taken.append(time.perf_counter_ns() - started)
    for log in logs:
        log.close()
    ours, reference = (_spread(taken) for taken in durations)
    return {name: ours[name] / reference[name] for name in ours}


def _spread(nanoseconds: list[int]) -> dict[str, float]:
    """Return median and 99th percentile, in microseconds."""
    return {
        "median": statistics.median(nanoseconds) / 1000,
        "p99": statistics.quantiles(nanoseconds, n=100)[98] / 1000,
    }


def whole_run(row: str, number: int) -> dict[str, float]:
    """Open, log `number` records and close; return the seconds until the first call returned."""
    started = time.perf_counter()
    log = row_named(row).open()
    log.call(1)
    first = time.perf_counter() - started
    for each in range(2, number + 1):
        log.call(each)
    log.close()
    return {"first_call_seconds": first}


def killed(row: str, number: int, pause_seconds: str) -> None:
    """Log `number` records, then kill this process right after the last call."""
    log = row_named(row).open()
    for each in range(1, number + 1):
        log.call(each)
        if float(pause_seconds):
            time.sleep(float(pause_seconds))
    os.kill(os.getpid(), signal.SIGKILL)


def memory(row: str, number: int) -> None:
    """Measure by how many megabytes this process and its children grow, and over how many records."""
    log = row_named(row).open()
    # Do not wait for the tracker to finish: its memory has peaked already.
    write_result(memory_growth(log.call, number, MEMORY_LOOK_EVERY))
    os._exit(0)


def memory_growth(call: Callable[[int], Any], number: int, look_every: int) -> dict[str, float]:
    """Return by how many megabytes this process and its children grow over `number` calls or one minute of calls."""
    process = psutil.Process()
    started, before, peak, each = time.perf_counter(), 0, 0, 0
    for each in range(1, number + 1):
        call(each)
        if each % look_every and each != number:
            continue
        peak = max(peak, _resident_bytes(process))
        before = before or peak
        if time.perf_counter() - started > LONGEST_MEMORY_SECONDS:
            break
    return {"growth_mb": (peak - before) / 1e6, "records": each}


def write_result(result: dict[str, float] | None) -> None:
    """Write the result for the process that started this one."""
    Path(RESULT).write_text(json.dumps(result), encoding="utf-8")


def _resident_bytes(process: psutil.Process) -> int:
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


MEASUREMENTS: dict[str, Callable[..., dict[str, float] | None]] = {
    function.__name__: function
    for function in (
        calibrate,
        back_to_back,
        beside_reference,
        between_steps,
        whole_run,
        killed,
        memory,
    )
}

if __name__ == "__main__":
    row, measurement, number, *further = sys.argv[1:]
    write_result(MEASUREMENTS[measurement](row, int(number), *further))
