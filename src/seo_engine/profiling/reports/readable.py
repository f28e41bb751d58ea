"""Profiling data from a file, which may be damaged, or from another profiler: the parts that a report can show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from seo_engine.foundation.texts import fits_64_bits
from seo_engine.profiling.reports.outside_training import OutsideTraining

_OF_AN_OPERATION = ("self_seconds", "share_percent", "calls", "p50_seconds", "p99_seconds")
_OF_THE_STEPS = (
    "steps", "steps_per_second", "p50_step_seconds", "p99_step_seconds", "outlier_steps", "outlier_percent",
    "data_loading_percent", "forward_percent", "backward_percent", "optimizer_percent", "logging_percent",
    "other_percent",
)  # fmt: skip
_TOTALS = ("total_seconds", "uncovered_seconds")
_OUTSIDE = tuple(OutsideTraining.__annotations__)


def readable_parts(profiling_data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of profiling data that have the form of `CodeProfiler.profiling_data()`.

    Args:
        profiling_data (Mapping[str, Any]): Whatever was logged or read as such.

    Returns:
        dict[str, Any]: `operations` and `recommendations`, possibly empty; `training`, `outside_training` and the
        totals if they can be read.

    Example:
        >>> readable_parts({"operations": ["aten::mm: 3 ms"], "training": {"steps": "many"}})
        {'operations': [], 'recommendations': []}
    """
    parts: dict[str, Any] = {
        "operations": [each for each in _mappings(profiling_data.get("operations")) if _is_operation(each)],
        "recommendations": [
            each
            for each in _mappings(profiling_data.get("recommendations"))
            if isinstance(each.get("advice"), str) and isinstance(each.get("evidence"), str)
        ],
    }
    for name, numbers in (("training", _OF_THE_STEPS), ("outside_training", _OUTSIDE)):
        part = profiling_data.get(name)
        if isinstance(part, Mapping) and _has_numbers(part, numbers):
            # Of what is sometimes not measured, only numbers.
            parts[name] = {each: value for each, value in part.items() if each in numbers or _is_number(value)}
    if all(_is_number(profiling_data.get(name)) for name in _TOTALS):
        parts |= {name: profiling_data[name] for name in _TOTALS}
    return parts


def _mappings(values: Any) -> Iterable[Mapping[str, Any]]:
    return [each for each in values if isinstance(each, Mapping)] if isinstance(values, list) else []


def _is_operation(each: Mapping[str, Any]) -> bool:
    measured = [name for name in ("mean_memory_mb", "mean_device_seconds") if each.get(name) is not None]
    is_named = isinstance(each.get("operation"), str) and isinstance(each.get("category"), str)
    return is_named and _has_numbers(each, (*_OF_AN_OPERATION, *measured))


def _has_numbers(values: Mapping[str, Any], names: Iterable[str]) -> bool:
    return all(_is_number(values.get(name)) for name in names)


def _is_number(value: Any) -> bool:
    if isinstance(value, int) and not fits_64_bits(value):
        return False
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
