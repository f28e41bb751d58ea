"""Charts that show the curves of several metrics together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.payload import Payloads
from seo_engine.tracking.records.forms import Markdown, MetricChart
from seo_engine.tracking.records.kind import MOMENT, Kind, Shown, described
from seo_engine.tracking.records.metrics import metric_name

MOST_METRICS = 100


def _contents(name: str, metrics: Any, epoch: float, step: int) -> Record:
    if isinstance(metrics, str) or not isinstance(metrics, Sequence):
        raise TypeError(f"metrics must be a list of names, got {described(metrics)}")
    if not 0 < len(metrics) <= MOST_METRICS:
        raise ValueError(f"a chart must have 1 to {MOST_METRICS} metrics, got {len(metrics)}")
    names = [metric_name("training", metric) for metric in metrics]
    return {"name": metric_name("charts", name), "metrics_shown": names, "epoch": epoch, "step": step}


def _shown(record: Record, payloads: Payloads) -> Shown:
    name, metrics = record["name"], tuple(map(str, record["metrics_shown"]))
    forms = (MetricChart(name, metrics), Markdown(name, partial(_in_words, metrics)))
    return Shown(METRIC_CHART, record, record["epoch"], record["step"], media=(forms,))


def _in_words(metrics: Sequence[str]) -> str:
    return "\n".join(["These metrics belong together:", "", *(f"- {metric}" for metric in metrics)])


METRIC_CHART = Kind("chart", "log_chart", {**MOMENT, "name": str, "metrics_shown": list}, _shown, _contents)
