"""Keeps the descriptors of the standard streams taken, so that no file gets the place of a stream that is closed."""

from __future__ import annotations

import errno
import fcntl
import logging
import os

logger = logging.getLogger(__name__)


def keep_standard_streams_taken() -> None:
    """Open the null device in place of each standard stream that is closed.

    A daemon or `2>&-` closes them, and the next file that is opened gets the free descriptor. What a library in C then
    prints would be written into that file. With the null device there, files of other libraries are safe too, and
    processes that are started from here find all three streams.

    Example:
        >>> keep_standard_streams_taken()
    """
    for descriptor in range(3):
        try:
            fcntl.fcntl(descriptor, fcntl.F_GETFD)
        except OSError as error:
            if error.errno == errno.EBADF:
                _open_null_device(descriptor)


def _open_null_device(descriptor: int) -> None:
    try:
        opened = os.open(os.devnull, os.O_RDWR)
    except OSError as error:  # no descriptor is left, or there is no null device
        logger.debug("Standard stream %d stays closed: %s", descriptor, error)
        return
    if opened == descriptor:
        os.set_inheritable(descriptor, True)
    else:
        # Another thread has opened a file meanwhile, which must keep its descriptor.
        os.close(opened)
