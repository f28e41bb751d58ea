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


def is_failure(error_type: type[BaseException] | None) -> bool:
    """Return whether an exception that leaves a region is a failure of its operation.

    With activation checkpointing, torch ends each recomputation with an exception of its own, as soon as it has what it
    needs. It is known by its name, because torch is not imported here.

    Example:
        >>> is_failure(ValueError), is_failure(None)
        (True, False)
    """
    if error_type is None:
        return False
    return error_type.__name__ != "_StopRecomputationError" or error_type.__module__ != "torch.utils.checkpoint"
