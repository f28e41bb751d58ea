"""Verification: whether the store holds what its manifests say, and what in it is garbage."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from seo_engine.foundation.whole_files import open_regular
from seo_engine.tracking.artifacts.catalog import artifact_names, changing, read_versions
from seo_engine.tracking.artifacts.checkouts import Progress
from seo_engine.tracking.artifacts.committing import commit, remove_incoming, waiting_in_order
from seo_engine.tracking.artifacts.incoming.staging import FILLING
from seo_engine.tracking.artifacts.places import DAMAGED_SUFFIX, Places
from seo_engine.tracking.artifacts.removal import find_needed, remove_unneeded
from seo_engine.tracking.file_lock import FileLock

BROKEN_MANIFEST = "broken manifest"
MISSING = "missing content"
DAMAGED = "damaged content"
UNNEEDED = "content that no version needs"
WAITING = "staged, not committed"
GARBAGE = "garbage of a kill"

# With these a version is not whole; the others only cost disk space.
SERIOUS = (BROKEN_MANIFEST, MISSING, DAMAGED)

# In place of the content is a link, a folder or the like, or the disk is broken there.
_DAMAGE = (errno.ELOOP, errno.EINVAL, errno.ENXIO, errno.EIO)

# Where there are no locks, a process may still work on what is younger.
_OLD_SECONDS = 3_600.0


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be.

    Args:
        kind (str): What it is, such as `damaged content`.
        what (str): The file or folder, or what is wrong, in a line.
        versions (tuple[str, ...]): Which versions it concerns, such as `model:v3`.
        is_mended (bool): Whether it was mended.
    """

    kind: str
    what: str
    versions: tuple[str, ...] = ()
    is_mended: bool = False


@dataclass(frozen=True)
class Verification:
    """What was looked at, and what was found.

    Args:
        versions (int): How many versions there are.
        objects (int): How many contents were read.
        size (int): Their size in bytes.
        findings (tuple[Finding, ...]): What is not as it should be.
    """

    versions: int
    objects: int
    size: int
    findings: tuple[Finding, ...]

    @property
    def is_whole(self) -> bool:
        """bool: Whether every version has all that it should have."""
        return not any(each.kind in SERIOUS for each in self.findings)


def verify(places: Places, *, mend: bool = False, progress: Progress | None = None) -> Verification:
    """Read all content again, and compare it with the manifests; see `ArtifactStore.verify`."""
    findings = list(_incoming(places, mend=mend)) if places.incoming.is_dir() else []
    hashes: dict[str, bool] = {}
    size = 0
    objects = sorted(each for each in places.objects.glob("*/*") if not each.name.endswith(DAMAGED_SUFFIX))
    for done, path in enumerate(objects):
        if progress is not None:
            progress(done, len(objects))
        with contextlib.suppress(FileNotFoundError):
            hashes[path.name] = _is_undamaged(path)
            size += path.lstat().st_size
    if progress is not None and objects:
        progress(len(objects), len(objects))
    # Only after the content was read: what has come meanwhile counts as needed, and what has gone is not missed.
    needed = find_needed(places)
    findings += [Finding(BROKEN_MANIFEST, problem) for problem in needed.problems]
    for sha256, labels in sorted(needed.labels.items()):
        path, versions = places.object(sha256), tuple(label for label in labels if ":" in label)
        if hashes.get(sha256) is False:
            findings.append(Finding(DAMAGED, str(path), versions, is_mended=mend and _set_aside(places, path)))
        elif sha256 not in hashes and versions and not path.exists():
            findings.append(Finding(MISSING, str(path), versions))
    aside = [each.stem for each in places.objects.glob(f"*/*{DAMAGED_SUFFIX}")]
    unneeded = sorted({*hashes, *aside} - needed.labels.keys())
    checkouts = [each.name for each in places.checkouts.glob("*") if each.name not in needed.checkouts]
    are_removed = False
    if mend and (unneeded or checkouts):
        with changing(places) as others_are_kept_out:
            are_removed = others_are_kept_out and not remove_unneeded(places, unneeded, checkouts).kept_because
    findings += [Finding(UNNEEDED, str(places.object(each)), is_mended=are_removed) for each in unneeded]
    findings += [Finding(UNNEEDED, str(places.checkout(each)), is_mended=are_removed) for each in checkouts]
    findings += _partial_files(places, mend=mend)
    count = sum(len(read_versions(places, name).present) for name in artifact_names(places))
    return Verification(count, len(hashes), size, tuple(findings))


def _incoming(places: Places, *, mend: bool) -> Iterator[Finding]:
    waiting = waiting_in_order(places)
    for folder in sorted(places.incoming.iterdir()):
        if folder.name not in waiting and _is_old(folder) and not _is_being_filled(folder):
            if mend:
                remove_incoming(places, folder.name)
            yield Finding(GARBAGE, str(folder), is_mended=mend)
    for folder in map(places.staging, waiting):
        if not folder.exists():
            # Another process has committed it meanwhile.
            continue
        if not mend:
            yield Finding(WAITING, str(folder))
            continue
        try:
            yield Finding(WAITING, str(folder), (commit(places, folder.name).label,), is_mended=True)
        except (OSError, ValueError) as error:
            yield Finding(WAITING, f"{folder}: {error}")


def _is_being_filled(folder: Path) -> bool:
    if not (folder / FILLING).exists():
        return False
    lock = FileLock(folder / FILLING)
    try:
        return not lock.acquire(shared=True)
    finally:
        lock.release()


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime > _OLD_SECONDS
    except FileNotFoundError:
        # Another process is done with it.
        return False


def _is_undamaged(path: Path) -> bool:
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == path.name
    except OSError as error:
        if error.errno not in _DAMAGE:
            raise
        return False


def _set_aside(places: Places, path: Path) -> bool:
    """Give damaged content another name, so that the same content, kept again, takes its place."""
    with changing(places), contextlib.suppress(FileNotFoundError):
        path.rename(path.with_name(f"{path.name}{DAMAGED_SUFFIX}"))
    return True


def _partial_files(places: Places, *, mend: bool) -> Iterable[Finding]:
    for pattern in ("*/.*", "*/aliases/.*"):
        for path in sorted(places.names.glob(pattern)):
            if _is_old(path) and path.is_file():
                if mend:
                    path.unlink(missing_ok=True)
                yield Finding(GARBAGE, str(path), is_mended=mend)
