"""FileLock: an advisory lock on a file, which ends with the process that holds it."""

from __future__ import annotations

import errno
import fcntl
import os
import time
import weakref
from pathlib import Path

from seo_engine.foundation.standard_streams import keep_standard_streams_taken
from seo_engine.foundation.whole_files import PRIVATE_FILE

# A file system without locks.
_WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS}

_LOOK_SECONDS = 0.01


class FileLock:
    """An advisory lock on a file; released when the process that holds it ends or is killed.

    Args:
        path (Path): The file; it and its folder are made, and stay.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "lock"
        >>> first, second = FileLock(path), FileLock(path)
        >>> first.acquire(), second.acquire()
        (True, False)
        >>> first.release()
        >>> second.acquire()
        True
    """

    def __init__(self, path: Path) -> None:
        # Whether the file system has refused to lock.
        self.is_without_effect = False
        self._path = path
        self._descriptor = -1
        _locks.add(self)

    def acquire(self, wait_seconds: float = 0.0, *, shared: bool = False) -> bool:
        """Take the lock if nobody else has it.

        Args:
            wait_seconds (float): How long to wait if another process has it.
            shared (bool): Whether others may share it, who only want to know whether it is held.

        Returns:
            bool: Whether this object holds it now.

        Raises:
            OSError: If its file cannot be created.
        """
        if self._descriptor >= 0:
            return True
        self._path.parent.mkdir(exist_ok=True)
        deadline = time.monotonic() + wait_seconds
        while not self._take(fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def sign(self, contents: bytes) -> None:
        """Write into the file of a lock that is held; the contents stay when it is released.

        Args:
            contents (bytes): Says who holds it.

        Raises:
            OSError: If it cannot be written.
        """
        # In place: a file of its own would not be the one that is locked.
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, contents, 0)

    def is_held_here(self) -> bool:
        """Return whether another object of this process holds the lock."""
        return any(each._path == self._path and each._descriptor >= 0 for each in list(_locks) if each is not self)

    def _take(self, operation: int) -> bool:
        keep_standard_streams_taken()
        # Known at once, so that a process that is forked meanwhile leaves it.
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            fcntl.flock(self._descriptor, operation | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _WITHOUT_LOCKS:
                self.release()
                if isinstance(error, BlockingIOError):
                    return False
                raise
            self.is_without_effect = True
        return True


_locks: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _leave_locks_to_parent() -> None:
    # A forked child shares the lock's descriptor, and would keep the lock after its parent's death.
    for lock in list(_locks):
        lock.release()


os.register_at_fork(after_in_child=_leave_locks_to_parent)
