"""Profiling data as numbers and texts. The data may come from another profiler, in its own format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seo_engine.foundation.texts import one_line
from seo_engine.profiling import share_in_words

# Which part of the data becomes which group of numbers.
_GROUPS = {
    "timings": "timing",
    "memory": "memory",
    "device_timings": "device_timing",
    "training": "training",
    "experiment_tracking": "experiment_tracking",
}


def profiling_metrics(profiling_data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return profiling data as the metrics and texts that a view shows.

    Args:
        profiling_data (Mapping[str, Any]): As `CodeProfiler.profiling_data()` returns it.

    Returns:
        tuple[dict[str, Any], dict[str, str]]: By operation `profiling/timing/…` and `profiling/device_timing/…` in
        seconds and `profiling/memory/…` in MB, `profiling/training/…`, `profiling/experiment_tracking/…`, without what
        was not measured; `profiling/bottlenecks/bottleneck_<rank>` and
        `profiling/recommendations/recommendation_<rank>` as one-line texts, which may hold secrets.

    Example:
        >>> profiling_metrics({"timings": {"forward_pass": 0.25}, "training": {"steps": 8, "samples_per_second": None}})
        ({'profiling/timing/forward_pass': 0.25, 'profiling/training/steps': 8}, {})
    """
    metrics = {}
    for part, group in _GROUPS.items():
        values = profiling_data.get(part)
        if isinstance(values, Mapping):
            # Lists, such as the outlying steps, are not numbers; the recommendations say what matters about them.
            shown = {name: value for name, value in values.items() if value is not None and not isinstance(value, list)}
            metrics.update({f"profiling/{group}/{name}": value for name, value in shown.items()})
    texts = {
        f"profiling/bottlenecks/bottleneck_{rank}": _describe_bottleneck(bottleneck)
        for rank, bottleneck in enumerate(entries(profiling_data, "bottlenecks"))
    }
    for rank, recommendation in enumerate(entries(profiling_data, "recommendations")):
        texts[f"profiling/recommendations/recommendation_{rank}"] = _describe_recommendation(recommendation)
    return metrics, texts


def entries(profiling_data: Mapping[str, Any], name: str) -> list[Any]:
    """Return one part of the data as a list; a value that is not a list becomes its only entry.

    Example:
        >>> entries({"bottlenecks": "the disk"}, "bottlenecks"), entries({}, "operations")
        (['the disk'], [])
    """
    value = profiling_data.get(name)
    if value is None or (isinstance(value, Mapping | str) and not value):
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _describe_bottleneck(bottleneck: Any) -> str:
    try:
        sentence = (
            f"{one_line(bottleneck['operation'])} ({one_line(bottleneck['category'])}): "
            f"{bottleneck['self_seconds']:.3f} s of its own, "
            f"{_share_in_words(bottleneck['share_percent'])}, {one_line(bottleneck['calls'])} calls"
        )
        return _with_evidence(sentence, bottleneck.get("evidence"))
    except Exception:
        return one_line(bottleneck)


def _share_in_words(percent: float) -> str:
    words = share_in_words(percent)
    return f"{words} of the total" if words.endswith("%") else words


def _describe_recommendation(recommendation: Any) -> str:
    if not isinstance(recommendation, Mapping) or not (advice := one_line(recommendation.get("advice"))):
        return one_line(recommendation)
    subject = one_line(recommendation.get("subject"))
    sentence = advice if subject in advice else f"{subject}: {advice}"
    return _with_evidence(sentence, recommendation.get("evidence"))


def _with_evidence(sentence: str, evidence: Any) -> str:
    reason = one_line(evidence).rstrip(".")
    return f"{sentence.rstrip('.')} ({reason})" if reason else sentence
