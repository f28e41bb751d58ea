"""StepCounter: the steps of calls that give none."""

from __future__ import annotations

import threading

from seo_engine.foundation.texts import LARGEST_INTEGER
from seo_engine.tracking.records.kind import step_after


class StepCounter:
    """Counts on from the last step; threads that log at the same time get a step each.

    Attributes:
        last (int): The last step that it gave, or that a call gave itself.

    Example:
        >>> counter = StepCounter()
        >>> counter.next(), counter.next()
        (1, 2)
        >>> counter.last = 10
        >>> counter.next()
        11
    """

    def __init__(self) -> None:
        self.last = 0
        # A signal handler may log while its thread counts.
        self._lock = threading.RLock()

    def next(self) -> int:
        """Return the step after the last one."""
        with self._lock:
            last = self.last
            # A training may have logged any step, but nearly always an integer.
            self.last = step = last + 1 if type(last) is int and last < LARGEST_INTEGER else step_after(last)
            return step

    def renew_after_fork(self) -> None:
        """Forget the lock, which a thread of the parent process may have held."""
        self._lock = threading.RLock()
