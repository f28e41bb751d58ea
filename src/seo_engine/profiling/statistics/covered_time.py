"""How much of the time lies in any region, on whatever threads."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from operator import gt

# Beyond this many, the oldest gaps between regions are only added up.
MOST_INTERVALS = 10_000


class CoveredTime:
    """The union of intervals, in bounded memory; times in nanoseconds.

    Example:
        >>> covered = CoveredTime()
        >>> covered.add([(0, 10), (20, 30), (5, 12), (19, 31)])
        >>> covered.total()
        24
    """

    def __init__(self) -> None:
        # Disjoint intervals, in their order.
        self._starts: list[int] = []
        self._ends: list[int] = []
        # The oldest: from the start of the first to the end of the last, and how much of that is covered.
        self._oldest: tuple[int, int, int] | None = None

    def add(self, intervals: Iterable[tuple[int, int]]) -> None:
        """Add intervals; fast where most begin later than those before.

        Args:
            intervals (Iterable[tuple[int, int]]): Start and end of each, in nanoseconds of `time.perf_counter_ns`.
        """
        starts, ends = self._starts, self._ends
        last = ends[-1] if ends else -1
        for start, end in intervals:
            if start > last:
                starts.append(start)
                ends.append(end)
                last = end
            else:
                first, after = bisect_left(ends, start), bisect_right(starts, end)
                if first < after:
                    start, end = min(start, starts[first]), max(end, ends[after - 1])
                starts[first:after], ends[first:after] = [start], [end]
                last = ends[-1]
        if len(starts) > MOST_INTERVALS:
            self._add_up_oldest()

    def add_in_order(self, starts: list[int], ends: list[int]) -> None:
        """Add intervals that usually follow one another, in one thread; then this is much faster than `add`.

        Args:
            starts (list[int]): Start of each, in nanoseconds of `time.perf_counter_ns`.
            ends (list[int]): End of each.
        """
        if not starts:
            return
        last = self._ends[-1] if self._ends else -1
        if starts[0] > last and all(map(gt, starts[1:], ends)):
            self._starts += starts
            self._ends += ends
            if len(self._starts) > MOST_INTERVALS:
                self._add_up_oldest()
        else:
            self.add(zip(starts, ends, strict=True))

    def copy(self) -> CoveredTime:
        """Return a copy, to which open regions may be added."""
        copied = CoveredTime()
        copied._starts, copied._ends, copied._oldest = list(self._starts), list(self._ends), self._oldest
        return copied

    def total(self) -> int:
        """Return how much is covered."""
        covered = sum(self._ends) - sum(self._starts)
        if self._oldest is not None:
            start, end, total = self._oldest
            # An outer region that ended later covers some of it again, gaps included.
            again = sum(
                max(0, min(end, until) - max(start, since))
                for since, until in zip(self._starts, self._ends, strict=True)
                if since < end
            )
            covered += round(total * (1 - min(1.0, again / (end - start)))) if end > start else 0
        return covered

    def _add_up_oldest(self) -> None:
        number = len(self._starts) - MOST_INTERVALS // 2
        starts, ends = self._starts[:number], self._ends[:number]
        total = sum(ends) - sum(starts)
        if self._oldest is None:
            self._oldest = (starts[0], ends[-1], total)
        else:
            start, end, before = self._oldest
            self._oldest = (min(start, starts[0]), max(end, ends[-1]), before + total)
        del self._starts[:number], self._ends[:number]
