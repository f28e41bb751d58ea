"""The clock, and a span: what is left of a region that was left, as plain numbers."""

from __future__ import annotations

import time

now = time.perf_counter_ns

# Path, lane, start, end, own time, flags: all numbers; times in nanoseconds.
Span = tuple[int, int, int, int, int, int]

# Flags of a span: an exception passed through; the work of a generator until its next value, which is no run of its
# own; a generator from its first value to its end, whose work was counted before.
FAILED = 1
STRETCH = 2
WHOLE_RUN = 4
