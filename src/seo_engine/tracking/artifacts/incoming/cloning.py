"""Copies of files that cost as little as the file system allows."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from seo_engine.foundation.whole_files import PRIVATE_FILE, open_regular

# Linux: have two files share their blocks until one of them is written to.
_FICLONE = 0x40049409

# With these the kernel says that it cannot copy, such as between two file systems.
_COPY_BY_HAND = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM}

_COPY_BYTES = 1 << 20
_KERNEL_COPY_BYTES = 1 << 30


def clone_file(source: Path, target: Path, mode: int = PRIVATE_FILE, *, may_link: bool = False) -> int:
    """Make a new file with the content of another: a reflink where the file system can, otherwise a copy.

    Args:
        source (Path): The file; a link to one is followed.
        target (Path): The new file.
        mode (int): Who may do what with it, as far as the umask allows.
        may_link (bool): Whether a hard link will do where there are no reflinks: nobody writes to either file any more.

    Returns:
        int: Its size in bytes.

    Raises:
        OSError: If one cannot be read or the other not written, or the source changes meanwhile.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "a").write_text("weights")
        >>> clone_file(folder / "a", folder / "b"), (folder / "b").read_text()
        (7, 'weights')
    """
    opened = open_regular(source, may_be_link=True)
    try:
        before = os.fstat(opened)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            if not _is_reflinked(opened, descriptor) and not (may_link and _is_linked(source, target)):
                _copy(opened, descriptor, before.st_size)
        except OSError as error:
            # Calls on descriptors do not know the names of their files.
            error.filename, error.filename2 = str(source), str(target)
            raise
        finally:
            os.close(descriptor)
        after = os.fstat(opened)
    finally:
        os.close(opened)
    size = target.stat().st_size
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or size != before.st_size:
        raise OSError(f"{source} changed while it was copied; wait until it is written, then try again")
    return size


def _is_reflinked(source: int, target: int) -> bool:
    if sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        # The file system cannot, or it is another one.
        return False
    return True


def _is_linked(source: Path, target: Path) -> bool:
    link = target.with_name(f"{target.name}.link")
    try:
        os.link(source.resolve(), link)
    except OSError:
        # It is on another device, or this is not allowed.
        return False
    link.replace(target)
    return True


def _copy(source: int, target: int, size: int) -> None:
    for begin, end in _written_stretches(source, size):
        while begin < end and (count := _copy_some(source, target, begin, end)):
            begin += count
    # What is left is a hole.
    os.ftruncate(target, size)


def _written_stretches(source: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield where a file has data: between them are holes, which stay holes."""
    end = 0
    while end < size:
        try:
            begin = os.lseek(source, end, os.SEEK_DATA)
            end = min(os.lseek(source, begin, os.SEEK_HOLE), size)
        except OSError as error:
            if error.errno != errno.ENXIO:
                # It does not know.
                yield end, size
            return
        yield begin, end


def _copy_some(source: int, target: int, begin: int, end: int) -> int:
    """Copy the beginning of a stretch, and return how many bytes; none if the source became shorter."""
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(source, target, min(end - begin, _KERNEL_COPY_BYTES), begin, begin)
        except OSError as error:
            if error.errno not in _COPY_BY_HAND:
                raise
    return os.pwrite(target, os.pread(source, min(end - begin, _COPY_BYTES), begin), begin)
