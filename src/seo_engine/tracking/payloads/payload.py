"""Payload: the bytes of a picture, a table or a page, as a call hands them over; and what a record says of them."""

from __future__ import annotations

import errno
import math
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from seo_engine.foundation.whole_files import open_regular

MEDIA = "media"

FILE_NAME = re.compile(r"payloads-[A-Za-z0-9][A-Za-z0-9.-]{0,99}\.bin")

# As large as a file can be.
LARGEST_OFFSET = 2**63 - 1

# What the elements of an array can be, and how many bytes one has; as numpy names them.
ITEM_BYTES = {
    "bool": 1, "uint8": 1, "int8": 1, "uint16": 2, "int16": 2, "uint32": 4, "int32": 4, "uint64": 8, "int64": 8,
    "float16": 2, "float32": 4, "float64": 8,
}  # fmt: skip


# Of what is played, in a second.
HIGHEST_RATE = 10_000_000

# Of what is an array.
PIXELS = "pixels"
VALUES = "values"
FRAMES = "frames"
SAMPLES = "samples"
SCORES = "scores"
ARRAY = "array"
PLAYED = (FRAMES, SAMPLES)
ARRAY_ENCODINGS = (PIXELS, VALUES, FRAMES, SAMPLES, SCORES, ARRAY)


class Payload(NamedTuple):
    """Bytes that a record refers to.

    Args:
        data (bytes | memoryview | Path): The bytes, one after the other in memory, or the file that holds them.
        encoding (str): What they are: a name in `ENCODINGS`.
        shape (tuple[int, ...]): Of an array.
        type (str): Of an array's elements, a name in `ITEM_BYTES`.
        rate (float): Of sound and video, how many samples or frames there are in a second.
    """

    data: bytes | memoryview | Path
    encoding: str
    shape: tuple[int, ...] = ()
    type: str = ""
    rate: float = 0.0

    @property
    def size(self) -> int:
        """int: How many bytes it has.

        Raises:
            OSError: If there is no such file.
        """
        data = self.data
        if isinstance(data, memoryview):
            return data.nbytes
        return len(data) if isinstance(data, bytes) else data.stat().st_size

    def reference(self, file: str, offset: int, length: int) -> Reference:
        """Return what a record says of it.

        Args:
            file (str): The name of the payload file that it is in.
            offset (int): Where it begins there.
            length (int): How many bytes it has there.
        """
        return Reference(file, offset, length, self.encoding, self.shape, self.type, self.rate)


class Reference(NamedTuple):
    """Where a payload is, and what it is. In a record it is a dictionary.

    Args:
        file (str): The name of a payload file in the run's `media/`.
        offset (int): Where it begins, in bytes.
        length (int): How many bytes it has.
        encoding (str): As for `Payload`.
        shape (tuple[int, ...]): As for `Payload`.
        type (str): As for `Payload`.
        rate (float): As for `Payload`.
    """

    file: str
    offset: int
    length: int
    encoding: str
    shape: tuple[int, ...] = ()
    type: str = ""
    rate: float = 0.0

    def as_dictionary(self) -> dict[str, Any]:
        """Return it as a record has it."""
        data: dict[str, Any] = {
            "file": self.file, "offset": self.offset, "length": self.length, "encoding": self.encoding,
        }  # fmt: skip
        array = {"shape": list(self.shape), "type": self.type} if self.type else {}
        return data | array | ({"rate": self.rate} if self.rate else {})

    @classmethod
    def from_dictionary(cls, data: Any) -> Reference:
        """Return what a record refers to.

        Raises:
            ValueError: If it is not a reference. The journal may come from somebody else.

        Example:
            >>> Reference.from_dictionary({"file": "payloads-h-1.bin", "offset": 0, "length": 9, "encoding": "html"})
            Reference(file='payloads-h-1.bin', offset=0, length=9, encoding='html', shape=(), type='', rate=0.0)
        """
        if not isinstance(data, Mapping):
            raise ValueError("a payload must be a dictionary")
        file, encoding, kind = (data.get(name, "") for name in ("file", "encoding", "type"))
        offset, length = (data.get(name) for name in ("offset", "length"))
        shape, rate = data.get("shape", []), data.get("rate", 0.0)
        if not isinstance(file, str) or not FILE_NAME.fullmatch(file):
            raise ValueError("a payload must name a payload file")
        if not all(type(number) is int and 0 <= number <= LARGEST_OFFSET for number in (offset, length)):
            raise ValueError("a payload must have an offset and a length")
        if not isinstance(encoding, str) or not isinstance(kind, str) or not isinstance(shape, list):
            raise ValueError("a payload must have an encoding, and an array a shape and a type")
        if (encoding in ARRAY_ENCODINGS) != bool(kind):
            raise ValueError("an array, and nothing else, must have a type")
        if kind and (
            kind not in ITEM_BYTES
            or not all(type(side) is int and side > 0 for side in shape)
            or math.prod(shape) * ITEM_BYTES[kind] != length
        ):
            raise ValueError("an array must have a known type, and as many elements as its shape says")
        if not isinstance(rate, int | float) or not 0 <= rate <= HIGHEST_RATE or (encoding in PLAYED and not rate):
            raise ValueError("what is played must have a number of samples or frames in a second")
        assert isinstance(offset, int) and isinstance(length, int)
        return cls(file, offset, length, encoding, tuple(shape), kind, float(rate))


class PayloadTooLargeError(ValueError):
    """What a call is given is larger than allowed."""


def check_size(size: int, most_bytes: int) -> None:
    """Refuse what is too large, before it is copied or read.

    Args:
        size (int): How many bytes it has.
        most_bytes (int): How many are allowed.

    Raises:
        PayloadTooLargeError: If there are more.
    """
    if size > most_bytes:
        limit = f"maximum_payload_bytes ({most_bytes:,})"
        raise PayloadTooLargeError(f"its data are larger than {limit}, got {size:,} bytes")


def read_file(file: Any, most_bytes: int) -> Any:
    """Return what a path or an open file holds.

    Args:
        file (Any): A Path, or what has a `read`.
        most_bytes (int): How many bytes are allowed.

    Returns:
        Any: Bytes, or of a file that is open for text a text.

    Raises:
        OSError: If it cannot be read, or is no file but a pipe or a device.
        PayloadTooLargeError: If it holds more.
    """
    if not isinstance(file, Path):
        # One more shows whether there is more.
        data = file.read(most_bytes + 1)
        check_size(len(data), most_bytes)
        return data
    with os.fdopen(open_regular(file, may_be_link=True), "rb") as opened:
        check_size(os.fstat(opened.fileno()).st_size, most_bytes)
        return opened.read()


def media_folder(run_directory: Path) -> Path:
    """Return the folder of a run's media.

    Args:
        run_directory (Path): The run's folder.

    Raises:
        OSError: If it is a link: a run that somebody sent must not lead elsewhere.
    """
    path = run_directory / MEDIA
    if path.is_symlink():
        raise OSError(errno.ELOOP, "the folder of a run's media must be no link", str(path))
    return path


def is_kept(path: Path) -> bool:
    """Return whether a file is there that a payload became.

    Args:
        path (Path): Its place.

    Raises:
        OSError: If it is a link or a pipe: a run that somebody sent must not lead elsewhere.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return True


class Payloads(Protocol):
    """Where the payloads of a run are read."""

    def file(self, reference: Any) -> Path:
        """Return the encoded file of a payload.

        Args:
            reference (Any): As a record has it.

        Raises:
            OSError: If it is gone, or cannot be read or written.
            ValueError: If it cannot be encoded.
        """


class _NoPayloads:
    def file(self, reference: Any) -> Path:
        raise FileNotFoundError(errno.ENOENT, "there are no payloads here")


# Where the journal is read for something else than its media.
NO_PAYLOADS: Payloads = _NoPayloads()
