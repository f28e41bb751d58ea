"""`seo-engine artifacts`: look at models and datasets, get their files, and keep the store in order."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from seo_engine.cli.errors import errors_in_one_line, unreadable
from seo_engine.cli.json_output import as_json_text, json_option
from seo_engine.cli.options import folder_argument
from seo_engine.foundation.commands import relative_path
from seo_engine.foundation.texts import one_line
from seo_engine.tracking import ArtifactStore, ArtifactVersion, version_name

_ANOTHER_FOLDER = "another folder: --artifact-dir, or SEO_ENGINE_ARTIFACT_DIR"

# The folder of all artifacts, as `artifact_directory`.
_artifact_directory_option = folder_argument("artifact_dir", "artifact_directory")


@click.group()
def artifacts() -> None:
    """Look at your models and datasets, and get their files.

    A version is named by `model` (the latest one), `model:best` (an alias), `model:v3`, or `model@` and the beginning
    of its digest.

    \b
    Examples:
      seo-engine artifacts list model
      seo-engine artifacts show model:best
      seo-engine artifacts get model:best ./model
      seo-engine artifacts lineage model:v3
      seo-engine artifacts verify
    """


@artifacts.command("list")
@click.argument("name", required=False)
@_artifact_directory_option
@json_option
def list_command(name: str | None, artifact_directory: str, as_json: bool) -> None:
    """List the artifacts, or the versions of NAME with aliases, size, files and the run that made them.

    \b
    Examples:
      seo-engine artifacts list
      seo-engine artifacts list model
    """
    from seo_engine.reports.artifacts import artifacts_table, versions_table
    from seo_engine.reports.console import plain_console

    store, output = ArtifactStore(artifact_directory), plain_console(sys.stdout)
    with _errors_of(artifact_directory):
        listed = {each: store.versions(each) for each in ([name] if name is not None else store.names())}
        aliases = {each: store.aliases(each) for each in listed}
    for versions in listed.values():
        for problem in versions.problems:
            click.echo(f"Not listed: {one_line(problem)}", err=True)
    present = {each: versions.present for each, versions in listed.items() if versions.present}
    if as_json:
        plain = [_as_plain(version, aliases[each]) for each, found in present.items() for version in found]
        click.echo(as_json_text(plain))
    elif name in present:
        output.print(versions_table(present[name], aliases[name]))
    elif name is not None:
        click.echo(f"No version of {name} is left.")
    elif present:
        output.print(
            artifacts_table(
                {each: found[-1] for each, found in present.items()},
                {each: len(found) for each, found in present.items()},
            )
        )
    else:
        click.echo(f"No artifacts in {one_line(artifact_directory)}; {_ANOTHER_FOLDER}")


@artifacts.command("show")
@click.argument("version")
@_artifact_directory_option
@json_option
def show_command(version: str, artifact_directory: str, as_json: bool) -> None:
    """Show one VERSION: files, metadata, what made it.

    \b
    Examples:
      seo-engine artifacts show model
      seo-engine artifacts show model:best --json
    """
    from seo_engine.reports.artifacts import version_details
    from seo_engine.reports.console import plain_console

    store = ArtifactStore(artifact_directory)
    with _errors_of(artifact_directory):
        found = store.resolve(version)
        aliases = store.aliases(found.name)
    if as_json:
        files, references = [asdict(each) for each in found.files], [asdict(each) for each in found.references]
        click.echo(as_json_text({**_as_plain(found, aliases), "files": files, "references": references}))
    else:
        plain_console(sys.stdout).print(version_details(found, aliases))


@artifacts.command("get")
@click.argument("version")
@click.argument("target", required=False, type=click.Path())
@_artifact_directory_option
@json_option
def get_command(version: str, target: str | None, artifact_directory: str, as_json: bool) -> None:
    """Copy the files of VERSION into the new folder TARGET, or say where they can be read.

    Without TARGET it is a folder in the store: read it, but do not write to it.

    \b
    Examples:
      seo-engine artifacts get model:best ./model
      seo-engine artifacts get data:v0
    """
    store = ArtifactStore(artifact_directory)
    with _errors_of(artifact_directory), _progress(f"Getting {version}") as progress:
        found = store.resolve(version)
        folder = store.get(f"{found.name}:{version_name(found.number)}", target, progress)
    if as_json:
        click.echo(as_json_text({"version": found.label, "folder": str(folder)}))
        return
    click.echo(relative_path(folder))
    if found.references:
        click.echo(f"It also refers to what is elsewhere: `seo-engine artifacts show {found.label}`", err=True)


@artifacts.command("lineage")
@click.argument("version")
@_artifact_directory_option
@json_option
def lineage_command(version: str, artifact_directory: str, as_json: bool) -> None:
    """Show which run made VERSION, which runs used it, and what else these made and used.

    \b
    Examples:
      seo-engine artifacts lineage model:best
    """
    from seo_engine.reports.artifacts import lineage_table
    from seo_engine.reports.console import plain_console

    with _errors_of(artifact_directory):
        lineage = ArtifactStore(artifact_directory).lineage(version)
    if as_json:
        click.echo(as_json_text(asdict(lineage)))
    else:
        plain_console(sys.stdout).print(lineage_table(lineage))


@artifacts.command("delete")
@click.argument("version")
@click.option("--force", is_flag=True, help="Also if it has aliases, or if its manifest cannot be read.")
@_artifact_directory_option
@json_option
def delete_command(version: str, force: bool, artifact_directory: str, as_json: bool) -> None:
    """Delete VERSION, and the content that no other version has. Its number is never used again.

    \b
    Examples:
      seo-engine artifacts delete model:v3
      seo-engine artifacts delete model:best --force
    """
    from seo_engine.reports.artifacts import removed_in_words

    with _errors_of(artifact_directory):
        removed = ArtifactStore(artifact_directory).delete(version, force=force)
    click.echo(as_json_text(asdict(removed)) if as_json else removed_in_words(removed))


@artifacts.command("verify")
@click.option("--mend", is_flag=True, help="Remove garbage, commit what is staged, set damaged content aside.")
@_artifact_directory_option
@json_option
def verify_command(mend: bool, artifact_directory: str, as_json: bool) -> None:
    """Read all content again, and say which versions are not whole, and what is garbage.

    The exit status is 1 if a version is not whole. Nothing is changed without --mend.

    \b
    Examples:
      seo-engine artifacts verify
      seo-engine artifacts verify --mend
    """
    from seo_engine.reports.artifacts import findings_table
    from seo_engine.reports.console import plain_console

    with _errors_of(artifact_directory), _progress("Reading content") as progress:
        verification = ArtifactStore(artifact_directory).verify(mend=mend, progress=progress)
    if as_json:
        click.echo(as_json_text({**asdict(verification), "is_whole": verification.is_whole}))
    else:
        plain_console(sys.stdout).print(findings_table(verification))
    if not verification.is_whole:
        raise SystemExit(1)


@contextlib.contextmanager
def _errors_of(artifact_directory: str) -> Iterator[None]:
    """Tell what the user can fix in one line: bad names, and what cannot be read or written."""
    try:
        with errors_in_one_line():
            yield
    except OSError as error:
        raise unreadable(artifact_directory, error) from None


@contextlib.contextmanager
def _progress(stage: str) -> Iterator[Any]:
    from seo_engine.reports.console import plain_console
    from seo_engine.reports.progress import ProgressDisplay

    with ProgressDisplay(plain_console(sys.stderr)) as display:
        yield lambda done, total: display(stage, done, total)


def _as_plain(version: ArtifactVersion, aliases: dict[str, int]) -> dict[str, Any]:
    """Return a version for a script; `show` adds its files."""
    plain = asdict(version)
    names = version.aliases_among(aliases)
    return {"version": version.label, "aliases": names, "size": version.size, **plain, "files": len(version.files)}
