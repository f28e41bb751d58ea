"""Files that are written whole or not at all, and who may read them."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

# Files that may hold private text are for their owner alone.
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700

# Partial files that could not be removed, because their folder had become read only: the next writing there does it.
_left_behind: set[Path] = set()


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file under another name first, so that nobody ever finds a partial file, even after a kill.

    Args:
        path (Path): The file.
        parts (Iterable[bytes]): Its contents.

    Raises:
        OSError: If it cannot be written; an existing file then stays as it was.
    """
    # Cut, because a name of the maximum length leaves no room for a suffix.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(parts)
        partial.replace(path)
    except BaseException:
        _remove(partial)
        raise
    for earlier in [each for each in _left_behind.copy() if each.parent == partial.parent]:
        _remove(earlier)


def _remove(partial: Path) -> None:
    _left_behind.add(partial)
    # The error of the writing itself is the one to report.
    with contextlib.suppress(OSError):
        partial.unlink(missing_ok=True)
        _left_behind.discard(partial)
