"""What `help()` says of a configuration: each field with its type, its sentence and its default."""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
from collections.abc import Iterator
from typing import Any

_WIDTH = 116
_SECTIONS = ("Raises:", "Example:")


def with_fields(configuration: type) -> str:
    """Return the docstring of a configuration with a section for its fields, its own before those of its bases.

    Args:
        configuration (type): A class that is about to become a dataclass.
    """
    lines = (configuration.__doc__ or configuration.__name__).rstrip().splitlines()
    if any(line.strip() == "Args:" for line in lines):
        # Written by hand, or made before: a dataclass with slots is made twice.
        return configuration.__doc__ or ""
    entries = [line for name, annotation, field in _fields(configuration) for line in _entry(name, annotation, field)]
    if not entries:
        return "\n".join(lines)
    end = next((number for number, line in enumerate(lines) if line.strip() in _SECTIONS), len(lines))
    before, after = lines[:end], lines[end:]
    while before and not before[-1].strip():
        before.pop()
    section = [*before, "", "    Args:", *entries]
    return "\n".join([*section, "", *after] if after else [*section, "    "])


def _fields(configuration: type) -> Iterator[tuple[str, Any, dataclasses.Field[Any]]]:
    named: set[str] = set()
    for each in configuration.__mro__:
        for name, annotation in inspect.get_annotations(each).items():
            # The fields of a class that is not a dataclass yet are its attributes.
            field = each.__dict__.get("__dataclass_fields__", each.__dict__).get(name)
            if name not in named and isinstance(field, dataclasses.Field) and "switches" in field.metadata:
                named.add(name)
                yield name, annotation, field


def _entry(name: str, annotation: Any, field: dataclasses.Field[Any]) -> list[str]:
    words = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    factory = field.default_factory
    default = field.default if factory is dataclasses.MISSING else factory()
    allowed = field.metadata["allowed"]
    choices = f" One of {', '.join(allowed)}." if allowed else ""
    text = f"{name} ({words}): {field.metadata['meaning']}{choices} Default: {default!r}."
    return textwrap.wrap(
        text, _WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 12, break_long_words=False, break_on_hyphens=False
    )
