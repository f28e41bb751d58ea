"""Statistics in bounded memory against numpy on the raw durations."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from fractions import Fraction
from math import ceil, isqrt
from random import Random

import numpy
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.statistics.operation_statistics import OperationStatistics
from seo_engine.profiling.statistics.quantiles import DurationHistogram

# From nothing to 104 days: as far as a floating-point number holds every integer.
LONGEST = 2**53
any_duration = st.one_of(
    st.integers(0, LONGEST),
    # Spread over the magnitudes, where plain integers are nearly all large.
    st.builds(lambda exponent, share: int(2**exponent * share), st.integers(0, 52), st.floats(1, 2)),
)
some_durations = st.lists(any_duration, min_size=1, max_size=60)
batches = st.lists(st.lists(any_duration, max_size=20), min_size=1, max_size=8).filter(any)
SHARES = (0.5, 0.9, 0.99)
# A multiplication by 1e-9 rounds; no more than that.
EXACT = 1e-14


def statistics_of(durations: Sequence[int], own_time: int | None = None, failures: int = 0) -> OperationStatistics:
    statistics = OperationStatistics("operation", "training_loop")
    statistics.add(durations, sum(durations) if own_time is None else own_time, failures)
    return statistics


def exact_standard_deviation(durations: Sequence[int]) -> float:
    mean = Fraction(sum(durations), len(durations))
    variance = sum((duration - mean) ** 2 for duration in durations) / len(durations)
    # Scaled up before the root of integers is taken: more digits than a floating-point number holds.
    return isqrt(int(variance * 10**40)) / 10**20


def exact_quantile(durations: Sequence[int], share: float) -> int:
    """Return what numpy's `inverted_cdf` returns, with an exact rank: 0.07 * 100 is a trifle more than 7."""
    rank = max(0, ceil(Fraction(str(share)) * len(durations)) - 1)
    return int(numpy.sort(numpy.asarray(durations))[rank])


def check_against_numpy(statistics: OperationStatistics, durations: Sequence[int]) -> None:
    assert statistics.count == len(durations)
    assert statistics.total == sum(durations)
    assert (statistics.minimum, statistics.maximum) == (min(durations), max(durations))
    assert statistics.mean_seconds == pytest.approx(float(Fraction(sum(durations), len(durations))) * 1e-9, rel=EXACT)
    deviation = statistics.standard_deviation_seconds
    assert deviation == pytest.approx(exact_standard_deviation(durations) * 1e-9, rel=1e-12, abs=1e-28)
    # Numpy's own loses digits where durations are large and nearly equal.
    assert deviation == pytest.approx(numpy.std(durations, dtype=numpy.float64) * 1e-9, rel=1e-9, abs=1e-6)
    for share in SHARES:
        exact = exact_quantile(durations, share)
        assert abs(statistics.quantile_seconds(share) * 1e9 - exact) <= 0.01 * exact, (share, exact)


@given(some_durations)
def test_all_numbers_agree_with_numpy_on_the_raw_durations(durations: list[int]) -> None:
    check_against_numpy(statistics_of(durations), durations)


@given(batches)
def test_batches_of_any_size_add_up_to_the_same_as_all_at_once(parts: list[list[int]]) -> None:
    statistics = OperationStatistics("operation", "training_loop")
    for part in parts:
        statistics.add(part, sum(part))
    durations = [duration for part in parts for duration in part]
    assert statistics == statistics_of(durations)
    check_against_numpy(statistics, durations)


@given(batches, st.randoms(use_true_random=False))
def test_merging_in_any_order_and_grouping_gives_the_same_as_one_process(
    parts: list[list[int]], random: Random
) -> None:
    durations = [duration for part in parts for duration in part]
    waiting = [statistics_of(part, failures=len(part) // 2) for part in parts]
    failures = sum(each.failures for each in waiting)
    while len(waiting) > 1:
        random.shuffle(waiting)
        taken_in = waiting.pop()
        random.choice(waiting).merge(taken_in)
    assert waiting[0] == statistics_of(durations, failures=failures)
    check_against_numpy(waiting[0], durations)


@given(some_durations, st.integers(0, LONGEST), st.integers(0, 60))
def test_statistics_come_back_from_json_as_they_were(durations: list[int], own_time: int, failures: int) -> None:
    statistics = statistics_of(durations, own_time, failures)
    text = orjson.dumps(statistics.as_dictionary())
    read_back = OperationStatistics.from_dictionary(orjson.loads(text))
    assert read_back == statistics
    check_against_numpy(read_back, durations)
    # And is no dead end: it takes further runs and other processes in.
    read_back.add([1], 1)
    read_back.merge(statistics)
    check_against_numpy(read_back, [*durations, 1, *durations])


@given(some_durations)
def test_a_copy_is_equal_and_stays_as_it_was(durations: list[int]) -> None:
    statistics = statistics_of(durations)
    copied = statistics.copy()
    assert copied == statistics
    statistics.add([LONGEST], LONGEST)
    check_against_numpy(copied, durations)


def test_without_any_run_every_number_is_zero() -> None:
    statistics = OperationStatistics("operation", "training_loop")
    statistics.merge(OperationStatistics("operation", "training_loop"))
    assert (statistics.count, statistics.total, statistics.minimum, statistics.maximum) == (0, 0, 0, 0)
    assert statistics.mean_seconds == statistics.standard_deviation_seconds == 0
    assert [statistics.quantile_seconds(share) for share in SHARES] == [0, 0, 0]
    assert statistics.mean_memory_mb is None and statistics.mean_device_seconds is None
    assert OperationStatistics.from_dictionary(statistics.as_dictionary()) == statistics


def test_an_empty_statistic_does_not_lower_the_minimum_of_another() -> None:
    statistics = statistics_of([5, 7])
    statistics.merge(OperationStatistics("operation", "training_loop"))
    statistics.add([], own_time=3)
    assert (statistics.minimum, statistics.maximum, statistics.self_time) == (5, 7, 15)
    empty = OperationStatistics("operation", "training_loop")
    empty.merge(statistics)
    assert (empty.minimum, empty.maximum) == (5, 7)


@given(st.integers(2**51, LONGEST), st.lists(st.integers(0, 3), min_size=2, max_size=30))
def test_the_standard_deviation_of_large_durations_that_nearly_agree_is_exact(base: int, steps: list[int]) -> None:
    durations = [base + step for step in steps]
    deviation = statistics_of(durations).standard_deviation_seconds * 1e9
    assert deviation == pytest.approx(exact_standard_deviation(durations), rel=1e-12)


@pytest.mark.parametrize("distribution", ["uniform", "lognormal", "two_modes", "constant", "heavy_tail"])
def test_quantiles_of_a_hundred_thousand_durations_are_within_one_percent(distribution: str) -> None:
    random = numpy.random.default_rng(7)
    size = 100_000
    durations = {
        "uniform": random.integers(0, 10**9, size),
        "lognormal": random.lognormal(13, 2, size),
        "two_modes": numpy.where(random.random(size) < 0.5, 1_000, 10**9),
        "constant": numpy.full(size, 123_457),
        "heavy_tail": numpy.minimum(random.pareto(0.5, size) * 100, 2.0**53),
    }[distribution]
    raw = durations.astype(numpy.int64).tolist()
    statistics = OperationStatistics("operation", "training_loop")
    for begin in range(0, size, 4096):
        statistics.add(raw[begin : begin + 4096], 0)
    check_against_numpy(statistics, raw)
    for share in (0.0, 0.001, 0.25, 0.75, 0.999, 1.0):
        exact = exact_quantile(raw, share)
        assert abs(statistics.quantile_seconds(share) * 1e9 - exact) <= 0.01 * exact


def test_the_histogram_of_any_durations_has_bounded_memory() -> None:
    histogram = DurationHistogram()
    every_bucket = [(1 << exponent) + (step << exponent) // 512 for exponent in range(63) for step in range(512)]
    histogram.add(every_bucket)
    histogram.add([0])
    buckets = len(histogram.counts)
    assert buckets <= 63 * 128 + 1
    random = numpy.random.default_rng(1)
    for _ in range(50):
        histogram.add((2 ** random.uniform(0, 62.9, 10_000)).astype(numpy.int64).tolist())
    assert len(histogram.counts) == buckets
    assert histogram.counts.total() == 63 * 512 + 1 + 500_000
    # Very many of them are one number each, not one entry each.
    assert sum(count for _, count in histogram.durations()) == histogram.counts.total()


@settings(max_examples=20)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 4), st.sampled_from("abc"), any_duration), min_size=1, max_size=25),
        min_size=1,
        max_size=4,
    )
)
def test_raw_durations_of_several_threads_in_random_nesting_agree_with_numpy(
    work: list[list[tuple[int, str, int]]],
) -> None:
    profiler = CodeProfiler()

    def run(spans: list[tuple[int, str, int]]) -> None:
        for depth, name, duration in spans:
            regions = [profiler.profile_operation(f"around_{level}", "parallel_computation") for level in range(depth)]
            for region in regions:
                region.__enter__()
            profiler.add_span(name, "parallel_computation", 1_000, 1_000 + duration)
            for region in reversed(regions):
                region.__exit__(None, None, None)

    threads = [threading.Thread(target=run, args=(spans,)) for spans in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by_name = {operation.name: operation for operation in profiler.statistics()}
    spans = [span for lane in work for span in lane]
    for name in {name for _, name, _ in spans}:
        durations = [duration for _, each, duration in spans if each == name]
        check_against_numpy(by_name[name], durations)
        assert by_name[name].self_time == sum(durations)
    for level in range(4):
        expected = sum(depth > level for depth, _, _ in spans)
        assert (by_name[f"around_{level}"].count if expected else 0) == expected
    around = [operation for operation in by_name.values() if operation.name.startswith("around")]
    nested = sum(duration for depth, _, duration in spans if depth)
    if around:
        # Raw durations are not those that passed here: own times of those around them may even be negative.
        assert sum(operation.self_time for operation in around) + nested == by_name["around_0"].total


@given(st.lists(st.tuples(st.sampled_from(["training_loop", "data_loading", "odd one"]), any_duration), min_size=1))
def test_categories_add_up_their_operations(spans: list[tuple[str, int]]) -> None:
    profiler = CodeProfiler()
    for number, (category, duration) in enumerate(spans):
        profiler.add_span(f"operation_{number % 3}", category, 0, duration)
    summaries = {summary["category"]: summary for summary in profiler.categories()}
    assert set(summaries) == {category for category, _ in spans}
    for category, summary in summaries.items():
        of_category = [(number % 3, duration) for number, (each, duration) in enumerate(spans) if each == category]
        assert summary["calls"] == len(of_category)
        assert summary["operations"] == len({operation for operation, _ in of_category})
        assert summary["self_seconds"] == pytest.approx(sum(duration for _, duration in of_category) * 1e-9, rel=1e-12)


def test_shares_are_of_the_wall_time_and_errors_are_counted() -> None:
    profiler = CodeProfiler()
    with pytest.raises(ZeroDivisionError), profiler.profile_operation("fails", "training_loop"):
        raise ZeroDivisionError
    with profiler.profile_operation("works", "training_loop"):
        pass
    data = profiler.profiling_data()
    for operation in data["operations"]:
        assert operation["share_percent"] == pytest.approx(100 * operation["self_seconds"] / data["wall_seconds"])
    assert {operation["operation"]: operation["errors"] for operation in data["operations"]} == {"fails": 1, "works": 0}
    (category,) = data["categories"]
    assert (category["calls"], category["errors"], category["operations"]) == (2, 1, 2)
