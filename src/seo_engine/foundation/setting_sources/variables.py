"""Settings in the environment: `SEO_ENGINE_` and the name of a field in capitals."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from seo_engine.foundation.redaction import names_in_words, redact
from seo_engine.foundation.setting_sources.known_names import Tables, field_names, nearest_name
from seo_engine.foundation.setting_sources.sourced import Source, Sourced
from seo_engine.foundation.settings import Configuration, types_of

PREFIX = "SEO_ENGINE_"

# What the processes of this program tell each other, and the name that a launcher gives a run.
OTHER_VARIABLES = ("SEO_ENGINE_CHILD", "SEO_ENGINE_LAUNCHER", "SEO_ENGINE_RUN")

# A scheduler may set variables that begin like ours: SEO_ENGINE_SERVICE_HOST, for a service of this name.
_A_SLIP = 0.85

_MOST_CHARACTERS = 80

_YES, _NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def variable_of(name: str, table: str = "") -> str:
    """Return the variable of a setting.

    Args:
        name (str): The setting.
        table (str): The table of its room, if it stands in one.

    Example:
        >>> variable_of("seed"), variable_of("most_pages", "crawl")
        ('SEO_ENGINE_SEED', 'SEO_ENGINE_CRAWL_MOST_PAGES')
    """
    return (PREFIX + (f"{table}_{name}" if table else name)).upper()


def read_variables(
    environment: Mapping[str, str], configuration: type[Configuration], table: str = ""
) -> dict[str, Sourced]:
    """Return the settings that stand in the environment; an empty variable counts as not set.

    Args:
        environment (Mapping[str, str]): The variables.
        configuration (type[Configuration]): Its fields say which there are, and their types.
        table (str): The table of its room, if it has one.

    Returns:
        dict[str, Sourced]: The values by the names of their fields.

    Raises:
        ValueError: If a variable has a value of another type.

    Example:
        >>> from dataclasses import dataclass
        >>> from seo_engine.foundation.settings import setting
        >>> @dataclass
        ... class ServerConfig(Configuration):
        ...     port: int = setting(80, "Where to listen.")
        >>> read_variables({"SEO_ENGINE_PORT": "8080"}, ServerConfig)["port"].value
        8080
        >>> read_variables({"SEO_ENGINE_PORT": "eighty"}, ServerConfig)
        Traceback (most recent call last):
            ...
        ValueError: SEO_ENGINE_PORT must be a whole number, got 'eighty'
    """
    annotations = typing.get_type_hints(configuration)
    settings: dict[str, Sourced] = {}
    for name in sorted(field_names(configuration)):
        variable = variable_of(name, table)
        if text := environment.get(variable):
            settings[name] = Sourced(_value(variable, text, annotations[name]), Source("variable", variable))
    return settings


def unknown_variables(
    environment: Mapping[str, str], configuration: type[Configuration], tables: Tables
) -> Iterator[str]:
    """Yield the variables that begin like ours, and are not.

    Args:
        environment (Mapping[str, str]): The variables.
        configuration (type[Configuration]): The settings that stand outside of tables.
        tables (Tables): The tables that belong to rooms.

    Raises:
        ValueError: If one is so near to a setting that it must be a slip.
    """
    known = {variable_of(name) for name in field_names(configuration)}
    for table, of_room in tables.items():
        known |= {variable_of(name, table) for name in field_names(of_room)}
    by_name = {variable.removeprefix(PREFIX).lower(): variable for variable in known}
    for variable in sorted(environment):
        if not variable.startswith(PREFIX) or variable in known or variable in OTHER_VARIABLES:
            continue
        if not environment[variable]:
            continue
        if near := nearest_name(variable.removeprefix(PREFIX), by_name, _A_SLIP):
            raise ValueError(f"{names_in_words([variable])}: there is no such setting; did you mean {by_name[near]}?")
        yield names_in_words([variable])


def _value(variable: str, text: str, annotation: Any) -> Any:
    expected = types_of(annotation)[0]
    kind = typing.get_origin(expected) or expected
    if kind not in _READERS:
        raise ValueError(f"{variable}: a setting of this type cannot stand in the environment")
    read, words = _READERS[kind]
    try:
        text.encode()
        return read(text)
    except ValueError:
        shown = redact(text, variable)[:_MOST_CHARACTERS]
        raise ValueError(f"{variable} must be {words}, got {shown!r}") from None


def _as_switch(text: str) -> bool:
    if text.lower() not in _YES + _NO:
        raise ValueError
    return text.lower() in _YES


def _as_list(text: str) -> list[Any]:
    text = text.strip()
    # A pattern may begin with a bracket, too: `[lm]oss*,accuracy`.
    if text.startswith("[") and text.endswith("]"):
        return typing.cast(list[Any], orjson.loads(text))
    return [part.strip() for part in text.split(",") if part.strip()]


def _as_dictionary(text: str) -> dict[str, Any]:
    value = orjson.loads(text)
    if not isinstance(value, dict):
        raise ValueError
    return value


_READERS: dict[type, tuple[Callable[[str], Any], str]] = {
    str: (str, "a text in UTF-8"),
    int: (int, "a whole number"),
    float: (float, "a number"),
    bool: (_as_switch, f"one of {', '.join(_YES + _NO)}"),
    list: (_as_list, "a list, as `a,b` or as a JSON array"),
    dict: (_as_dictionary, "a JSON object"),
}
