"""CurrentMoment: the current epoch and step of a training, as its tracker has them."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable

from seo_engine.tracking.logging_calls import LoggingCalls
from seo_engine.tracking.records.kind import plain_epoch, plain_step


class CurrentMoment:
    """Returns the current epoch and step of a tracker, and does not keep it alive.

    Args:
        tracker (LoggingCalls): The tracker.
    """

    def __init__(self, tracker: LoggingCalls) -> None:
        self._tracker: Callable[[], LoggingCalls | None] = weakref.ref(tracker)
        self._last: tuple[float, int] = (0, 0)

    def pin(self, tracker: LoggingCalls) -> None:
        """Refer to the tracker for good: when it is about to be collected, the weak reference may be dead already."""
        self._tracker = lambda: tracker

    def __call__(self) -> tuple[float, int]:
        tracker = self._tracker()
        if tracker is not None:
            # A training may set them itself, to anything.
            with contextlib.suppress(TypeError, ValueError):
                self._last = plain_epoch(tracker.current_epoch), plain_step(tracker.global_step)
        return self._last
