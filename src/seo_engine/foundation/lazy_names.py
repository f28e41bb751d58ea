"""Names that a package exports, each imported at its first use, so that importing the package costs next to nothing."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(package: str, modules: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return `__getattr__` and `__dir__` for a package.

    Args:
        package (str): The package's name.
        modules (Mapping[str, str]): The module of each name, relative to the package.

    Returns:
        tuple[Callable[[str], Any], Callable[[], list[str]]]: Both functions.

    Example:
        >>> get, names = lazy_names("seo_engine.foundation", {"redact_text": "redaction"})
        >>> names(), get("redact_text")("password=hunter22")
        (['redact_text'], 'password=[redacted]')
    """

    def get(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{modules[name]}"), name)

    return get, lambda: sorted(modules)
