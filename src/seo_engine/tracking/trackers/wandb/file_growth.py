"""FileGrowth: whether a file is still being written; wandb-core does not report a full disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

# If wandb-core was given rows, and its file did not grow in this time, it has stopped writing.
GROWTH_SECONDS = 5.0


class FileGrowth:
    """Notices that a file has stopped growing although there is more to write.

    Args:
        path (Path): The file.
        clock (Callable[[], float]): Returns seconds.
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
        """Return whether the file had not grown at two checks in a row, although it should have.

        Args:
            given (int): Number of the newest record that the file's writer was given.
        """
        now = self._clock()
        if now - self._looked < GROWTH_SECONDS:
            return False
        size = self._path.stat().st_size if self._path.exists() else 0
        stands_still = self._awaited and size <= self._size
        self._looks_without_growth = self._looks_without_growth + 1 if stands_still else 0
        # What was given so far should be in the file by the next check.
        self._looked, self._size, self._awaited, self._given = now, size, given > self._given, given
        return self._looks_without_growth >= 2
