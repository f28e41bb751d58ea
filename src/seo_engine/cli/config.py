"""`seo-engine config`: which settings apply, and where each comes from."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click

from seo_engine.cli.errors import errors_in_one_line
from seo_engine.cli.json_output import as_json_text, json_option
from seo_engine.cli.options import config_option, read_settings, setting_options, settings_with_sources
from seo_engine.config import ROOM_TABLES, SEOConfig, table_of
from seo_engine.foundation.redaction import redact
from seo_engine.foundation.setting_sources.sourced import DEFAULT, Sourced, made_of
from seo_engine.foundation.setting_sources.sources import Sources
from seo_engine.foundation.settings import Configuration


@click.group()
def config() -> None:
    """Look at the settings that the commands use.

    \b
    Examples:
      seo-engine config show
      seo-engine config show --all
    """


@config.command("show")
@config_option
@setting_options(SEOConfig)
@click.option("--all", "show_all", is_flag=True, help="Show the defaults of all other settings, too.")
@json_option
def show_command(config_file: Path | None, show_all: bool, as_json: bool, **settings: Any) -> None:
    """Show the settings with which `seo-engine train` would work, and where each comes from.

    What is typed comes before the environment, the environment before the file, and the file before the defaults. The
    settings of a crawl are those that begin with `crawl.`; they stand in the table [crawl] of the file.

    \b
    Examples:
      seo-engine config show
      seo-engine config show --all --json
      seo-engine config show --config other.toml --epochs 3
      SEO_ENGINE_NUMBER_OF_EPOCHS=3 seo-engine config show
    """
    from seo_engine.reports.console import plain_console
    from seo_engine.reports.settings import settings_report

    with errors_in_one_line():
        sources = read_settings(config_file)
        shown = _settings(SEOConfig, sources, settings)
        for of_room in ROOM_TABLES.values():
            shown |= _settings(of_room, sources, {})
    if not show_all:
        shown = {name: each for name, each in shown.items() if each.source != DEFAULT}
    file = sources.file.path if sources.file is not None else None
    if as_json:
        looked_in = [str(folder) for folder in sources.looked_in]
        plain = {name: asdict(setting) for name, setting in shown.items()}
        click.echo(as_json_text({"file": file and str(file), "looked_in": looked_in, "settings": plain}))
    else:
        plain_console(sys.stdout).print(settings_report(shown, file, sources.looked_in))


def _settings(configuration: type[Configuration], sources: Sources, typed: Mapping[str, Any]) -> dict[str, Sourced]:
    """Return every setting of a configuration as it applies, without secrets."""
    chosen = settings_with_sources(configuration, sources, typed)
    made, table = made_of(configuration, chosen), table_of(configuration)
    shown = {}
    for name in (field.name for field in fields(configuration)):
        source = chosen[name].source if name in chosen else DEFAULT
        shown[f"{table}.{name}" if table else name] = Sourced(redact(getattr(made, name), name), source)
    return shown
