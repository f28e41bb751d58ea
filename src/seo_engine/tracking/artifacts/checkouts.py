"""Checkouts: the files of a version in a folder, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

from seo_engine.foundation.whole_files import PRIVATE_FOLDER, SHARED_FILE
from seo_engine.tracking.artifacts.committing import remove_incoming
from seo_engine.tracking.artifacts.contents import StoredFile
from seo_engine.tracking.artifacts.incoming.cloning import clone_file
from seo_engine.tracking.artifacts.incoming.staging import FILLING
from seo_engine.tracking.artifacts.manifests import ArtifactVersion
from seo_engine.tracking.artifacts.places import Places
from seo_engine.tracking.file_lock import FileLock

Progress = Callable[[int, int], None]

_READ_ONLY = 0o400
_READ_ONLY_PROGRAM = 0o500
_SHARED_PROGRAM = 0o777

_FILES = "files"


def check_out(places: Places, version: ArtifactVersion, target: Path | None, progress: Progress | None = None) -> Path:
    """Put the files of a version into a folder; see `ArtifactStore.get`."""
    missing = next((file for file in version.files if not places.keeps(file)), None)
    if missing is not None:
        raise OSError(
            f"{version.label}: the store does not hold what {missing.path!r} was; `seo-engine artifacts verify` "
            "says which versions are not whole"
        )
    return _in_the_store(places, version, progress) if target is None else _at(places, version, target, progress)


def _in_the_store(places: Places, version: ArtifactVersion, progress: Progress | None) -> Path:
    checkout = places.checkout(version.digest)
    if checkout.is_dir():
        return checkout
    places.ensure(places.incoming)
    places.ensure(places.checkouts)
    # As with a staging: while the lock is held, it is not garbage.
    folder = places.incoming / f"checkout-{uuid.uuid4().hex}"
    folder.mkdir(PRIVATE_FOLDER)
    lock = FileLock(folder / FILLING)
    try:
        lock.acquire()
        partial = folder / _FILES
        partial.mkdir(PRIVATE_FOLDER)
        _fill(places, version, partial, _as_link, progress)
        try:
            partial.rename(checkout)
        except OSError as error:
            # Another process was quicker.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    finally:
        lock.release()
        remove_incoming(places, folder.name)
    return checkout


def _at(places: Places, version: ArtifactVersion, target: Path, progress: Progress | None) -> Path:
    check_target(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.parent / f".{target.name[:40]}.{uuid.uuid4().hex}"
    partial.mkdir()
    try:
        _fill(places, version, partial, _as_copy, progress)
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return target


def check_target(target: Path) -> None:
    """Refuse a folder that cannot be made anew.

    Args:
        target (Path): Where somebody wants files.

    Raises:
        ValueError: If something is there, or it is the current folder.

    Example:
        >>> check_target(Path("."))
        Traceback (most recent call last):
            ...
        ValueError: .: this is the current folder; give a new one
    """
    if target.resolve() == Path.cwd():
        raise ValueError(f"{target}: this is the current folder; give a new one")
    with contextlib.suppress(FileNotFoundError):
        if target.is_symlink() or not target.is_dir() or any(target.iterdir()):
            # `is_dir` is also False where nothing is.
            target.lstat()
            raise ValueError(f"{target}: something is there; give a new folder")


def _fill(
    places: Places,
    version: ArtifactVersion,
    folder: Path,
    put: Callable[[Path, Path, StoredFile], None],
    progress: Progress | None,
) -> None:
    for done, file in enumerate(version.files):
        if progress is not None:
            progress(done, len(version.files))
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        put(places.object(file.sha256), path, file)
    if progress is not None:
        progress(len(version.files), len(version.files))


def _as_link(kept: Path, path: Path, file: StoredFile) -> None:
    # A link has the mode of the content, which several versions may share, not that of a program.
    if not file.executable:
        # It is copied where it has too many hard links already.
        with contextlib.suppress(OSError):
            os.link(kept, path)
            return
    clone_file(kept, path, _READ_ONLY_PROGRAM if file.executable else _READ_ONLY)


def _as_copy(kept: Path, path: Path, file: StoredFile) -> None:
    clone_file(kept, path, _SHARED_PROGRAM if file.executable else SHARED_FILE)
