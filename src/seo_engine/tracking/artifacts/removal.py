"""Removal: a version goes, and then the content that no version needs any more."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from seo_engine.foundation.redaction import names_in_words
from seo_engine.foundation.whole_files import write_whole
from seo_engine.tracking.artifacts.catalog import aliases_of, artifact_names, changing, read_versions
from seo_engine.tracking.artifacts.committing import remove_incoming
from seo_engine.tracking.artifacts.incoming.staging import REQUEST
from seo_engine.tracking.artifacts.manifests import ArtifactVersion, ManifestError, read_request, read_version
from seo_engine.tracking.artifacts.names import is_staging_id, new_staging_id, version_name
from seo_engine.tracking.artifacts.places import DAMAGED_SUFFIX, Places

_NO_DIGEST = "0" * 64


@dataclass(frozen=True)
class Removed:
    """What went from the store.

    Args:
        version (str): The version that was deleted, such as `model:v3`; empty if none was.
        objects (int): How many contents.
        size (int): Their size in bytes.
        kept_because (str): Why content stays that is perhaps not needed; empty if it went.
    """

    version: str = ""
    objects: int = 0
    size: int = 0
    kept_because: str = ""


@dataclass(frozen=True)
class Needed:
    """What must stay in the store.

    Args:
        labels (dict[str, list[str]]): For each content that is needed, which versions and stagings need it.
        checkouts (set[str]): The digests of the versions there are.
        problems (list[str]): What cannot be read, a line each: nobody knows what that needs.
    """

    labels: dict[str, list[str]]
    checkouts: set[str]
    problems: list[str]


def delete_version(places: Places, name: str, number: int, *, force: bool) -> Removed:
    """Delete a version, and what only it held; see `ArtifactStore.delete`."""
    label = f"{name}:{version_name(number)}"
    with changing(places) as others_are_kept_out:
        version = _read_or_broken(places, name, number, force=force)
        if version.deleted is not None:
            raise ValueError(f"{label} was deleted")
        aliases = [alias for alias, there in aliases_of(places, name).items() if there == number]
        if aliases and not force:
            raise ValueError(f"{label} has the alias {names_in_words(aliases)}; move it first, or force the deletion")
        for alias in aliases:
            (places.aliases(name) / alias).unlink()
        # The manifest stays, empty: so its number is never used again.
        empty = replace(version, files=(), references=(), metadata={}, deleted=time.time())
        write_whole(places.manifest(name, number), [orjson.dumps(empty)], synced=True)
        if not others_are_kept_out:
            return Removed(label, kept_because=f"{places.folder} is on a file system without locks")
        removed = remove_unneeded(places, [file.sha256 for file in version.files], [version.digest])
        return replace(removed, version=label)


def remove_unneeded(places: Places, contents: Iterable[str], digests: Iterable[str]) -> Removed:
    """Remove contents and checkouts that nothing needs; the store is held, so nothing comes to need them meanwhile.

    A commit looks for content and names it in a manifest while it, too, holds the store. If it is killed between the
    two, its request is still there, and names the content.

    Args:
        places (Places): The store.
        contents (Iterable[str]): The hashes of contents that may go.
        digests (Iterable[str]): The digests of checkouts that may go.

    Returns:
        Removed: What went: nothing, if a version or a request cannot be read.

    Raises:
        OSError: If something cannot be removed.
    """
    needed = find_needed(places)
    if needed.problems:
        return Removed(kept_because=needed.problems[0])
    objects = size = 0
    for sha256 in set(contents) - needed.labels.keys():
        path = places.object(sha256)
        for each in (path, path.with_name(f"{path.name}{DAMAGED_SUFFIX}")):
            with contextlib.suppress(FileNotFoundError):
                size_of_this = each.lstat().st_size
                each.unlink()
                objects, size = objects + 1, size + size_of_this
    for digest in set(digests) - needed.checkouts:
        _remove_checkout(places, places.checkout(digest))
    return Removed(objects=objects, size=size)


def find_needed(places: Places) -> Needed:
    """Return what versions and stagings need.

    Args:
        places (Places): The store.
    """
    labels: defaultdict[str, list[str]] = defaultdict(list)
    checkouts: set[str] = set()
    problems: list[str] = []
    # Stagings first: one that is committed meanwhile is then found among the versions.
    for folder in sorted(each for each in places.incoming.glob("*") if is_staging_id(each.name)):
        try:
            for file in read_request(folder / REQUEST, folder.name).files:
                labels[file.sha256].append(folder.name)
        except (FileNotFoundError, NotADirectoryError):
            # It is still being filled, or it is garbage.
            continue
        except (ManifestError, OSError) as error:
            problems.append(str(error))
    for name in artifact_names(places):
        versions = read_versions(places, name)
        problems += versions.problems
        for version in versions.present:
            checkouts.add(version.digest)
            for sha256 in {file.sha256 for file in version.files}:
                labels[sha256].append(version.label)
    labels.pop("", None)
    return Needed(dict(labels), checkouts, problems)


def _remove_checkout(places: Places, checkout: Path) -> None:
    gone = f"checkout-{uuid.uuid4().hex}"
    places.ensure(places.incoming)
    with contextlib.suppress(FileNotFoundError):
        checkout.rename(places.incoming / gone)
    remove_incoming(places, gone)


def _read_or_broken(places: Places, name: str, number: int, *, force: bool) -> ArtifactVersion:
    try:
        return read_version(places.manifest(name, number), name, number)
    except ManifestError:
        if not force:
            raise
    return ArtifactVersion(
        name=name, type="unknown", metadata={}, files=(), created=time.time(), staging=new_staging_id(name),
        number=number, digest=_NO_DIGEST,
    )  # fmt: skip
