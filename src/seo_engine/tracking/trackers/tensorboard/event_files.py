"""Event files on disk: which records of the journal they hold."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import struct
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

PATTERN = "events.out.tfevents.*"

# TensorFlow's record format: length and its checksum, the data, and the checksum of the data.
_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")

# TensorBoard's checksums in Python take 0.1 µs a byte, and a kill or a power cut damages only the end of a file.
VERIFIED_EVENTS = 1_000

_NAME_TIME = re.compile(r"events\.out\.tfevents\.(\d+)\.")
_naming = threading.Lock()


def repair(directory: Path) -> int:
    """Remove event files that lack their beginning, and return the newest record in those that are left.

    A full disk leaves an empty file. And a writer opens its file by name for each write: if the folder was deleted and
    recreated, it continues in a file that holds only its newest records.

    Args:
        directory (Path): The event files' folder, which nobody writes to now.

    Returns:
        int: Number of the newest record of the journal that TensorBoard can read there, 0 if there is none. A torn or
            damaged event, and what follows it in its file, does not count.

    Raises:
        OSError: If a file cannot be read or removed.
    """
    last_record = 0
    for path in directory.glob(PATTERN):
        if _is_headless(path):
            path.unlink()
        else:
            last_record = max(last_record, newest_record(path))
    return last_record


@contextlib.contextmanager
def later_names(directory: Path) -> Iterator[None]:
    """Have the name of a new event file sort after the existing ones: readers take them in the order of names.

    A name begins with the second in which TensorBoard opens the file. It may be the same as in the previous name, or
    earlier if the clock was set back; both would hide points.

    Args:
        directory (Path): The event files' folder; one is opened within the block.
    """
    from tensorboard.summary.writer import event_file_writer

    seconds = [int(match[1]) for path in directory.glob(PATTERN) if (match := _NAME_TIME.match(path.name))]
    if not seconds or max(seconds) < int(time.time()):
        yield
        return
    # The constructor makes the name, only from this module's clock.
    module: Any = event_file_writer
    with _naming:
        module.time = _LaterClock(max(seconds) + 1)
        try:
            yield
        finally:
            module.time = time


class _LaterClock:
    """Replaces the module `time` for TensorBoard while it names a file."""

    def __init__(self, earliest: int) -> None:
        self._earliest = earliest

    def time(self) -> float:
        """Return the time, or the earliest that is allowed."""
        return max(float(self._earliest), time.time())


def count(directory: Path) -> int:
    """Return how many event files are in a folder."""
    return sum(1 for _ in directory.glob(PATTERN))


def newest_record(path: Path) -> int:
    """Return the newest record of the journal that TensorBoard can read in an event file, 0 if there is none.

    Args:
        path (Path): The file.
    """
    with path.open("rb") as file:
        newest = deque(_offsets(file), maxlen=VERIFIED_EVENTS)
        # If the damage goes further back than that, the whole file is read.
        return _last_verified_record(file, newest) or _last_verified_record(file, _offsets(file))


def _is_headless(path: Path) -> bool:
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        # The first event of an intact file gives its version, and shows no record.
        return any(_verified_records(file, itertools.islice(_offsets(file), 1)))


def _offsets(file: BinaryIO) -> Iterator[int]:
    """Yield the offset of each complete event."""
    size = file.seek(0, os.SEEK_END)
    offset = 0
    while offset < size:
        file.seek(offset)
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return
        length, _ = _HEADER.unpack(header)
        end = offset + _HEADER.size + length + _FOOTER.size
        if not length or end > size:
            return
        yield offset
        offset = end


def _last_verified_record(file: BinaryIO, offsets: Iterable[int]) -> int:
    return max(_verified_records(file, offsets), default=0)


def _verified_records(file: BinaryIO, offsets: Iterable[int]) -> Iterator[int]:
    """Yield the record that each event shows, up to the first event that is damaged."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    for offset in offsets:
        file.seek(offset)
        header = file.read(_HEADER.size)
        length, length_checksum = _HEADER.unpack(header)
        data = file.read(length)
        (checksum,) = _FOOTER.unpack(file.read(_FOOTER.size))
        if masked_crc32c(header[:8]) != length_checksum or masked_crc32c(data) != checksum:
            return
        event = Event()
        event.ParseFromString(data)
        yield record_number(event.source_metadata.writer)


def writer_name(number: int) -> str:
    """Return the `source_metadata.writer` of an event that shows this record."""
    return f"journal:{number}"


def record_number(name: str) -> int:
    """Return the number of the record that an event shows, 0 if it shows none.

    Example:
        >>> record_number(writer_name(7)), record_number("")
        (7, 0)
    """
    prefix, _, digits = name.partition(":")
    return int(digits) if prefix == "journal" and digits.isdecimal() else 0
