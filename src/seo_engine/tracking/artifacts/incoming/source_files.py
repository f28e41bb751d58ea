"""Which files there are in what somebody wants to keep."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from seo_engine.tracking.artifacts.contents import check_path
from seo_engine.tracking.artifacts.manifests import LARGEST_MANIFEST_BYTES

# What a manifest says of a file beside its path, at most.
_BYTES_OF_A_FILE = 200

_SPECIAL = "it is neither a file nor a folder, but a pipe, a socket or a device"


class SourceFile(NamedTuple):
    """A file that is to be kept.

    Args:
        path (str): Where it will be in the version.
        source (Path): Where it is.
        executable (bool): Whether its owner may run it.
    """

    path: str
    source: Path
    executable: bool


def find_files(path: Path, store: Path) -> list[SourceFile]:
    """Return the files of a folder and the folders in it, or the one file.

    Args:
        path (Path): The folder or file. Links in it are followed where they stay within it.
        store (Path): What the folder must not hold.

    Returns:
        list[SourceFile]: By path. A folder without files is nothing.

    Raises:
        ValueError: If something in it cannot be kept; the message says what, where, and what to do.
        OSError: If it cannot be read.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "a").mkdir()
        >>> _ = (folder / "a" / "b.txt").write_text("text")
        >>> [each.path for each in find_files(folder, folder.parent / "artifacts")]
        ['a/b.txt']
    """
    status = path.stat()
    if stat.S_ISREG(status.st_mode):
        check_path(path.name)
        return [_source_file(path.name, path, status)]
    if not stat.S_ISDIR(status.st_mode):
        raise ValueError(f"{path}: {_SPECIAL}; give another")
    files: list[SourceFile] = []
    room = LARGEST_MANIFEST_BYTES
    for file in _in_folder(path, path.resolve(), store.resolve()):
        files.append(file)
        room -= len(os.fsencode(file.path)) + _BYTES_OF_A_FILE
        if room < 0:
            raise ValueError(f"{path}: it has more than {len(files) - 1:,} files; pack them into fewer, as with tar")
    return sorted(files)


def _in_folder(top: Path, root: Path, store: Path) -> Iterator[SourceFile]:
    # The folders to read, each with the real paths of those above it.
    waiting: list[tuple[Path, str, tuple[Path, ...]]] = [(top, "", (root,))]
    while waiting:
        folder, prefix, above = waiting.pop()
        if above[-1] == store:
            raise ValueError(f"{folder}: this is the store of artifacts; give a folder without it")
        for entry in sorted(os.scandir(folder), key=lambda each: each.name):
            path, name = folder / entry.name, prefix + entry.name
            check_path(name)
            real = _followed(path, root) if entry.is_symlink() else above[-1] / entry.name
            status = real.stat()
            if stat.S_ISDIR(status.st_mode):
                if real in above:
                    raise ValueError(f"{path}: this link leads back to a folder that it is in; remove it")
                waiting.append((path, f"{name}/", (*above, real)))
            elif stat.S_ISREG(status.st_mode):
                yield _source_file(name, path, status)
            else:
                raise ValueError(f"{path}: {_SPECIAL}; remove it")


def _followed(link: Path, root: Path) -> Path:
    try:
        real = link.resolve(strict=True)
    except (OSError, RuntimeError):
        raise ValueError(f"{link}: this link leads nowhere; remove it") from None
    if not real.is_relative_to(root):
        raise ValueError(f"{link}: this link leads out of the folder; replace it by what it names")
    return real


def _source_file(path: str, source: Path, status: os.stat_result) -> SourceFile:
    return SourceFile(path, source, bool(status.st_mode & stat.S_IXUSR))
