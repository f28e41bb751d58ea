"""Settings as a table: their values, and where each comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from seo_engine.foundation.setting_sources.settings_file import OWN_FILE, PROJECT_FILE, PROJECT_TABLE
from seo_engine.foundation.setting_sources.sourced import DEFAULT, Sourced
from seo_engine.foundation.texts import one_line


def settings_report(settings: Mapping[str, Sourced], file: Path | None, looked_in: Sequence[Path]) -> RenderableType:
    """Return which file was read, and a table of settings.

    Args:
        settings (Mapping[str, Sourced]): Values without secrets, by their names.
        file (Path | None): The file that was read.
        looked_in (Sequence[Path]): Where a file was looked for.

    Returns:
        RenderableType: For a console.
    """
    said = escape(_where_from(file, looked_in))
    if not settings:
        return Group(said, "Every setting has its default; `seo-engine config show --all` shows them.")
    table = Table("setting", "value", "source", box=None)
    for name, setting in settings.items():
        style = "dim" if setting.source == DEFAULT else None
        table.add_row(name, escape(one_line(repr(setting.value))), escape(one_line(setting.source)), style=style)
    return Group(said, "", table)


def _where_from(file: Path | None, looked_in: Sequence[Path]) -> str:
    if file is not None:
        return f"The settings are read from {one_line(file)}."
    folders = ", ".join(one_line(folder) for folder in looked_in) or "a folder that is not there any more"
    return f"No {OWN_FILE}, and no {PROJECT_FILE} with a table [{PROJECT_TABLE}], was found in {folders}."
