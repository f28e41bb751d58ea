"""`seo-engine runs note` and `seo-engine runs tag`: what is said of a run later."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from seo_engine.cli.json_output import json_option
from seo_engine.cli.runs.naming import find, log_directory_option
from seo_engine.cli.runs.views import show_deliveries, with_progress
from seo_engine.foundation.commands import relative_path
from seo_engine.tracking import mark_run


@click.command("note")
@click.argument("run")
@click.argument("text")
@log_directory_option
@json_option
def note_command(run: str, text: str, log_directory: str, as_json: bool) -> None:
    """Add a note with TEXT to RUN, which may be open or have ended; TensorBoard and Weights & Biases get it, too.

    \b
    Examples:
      seo-engine runs note seo_engine_1700000000 "The data had duplicates."
    """
    _mark(find(log_directory, run), "note", {"text": text}, as_json)


@click.command("tag")
@click.argument("run")
@click.argument("tags", nargs=-1, required=True)
@log_directory_option
@json_option
def tag_command(run: str, tags: tuple[str, ...], log_directory: str, as_json: bool) -> None:
    """Add TAGS to RUN, which may be open or have ended; TensorBoard and Weights & Biases get them, too.

    \b
    Examples:
      seo-engine runs tag seo_engine_1700000000 baseline published
    """
    _mark(find(log_directory, run), "tags", {"tags": list(tags)}, as_json)


def _mark(directory: Path, kind: str, arguments: dict[str, Any], as_json: bool) -> None:
    states = with_progress(str(directory), partial(mark_run, directory, kind, arguments))
    if states is None and not as_json:
        click.echo(f"{relative_path(directory)} is open; the process that writes it will show this.")
    else:
        show_deliveries({directory: states or {}}, as_json)
