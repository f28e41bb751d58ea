"""Settings of a run that are not compared as hyperparameters: all arguments of a framework, a model's configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.kind import Kind, Shown


def _shown(record: Record, payloads: Payloads) -> Shown:
    return Shown(SETTINGS, record, settings=record["settings"])


SETTINGS = Kind("settings", "log_settings", {"settings": dict}, _shown, divisible="settings")


def merged_settings(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with those of a later record; nested dictionaries are merged.

    Example:
        >>> merged_settings({"model_config": {"layers": 12, "heads": 8}}, {"model_config": {"layers": 6}})
        {'model_config': {'layers': 6, 'heads': 8}}
    """
    merged = dict(old)
    for name, value in new.items():
        before = merged.get(name)
        merged[name] = merged_settings(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged


def flattened(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the plain values of nested dictionaries, with names such as `optimizer.name`.

    Args:
        values (Mapping[str, Any]): Names and values.
        prefix (str): What the names begin with.

    Example:
        >>> dict(flattened({"optimizer": {"name": "adam", "betas": [0.9, 0.95]}, "layers": 2}))
        {'optimizer.name': 'adam', 'optimizer.betas': [0.9, 0.95], 'layers': 2}
    """
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
