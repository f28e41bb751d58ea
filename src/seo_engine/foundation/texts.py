"""Texts as JSON and files can hold them: Python has some that are no Unicode, as the names of files may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_unicode(value: Any) -> Any:
    """Return plain data as JSON can hold them: Python has texts that are no Unicode, and JSON has none.

    Example:
        >>> as_unicode({"caf\\udce9": ["tea", 1]})
        {'caf\\\\udce9': ['tea', 1]}
    """
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {as_unicode(key): as_unicode(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_unicode(each) for each in value]
    return value
