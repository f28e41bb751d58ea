"""Files that are written whole or not at all, and who may read them."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import uuid
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

# Files that may hold private text are for their owner alone.
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
# The system takes away what the umask forbids.
SHARED_FILE = 0o666

_LARGEST_SMALL_FILE = 10_000

_COPY_BYTES = 256 * 1024

# zlib's window size, plus 16 for the format of gzip.
_GZIP = 31

# Partial files that could not be removed, because their folder had become read only: the next writing there does it.
_left_behind: set[Path] = set()


def write_whole(path: Path, parts: Iterable[bytes], mode: int = PRIVATE_FILE, *, synced: bool = False) -> None:
    """Write a file under another name first, so that nobody ever finds a partial file, even after a kill.

    Args:
        path (Path): The file.
        parts (Iterable[bytes]): Its contents.
        mode (int): Who may do what with it, as far as the umask allows.
        synced (bool): Whether a power cut after this must not lose it.

    Raises:
        OSError: If it cannot be written; an existing file then stays as it was, unless only its name was not synced.
    """
    # Cut, because a name of the maximum length leaves no room for a suffix.
    partial = path.parent / f".{path.name[:40]}.{uuid.uuid4().hex}"
    with _errors_naming(path, partial):
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.writelines(parts)
                if synced:
                    file.flush()
                    os.fsync(file.fileno())
            partial.replace(path)
            if synced:
                # Its name, too.
                synchronize(path.parent)
        except BaseException:
            _remove(partial)
            raise
    for earlier in [each for each in _left_behind.copy() if each.parent == partial.parent]:
        _remove(earlier)


def write_export(path: str | os.PathLike[str], parts: Iterable[bytes], private: bool = False) -> None:
    """Write a file that somebody asked for by its path, as `open` would, but whole or not at all.

    Args:
        path (str | os.PathLike): The file; `~` is the home folder, and its folder is made. With the ending `.gz` it is
            compressed. Its mode follows the umask; if it replaces a file, nobody who could not read that can read it.
            A link stays one, and what is no file, such as `/dev/stdout`, is written to.
        parts (Iterable[bytes]): Its contents.
        private (bool): Whether it is for its owner alone, whatever the umask, and replaces whatever is there: it is in
            a folder that somebody may have sent, with links to anywhere.

    Raises:
        OSError: If it cannot be written; an existing file then stays as it was.

    Example:
        >>> import gzip, tempfile
        >>> path = Path(tempfile.mkdtemp()) / "profiles" / "trace.json.gz"
        >>> write_export(path, [b"{", b"}"])
        >>> gzip.decompress(path.read_bytes())
        b'{}'
    """
    path = Path(path)
    # Where there is no such user, `~name` is a name like any other.
    with contextlib.suppress(RuntimeError):
        path = path.expanduser()
    if not private:
        # A loop of links is refused below.
        with contextlib.suppress(RuntimeError):
            path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".gz":
        parts = _compressed(parts)
    # As a file that is not there, which takes nothing away.
    there = stat.S_IFREG | SHARED_FILE
    with contextlib.suppress(FileNotFoundError):
        there = path.stat().st_mode
    if private or stat.S_ISREG(there):
        write_whole(path, parts, stat.S_IMODE(there) & (PRIVATE_FILE if private else SHARED_FILE))
    else:
        with path.open("wb") as file:
            file.writelines(parts)


def open_regular(path: Path, *, may_be_link: bool = False) -> int:
    """Open a file for reading that somebody may have sent: no link, which leads anywhere, and no pipe, which blocks.

    Args:
        path (Path): The file.
        may_be_link (bool): Whether a link is followed.

    Returns:
        int: Its descriptor.

    Raises:
        OSError: If it is no file, or cannot be read.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if may_be_link else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return descriptor


def synchronize(path: Path) -> None:
    """Sync a file, or the names in a folder, to disk, so that a power cut does not lose it; this may be slow.

    Args:
        path (Path): The file or folder.

    Raises:
        OSError: If it cannot be read or written.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_from(source: int, offset: int, target: int) -> int:
    """Copy what an open file holds, which may be deleted, to where another one is written.

    Args:
        source (int): Descriptor of the file.
        offset (int): Where the copy begins, in bytes.
        target (int): Descriptor of the other file.

    Returns:
        int: The offset of its end.

    Raises:
        OSError: If one cannot be read, or the other not written.
    """
    while data := os.pread(source, _COPY_BYTES, offset):
        offset += len(data)
        while data:
            data = data[os.write(target, data) :]
    return offset


def read_small_json(path: Path) -> Any:
    """Return what a small file of JSON holds that another process may be writing, or somebody may have sent.

    Args:
        path (Path): The file.

    Returns:
        Any: None if it is no file, is too large, or is not whole.

    Raises:
        OSError: If it cannot be read.
    """
    import orjson

    # No pipe, which would block.
    if not path.is_file():
        return None
    with path.open("rb") as file:
        contents = file.read(_LARGEST_SMALL_FILE)
    try:
        return orjson.loads(contents)
    except ValueError:
        return None


def create_like_parent(folder: Path) -> None:
    """Create a folder in which whoever may write into the parent folder may write.

    Args:
        folder (Path): The folder.

    Raises:
        OSError: If it cannot be created.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        with contextlib.suppress(OSError):
            folder.chmod(stat.S_IMODE(folder.parent.stat().st_mode))


@contextlib.contextmanager
def _errors_naming(path: Path, partial: Path) -> Iterator[None]:
    """Have errors name the file that was asked for: nobody knows the other one."""
    try:
        yield
    except OSError as error:
        if error.filename == str(partial):
            error.filename, error.filename2 = str(path), None
        raise


def _compressed(parts: Iterable[bytes]) -> Iterator[bytes]:
    compressor = zlib.compressobj(wbits=_GZIP)
    for part in parts:
        yield compressor.compress(part)
    yield compressor.flush()


def _remove(partial: Path) -> None:
    _left_behind.add(partial)
    # The error of the writing itself is the one to report.
    with contextlib.suppress(OSError):
        partial.unlink(missing_ok=True)
        _left_behind.discard(partial)
