"""What a version is, and what was staged to become one, as files say it that may come from anybody."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from seo_engine.foundation.texts import one_line
from seo_engine.foundation.whole_files import open_regular
from seo_engine.tracking.artifacts.contents import (
    ArtifactReference,
    StoredFile,
    check_no_path_is_in_another,
    check_path,
    check_reference,
    digest_of,
    is_time,
    is_whole_number,
)
from seo_engine.tracking.artifacts.names import (
    check_alias,
    check_artifact_name,
    check_artifact_type,
    is_version_number,
    name_in_staging_id,
    version_name,
)

# More than 100,000 files with long paths.
LARGEST_MANIFEST_BYTES = 64_000_000

LONGEST_TEXT = 10_000

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Described:
    """What is said of content.

    Args:
        name (str): The artifact.
        type (str): What sort of thing it is, such as `model`.
        description (str): For people.
        metadata (dict[str, Any]): Plain data.
        files (tuple[StoredFile, ...]): Its files.
        references (tuple[ArtifactReference, ...]): What belongs to it and is elsewhere.
        created (float): When it was staged, in seconds since 1970.
        run (str): The run that made it.
        host (str): The machine on which it was made.
        staging (str): The id under which it was staged.
    """

    name: str
    type: str
    description: str = ""
    metadata: dict[str, Any]
    files: tuple[StoredFile, ...]
    references: tuple[ArtifactReference, ...] = ()
    created: float
    run: str = ""
    host: str = ""
    staging: str

    @property
    def size(self) -> int:
        """int: Of all its files, in bytes."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, kw_only=True)
class Request(Described):
    """What is to become a version.

    Args:
        aliases (tuple[str, ...]): Those that the version is to get.
    """

    aliases: tuple[str, ...] = ()

    @property
    def is_hashed(self) -> bool:
        """bool: Whether it is known what all files hold."""
        return all(file.sha256 for file in self.files)


@dataclass(frozen=True, kw_only=True)
class ArtifactVersion(Described):
    """One version of an artifact.

    Args:
        number (int): Its number, which no other version of this artifact ever has.
        digest (str): Equal for two versions that have the same files and references.
        deleted (float | None): When it was deleted; it then has no files.
    """

    number: int
    digest: str
    deleted: float | None = None

    @property
    def label(self) -> str:
        """str: How it is named, such as `model:v3`."""
        return f"{self.name}:{version_name(self.number)}"

    def aliases_among(self, aliases: Mapping[str, int]) -> list[str]:
        """Return those aliases of the artifact that name this version, sorted.

        Args:
            aliases (Mapping[str, int]): Which numbers they name.
        """
        return sorted(alias for alias, number in aliases.items() if number == self.number)


class ManifestError(ValueError):
    """A manifest or a request is not as it should be; the message says which, and what is wrong."""


def read_version(path: Path, name: str, number: int) -> ArtifactVersion:
    """Return what a manifest says.

    Args:
        path (Path): The manifest.
        name (str): The artifact that it must be of.
        number (int): The number that it must have.

    Raises:
        ManifestError: If it is not as it should be.
        OSError: If it cannot be read.
    """
    plain = _read(path)
    try:
        described = _described(plain)
        version = ArtifactVersion(
            **described,
            number=_number(plain),
            digest=_sha256(plain, "digest"),
            deleted=None if plain.get("deleted") is None else _time(plain, "deleted"),
        )
        if (version.name, version.number) != (name, number):
            raise ValueError(f"it is of {version.label}")
        if version.deleted is None and version.digest != digest_of(version.files, version.references):
            raise ValueError("digest is not that of its files")
        if not all(file.sha256 for file in version.files):
            raise ValueError("files have no sha256")
    except ValueError as error:
        raise ManifestError(f"{path}: {error}") from None
    return version


def read_request(path: Path, staging: str) -> Request:
    """Return what was staged.

    Args:
        path (Path): The file that says so.
        staging (str): The id that it must have.

    Raises:
        ManifestError: If it is not as it should be.
        OSError: If it cannot be read.
    """
    plain = _read(path)
    try:
        aliases = tuple(_list(plain, "aliases", str))
        for alias in aliases:
            check_alias(alias)
        request = Request(**_described(plain), aliases=aliases)
        if request.staging != staging:
            raise ValueError(f"it is of {request.staging}")
    except ValueError as error:
        raise ManifestError(f"{path}: {error}") from None
    return request


def _read(path: Path) -> dict[str, Any]:
    with os.fdopen(open_regular(path), "rb") as file:
        if os.fstat(file.fileno()).st_size > LARGEST_MANIFEST_BYTES:
            raise ManifestError(f"{path}: it is larger than {LARGEST_MANIFEST_BYTES:,} bytes")
        contents = file.read(LARGEST_MANIFEST_BYTES)
    try:
        plain = orjson.loads(contents)
    except ValueError:
        raise ManifestError(f"{path}: it is not JSON") from None
    if not isinstance(plain, dict):
        raise ManifestError(f"{path}: it is not a JSON object")
    return plain


def _described(plain: dict[str, Any]) -> dict[str, Any]:
    staging = _text(plain, "staging")
    name = _text(plain, "name")
    check_artifact_name(name)
    check_artifact_type(_text(plain, "type"))
    if name_in_staging_id(staging) != name:
        raise ValueError("staging is of another artifact")
    if not isinstance(plain.get("metadata"), dict):
        raise ValueError("metadata is not an object")
    return {
        "name": name,
        "type": plain["type"],
        "description": _text(plain, "description"),
        "metadata": plain["metadata"],
        "files": _files(plain),
        "references": _references(plain),
        "created": _time(plain, "created"),
        "run": _text(plain, "run"),
        "host": _text(plain, "host"),
        "staging": staging,
    }


def _files(plain: dict[str, Any]) -> tuple[StoredFile, ...]:
    files = []
    for each in _list(plain, "files", dict):
        path = _text(each, "path")
        check_path(path)
        if not isinstance(each.get("executable"), bool):
            raise ValueError("executable is neither true nor false")
        sha256 = _sha256(each, "sha256") if each.get("sha256") else ""
        files.append(StoredFile(path, _whole_number(each, "size"), each["executable"], sha256))
    check_no_path_is_in_another(files)
    return tuple(files)


def _references(plain: dict[str, Any]) -> tuple[ArtifactReference, ...]:
    references = []
    for each in _list(plain, "references", dict):
        reference = ArtifactReference(each.get("uri", ""), each.get("checksum"), each.get("size"))
        check_reference(reference)
        references.append(reference)
    return tuple(references)


def _list(plain: dict[str, Any], name: str, kind: type) -> list[Any]:
    values = plain.get(name)
    if not isinstance(values, list) or not all(isinstance(each, kind) for each in values):
        raise ValueError(f"{name} is not a list of what it should be")
    return values


def _text(plain: dict[str, Any], name: str) -> str:
    value = plain.get(name)
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        raise ValueError(f"{name} is not a text of at most {LONGEST_TEXT:,} characters")
    return value


def _sha256(plain: dict[str, Any], name: str) -> str:
    value = plain.get(name)
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise ValueError(f"{name} is not a SHA-256: {one_line(value)[:100]!r}")
    return value


def _whole_number(plain: dict[str, Any], name: str) -> int:
    value = plain.get(name)
    if not is_whole_number(value):
        raise ValueError(f"{name} is not a whole number")
    return value


def _number(plain: dict[str, Any]) -> int:
    value = plain.get("number")
    if not is_version_number(value):
        raise ValueError("number is not that of a version")
    return value


def _time(plain: dict[str, Any], name: str) -> float:
    value = plain.get(name)
    if not is_time(value):
        raise ValueError(f"{name} is not a time")
    return float(value)
