"""Options of a command, made from the fields of a configuration that declare a flag."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from seo_engine.foundation.settings import Configuration

Command = TypeVar("Command", bound=Callable[..., Any])

_OFF = "--no-"
# Read by the command line alone: in a program, the configuration says where the runs are.
_VARIABLES = {"tensorboard_log_dir": "SEO_ENGINE_TENSORBOARD_LOG_DIR"}
_TYPES = (str, int, float, bool)


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
        _option(field, annotations[field.name])
        for field in dataclasses.fields(configuration)
        if field.metadata["flag"] is not None
    ]

    def decorate(command: Command) -> Command:
        # Decorators are applied from the last to the first.
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def setting_option(configuration: type[Configuration], name: str, parameter: str) -> Callable[[Command], Command]:
    """Give a command the option of one field, which is never missing: its default is the field's.

    Args:
        configuration (type[Configuration]): It has the field, with a flag.
        name (str): The field.
        parameter (str): The command's parameter that gets the value.

    Returns:
        Callable[[Command], Command]: A decorator.
    """
    field = next(field for field in dataclasses.fields(configuration) if field.name == name)
    flag, meaning = field.metadata["flag"], field.metadata["meaning"]
    variable = _VARIABLES.get(name)
    return click.option(
        flag, parameter, default=field.default, envvar=variable, show_default=True, show_envvar=True, help=meaning
    )


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


def _option(field: dataclasses.Field[Any], annotation: Any) -> Callable[[Command], Command]:
    flag, meaning = field.metadata["flag"], field.metadata["meaning"]
    value_type = _type_of_option(field.name, annotation)
    if flag.startswith(_OFF) != (value_type is bool):
        raise TypeError(f"{field.name}: a flag that begins with {_OFF} belongs to a field that is True or False")
    if value_type is bool:
        meaning = f"Do not {meaning[0].lower()}{meaning[1:]}"
        return click.option(flag, field.name, is_flag=True, flag_value=False, default=None, help=meaning)
    variable = _VARIABLES.get(field.name)
    return click.option(flag, field.name, type=value_type, envvar=variable, show_envvar=True, help=meaning)


def _type_of_option(name: str, annotation: Any) -> type:
    choices = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    choices = tuple(choice for choice in choices if choice is not types.NoneType)
    if len(choices) != 1 or choices[0] not in _TYPES:
        raise TypeError(f"{name}: no option can be made of a field of type {annotation}")
    return typing.cast(type, choices[0])
