"""The memory of this process, read in about a microsecond."""

from __future__ import annotations

import os
import sys

import psutil


def process_memory_bytes() -> int:
    """Return the resident memory of this process in bytes, as the kernel counts it, in whole pages.

    Returns:
        int: Bytes. Reading takes about 1.5 µs on Linux; elsewhere psutil reads it.

    Raises:
        psutil.Error: If the system does not provide it.

    Example:
        >>> process_memory_bytes() > 1_000_000
        True
    """
    global _memory_source
    source = _memory_source
    if source is None or source[0] != os.getpid():
        # After a fork, both the inherited descriptor and the psutil object would still describe the parent.
        source = _memory_source = _open_memory_source()
    _, descriptor, process = source
    if descriptor is not None:
        try:
            return _resident_bytes(descriptor)
        except (OSError, ValueError):
            # A program that becomes a daemon closes every descriptor. The number may belong to another file by now, so
            # we must not close it.
            _memory_source = _open_memory_source()
    return int(process.memory_info().rss)


# Process id, descriptor of /proc/self/statm or None, psutil's process. Replaced as a whole: other threads read it.
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
    """Read /proc/self/statm: seven numbers; the second is the number of resident pages."""
    fields = os.pread(descriptor, 200, 0).split()
    if len(fields) != 7:
        raise ValueError(f"seven numbers expected, got {fields!r}")
    return int(fields[1]) * _PAGE_BYTES


_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE") if sys.platform == "linux" else 0
