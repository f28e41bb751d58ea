"""Artifacts: the versions of models, datasets and the like that a run has made, and those that it has used."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from seo_engine.foundation.texts import count_of
from seo_engine.tracking.artifacts.contents import ArtifactReference
from seo_engine.tracking.artifacts.manifests import ArtifactVersion
from seo_engine.tracking.artifacts.store import ArtifactStore
from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.forms import Artifact, Markdown
from seo_engine.tracking.records.kind import MOMENT, Kind, Shown


def _contents(
    store: ArtifactStore,
    run: str,
    name: str,
    path: Any,
    type: str,
    epoch: float,
    step: int,
    aliases: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
    description: str = "",
    references: Sequence[ArtifactReference] = (),
    is_final: bool = False,
) -> Record:
    given = [aliases] if isinstance(aliases, str) else aliases
    if not isinstance(given, list | tuple):
        raise ValueError(f"aliases must be a list of texts, got {given!r}")
    staging = store.stage(
        path, name, type, aliases=given, metadata=metadata, description=description, references=references,
        run=run, is_final=is_final,
    )  # fmt: skip
    described = {"name": name, "type": type, "aliases": list(given), "store": str(store.folder), "staging": staging}
    return {**described, "epoch": epoch, "step": step}


def _shown(record: Record, payloads: Payloads) -> Shown:
    store = ArtifactStore(record["store"])
    version = functools.cache(partial(_in, store, store.commit, record["staging"]))
    return _as_shown(ARTIFACT, record, Artifact(_name(record), store, version, tuple(map(str, record["aliases"]))))


def _use_shown(record: Record, payloads: Payloads) -> Shown:
    store = ArtifactStore(record["store"])
    version = functools.cache(partial(_in, store, store.resolve, f"{record['name']}@{record['digest']}"))
    return _as_shown(ARTIFACT_USE, record, Artifact(_name(record), store, version, is_used=True))


def _as_shown(kind: Kind, record: Record, artifact: Artifact) -> Shown:
    forms = (artifact, Markdown(artifact.name, partial(_in_words, artifact)))
    return Shown(kind, record, record["epoch"], record["step"], media=(forms,))


def _name(record: Record) -> str:
    return f"artifacts/{record['name']}"


def _in(store: ArtifactStore, find: Callable[[str], ArtifactVersion], name: str) -> ArtifactVersion:
    """Return a version in a store that a record names, which somebody else may have written: none is made here.

    Raises:
        ValueError: If there is no store, or no such version.
    """
    if not store.is_there:
        raise ValueError(f"there are no artifacts in {store.folder}")
    return find(name)


def _in_words(artifact: Artifact) -> str:
    version = artifact.version()
    files = count_of(len(version.files), "file")
    parts = [f"{files}, {version.size / 1e6:,.1f} MB"]
    if version.references:
        parts.append(f"{len(version.references):,} elsewhere")
    if artifact.aliases:
        parts.append(f"as {', '.join(artifact.aliases)}")
    what = f"**{version.label}** ({version.type}): {'; '.join(parts)}"
    command = f"`seo-engine artifacts show {version.label}`"
    return "\n\n".join(filter(None, [f"used {what}" if artifact.is_used else what, version.description, command]))


ARTIFACT = Kind(
    "artifact",
    "log_artifact",
    {**MOMENT, "name": str, "type": str, "aliases": list, "store": str, "staging": str},
    _shown,
    _contents,
)
ARTIFACT_USE = Kind(
    "artifact_use", "use_artifact", {**MOMENT, "name": str, "number": int, "digest": str, "store": str}, _use_shown
)
