"""FileGrowth: whether a file is still written; wandb-core does not say when the disk is full."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

# A file of wandb-core that got rows, and did not grow in this time, is not written any more.
GROWTH_SECONDS = 5.0


class FileGrowth:
    """Notices that a file has stopped to grow although there is more to write.

    Args:
        path (Path): The file.
        clock (Callable[[], float]): Seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._looked = clock()
        self._size = 0
        self._given = 0
        self._awaited = False
        self._looks_without_growth = 0

    def has_stopped(self, given: int) -> bool:
        """Return whether the file has not grown for two looks in a row, each after it should have.

        Args:
            given (int): Number of the newest record that the file's writer was given.
        """
        now = self._clock()
        if now - self._looked < GROWTH_SECONDS:
            return False
        size = self._path.stat().st_size if self._path.exists() else 0
        stands_still = self._awaited and size <= self._size
        self._looks_without_growth = self._looks_without_growth + 1 if stands_still else 0
        # What was given until now should be in the file by the next look.
        self._looked, self._size, self._awaited, self._given = now, size, given > self._given, given
        return self._looks_without_growth >= 2
