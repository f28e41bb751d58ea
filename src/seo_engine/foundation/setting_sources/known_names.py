"""Which names of settings there are, and which of them a mistaken one is near to."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping

from seo_engine.foundation.settings import Configuration

# The settings of each table that belongs to a room.
Tables = Mapping[str, type[Configuration]]

_SIMILAR = 0.6


def field_names(configuration: type[Configuration]) -> set[str]:
    """Return the names of the fields of a configuration."""
    return {field.name for field in dataclasses.fields(configuration)}


def nearest_name(name: str, names: Iterable[str], at_least: float = _SIMILAR) -> str | None:
    """Return the name that somebody may have meant, in whatever spelling.

    Args:
        name (str): What is not a name.
        names (Iterable[str]): The names that there are.
        at_least (float): How similar it must be, from 0 to 1.

    Returns:
        str | None: The nearest name; None if none is near.

    Example:
        >>> nearest_name("Number-of-epochs", ["seed", "number_of_epochs"]), nearest_name("port", ["seed"])
        ('number_of_epochs', None)
    """
    near = difflib.get_close_matches(name.lower().replace("-", "_"), sorted(names), n=1, cutoff=at_least)
    return near[0] if near else None


def nearest_setting(name: str, configuration: type[Configuration], others: Iterable[str] = ()) -> str | None:
    """Return the setting that somebody may have meant, also if they wrote its flag.

    Args:
        name (str): What is not a setting.
        configuration (type[Configuration]): It has the settings.
        others (Iterable[str]): What else may stand beside them.
    """
    fields = dataclasses.fields(configuration)
    flags = {each.name: each.metadata.get("flag") for each in fields}
    names = {flag.strip("-").replace("-", "_"): name for name, flag in flags.items() if flag is not None}
    names |= {name: name for name in (*flags, *others)}
    near = nearest_name(name, names)
    return None if near is None else names[near]
