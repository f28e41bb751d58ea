"""CustomScalars: charts of several metrics, for TensorBoard's CUSTOM SCALARS tab."""

from __future__ import annotations

import importlib
import re
from typing import Any

from seo_engine.tracking.records.forms import MetricChart


class CustomScalars:
    """Collects the charts of a run: TensorBoard takes all of them together, as one layout, the newest.

    Example:
        >>> charts = CustomScalars()
        >>> [value.tag for value in charts.add(MetricChart("charts/losses", ("training/loss", "val/loss"))).value]
        ['custom_scalars__config__']
    """

    def __init__(self) -> None:
        self._charts: dict[str, tuple[str, ...]] = {}

    def add(self, chart: MetricChart) -> Any:
        """Return all charts so far as a summary.

        Args:
            chart (MetricChart): A further chart, or one of the same name anew.
        """
        self._charts[chart.name] = chart.metrics
        categories: dict[str, dict[str, Any]] = {}
        for name, metrics in self._charts.items():
            category, _, title = name.rpartition("/")
            # The tab takes regular expressions. The metrics of several ranks may be shown beside each other.
            tags = [rf"^(rank_\d+/)?{re.escape(metric).replace(re.escape('*'), '.*')}$" for metric in metrics]
            categories.setdefault(category, {})[title] = ["Multiline", tags]
        make_layout: Any = importlib.import_module("torch.utils.tensorboard.summary").custom_scalars
        return make_layout(categories)
