"""A file that a call is given, as its path, its bytes or an open file, as a payload."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.whole_files import open_regular
from seo_engine.tracking.payloads.payload import Payload, check_size, read_file

# As many bytes as it takes to tell what a file is.
BEGINNING_BYTES = 64
_LONGEST_SHOWN_NAME = 300


def is_file(value: Any) -> bool:
    """Return whether a value is the path of a file, its bytes, or an open file."""
    return isinstance(value, str | Path | bytes | bytearray) or hasattr(value, "read")


def file_payload(file: Any, what: str, most_bytes: int, encoding_of: Callable[[bytes], str]) -> Payload:
    """Return a file as a payload. One that is given by its path is read when it is appended.

    Args:
        file (Any): What `is_file`.
        what (str): What it is called in an error.
        most_bytes (int): How large it may be.
        encoding_of (Callable[[bytes], str]): Returns the encoding of a file that begins like this; raises if it is not
            what it should be.

    Raises:
        OSError: If it cannot be read, or is no file but a pipe or a device.
        PayloadTooLargeError: If it is larger.
    """
    if isinstance(file, str | Path):
        return _payload_of_path(str(file), what, most_bytes, encoding_of)
    if hasattr(file, "read"):
        file = read_file(file, most_bytes)
        if isinstance(file, str):
            file = file.encode("utf-8", "replace")
    data = bytes(file)
    return Payload(data, encoding_of(data[:BEGINNING_BYTES]))


def _payload_of_path(name: str, what: str, most_bytes: int, encoding_of: Callable[[bytes], str]) -> Payload:
    path = Path(name)
    try:
        with os.fdopen(open_regular(path, may_be_link=True), "rb") as file:
            check_size(os.fstat(file.fileno()).st_size, most_bytes)
            return Payload(path, encoding_of(file.read(BEGINNING_BYTES)))
    except OSError as error:
        # As it was given: of an address, a Path has lost a slash, and with it what tells a secret.
        shown = redact_text(name)[:_LONGEST_SHOWN_NAME]
        raise OSError(f"{what} cannot be read from {shown!r}: {error.strerror}") from None
