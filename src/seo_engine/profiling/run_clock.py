"""The time of a run: since when, and without what it takes to report about it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from seo_engine.profiling.regions.lanes import Lanes
from seo_engine.profiling.regions.spans import now


class RunClock:
    """Measures how long a run has lasted. Reports of its own thread stop the clock; those in the background do not."""

    def __init__(self) -> None:
        self.started = now()
        self.started_at = time.time()
        self._thread = threading.get_ident()
        self._reported = 0
        self._reports_since = 0

    def nanoseconds(self) -> int:
        """Return how long the run has lasted."""
        return (self._reports_since or now()) - self.started - self._reported

    @contextmanager
    def reporting(self, lanes: Lanes) -> Iterator[None]:
        """Stop the clock, unless the report is made within a region, whose time it takes, or beside the run.

        Args:
            lanes (Lanes): The open regions.
        """
        is_beside = threading.get_ident() != self._thread or lanes.current().innermost is not None
        if is_beside or self._reports_since:
            yield
            return
        self._reports_since = now()
        try:
            yield
        finally:
            self._reported += now() - self._reports_since
            self._reports_since = 0
