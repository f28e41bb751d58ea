"""The settings of a command: options for the fields that have a flag, and what stands in a file or the environment."""

from __future__ import annotations

import dataclasses
import functools
import os
import sys
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from seo_engine.cli.errors import errors_in_one_line
from seo_engine.config import ROOM_TABLES, SEOConfig, table_of
from seo_engine.foundation.setting_sources.sourced import Made, Sourced, as_flags, made_of
from seo_engine.foundation.setting_sources.sources import Sources, read_sources, settings_from
from seo_engine.foundation.setting_sources.variables import variable_of
from seo_engine.foundation.settings import Configuration, types_of
from seo_engine.tracking import plain_message

Command = TypeVar("Command", bound=Callable[..., Any])

_OFF = "--no-"
_TYPES = (str, int, float, bool)

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="TOML file of settings. By default: the nearest seo.toml, or [tool.seo-engine] of pyproject.toml.",
)


def setting_options(configuration: type[Configuration]) -> Callable[[Command], Command]:
    """Give a command one option for each field of a configuration that has a flag, in the order of the fields.

    The command gets the value under the field's name; None means that the option was not given.

    Args:
        configuration (type[Configuration]): Its fields define the flags, the help and the types.

    Returns:
        Callable[[Command], Command]: A decorator.

    Raises:
        TypeError: If a field with a flag has a type that an option cannot have.
    """
    annotations = typing.get_type_hints(configuration)
    options = [
        _option(configuration, field, annotations[field.name])
        for field in dataclasses.fields(configuration)
        if field.metadata["flag"] is not None
    ]

    def decorate(command: Command) -> Command:
        # Decorators are applied from the last to the first.
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def setting_option(configuration: type[Configuration], name: str) -> Callable[[Command], Command]:
    """Give a command the option of one field.

    Args:
        configuration (type[Configuration]): It has the field, with a flag.
        name (str): The field.

    Returns:
        Callable[[Command], Command]: A decorator.
    """
    field = next(field for field in dataclasses.fields(configuration) if field.name == name)
    return _option(configuration, field, typing.get_type_hints(configuration)[name])


def folder_argument(name: str, argument: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command a folder: the one that a training would use, from its option, the environment or the file.

    Args:
        name (str): The field of `SEOConfig`, with a flag.
        argument (str): The argument of the command that gets the folder.

    Returns:
        Callable[[Callable[..., None]], Callable[..., None]]: A decorator.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def with_folder(config_file: Path | None, **options: Any) -> None:
            with errors_in_one_line():
                config = configured(SEOConfig, read_settings(config_file), {name: options.pop(name)})
            command(**{argument: getattr(config, name)}, **options)

        return config_option(setting_option(SEOConfig, name)(with_folder))

    return decorate


def given(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that the user gave, for the configuration to check.

    Args:
        settings (Mapping[str, Any]): The values of the options that `setting_options` made.

    Returns:
        dict[str, Any]: The values by field name.

    Example:
        >>> given({"seed": 0, "model_name": None})
        {'seed': 0}
    """
    return {name: value for name, value in settings.items() if value is not None}


def read_settings(config_file: Path | None, *, is_said: bool = True) -> Sources:
    """Read the file and the environment, and say what is odd in them.

    Args:
        config_file (Path | None): The file; None looks for the nearest one.
        is_said (bool): Whether the user is told; of several processes, one speaks.

    Raises:
        ValueError: If something in them is wrong; the message says where.
    """
    sources = read_sources(SEOConfig, ROOM_TABLES, os.environ, config_file)
    for warning in sources.warnings if is_said else ():
        message = f"⚠️ {warning}"
        click.echo(message if sys.stderr.isatty() else plain_message(message), err=True)
    return sources


def configured(configuration: type[Made], sources: Sources, settings: Mapping[str, Any]) -> Made:
    """Make a configuration of what the user typed, the environment and the file, in this order.

    Args:
        configuration (type[Made]): Its class.
        sources (Sources): File and environment.
        settings (Mapping[str, Any]): The values of options; None means that one was not given.

    Returns:
        Made: The configuration.

    Raises:
        ValueError: If a value is not allowed; the message says where it stands.
    """
    return made_of(configuration, settings_with_sources(configuration, sources, settings))


def settings_with_sources(
    configuration: type[Configuration], sources: Sources, settings: Mapping[str, Any]
) -> dict[str, Sourced]:
    """Return what `configured` makes a configuration of: each value that is not a default, with its source."""
    from_sources = settings_from(sources, configuration, table_of(configuration))
    return from_sources | as_flags(configuration, given(settings))


def with_variable(meaning: str, configuration: type[Configuration], name: str, value: str = "") -> str:
    """Return the help of an option, with the variable that stands for it in the environment.

    Args:
        meaning (str): What the option does.
        configuration (type[Configuration]): It has the field that the option sets.
        name (str): The field.
        value (str): What an option without a value stands for.

    Example:
        >>> with_variable("Answer slowly.", SEOConfig, "is_fast", value="false")
        'Answer slowly.  [env var: SEO_ENGINE_IS_FAST=false]'
    """
    variable = variable_of(name, table_of(configuration))
    return f"{meaning}  [env var: {variable}{'=' if value else ''}{value}]"


def _option(
    configuration: type[Configuration], field: dataclasses.Field[Any], annotation: Any
) -> Callable[[Command], Command]:
    flag, meaning = field.metadata["flag"], field.metadata["meaning"]
    value_type = _type_of_option(field.name, annotation)
    if flag.startswith(_OFF) != (value_type is bool):
        raise TypeError(f"{field.name}: a flag that begins with {_OFF} belongs to a field that is True or False")
    if value_type is bool:
        meaning = with_variable(f"Do not {meaning[0].lower()}{meaning[1:]}", configuration, field.name, "false")
        return click.option(flag, field.name, is_flag=True, flag_value=False, default=None, help=meaning)
    return click.option(flag, field.name, type=value_type, help=with_variable(meaning, configuration, field.name))


def _type_of_option(name: str, annotation: Any) -> type:
    choices = types_of(annotation)
    if len(choices) != 1 or choices[0] not in _TYPES:
        raise TypeError(f"{name}: no option can be made of a field of type {annotation}")
    return typing.cast(type, choices[0])
