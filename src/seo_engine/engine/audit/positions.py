"""Where findings stand in the files of a site: asked once the audit is done, and only of those that have an element."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from seo_engine.engine.audit.finding import Finding
from seo_engine.engine.site.document.encoding import decode
from seo_engine.engine.site.document.places import SourcePlaces
from seo_engine.engine.site.page import READ
from seo_engine.engine.site.parsing import READ_BYTES
from seo_engine.engine.site.reading.request import ReadingRequest, contents_of


def with_positions(findings: Sequence[Finding], folder: Path) -> tuple[Finding, ...]:
    """Return the findings with line and column, where the file can be read and has the element.

    Args:
        findings (Sequence[Finding]): What was found.
        folder (Path): The site.
    """
    by_path = sorted(enumerate(findings), key=lambda each: each[1].path)
    placed: dict[int, Finding] = {}
    for path, group in itertools.groupby(by_path, key=lambda each: each[1].path):
        placed.update(_placed(list(group), folder, path))
    return tuple(placed[number] for number in range(len(findings)))


def _placed(group: list[tuple[int, Finding]], folder: Path, path: str) -> Iterator[tuple[int, Finding]]:
    text = _text(folder, path) if any(finding.tag for _, finding in group) else ""
    places = SourcePlaces(text)
    for number, finding in group:
        if not finding.tag:
            yield number, finding
            continue
        value = finding.evidence if finding.attribute else None
        # The value may be cut, or the number that of a neighbour: then the other of both tells.
        position = places.position_of(finding, finding.attribute, value) or places.position_of(finding)
        line, column = position or (0, 0)
        yield number, dataclasses.replace(finding, line=line, column=column)


def _text(folder: Path, path: str) -> str:
    file = folder / path
    # A name that the file system has in another encoding is shown in another way than it is written.
    if not file.resolve().is_relative_to(folder.resolve()):
        return ""
    data, _, state = contents_of(ReadingRequest(bytes(file), path), READ_BYTES)
    return decode(data, "").text if state == READ else ""
