"""Lineage: which run made a version, which runs used it, and what else these made and used."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass

from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.texts import as_json_data
from seo_engine.tracking.artifacts.catalog import artifact_names, read_versions
from seo_engine.tracking.artifacts.contents import is_time
from seo_engine.tracking.artifacts.line_files import append_line, read_lines
from seo_engine.tracking.artifacts.manifests import ArtifactVersion
from seo_engine.tracking.artifacts.names import is_version_number, version_name
from seo_engine.tracking.artifacts.places import Places

_LONGEST_RUN = 1_000


@dataclass(frozen=True)
class RunLinks:
    """A run, and the versions around it.

    Args:
        run (str): Its name.
        host (str): Where it ran.
        time (float): When it made or used the version, in seconds since 1970.
        made (tuple[str, ...]): What it made, such as `model:v3`.
        used (tuple[str, ...]): What it used.
    """

    run: str
    host: str
    time: float
    made: tuple[str, ...]
    used: tuple[str, ...]


@dataclass(frozen=True)
class Lineage:
    """Where a version comes from and where it went.

    Args:
        version (str): The version, such as `model:v3`.
        made_by (RunLinks | None): The run that made it; None if it does not say.
        used_by (tuple[RunLinks, ...]): The runs that used it, the first one first.
    """

    version: str
    made_by: RunLinks | None
    used_by: tuple[RunLinks, ...]


@dataclass(frozen=True)
class _Use:
    label: str
    run: str
    host: str
    time: float


def note_use(places: Places, version: ArtifactVersion, run: str) -> None:
    """Remember that a run used a version; see `ArtifactStore.note_use`."""
    if not isinstance(run, str) or not 0 < len(run) <= _LONGEST_RUN:
        raise ValueError(f"a run must have a name of at most {_LONGEST_RUN:,} characters, got {str(run)[:100]!r}")
    run, host = redact_text(str(as_json_data(run))), platform.node()
    # A run that uses it again and again must not fill the disk.
    if not any((use.label, use.run, use.host) == (version.label, run, host) for use in _uses(places, version.name)):
        line = {"number": version.number, "run": run, "host": host, "time": time.time()}
        append_line(places.uses(version.name), line)


def lineage(places: Places, version: ArtifactVersion) -> Lineage:
    """Return where a version comes from and where it went; see `ArtifactStore.lineage`."""
    names = artifact_names(places)
    made = [each for name in names for each in read_versions(places, name).present]
    uses = [use for name in names for use in _uses(places, name)]

    def links(run: str, host: str, moment: float) -> RunLinks:
        return RunLinks(
            run,
            host,
            moment,
            tuple(each.label for each in made if each.run == run),
            tuple(dict.fromkeys(use.label for use in uses if use.run == run)),
        )

    used_by: dict[str, RunLinks] = {}
    for use in sorted(uses, key=lambda each: each.time):
        if use.label == version.label and use.run not in used_by:
            used_by[use.run] = links(use.run, use.host, use.time)
    made_by = links(version.run, version.host, version.created) if version.run else None
    return Lineage(version.label, made_by, tuple(used_by.values()))


def _uses(places: Places, name: str) -> Iterator[_Use]:
    for line in read_lines(places.uses(name)):
        number, run, host, moment = line.get("number"), line.get("run"), line.get("host"), line.get("time")
        if is_version_number(number) and isinstance(run, str) and isinstance(host, str) and is_time(moment):
            yield _Use(f"{name}:{version_name(number)}", run, host, moment)
