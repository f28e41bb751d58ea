"""Payload: the bytes of a picture, a table or a page, as a call hands them over; and what a record says of them."""

from __future__ import annotations

import errno
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

MEDIA = "media"

FILE_NAME = re.compile(r"payloads-[A-Za-z0-9][A-Za-z0-9.-]{0,99}\.bin")

# What the elements of an array can be, and how many bytes one has; as numpy names them.
ITEM_BYTES = {
    "bool": 1, "uint8": 1, "int8": 1, "uint16": 2, "int16": 2, "uint32": 4, "int32": 4, "uint64": 8, "int64": 8,
    "float16": 2, "float32": 4, "float64": 8,
}  # fmt: skip


class Payload(NamedTuple):
    """Bytes that a record refers to.

    Args:
        data (bytes | memoryview | Path): The bytes, one after the other in memory, or the file that holds them.
        encoding (str): What they are: a name in `ENCODINGS`.
        shape (tuple[int, ...]): Of an array.
        type (str): Of an array's elements, a name in `ITEM_BYTES`.
    """

    data: bytes | memoryview | Path
    encoding: str
    shape: tuple[int, ...] = ()
    type: str = ""

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


class Reference(NamedTuple):
    """Where a payload is, and what it is. In a record it is a dictionary.

    Args:
        file (str): The name of a payload file in the run's `media/`.
        offset (int): Where it begins, in bytes.
        length (int): How many bytes it has.
        encoding (str): As for `Payload`.
        shape (tuple[int, ...]): As for `Payload`.
        type (str): As for `Payload`.
    """

    file: str
    offset: int
    length: int
    encoding: str
    shape: tuple[int, ...] = ()
    type: str = ""

    def as_dictionary(self) -> dict[str, Any]:
        """Return it as a record has it."""
        data: dict[str, Any] = {
            "file": self.file, "offset": self.offset, "length": self.length, "encoding": self.encoding,
        }  # fmt: skip
        return data | {"shape": list(self.shape), "type": self.type} if self.type else data

    @classmethod
    def from_dictionary(cls, data: Any) -> Reference:
        """Return what a record refers to.

        Raises:
            ValueError: If it is not a reference. The journal may come from somebody else.

        Example:
            >>> Reference.from_dictionary({"file": "payloads-h-1.bin", "offset": 0, "length": 9, "encoding": "html"})
            Reference(file='payloads-h-1.bin', offset=0, length=9, encoding='html', shape=(), type='')
        """
        if not isinstance(data, Mapping):
            raise ValueError("a payload must be a dictionary")
        file, encoding, kind = (data.get(name, "") for name in ("file", "encoding", "type"))
        offset, length = (data.get(name) for name in ("offset", "length"))
        shape = data.get("shape", [])
        if not isinstance(file, str) or not FILE_NAME.fullmatch(file):
            raise ValueError("a payload must name a payload file")
        if not all(type(number) is int and number >= 0 for number in (offset, length)):
            raise ValueError("a payload must have an offset and a length")
        if not isinstance(encoding, str) or not isinstance(kind, str) or not isinstance(shape, list):
            raise ValueError("a payload must have an encoding, and an array a shape and a type")
        if kind and (
            kind not in ITEM_BYTES
            or not all(type(side) is int and side > 0 for side in shape)
            or math.prod(shape) * ITEM_BYTES[kind] != length
        ):
            raise ValueError("an array must have a known type, and as many elements as its shape says")
        assert isinstance(offset, int) and isinstance(length, int)
        return cls(file, offset, length, encoding, tuple(shape), kind)


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
