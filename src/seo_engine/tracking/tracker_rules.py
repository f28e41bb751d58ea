"""What the names and settings of trackers may be that others bring."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, TypeGuard

from seo_engine.foundation.redaction import redact

# It is also a part of the names of files.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


def is_tracker_name(name: object) -> TypeGuard[str]:
    """Return whether a tracker may be called so.

    Example:
        >>> is_tracker_name("mlflow"), is_tracker_name("../outside"), is_tracker_name(None)
        (True, False, False)
    """
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def check_additional_trackers(names: Collection[str], switches: Collection[str]) -> None:
    """Refuse names that no tracker can have, or that a switch rules.

    Args:
        names (Collection[str]): Names of trackers.
        switches (Collection[str]): The settings that there are; `<name>_logging` rules a tracker.

    Raises:
        ValueError: If there is one.

    Example:
        >>> check_additional_trackers(["wandb"], ["wandb_logging"])
        Traceback (most recent call last):
            ...
        ValueError: additional_trackers must not hold wandb; wandb_logging is the setting for it
    """
    for name in names:
        if not is_tracker_name(name):
            raise ValueError(f"additional_trackers must be names of 1 to 64 letters, digits, _, - or ., got {name!r}")
        if f"{name}_logging" in switches:
            raise ValueError(f"additional_trackers must not hold {name}; {name}_logging is the setting for it")
    if len(set(names)) < len(names):
        raise ValueError(f"additional_trackers must name each tracker once, got {list(names)!r}")


def check_tracker_settings(settings: Mapping[str, Any], switches: Collection[str]) -> None:
    """Refuse settings of trackers that cannot be kept in a run's journal; what they mean, each tracker checks itself.

    Args:
        settings (Mapping[str, Any]): The settings of each tracker, by its name.
        switches (Collection[str]): The settings that there are; `<name>_logging` rules a tracker.

    Raises:
        ValueError: If they are not dictionaries of plain data, or hold a secret.

    Example:
        >>> check_tracker_settings({"files": "parquet"}, ["wandb_logging"])
        Traceback (most recent call last):
            ...
        ValueError: tracker_settings['files'] must be a dictionary, got 'parquet' (str)
    """
    for name, value in settings.items():
        if f"{name}_logging" in switches:
            raise ValueError(f"tracker_settings must not hold {name}; its settings are fields of their own")
        if not isinstance(value, dict):
            raise ValueError(f"tracker_settings[{name!r}] must be a dictionary, got {value!r} ({type(value).__name__})")
    try:
        plain = json.loads(json.dumps(settings))
    except (TypeError, ValueError):
        raise ValueError("tracker_settings must be plain data: texts, numbers, lists and dictionaries") from None
    if redact(plain) != plain:
        raise ValueError(
            "tracker_settings must not hold a secret, because the run keeps them; use the variables of the tracker"
        )
