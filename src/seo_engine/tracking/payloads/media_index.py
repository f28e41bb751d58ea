"""MediaIndex: which file each payload became whose payload file was removed."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from seo_engine.foundation.whole_files import open_regular, write_whole
from seo_engine.tracking.payloads.payload import MEDIA, Reference, is_kept, media_folder

INDEX = "index.jsonl"

# Of a million payloads; somebody may have sent anything.
LARGEST_INDEX_BYTES = 200_000_000

# Of the files in `media/` that are named after their content.
KEPT_NAME = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{1,5}")

# The payload file, and the offset in it.
Place = tuple[str, int]


class MediaIndex:
    """The file `media/index.jsonl`: for each payload of a file that is gone, the name of the file that it became.

    Args:
        run_directory (Path): The run's folder.

    Example:
        >>> import tempfile
        >>> directory = Path(tempfile.mkdtemp())
        >>> (directory / "media").mkdir()
        >>> name = "0" * 64 + ".png"
        >>> (directory / "media" / name).touch()
        >>> MediaIndex(directory).add({("payloads-h-1.bin", 0): name})
        >>> MediaIndex(directory).name_of(Reference("payloads-h-1.bin", 0, 9, "pixels"))[-8:]
        '0000.png'
    """

    def __init__(self, run_directory: Path) -> None:
        self._run_directory = run_directory
        self._path = run_directory / MEDIA / INDEX
        self._names: dict[Place, str] = {}
        self._read_at = 0

    def name_of(self, reference: Reference) -> str:
        """Return the name of the file that a payload became.

        Args:
            reference (Reference): The payload.

        Raises:
            FileNotFoundError: If nobody kept it.
            OSError: If the index cannot be read.
        """
        self._read()
        name = self._names.get((reference.file, reference.offset))
        if name is None or not is_kept(media_folder(self._run_directory) / name):
            raise FileNotFoundError(
                errno.ENOENT, f"nothing was kept of what was at {reference.offset:,} in {reference.file}, which is gone"
            )
        return name

    def names(self) -> dict[Place, str]:
        """Return the names of all files, by the place of the payload."""
        self._read()
        return dict(self._names)

    def add(self, names: Mapping[Place, str]) -> None:
        """Write the index whole, with further names, and sync it to disk.

        Args:
            names (Mapping[Place, str]): Names by place.

        Raises:
            OSError: If it cannot be written.
        """
        media_folder(self._run_directory)
        self._read()
        self._names |= names
        lines = (
            orjson.dumps({"file": file, "offset": offset, "name": name}) + b"\n"
            for (file, offset), name in self._names.items()
        )
        write_whole(self._path, lines, synced=True)

    def _read(self) -> None:
        try:
            changed = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if changed == self._read_at:
            return
        descriptor = open_regular(self._path)
        with os.fdopen(descriptor, "rb") as file:
            if os.fstat(descriptor).st_size > LARGEST_INDEX_BYTES:
                raise OSError(errno.EFBIG, "it is too large", str(self._path))
            self._names = dict(entry for line in file if (entry := _entry(line)) is not None)
        self._read_at = changed


def _entry(line: bytes) -> tuple[Place, str] | None:
    """Return what a line says; None if it says nothing: the run may come from somebody else."""
    try:
        data: Any = orjson.loads(line)
    except ValueError:
        return None
    if not isinstance(data, dict):
        return None
    file, offset, name = data.get("file"), data.get("offset"), data.get("name")
    if not isinstance(file, str) or not isinstance(offset, int) or not isinstance(name, str):
        return None
    return ((file, offset), name) if KEPT_NAME.fullmatch(name) else None
