"""The time of a run: since when, and without what it takes to report about it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from seo_engine.profiling.regions.lanes import Lanes
from seo_engine.profiling.regions.spans import now


class RunClock:
    """Measures how long a run has lasted. Reports of its own thread stop the clock; those in the background do not.

    It also stops when the run ends, until something is timed again.
    """

    def __init__(self) -> None:
        self.started = now()
        self.started_at = time.time()
        self._thread = threading.get_ident()
        self._reported = 0
        self._reports_since = 0
        self._ended = 0
        self._spans_at_end = 0

    def nanoseconds(self) -> int:
        """Return how long the run has lasted."""
        return (self._ended or self._reports_since or now()) - self.started - self._reported

    def end(self, spans: int) -> None:
        """Stop the clock, because the run has ended.

        Args:
            spans (int): How many spans have been counted.
        """
        self._ended, self._spans_at_end = self._reports_since or now(), spans

    def look(self, spans: int) -> None:
        """Let the clock go on if anything was timed after the run.

        Args:
            spans (int): How many spans have been counted.
        """
        if self._ended and spans != self._spans_at_end:
            self._ended = 0

    @contextmanager
    def reporting(self, lanes: Lanes) -> Iterator[None]:
        """Stop the clock, unless the report is made within a region, whose time it takes, or beside the run.

        Args:
            lanes (Lanes): The open regions.
        """
        is_beside = threading.get_ident() != self._thread or lanes.current().innermost is not None
        if is_beside or self._reports_since or self._ended:
            yield
            return
        self._reports_since = now()
        try:
            yield
        finally:
            if not self._ended:
                self._reported += now() - self._reports_since
            self._reports_since = 0
