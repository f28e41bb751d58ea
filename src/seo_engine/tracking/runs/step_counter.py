"""StepCounter: the steps of calls that give none."""

from __future__ import annotations

import threading

from seo_engine.tracking.records.kind import plain_step


class StepCounter:
    """Counts on from the last step that was logged; threads that log at the same time get a step each.

    Attributes:
        last (int): The step of the last call that was recorded.

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
        self._counted = 0
        # A signal handler may log while its thread counts.
        self._lock = threading.RLock()

    def next(self) -> int:
        """Return the next step, which no other call gets."""
        with self._lock:
            self._counted = max(self._counted, plain_step(self.last)) + 1
            return self._counted

    def renew_after_fork(self) -> None:
        """Forget the lock, which a thread of the parent process may have held."""
        self._lock = threading.RLock()
