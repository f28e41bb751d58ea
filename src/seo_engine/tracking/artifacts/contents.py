"""What a version holds: files by their content, and references to what is elsewhere."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import orjson

from seo_engine.foundation.texts import LARGEST_INTEGER

_LONGEST_PATH = 4_096
_LONGEST_URI = 2_048

# The end of the year 9999: what comes after it has no date.
_LAST_TIME = 253_402_300_799

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


@dataclass(frozen=True)
class StoredFile:
    """One file of a version.

    Args:
        path (str): Where it is in the folder, with `/`.
        size (int): In bytes.
        executable (bool): Whether its owner may run it.
        sha256 (str): The hash of its content; empty while it is only staged.
    """

    path: str
    size: int
    executable: bool = False
    sha256: str = ""


@dataclass(frozen=True)
class ArtifactReference:
    """Content that is elsewhere: a version says where, and does not hold it.

    Args:
        uri (str): Where it is, such as `s3://bucket/data.tar`.
        checksum (str | None): Shows whether it is still the same; in any form.
        size (int | None): In bytes.
    """

    uri: str
    checksum: str | None = None
    size: int | None = None


def digest_of(files: tuple[StoredFile, ...], references: tuple[ArtifactReference, ...]) -> str:
    """Return the digest of files and references: the SHA-256 of a sorted line of JSON for each.

    Args:
        files (tuple[StoredFile, ...]): With their hashes.
        references (tuple[ArtifactReference, ...]): The references.

    Example:
        >>> digest_of((StoredFile("a.txt", 0, False, hashlib.sha256().hexdigest()),), ())[:8]
        '21a9e591'
    """
    lines = [orjson.dumps([each.path, each.sha256, each.size, each.executable]) for each in files]
    lines += [orjson.dumps([each.uri, each.checksum, each.size]) for each in references]
    return hashlib.sha256(b"".join(line + b"\n" for line in sorted(lines))).hexdigest()


def check_path(path: str) -> None:
    """Refuse a path that is not plain and within a folder.

    Args:
        path (str): The path of a file in a version.

    Raises:
        ValueError: If it leads elsewhere, or cannot be a path everywhere.

    Example:
        >>> check_path("../elsewhere")
        Traceback (most recent call last):
            ...
        ValueError: '../elsewhere' is not a path within a folder
    """
    try:
        is_text = len(path.encode()) <= _LONGEST_PATH and "\0" not in path
    except UnicodeEncodeError:
        is_text = False
    if not is_text:
        raise ValueError(
            f"the path {path[:100]!r} is not valid UTF-8 of at most {_LONGEST_PATH} bytes; rename the file"
        )
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise ValueError(f"{path!r} is not a path within a folder")


def check_reference(reference: ArtifactReference) -> None:
    """Refuse a reference that does not say a place.

    Args:
        reference (ArtifactReference): The reference.

    Raises:
        ValueError: If it is not `scheme://…`, or too long.

    Example:
        >>> check_reference(ArtifactReference("data.tar"))
        Traceback (most recent call last):
            ...
        ValueError: a reference must be an address such as s3://bucket/data.tar, got 'data.tar'
    """
    uri, checksum, size = reference.uri, reference.checksum, reference.size
    if not _is_short_text(uri) or not _URI.fullmatch(uri):
        raise ValueError(f"a reference must be an address such as s3://bucket/data.tar, got {str(uri)[:100]!r}")
    if checksum is not None and not _is_short_text(checksum):
        raise ValueError(f"the checksum of a reference must be a short text, got {str(checksum)[:100]!r}")
    if size is not None and not is_whole_number(size):
        raise ValueError(f"the size of a reference must be a whole number of bytes, got {size!r}")


def check_no_path_is_in_another(files: Sequence[StoredFile]) -> None:
    """Refuse files that cannot be in one folder.

    Args:
        files (Sequence[StoredFile]): The files.

    Raises:
        ValueError: If two have the same path, or one is also a folder of another.

    Example:
        >>> check_no_path_is_in_another([StoredFile("a", 1), StoredFile("a/b", 1)])
        Traceback (most recent call last):
            ...
        ValueError: 'a' is both a file and a folder
    """
    paths = {file.path for file in files}
    if len(paths) < len(files):
        raise ValueError("two files have the same path")
    for path in paths:
        parts = path.split("/")
        for count in range(1, len(parts)):
            if (folder := "/".join(parts[:count])) in paths:
                raise ValueError(f"{folder!r} is both a file and a folder")


def _is_short_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_URI and value.isprintable()


def is_whole_number(value: Any) -> TypeGuard[int]:
    """Return whether a value from a file is a size or the like.

    Example:
        >>> is_whole_number(3), is_whole_number(True), is_whole_number(-1), is_whole_number(2**63)
        (True, False, False, False)
    """
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_INTEGER


def is_time(value: Any) -> TypeGuard[float]:
    """Return whether a value from a file is a time in seconds since 1970 that has a date.

    Example:
        >>> is_time(1.7e9), is_time(1e300), is_time("now")
        (True, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LAST_TIME
