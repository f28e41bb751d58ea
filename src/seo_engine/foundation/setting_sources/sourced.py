"""A value of a setting with its source, and a configuration made of such values."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from seo_engine.foundation.settings import Configuration

Made = TypeVar("Made", bound=Configuration)

_FIRST_NAME = re.compile(r"\w*")


@dataclass(frozen=True)
class Source:
    """Where the value of a setting comes from.

    Args:
        kind (str): `default`, `file`, `variable`, `flag` or `argument`.
        name (str): The path of the file, or the name of the variable or the flag.
        line (int | None): The line of the file, if it is known.

    Example:
        >>> str(Source("file", "seo.toml", 3)), str(Source("default"))
        ('seo.toml:3', 'default')
    """

    kind: str
    name: str = ""
    line: int | None = None

    def __str__(self) -> str:
        at_line = f":{self.line}" if self.line is not None else ""
        return f"{self.name}{at_line}" if self.name else self.kind


@dataclass(frozen=True)
class Sourced:
    """A value and its source."""

    value: Any
    source: Source


DEFAULT = Source("default")


def as_arguments(values: Mapping[str, Any]) -> dict[str, Sourced]:
    """Return values that code gives as settings with their source.

    Args:
        values (Mapping[str, Any]): The values by the names of their fields.
    """
    return {name: Sourced(value, Source("argument")) for name, value in values.items()}


def as_flags(configuration: type[Configuration], values: Mapping[str, Any]) -> dict[str, Sourced]:
    """Return values that options of a command give as settings with their source.

    Args:
        configuration (type[Configuration]): It has the fields, with their flags.
        values (Mapping[str, Any]): The values by the names of their fields.
    """
    declared = {field.name: field.metadata.get("flag") for field in dataclasses.fields(configuration)}
    flags = {name: declared[name] or f"--{name.replace('_', '-')}" for name in values}
    return {name: Sourced(value, Source("flag", flags[name])) for name, value in values.items()}


def made_of(configuration: type[Made], settings: Mapping[str, Sourced]) -> Made:
    """Make a configuration; every field that has a source other than its default counts as given.

    Args:
        configuration (type[Made]): Its class.
        settings (Mapping[str, Sourced]): The values by the names of their fields.

    Returns:
        Made: The configuration.

    Raises:
        ValueError: If a value is not allowed; the message says in which line or variable it stands.

    Example:
        >>> from dataclasses import dataclass
        >>> from seo_engine.foundation.settings import setting
        >>> @dataclass
        ... class ServerConfig(Configuration):
        ...     port: int = setting(80, "Where to listen.", above=0)
        >>> made_of(ServerConfig, {"port": Sourced(-1, Source("file", "server.toml", 3))})
        Traceback (most recent call last):
            ...
        ValueError: server.toml:3: port must be positive, got -1
    """
    try:
        return configuration(**{name: each.value for name, each in settings.items()})
    except ValueError as error:
        # Every message of a configuration begins with the name of a field.
        name = _FIRST_NAME.match(str(error))
        source = settings[name[0]].source if name is not None and name[0] in settings else DEFAULT
        if source.kind not in ("file", "variable"):
            raise
        raise ValueError(f"{source}: {error}") from None
