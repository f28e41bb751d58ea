"""PayloadFile: where a process appends the payloads of its records, before the journal refers to them."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import platform
import re
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from seo_engine.foundation.standard_streams import keep_standard_streams_taken
from seo_engine.foundation.whole_files import PRIVATE_FILE, PRIVATE_FOLDER, copy_from, open_regular
from seo_engine.tracking.payloads.payload import MEDIA, Payload, Reference

logger = logging.getLogger(__name__)

# How often a process without journal upkeep checks whether the file is still there.
FOLLOW_SECONDS = 1.0

# After this much, the owner of a run begins a new file: the old one goes when every view holds what is in it.
LARGE_BYTES = 64_000_000

_COPY_BYTES = 1 << 20
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9.]+")
_LONGEST_HOST = 60


class SealedFile(NamedTuple):
    """A payload file to which no more is appended.

    Args:
        path (Path): The file.
        descriptor (int): It is open, so that it can be restored.
        first_offset (int): Offset in the journal before which no record refers to it.
        last_offset (int): Offset in the journal after which no record refers to it.
    """

    path: Path
    descriptor: int
    first_offset: int
    last_offset: int


class PayloadFile:
    """Appends payloads to a file of this process, which is made with the first of them, and now and then to a new one.

    Each payload has a place of its own, and is written at once, a file in pieces. Once `append` returns, a kill of the
    process does not lose it: the page cache keeps it, like the journal.

    Args:
        run_directory (Path): The run's folder.
        creates_folder (bool): Whether the run is this process's own, so that it may make the folder again.

    Attributes:
        lock (RLock): Held from a payload until the record that refers to it is in the journal.

    Example:
        >>> import tempfile
        >>> directory = Path(tempfile.mkdtemp())
        >>> payload_file = PayloadFile(directory)
        >>> [payload_file.append(Payload(data, "html")).offset for data in (b"<p>one</p>", b"<p>two</p>")]
        [0, 10]
        >>> payload_file.path.read_bytes()
        b'<p>one</p><p>two</p>'
    """

    def __init__(self, run_directory: Path, *, creates_folder: bool = True) -> None:
        self.path: Path | None = None
        # A signal handler that logs may interrupt the thread that holds it.
        self.lock = threading.RLock()
        self._directory = run_directory / MEDIA
        self._creates_folder = creates_folder
        self._descriptor = -1
        # Where the next payload begins.
        self._end = 0
        self._sealed: tuple[SealedFile, ...] = ()
        self._sealed_at = 0
        self._follow_at = 0.0
        self._is_restoring = False

    def append(self, payload: Payload) -> Reference:
        """Append one payload.

        Args:
            payload (Payload): Its bytes and what they are.

        Returns:
            Reference: Where they are.

        Raises:
            OSError: If they cannot be written. None of them waits in memory.
        """
        length = payload.size
        with self.lock:
            self._open_or_follow()
            assert self.path is not None
            # Taken first, so that a signal handler that logs meanwhile writes behind it. None runs between these two,
            # because Python looks for signals at calls.
            offset = self._end
            self._end = offset + length
            if isinstance(payload.data, Path):
                self._copy(payload.data, length, offset)
            else:
                self._write(memoryview(payload.data).cast("B"), offset)
        return payload.reference(self.path.name, offset, length)

    def seal_if_large(self, journal_bytes: Callable[[], int]) -> None:
        """Begin a new file with the next payload, if this one is large; not from a logging call.

        Args:
            journal_bytes (Callable[[], int]): Returns how large the journal is.
        """
        # While it is held, every payload has its record in the journal.
        with self.lock:
            if self.path is not None and self._end >= LARGE_BYTES:
                sealed = SealedFile(self.path, self._descriptor, self._sealed_at, journal_bytes())
                self._sealed = (*self._sealed, sealed)
                self.path, self._sealed_at, self._end = None, sealed.last_offset, 0

    @property
    def sealed(self) -> tuple[SealedFile, ...]:
        """tuple[SealedFile, ...]: The files that are complete and not yet released."""
        return self._sealed

    def release(self, sealed: SealedFile) -> None:
        """Close a file that is no longer needed, so that it is not restored.

        Args:
            sealed (SealedFile): One of `sealed`.
        """
        with self.lock:
            # It may have been closed meanwhile.
            if sealed in self._sealed:
                self._sealed = tuple(each for each in self._sealed if each != sealed)
                os.close(sealed.descriptor)

    def restore(self) -> bool:
        """Recreate the files if their folder was deleted; the open descriptors still hold all of them.

        Returns:
            bool: Whether there was one to recreate.

        Raises:
            OSError: If one cannot be written.
        """
        is_restored = False
        if not self._creates_folder and not self._directory.parent.is_dir():
            # Its owner makes the folder again.
            return False
        with self.lock:
            self._is_restoring = True
            try:
                for each in self._sealed:
                    if not each.path.exists():
                        again = each._replace(descriptor=_written_again(each.path, each.descriptor))
                        self._sealed = tuple(again if one == each else one for one in self._sealed)
                        is_restored = True
                if self.path is not None and not self.path.exists():
                    self._descriptor = _written_again(self.path, self._descriptor)
                    is_restored = True
            finally:
                self._is_restoring = False
        return is_restored

    def synchronize(self) -> None:
        """Sync what was appended to disk, so that a power cut does not lose it; this may be slow."""
        with self.lock:
            # Others may append meanwhile, or close them.
            written = [each.descriptor for each in self._sealed] + [self._descriptor] * (self.path is not None)
            descriptors = [os.dup(descriptor) for descriptor in written]
        for descriptor in descriptors:
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def close(self) -> None:
        """Close the files; they may now be removed."""
        with self.lock:
            for each in self._sealed:
                os.close(each.descriptor)
            self._sealed = ()
            if self.path is not None:
                self.path = None
                os.close(self._descriptor)

    def renew_after_fork(self) -> None:
        """Begin a file of its own in a forked child: the others are the parent's."""
        self.lock = threading.RLock()
        self._is_restoring = False
        self._creates_folder = False
        self.close()

    def _write(self, data: memoryview, offset: int) -> None:
        while data:
            written = os.pwrite(self._descriptor, data, offset)
            data, offset = data[written:], offset + written

    def _copy(self, path: Path, length: int, offset: int) -> None:
        with os.fdopen(open_regular(path, may_be_link=True), "rb") as file:
            while length and (part := file.read(min(length, _COPY_BYTES))):
                self._write(memoryview(part), offset)
                length, offset = length - len(part), offset + len(part)
        if length:
            raise OSError(f"{path} became shorter while it was read")

    def _open_or_follow(self) -> None:
        if self._is_restoring:
            raise OSError("the file of payloads is being restored")
        if self.path is None:
            self._open()
        elif not self._creates_folder and time.monotonic() >= self._follow_at:
            # Nobody else looks after it.
            self._follow_at = time.monotonic() + FOLLOW_SECONDS
            self.restore()

    def _open(self) -> None:
        if not self._creates_folder and not self._directory.parent.is_dir():
            raise FileNotFoundError(f"there is no run in {self._directory.parent} yet")
        self._directory.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
        host = _NOT_IN_NAMES.sub("-", platform.node())[:_LONGEST_HOST].strip("-.") or "host"
        # A process with the same number may have been there before, and records refer to its file for ever.
        path = self._directory / f"payloads-{host}-{os.getpid()}-{secrets.token_hex(4)}.bin"
        descriptor = _create(path)
        if self.path is not None:
            # A signal handler that logs has opened one meanwhile.
            os.close(descriptor)
            path.unlink()
            return
        self._descriptor, self._end, self.path = descriptor, 0, path


def is_in_use(path: Path) -> bool:
    """Return whether a process still has a payload file open for writing.

    Args:
        path (Path): The file.

    Raises:
        OSError: If it cannot be opened.
    """
    descriptor = open_regular(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _written_again(path: Path, descriptor: int) -> int:
    """Write a file that was deleted from its open descriptor, and return the new descriptor."""
    path.parent.mkdir(PRIVATE_FOLDER, parents=True, exist_ok=True)
    # Under its own name last, so that nobody reads a part of it.
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    new = _create(partial)
    try:
        copy_from(descriptor, 0, new)
        partial.rename(path)
    except BaseException:
        os.close(new)
        partial.unlink(missing_ok=True)
        raise
    os.close(descriptor)
    return new


def _create(path: Path) -> int:
    keep_standard_streams_taken()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    # So that `is_in_use` knows; the lock ends with the process.
    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor
