"""Measures one way to time regions in a process of its own, as `benchmarks.measurements` does for a tracker."""

from __future__ import annotations

import os
import statistics
import sys
import time
import timeit
from collections.abc import Callable

from benchmarks.measurements import memory_growth, small_step, write_result
from benchmarks.region_rows import Regions, region_row_named

BATCHES = 10
WARM_UP = 1_000
BURSTS, PAUSE_SECONDS = 100, 0.02
# Memory is read rarely, so that a background thread does not catch up during the readings.
MEMORY_LOOK_EVERY = 50_000


def back_to_back(row: str, number: int) -> dict[str, float]:
    """Return the nanoseconds per region over `number` regions: those of the caller, and all processor time."""
    regions, timer = _opened(row)
    statements = number // region_row_named(row).regions_a_statement // BATCHES
    timer.timeit(WARM_UP)
    counted = statements * BATCHES * region_row_named(row).regions_a_statement
    aggregation = regions.aggregation_seconds or (lambda: 0.0)
    aggregation_before, processor_before = aggregation(), time.process_time()
    batches = [timer.timeit(statements) for _ in range(BATCHES)]
    regions.finish()
    processor_seconds = time.process_time() - processor_before
    said = {
        "nanoseconds": statistics.median(batches) * BATCHES / counted,
        "processor_nanoseconds": processor_seconds * 1e9 / counted,
    }
    if regions.aggregation_seconds is not None:
        said["aggregation_nanoseconds"] = (aggregation() - aggregation_before) * 1e9 / counted
    return said


def bursts(row: str, number: int) -> dict[str, float]:
    """Return the median nanoseconds per region in bursts of `number`; background work catches up in between."""
    regions, timer = _opened(row)
    a_statement = region_row_named(row).regions_a_statement
    timer.timeit(WARM_UP)
    durations = []
    for _ in range(BURSTS):
        time.sleep(PAUSE_SECONDS)
        durations.append(timer.timeit(number // a_statement) / number)
    regions.finish()
    return {"median": statistics.median(durations)}


def between_steps(row: str, number: int, repeats: str) -> dict[str, float]:
    """Return median and 99th percentile of the nanoseconds per region, after steps of `repeats` small steps each."""
    regions, timer = _opened(row)
    step = small_step()
    timer.timeit(WARM_UP)
    durations = []
    for _ in range(number):
        for _ in range(int(repeats)):
            step()
        durations.append(timer.timeit(1) / region_row_named(row).regions_a_statement)
    regions.finish()
    return {"median": statistics.median(durations), "p99": statistics.quantiles(durations, n=100)[98]}


def memory(row: str, number: int) -> None:
    """Measure by how many megabytes this process grows over `number` regions."""
    _, timer = _opened(row)
    a_statement = region_row_named(row).regions_a_statement

    def run(look: int) -> None:
        # The first reading is the baseline, so it comes before anything is kept, even in a bounded buffer.
        timer.timeit((WARM_UP if look == 1 else MEMORY_LOOK_EVERY) // a_statement)

    said = memory_growth(run, number // MEMORY_LOOK_EVERY + 1, look_every=1)
    write_result({"growth_mb": said["growth_mb"], "regions": (said["records"] - 1) * MEMORY_LOOK_EVERY})
    os._exit(0)


def _opened(row: str) -> tuple[Regions, timeit.Timer]:
    """Return a row's regions, and a timer that runs its statement in a loop, without a call around it."""
    regions = region_row_named(row).open()
    # A timer turns the garbage collector off; but regions that leave objects behind should pay for collecting them.
    collecting = "import gc; gc.enable()"
    statement = region_row_named(row).statement
    return regions, timeit.Timer(statement, collecting, time.perf_counter_ns, regions.names)


MEASUREMENTS: dict[str, Callable[..., dict[str, float] | None]] = {
    function.__name__: function for function in (back_to_back, bursts, between_steps, memory)
}

if __name__ == "__main__":
    row, measurement, number, *further = sys.argv[1:]
    write_result(MEASUREMENTS[measurement](row, int(number), *further))
