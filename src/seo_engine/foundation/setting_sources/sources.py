"""The file and the environment that settings are read from, in their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from seo_engine.foundation.redaction import names_in_words
from seo_engine.foundation.setting_sources.known_names import Tables, field_names, nearest_setting
from seo_engine.foundation.setting_sources.settings_file import (
    PROJECT_TABLE,
    Search,
    SettingsFile,
    find_settings_file,
    read_settings_file,
)
from seo_engine.foundation.setting_sources.sourced import Sourced
from seo_engine.foundation.setting_sources.variables import read_variables, unknown_variables
from seo_engine.foundation.settings import Configuration


@dataclass(frozen=True)
class Sources:
    """Where settings are read from.

    Args:
        file (SettingsFile | None): The file, if there is one.
        looked_in (tuple[Path, ...]): The folders in which one was looked for.
        environment (Mapping[str, str]): The variables.
        warnings (tuple[str, ...]): What the user should know of them.
    """

    file: SettingsFile | None
    looked_in: tuple[Path, ...]
    environment: Mapping[str, str]
    warnings: tuple[str, ...]


def read_sources(
    configuration: type[Configuration], tables: Tables, environment: Mapping[str, str], path: str | Path | None = None
) -> Sources:
    """Read the file of settings, and check the names in it and in the environment.

    Args:
        configuration (type[Configuration]): The settings that stand outside of tables.
        tables (Tables): The tables that belong to rooms.
        environment (Mapping[str, str]): The variables; without any, the file is the only source.
        path (str | Path | None): The file. None looks for the nearest one.

    Returns:
        Sources: What was read.

    Raises:
        ValueError: If the file cannot be read, is not valid TOML, or has an unknown name; or if a variable is nearly
            one of ours.
    """
    search = find_settings_file() if path is None else Search(read_settings_file(path))
    warnings = []
    if search.file is not None:
        _check_names(search.file, configuration, tables)
        if search.passed_over is not None:
            warnings.append(f"{search.file.path} is read; [{PROJECT_TABLE}] in {search.passed_over} is not")
    unknown = list(unknown_variables(environment, configuration, tables))
    warnings += [f"{variable} is not a setting of seo-engine, and is not read" for variable in unknown]
    return Sources(search.file, search.folders, environment, tuple(warnings))


def settings_from(sources: Sources, configuration: type[Configuration], table: str = "") -> dict[str, Sourced]:
    """Return the settings of a configuration that stand in its sources: the environment comes before the file.

    Args:
        sources (Sources): File and environment.
        configuration (type[Configuration]): It has the fields.
        table (str): The table of its room, if it has one.

    Returns:
        dict[str, Sourced]: The values by the names of their fields.

    Raises:
        ValueError: If a variable has a value of another type.
    """
    settings = {}
    if (file := sources.file) is not None:
        values = file.values.get(table, {}) if table else file.values
        names = field_names(configuration)
        settings = {name: Sourced(value, file.source(name, table)) for name, value in values.items() if name in names}
    return settings | read_variables(sources.environment, configuration, table)


def _check_names(file: SettingsFile, configuration: type[Configuration], tables: Tables) -> None:
    for name in file.values:
        if name in tables:
            continue
        if name not in field_names(configuration):
            near = nearest_setting(name, configuration, tables)
            raise ValueError(_unknown(file, name, "", near))
    for table, of_room, values in _tables_in(file, tables):
        if not isinstance(values, dict):
            raise ValueError(f"{file.source(table)}: {table} must be a table, [{table}]")
        for name in values:
            if name not in field_names(of_room):
                raise ValueError(_unknown(file, name, table, nearest_setting(name, of_room)))


def _tables_in(file: SettingsFile, tables: Tables) -> Iterator[tuple[str, type[Configuration], object]]:
    return ((table, of_room, file.values[table]) for table, of_room in tables.items() if table in file.values)


def _unknown(file: SettingsFile, name: str, table: str, near: str | None) -> str:
    hint = f"did you mean '{near}'?" if near else "`seo-engine config show --all` says which there are"
    of_table = f" in [{table}]" if table else ""
    return f"{file.source(name, table)}: unknown setting '{names_in_words([name])}'{of_table}; {hint}"
