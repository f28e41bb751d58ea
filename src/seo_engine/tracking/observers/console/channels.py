"""Channels: pipes and pseudo-terminals from the standard descriptors to whoever reads what is printed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import termios
from collections.abc import Collection
from typing import NamedTuple

_STANDARD = {1: "stdout", 2: "stderr"}

# How much a pipe holds, so that a burst need not wait for its reader. Only Linux can be asked for it.
_PIPE_BYTES = 1 << 20

_READ_BYTES = 65_536

_OUTPUT_FLAGS, _LOCAL_FLAGS = 1, 3


class Channel(NamedTuple):
    """A pipe or a pseudo-terminal in place of what one or both standard descriptors led to.

    Args:
        stream (str): `stdout`, `stderr`, or `both` if they lead to one place.
        descriptors (tuple[int, ...]): The standard descriptors that lead to it, 1 or 2 or both.
        original (int): A copy of what they led to before.
        entrance (int): The end to write to.
        exit (int): The end to read from.
        place (os.stat_result): What the entrance is, to know it again.
    """

    stream: str
    descriptors: tuple[int, ...]
    original: int
    entrance: int
    exit: int
    place: os.stat_result

    def enter(self) -> None:
        """Have the descriptors lead to this channel."""
        for descriptor in self.descriptors:
            os.dup2(self.entrance, descriptor)

    def leave(self) -> None:
        """Have the descriptors lead where they did before; those that somebody else has led away since stay there."""
        for descriptor in self.descriptors:
            # The program may have closed it.
            with contextlib.suppress(OSError):
                if os.path.samestat(os.fstat(descriptor), self.place):
                    os.dup2(self.original, descriptor)

    def copy_window_size(self) -> None:
        """Give a pseudo-terminal the size of the original one."""
        if not os.isatty(self.original):
            return
        with contextlib.suppress(OSError):
            size = fcntl.ioctl(self.original, termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
            if size != fcntl.ioctl(self.exit, termios.TIOCGWINSZ, size):
                fcntl.ioctl(self.exit, termios.TIOCSWINSZ, size)


def open_channels() -> list[Channel]:
    """Return one channel for each place to which the standard descriptors lead.

    Raises:
        OSError: If there are no descriptors left, or no pseudo-terminals.
    """
    same = os.path.samestat(os.fstat(1), os.fstat(2))
    wanted = {"both": (1, 2)} if same else {name: (number,) for number, name in _STANDARD.items()}
    return [_open(stream, descriptors) for stream, descriptors in wanted.items()]


def readable(descriptors: Collection[int], wait_seconds: float) -> list[int]:
    """Return those that something can be read from, or that nobody writes to any more.

    Args:
        descriptors (Collection[int]): The ends to look at, of any number: a training may have thousands of files open.
        wait_seconds (float): How long to wait for the first.
    """
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in poll.poll(1000 * wait_seconds)]


def read_available(descriptor: int) -> bytes:
    """Return what can be read; nothing when nobody can write any more.

    Args:
        descriptor (int): The exit of a channel.
    """
    try:
        return os.read(descriptor, _READ_BYTES)
    except OSError:
        # This is how a pseudo-terminal says that nobody has it open.
        return b""


def write_all(descriptor: int, data: bytes) -> None:
    """Write everything; what the original terminal or file refuses is lost, as it would be without us.

    Args:
        descriptor (int): Where to write.
        data (bytes): What to write.
    """
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            # Another program has made the terminal non-blocking.
            poll = select.poll()
            poll.register(descriptor, select.POLLOUT)
            poll.poll()
        except OSError:
            return


def _open(stream: str, descriptors: tuple[int, ...]) -> Channel:
    original = os.dup(descriptors[0])
    if os.isatty(original):
        exit_, entrance = os.openpty()
        _pass_on_unchanged(entrance, original)
    else:
        exit_, entrance = os.pipe()
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            # An unprivileged user may have used up what there is.
            with contextlib.suppress(OSError):
                fcntl.fcntl(entrance, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    channel = Channel(stream, descriptors, original, entrance, exit_, os.fstat(entrance))
    channel.copy_window_size()
    return channel


def _pass_on_unchanged(terminal: int, original: int) -> None:
    """Have a pseudo-terminal leave line ends to the original one, and echo nothing."""
    attributes = termios.tcgetattr(original)
    attributes[_OUTPUT_FLAGS] &= ~termios.OPOST
    attributes[_LOCAL_FLAGS] &= ~termios.ECHO
    termios.tcsetattr(terminal, termios.TCSANOW, attributes)
