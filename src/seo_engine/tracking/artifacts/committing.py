"""Commit: what was staged becomes a version, once, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import shutil
import stat
import threading
import uuid
from dataclasses import replace
from pathlib import Path

import orjson

from seo_engine.foundation.whole_files import open_regular, synchronize, write_whole
from seo_engine.tracking.artifacts.catalog import changing, move_alias, read_versions
from seo_engine.tracking.artifacts.contents import StoredFile, digest_of
from seo_engine.tracking.artifacts.incoming.staging import REQUEST, staged_file, write_request
from seo_engine.tracking.artifacts.line_files import append_line, read_lines
from seo_engine.tracking.artifacts.manifests import ArtifactVersion, Described, Request, read_request
from seo_engine.tracking.artifacts.names import name_in_staging_id
from seo_engine.tracking.artifacts.places import Places

_READ_ONLY = 0o400

# Hash, move, number, remove.
_STAGES = 4

# To ask the disk to keep thousands of files one by one takes longer than to have it keep everything.
_FILES_SYNCED_SINGLY = 1_000

# Held by the one thread of this process that reads content.
_reading = threading.Lock()

# A folder that is done with gets another name before it is removed: nobody then takes the rest for the whole.
_DONE = ".done"


def commit(places: Places, staging: str) -> ArtifactVersion:
    """Make a version of what was staged; see `ArtifactStore.commit`.

    Until the manifest has its name, the request says what every file holds, whether it is still here or among the
    objects already: so the work can be taken up anywhere. From then on the manifest has the id of the staging.
    """
    name = name_in_staging_id(staging)
    for _ in range(_STAGES):
        # Another process may commit the same staging: each time that something is gone, that one is a stage further.
        with contextlib.suppress(FileNotFoundError):
            return _commit(places, name, staging)
    return _commit(places, name, staging)


def waiting_in_order(places: Places, name: str = "*") -> list[str]:
    """Return the ids of what was staged and not committed yet, in the order in which it was: so are versions numbered.

    Args:
        places (Places): The store.
        name (str): The artifact; `*` for all.
    """
    waiting = []
    for folder in places.incoming.glob(f"{name}.*"):
        # Another process may be filling it, or may have committed it; or somebody has put it there.
        with contextlib.suppress(ValueError, OSError):
            if name in ("*", name_in_staging_id(folder.name)):
                waiting.append((read_request(folder / REQUEST, folder.name).created, folder.name))
    return [staging for _, staging in sorted(waiting)]


def _commit(places: Places, name: str, staging: str) -> ArtifactVersion:
    # All views of a run commit what it logged, at the same time: one of them reads the content.
    with _reading:
        request = _hashed(places, staging)
    with changing(places):
        version = _committed(places, name, staging)
        if version is None:
            if request is None:
                raise ValueError(f"nothing is staged as {staging}")
            _keep_content(places, request)
            version = _numbered(places, request)
        if request is not None and version.deleted is None:
            for alias in request.aliases:
                move_alias(places, name, alias, version.number, request.created)
        remove_incoming(places, staging)
    if version.deleted is not None:
        raise ValueError(f"{version.label} was deleted")
    return version


def remove_incoming(places: Places, folder_name: str) -> None:
    """Remove a folder of what was being made; what a kill leaves of it is garbage.

    Args:
        places (Places): The store.
        folder_name (str): The folder.

    Raises:
        OSError: If it cannot be removed.
    """
    folder = places.incoming / folder_name
    done = folder.with_name(f"{folder_name}{_DONE}")
    # What cannot be removed now is found by `verify`.
    shutil.rmtree(done, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        folder.rename(done)
    shutil.rmtree(done, ignore_errors=True)


def _hashed(places: Places, staging: str) -> Request | None:
    """Return what was staged, with the hashes of its files; None if it is not there, or not there any more."""
    folder = places.staging(staging)
    try:
        request = read_request(folder / REQUEST, staging)
    except FileNotFoundError:
        return None
    if not request.is_hashed:
        at_once = len(request.files) > _FILES_SYNCED_SINGLY
        files = [
            _with_hash(staged_file(folder, index), file, synced=not at_once) for index, file in enumerate(request.files)
        ]
        if at_once:
            os.sync()
        request = replace(request, files=tuple(files))
        write_request(folder, request, synced=True)
    return request


def _with_hash(staged: Path, file: StoredFile, *, synced: bool) -> StoredFile:
    with os.fdopen(open_regular(staged), "rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        if size != file.size:
            raise OSError(f"{staged}: {file.path} has {size:,} bytes, not the {file.size:,} that were staged")
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        if synced:
            os.fsync(opened.fileno())
    return replace(file, sha256=sha256)


def _committed(places: Places, name: str, staging: str) -> ArtifactVersion | None:
    """Return the version that a staging became, or whose content it had."""
    known = read_versions(places, name).known
    equal = {line.get("number") for line in read_lines(places.equals(name)) if line.get("staging") == staging}
    return next((version for version in reversed(known) if version.staging == staging or version.number in equal), None)


def _keep_content(places: Places, request: Request) -> None:
    """Move what the files hold to the objects, each content once."""
    folder = places.staging(request.staging)
    parents = {places.object(file.sha256).parent for file in request.files}
    for parent in parents:
        places.ensure(parent)
    for index, file in enumerate(request.files):
        staged, kept = staged_file(folder, index), places.object(file.sha256)
        if places.keeps(file):
            staged.unlink(missing_ok=True)
            continue
        try:
            status = staged.lstat()
            if not stat.S_ISREG(status.st_mode):
                raise OSError(f"{staged}: it is not a regular file")
            if status.st_nlink == 1:
                # Another name of it is the user's own file.
                staged.chmod(_READ_ONLY)
            staged.replace(kept)
        except FileNotFoundError:
            # Where there are no locks, another process may just have moved it.
            if not places.keeps(file):
                raise
    for parent in parents:
        synchronize(parent)
    if parents:
        synchronize(places.objects)


def _numbered(places: Places, request: Request) -> ArtifactVersion:
    """Give the content the next number, unless a version has the same."""
    digest = digest_of(request.files, request.references)
    described = {each.name: getattr(request, each.name) for each in dataclasses.fields(Described)}
    # With a name of its own: where there are no locks, another process may write one, too.
    written = places.staging(request.staging) / f"manifest-{uuid.uuid4().hex}"
    folder = places.ensure(places.artifact(request.name))
    while True:
        # Before the versions are read: if another one comes after that, its number is taken.
        numbers = places.numbers(request.name)
        versions = read_versions(places, request.name)
        equal = next((each for each in reversed(versions.present) if each.digest == digest), None)
        if equal is not None:
            append_line(places.equals(request.name), {"staging": request.staging, "number": equal.number})
            return equal
        version = ArtifactVersion(**described, number=numbers[-1] + 1 if numbers else 0, digest=digest)
        write_whole(written, [orjson.dumps(version)], synced=True)
        try:
            # The one step that makes it a version; whoever comes second looks again.
            os.link(written, places.manifest(request.name, version.number))
        except FileExistsError:
            written.unlink()
            continue
        synchronize(folder)
        synchronize(folder.parent)
        return version


def _renew_after_fork() -> None:
    global _reading
    _reading = threading.Lock()


os.register_at_fork(after_in_child=_renew_after_fork)
