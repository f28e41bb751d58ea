"""Staging: content is put aside at once, so that the training can continue; it becomes a version later."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from seo_engine.foundation.redaction import check_no_secret, redact, redact_text
from seo_engine.foundation.texts import as_json_data
from seo_engine.foundation.whole_files import PRIVATE_FOLDER, write_whole
from seo_engine.tracking.artifacts.contents import ArtifactReference, StoredFile, check_reference
from seo_engine.tracking.artifacts.incoming.cloning import clone_file
from seo_engine.tracking.artifacts.incoming.source_files import find_files
from seo_engine.tracking.artifacts.manifests import LARGEST_MANIFEST_BYTES, LONGEST_TEXT, Request
from seo_engine.tracking.artifacts.names import check_alias, check_artifact_name, check_artifact_type, new_staging_id
from seo_engine.tracking.artifacts.places import Places
from seo_engine.tracking.file_lock import FileLock

REQUEST = "request.json"

# Held by the process that fills a folder.
FILLING = "lock"

_MOST_METADATA_BYTES = 1_000_000
_MOST_REFERENCES = 10_000
_MOST_ALIASES = 100

# The hash of a file is added later.
_BYTES_OF_A_HASH = 64


def stage(
    places: Places,
    path: str | os.PathLike[str] | None,
    name: str,
    type: str,
    *,
    aliases: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
    description: str = "",
    references: Sequence[ArtifactReference] = (),
    run: str = "",
    is_final: bool = False,
) -> str:
    """Put content aside that is to become a version; see `ArtifactStore.stage`."""
    check_artifact_name(name)
    check_artifact_type(type)
    if isinstance(aliases, str):
        raise ValueError(f"aliases must be a list of texts, got {aliases!r}")
    aliases = tuple(dict.fromkeys(aliases))
    for alias in aliases:
        check_alias(alias)
    for reference in references:
        check_reference(reference)
        check_no_secret("the address of a reference", reference.uri)
    if len(aliases) > _MOST_ALIASES or len(references) > _MOST_REFERENCES:
        raise ValueError(f"{name}: at most {_MOST_ALIASES} aliases and {_MOST_REFERENCES:,} references, got more")
    described = {"description": _checked_text("description", description), "run": _checked_text("run", run)}
    plain_metadata = _plain_metadata(metadata or {})
    sources = [] if path is None else find_files(Path(path), places.folder)
    if not sources and not references:
        raise ValueError(f"{name}: {'it' if path is None else path} holds neither a file nor a reference")
    staging = new_staging_id(name)
    folder = places.staging(staging)
    places.ensure(places.incoming)
    folder.mkdir(PRIVATE_FOLDER)
    lock = FileLock(folder / FILLING)
    try:
        lock.acquire()
        files = []
        for index, each in enumerate(sources):
            size = clone_file(each.source, staged_file(folder, index), may_link=is_final)
            files.append(StoredFile(each.path, size, each.executable))
        request = Request(
            name=name, type=type, aliases=aliases, metadata=plain_metadata, files=tuple(files),
            references=tuple(references), created=time.time(), host=platform.node(), staging=staging, **described,
        )  # fmt: skip
        if len(orjson.dumps(request)) > LARGEST_MANIFEST_BYTES - _BYTES_OF_A_HASH * (len(files) + 1):
            raise ValueError(f"{name}: its list of files and references is too long; pack the files, as with tar")
        write_request(folder, request)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        lock.release()
    return staging


def staged_file(folder: Path, index: int) -> Path:
    """Return where a file of a staging is: its path, which anybody may have chosen, is only in the request.

    Args:
        folder (Path): The staging.
        index (int): Which one of its files it is.
    """
    return folder / str(index)


def write_request(folder: Path, request: Request, *, synced: bool = False) -> None:
    """Write what was staged: without this file, the folder is garbage.

    Args:
        folder (Path): The staging.
        request (Request): What was staged.
        synced (bool): Whether a power cut after this must not lose it.

    Raises:
        OSError: If it cannot be written.
    """
    write_whole(folder / REQUEST, [orjson.dumps(request)], synced=synced)


def _checked_text(what: str, text: str) -> str:
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise ValueError(f"{what} must be a text of at most {LONGEST_TEXT:,} characters, got {str(text)[:100]!r}")
    return redact_text(str(as_json_data(text)))[:LONGEST_TEXT]


def _plain_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    try:
        contents = orjson.dumps(redact(as_json_data(metadata)))
        plain = orjson.loads(contents)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"metadata must be texts, numbers, lists and dictionaries: {error}") from None
    if not isinstance(plain, dict):
        raise ValueError(f"metadata must be a dictionary, got {metadata!r}")
    if len(contents) > _MOST_METADATA_BYTES:
        raise ValueError(f"metadata must be at most {_MOST_METADATA_BYTES:,} bytes of JSON, got {len(contents):,}")
    return plain
