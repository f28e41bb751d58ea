"""Points and meshes as W&B shows them."""

from __future__ import annotations

import importlib
import io
from typing import Any

from seo_engine.tracking.records.forms import PointCloud


def as_object(cloud: PointCloud, caption: str) -> Any:
    """Return what W&B shows of points, or of a mesh.

    Args:
        cloud (PointCloud): The arrays.
        caption (str): What they are, in words.
    """
    object_3d: Any = importlib.import_module("wandb").Object3D
    if cloud.faces is not None:
        return object_3d(io.StringIO(mesh_file(cloud)), caption=caption or None, file_type="obj")
    if cloud.colors is None:
        return object_3d(cloud.vertices, caption=caption or None)
    import numpy

    return object_3d(numpy.concatenate([cloud.vertices, cloud.colors], axis=1), caption=caption or None)


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
