"""Charts and graphs as W&B shows them: a table, and what W&B is told to draw of it."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from seo_engine.tracking.records.forms import Chart, GraphNode


class _Preset(NamedTuple):
    """A drawing that W&B has ready: its name, the names of its columns, and of its titles."""

    name: str
    columns: tuple[str, ...]
    x_title: str = ""
    y_title: str = ""


# As `wandb.plot` names them.
_PRESETS = {
    "lines": _Preset("wandb/lineseries/v0", ("step", "lineKey", "lineVal"), "xname"),
    "bars": _Preset("wandb/bar/v0", ("label", "value")),
    "curves": _Preset("wandb/area-under-curve/v0", ("class", "x", "y"), "x-axis-title", "y-axis-title"),
    "confusion_matrix": _Preset("wandb/confusion_matrix/v1", ("Actual", "Predicted", "nPredictions")),
}


def custom_chart(chart: Chart, table: Any) -> Any:
    """Return what `run.log` takes for a chart.

    Args:
        chart (Chart): The chart.
        table (wandb.Table): Its rows.
    """
    plot: Any = importlib.import_module("wandb.plot")
    preset = _PRESETS[chart.sort]
    titles = {"title": chart.title, preset.x_title: chart.x_title, preset.y_title: chart.y_title}
    fields = dict(zip(preset.columns, chart.columns, strict=True))
    made = plot.plot_table(preset.name, table, fields, {name: title for name, title in titles.items() if name})
    made.set_key(chart.name)
    return made


def wandb_graph(nodes: Sequence[GraphNode]) -> Any:
    """Return a graph of W&B.

    Args:
        nodes (Sequence[GraphNode]): Its nodes.
    """
    data_types: Any = importlib.import_module("wandb.data_types")
    graph = data_types.Graph("torch")
    for node in nodes:
        shapes = node["shapes"]
        graph.add_node(
            id=node["name"],
            name=node["name"],
            class_name=node["operation"],
            output_shape=shapes[0] if len(shapes) == 1 else shapes,
        )
    for node in nodes:
        for name in node["inputs"]:
            # An input may be a number of a node's outputs: `name:1`.
            source = name.partition(":")[0].removeprefix("^")
            if source in graph.nodes_by_id:
                graph.add_edge(graph[source], graph[node["name"]])
    return graph
