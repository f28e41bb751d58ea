"""Charts, graphs, points and meshes as data types of wandb."""

from __future__ import annotations

import importlib
import io
from collections.abc import Sequence
from typing import Any, NamedTuple

from seo_engine.tracking.records.forms import Chart, GraphNode, PointCloud


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


def object_3d(cloud: PointCloud, caption: str) -> Any:
    """Return what W&B shows of points, or of a mesh.

    Args:
        cloud (PointCloud): The arrays.
        caption (str): What they are, in words.
    """
    make: Any = importlib.import_module("wandb").Object3D
    if cloud.faces is not None:
        return make(io.StringIO(mesh_file(cloud)), caption=caption or None, file_type="obj")
    if cloud.colors is None:
        return make(cloud.vertices, caption=caption or None)
    import numpy

    return make(numpy.concatenate([cloud.vertices, cloud.colors], axis=1), caption=caption or None)


def mesh_file(mesh: PointCloud) -> str:
    """Return a mesh as an OBJ file; its colours are behind the coordinates, as most viewers take them.

    Args:
        mesh (PointCloud): With faces.

    Example:
        >>> import numpy
        >>> corners = numpy.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype="float32")
        >>> print(mesh_file(PointCloud(corners, None, numpy.array([[0, 1, 2]]))))
        v 0 0 0
        v 1 0 0
        v 0 1 0
        f 1 2 3
    """
    vertices = mesh.vertices.tolist()
    if mesh.colors is not None:
        vertices = [[*vertex, *color] for vertex, color in zip(vertices, (mesh.colors / 255).tolist(), strict=True)]
    lines = [f"v {' '.join(f'{number:.6g}' for number in vertex)}" for vertex in vertices]
    # It counts points from 1 on.
    lines += [f"f {' '.join(str(number + 1) for number in face)}" for face in mesh.faces.tolist()]
    return "\n".join(lines)
