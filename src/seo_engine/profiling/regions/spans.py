"""The clock, and the span: a closed region as plain numbers."""

from __future__ import annotations

import time

now = time.perf_counter_ns

# Path, lane, start, end, own time, flags: all numbers; times in nanoseconds.
Span = tuple[int, int, int, int, int, int]

# Flags of a span: an exception passed through; a generator's work until its next value, which is only part of a run; a
# generator's whole run, whose work was counted before.
FAILED = 1
STRETCH = 2
WHOLE_RUN = 4
