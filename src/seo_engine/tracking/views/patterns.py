"""Patterns of the configuration, which name metrics."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase


def is_named(name: str, patterns: Collection[str]) -> bool:
    """Return whether a pattern matches a metric: its whole name, or the last part of it.

    Args:
        name (str): The metric's name, with or without its group.
        patterns (Collection[str]): Such as `loss`, `val/*` or `*_seconds`.

    Example:
        >>> is_named("training/loss", ["loss"]), is_named("training/loss", ["val/*"])
        (True, False)
    """
    last_part = name.rsplit("/", 1)[-1]
    return any(fnmatchcase(name, each) or fnmatchcase(last_part, each) for each in patterns)
