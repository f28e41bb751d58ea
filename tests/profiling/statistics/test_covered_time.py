"""How much of the time is covered: right against a count of every moment, in any order, and in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seo_engine.profiling.statistics.covered_time import MOST_INTERVALS, CoveredTime

moments = st.integers(0, 200)


@given(st.lists(st.tuples(moments, moments).map(sorted), max_size=40))
def test_what_any_interval_covers_counts_once(intervals: list[list[int]]) -> None:
    covered = CoveredTime()
    for start, end in intervals:
        covered.add([(start, end)])
    assert covered.total() == len({moment for start, end in intervals for moment in range(start, end)})


def test_many_gaps_are_added_up_and_an_outer_region_covers_them_again() -> None:
    covered = CoveredTime()
    number = 5 * MOST_INTERVALS
    for start in range(0, 10 * number, 10):
        covered.add([(start, start + 4)])
    assert covered.total() == 4 * number and len(covered._starts) <= MOST_INTERVALS
    covered.add([(0, 10 * number)])
    assert covered.total() == 10 * number
