"""Files that are written whole or not at all, and who may read them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

# What may hold private text is for its owner alone.
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file under another name first, so that nobody ever finds a part of it, also after a kill.

    Args:
        path (Path): The file.
        parts (Iterable[bytes]): Its contents.

    Raises:
        OSError: If it cannot be written; then what was there is still there.
    """
    # Cut, because a name that is as long as names may be leaves no room for more.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(parts)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
