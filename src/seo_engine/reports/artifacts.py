"""Artifacts as tables for a terminal: all of them, the versions of one, one version, its lineage, what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from seo_engine.foundation.commands import command
from seo_engine.foundation.texts import count_of, one_line
from seo_engine.reports.console import local_time, right_aligned, two_columns
from seo_engine.tracking import ArtifactVersion, Lineage, Removed, RunLinks, Verification, version_name

_MOST_FILES = 50
_MOST_FINDINGS = 50
_MINUTES = "%Y-%m-%d %H:%M"


def artifacts_table(newest: Mapping[str, ArtifactVersion], counts: Mapping[str, int]) -> RenderableType:
    """Return a table with one row per artifact, and what to type next.

    Args:
        newest (Mapping[str, ArtifactVersion]): The latest version by the name of the artifact; at least one.
        counts (Mapping[str, int]): How many versions there are.
    """
    table = Table("artifact", "type", right_aligned("versions"), "latest", right_aligned("size"), "made", box=None)
    for name, version in newest.items():
        latest, made = version_name(version.number), local_time(version.created, _MINUTES)
        table.add_row(name, version.type, f"{counts[name]:,}", latest, decimal(version.size), made)
    return Group(table, _next(f"artifacts list {next(iter(newest))}"))


def versions_table(versions: Sequence[ArtifactVersion], aliases: Mapping[str, int]) -> RenderableType:
    """Return a table with one row per version of an artifact, the newest first, and what to type next.

    Args:
        versions (Sequence[ArtifactVersion]): The versions, at least one.
        aliases (Mapping[str, int]): Which numbers the aliases name.
    """
    numbers = map(right_aligned, ("size", "files"))
    table = Table("version", "aliases", *numbers, "digest", "made by", "made", box=None)
    for version in reversed(versions):
        table.add_row(
            version_name(version.number),
            ", ".join(version.aliases_among(aliases)),
            decimal(version.size),
            f"{len(version.files):,}",
            version.digest[:8],
            escape(one_line(version.run) or "–"),
            local_time(version.created, _MINUTES),
        )
    return Group(table, _next(f"artifacts show {versions[-1].label}"))


def version_details(version: ArtifactVersion, aliases: Mapping[str, int]) -> RenderableType:
    """Return everything that is known of one version, and what to type next.

    Args:
        version (ArtifactVersion): The version.
        aliases (Mapping[str, int]): Which numbers the aliases of the artifact name.
    """
    made = local_time(version.created, "%Y-%m-%d %H:%M:%S")
    names = version.aliases_among(aliases)
    parts: list[RenderableType] = [
        Text.assemble((version.label, "bold"), f"  {version.type}"),
        *([f"aliases {', '.join(names)}"] if names else []),
        f"{count_of(len(version.files), 'file')}, {decimal(version.size)}, digest {version.digest}",
        escape(one_line(f"made {made} by {version.run or 'no run'} on {version.host or 'an unknown host'}")),
    ]
    if version.description:
        parts.append(escape(one_line(version.description)))
    if version.metadata:
        parts += ["", two_columns("metadata", "value", version.metadata)]
    if version.files:
        table = Table("file", right_aligned("size"), "SHA-256", box=None)
        for file in version.files[:_MOST_FILES]:
            table.add_row(escape(one_line(file.path)), decimal(file.size), file.sha256[:12])
        parts += ["", table, *_more(len(version.files) - _MOST_FILES)]
    if version.references:
        table = Table("elsewhere", right_aligned("size"), "checksum", box=None)
        for each in version.references[:_MOST_FILES]:
            size = "–" if each.size is None else decimal(each.size)
            table.add_row(escape(one_line(each.uri)), size, escape(one_line(each.checksum) or "–"))
        parts += ["", table, *_more(len(version.references) - _MOST_FILES)]
    return Group(*parts, "", _next(f"artifacts get {version.label} FOLDER"))


def lineage_table(lineage: Lineage) -> RenderableType:
    """Return where a version comes from and where it went.

    Args:
        lineage (Lineage): As the store says.
    """
    runs = [("made", lineage.made_by)] if lineage.made_by else []
    runs += [("used", each) for each in lineage.used_by]
    if not runs:
        return f"{lineage.version}: no run made it or used it."
    table = Table("run", "did", "when", "it made", "it used", title=lineage.version, title_justify="left", box=None)
    for did, run in runs:
        table.add_row(_run(run), did, local_time(run.time, _MINUTES), ", ".join(run.made), ", ".join(run.used))
    return table


def removed_in_words(removed: Removed) -> str:
    """Return what was deleted, and what content went, in a line.

    Args:
        removed (Removed): What went.

    Example:
        >>> removed_in_words(Removed("model:v3", objects=2, size=1_200))
        'model:v3 is deleted, and 2 files that only it held: 1.2 kB'
    """
    if removed.kept_because:
        return f"{removed.version} is deleted; its content stays, because {one_line(removed.kept_because)}"
    files = count_of(removed.objects, "file")
    return f"{removed.version} is deleted, and {files} that only it held: {decimal(removed.size)}"


def findings_table(verification: Verification) -> RenderableType:
    """Return what is wrong with a store, and what to type next.

    Args:
        verification (Verification): What was found.
    """
    said = f"versions: {verification.versions:,}, contents: {verification.objects:,}, {decimal(verification.size)}"
    if not verification.findings:
        return f"{said}; all is as it should be"
    table = Table("found", "where", "versions", "mended", box=None)
    for each in verification.findings[:_MOST_FINDINGS]:
        mended = "yes" if each.is_mended else "no"
        table.add_row(each.kind, escape(one_line(each.what)), escape(one_line(", ".join(each.versions))), mended)
    parts: list[RenderableType] = [said, table, *_more(len(verification.findings) - _MOST_FINDINGS)]
    if not verification.is_whole:
        parts.append("Versions that are not whole become whole when the same content is kept again, or can be deleted.")
    if not all(each.is_mended for each in verification.findings):
        parts.append(_next("artifacts verify --mend"))
    return Group(*parts)


def _run(run: RunLinks) -> str:
    return escape(one_line(f"{run.run} on {run.host}" if run.host else run.run))


def _more(count: int) -> list[str]:
    return [f"… and {count:,} more; --json has all of them"] if count > 0 else []


def _next(arguments: str) -> Text:
    return Text(f"Next: {command('seo-engine')} {arguments}", style="dim")
