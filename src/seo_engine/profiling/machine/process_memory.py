"""The memory of this process, read in about a microsecond."""

from __future__ import annotations

import os
import sys

import psutil


def process_memory_bytes() -> int:
    """Return the resident memory of this process in bytes, to the page, as the kernel counts it.

    Returns:
        int: Bytes. On Linux it takes about 1.5 µs, elsewhere what psutil takes.

    Raises:
        psutil.Error: If the system does not tell.

    Example:
        >>> process_memory_bytes() > 1_000_000
        True
    """
    global _memory_source
    source = _memory_source
    if source is None or source[0] != os.getpid():
        # After a fork, both the inherited descriptor and the psutil object would still tell of the parent.
        source = _memory_source = _open_memory_source()
    _, descriptor, process = source
    if descriptor is not None:
        try:
            return _resident_bytes(descriptor)
        except (OSError, ValueError):
            # Programs that become daemons close every descriptor, and the number may be another file's by now: it is
            # not ours to close.
            _memory_source = _open_memory_source()
    return int(process.memory_info().rss)


# Process id, descriptor of /proc/self/statm or None, psutil's process. Set as a whole, for other threads.
_MemorySource = tuple[int, int | None, psutil.Process]
_memory_source: _MemorySource | None = None


def _open_memory_source() -> _MemorySource:
    descriptor = None
    if sys.platform == "linux":
        try:
            descriptor = os.open("/proc/self/statm", os.O_RDONLY)
            _resident_bytes(descriptor)
        except (OSError, ValueError):
            if descriptor is not None:
                os.close(descriptor)
            descriptor = None
    return os.getpid(), descriptor, psutil.Process()


def _resident_bytes(descriptor: int) -> int:
    """Read /proc/self/statm: seven numbers, of which the second is the resident pages."""
    fields = os.pread(descriptor, 200, 0).split()
    if len(fields) != 7:
        raise ValueError(f"seven numbers expected, got {fields!r}")
    return int(fields[1]) * _PAGE_BYTES


_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if sys.platform == "linux" else 0
