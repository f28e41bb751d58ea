"""RunLock: shows which process works on a run, on one of its views, or on a part of it."""

from __future__ import annotations

from pathlib import Path

from seo_engine.tracking.file_lock import FileLock
from seo_engine.tracking.runs.places import LOCKS

# After this long, a lock that looks held is held: a kill closes the pipes of a process a moment before its locks, and
# `is_locked` holds a lock for a moment.
MOMENT_SECONDS = 2.0

# The lock of the run itself; its views have those of their trackers' names.
RUN_LOCK = "run"


class RunLock(FileLock):
    """An advisory lock on a file in the run's `locks/`. Where there are no locks, only one process may write a run.

    Args:
        run_directory (Path): The run's folder.
        name (str): `RUN_LOCK`, or what else it is about, such as a tracker's name for its view.

    Example:
        >>> import tempfile
        >>> directory = Path(tempfile.mkdtemp())
        >>> RunLock(directory, "run").acquire()
        True
    """

    def __init__(self, run_directory: Path, name: str) -> None:
        super().__init__(run_directory / LOCKS / name)


def is_locked(run_directory: Path, name: str) -> bool:
    """Return whether some process holds a lock of a run.

    Args:
        run_directory (Path): The run's folder.
        name (str): As for `RunLock`.
    """
    if not (run_directory / LOCKS / name).exists():
        return False
    lock = RunLock(run_directory, name)
    try:
        return not lock.acquire(shared=True)
    except OSError:
        # A read-only folder: there is no telling, so it counts as not locked.
        return False
    finally:
        lock.release()
