"""Media as TensorBoard shows them, each in a plugin of its own, or as pictures and texts."""

from __future__ import annotations

import importlib
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seo_engine.tracking.records.forms import (
    Audio,
    ClassCounts,
    Graph,
    GraphNode,
    Histogram,
    Image,
    Markdown,
    Picture,
    Points,
    PrecisionRecall,
)
from seo_engine.tracking.records.pictures.marks import with_marks
from seo_engine.tracking.trackers.tensorboard.summaries import text_summary

_RGB = 3

# How large a point is, of what all of them take up.
_POINT_SHARE = 0.01


def image_summary(image: Image) -> Any:
    """Return pictures as a summary, with masks and boxes drawn on them; None if there are none.

    TensorBoard has no captions: they are a text of their own, `<name>/caption`.

    Args:
        image (Image): The pictures.
    """
    pictures = [with_marks(picture) for picture in image.draw()]
    return _pictures_summary(image.name, pictures) if pictures else None


def histogram_summary(histogram: Histogram) -> Any:
    """Return a histogram as a summary.

    Args:
        histogram (Histogram): Edges and counts.
    """
    from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary

    edges, counts = histogram.read()
    middles = [(low + high) / 2 for low, high in itertools.pairwise(edges)]
    # TensorBoard's own format has the upper edge of each bin; the first one begins at the minimum.
    shown = HistogramProto(
        min=edges[0],
        max=edges[-1],
        num=math.fsum(counts),
        sum=math.fsum(count * middle for count, middle in zip(counts, middles, strict=True)),
        sum_squares=math.fsum(count * middle * middle for count, middle in zip(counts, middles, strict=True)),
        bucket_limit=edges[1:],
        bucket=counts,
    )
    return Summary(value=[Summary.Value(tag=histogram.name, histo=shown)])


def markdown_summary(markdown: Markdown) -> Any:
    """Return a text, and the pictures that belong to it, as a summary.

    Args:
        markdown (Markdown): Text and pictures.
    """
    summary = text_summary(markdown.name, markdown.write())
    if pictures := markdown.draw():
        summary.MergeFrom(_pictures_summary(markdown.name, pictures))
    return summary


def audio_summary(audio: Audio) -> Any:
    """Return sound as a summary.

    Args:
        audio (Audio): The sound; a browser tells by its bytes what it is.
    """
    from tensorboard.compat.proto.summary_pb2 import Summary

    sound = Summary.Audio(encoded_audio_string=audio.file().read_bytes(), content_type="audio/wav")
    return _with_caption(Summary(value=[Summary.Value(tag=audio.name, audio=sound)]), audio.name, audio.caption)


def points_summary(points: Points) -> Any:
    """Return points, or a mesh, as a summary.

    Args:
        points (Points): The points.
    """
    make_mesh: Any = importlib.import_module("torch.utils.tensorboard.summary").mesh
    cloud = points.read()
    # The plugin draws points five thousandths large, whatever their distances are.
    size = float((cloud.vertices.max(axis=0) - cloud.vertices.min(axis=0)).max()) * _POINT_SHARE
    drawing = {"material": {"cls": "PointsMaterial", "size": size}} if cloud.faces is None and size else None
    # Of each array one, because the plugin shows several objects of one name.
    vertices, colors, faces = (None if array is None else array[None] for array in cloud)
    return _with_caption(make_mesh(points.name, vertices, colors, faces, drawing), points.name, points.caption)


def precision_recall_summary(curves: PrecisionRecall) -> Any:
    """Return precision-recall curves as a summary, one for each class.

    Args:
        curves (PrecisionRecall): The counts of each class.
    """
    from tensorboard.compat.proto.summary_pb2 import Summary

    make_curve: Any = importlib.import_module("torch.utils.tensorboard.summary").pr_curve_raw
    summary = Summary()
    for counts in curves.read():
        tag = f"{curves.name}/{counts.label}" if counts.label else curves.name
        summary.MergeFrom(make_curve(tag, *_precision_recall(counts), num_thresholds=len(counts.true_positives)))
    return summary


def _precision_recall(counts: ClassCounts) -> list[list[float]]:
    """Return true and false positives, true and false negatives, precision and recall, for each threshold."""
    true, false = counts.true_positives, counts.false_positives
    # As the plugin's own: where nothing is taken for the class, the precision is 0.
    precision = [right / (right + wrong) if right + wrong else 0.0 for right, wrong in zip(true, false, strict=True)]
    return [
        [float(right) for right in true],
        [float(wrong) for wrong in false],
        [float(counts.negatives - wrong) for wrong in false],
        [float(counts.positives - right) for right in true],
        precision,
        [right / counts.positives for right in true],
    ]


def graph_summary(graph: Graph) -> Any:
    """Return the graph of a model as a summary. TensorBoard shows one graph of a run.

    Args:
        graph (Graph): Its nodes.
    """
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.compat.proto.summary_pb2 import DATA_CLASS_BLOB_SEQUENCE, Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.compat.proto.versions_pb2 import VersionDef

    definition = GraphDef(node=[_node(node) for node in graph.read()], versions=VersionDef(producer=22))
    tensor = TensorProto(
        dtype=DT_STRING,
        tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
        string_val=[definition.SerializeToString(deterministic=True)],
    )
    metadata = SummaryMetadata(
        plugin_data=SummaryMetadata.PluginData(plugin_name="graphs"), data_class=DATA_CLASS_BLOB_SEQUENCE
    )
    # What TensorBoard itself makes of the event that SummaryWriter.add_graph writes: `tensorboard.data_compat`.
    return Summary(value=[Summary.Value(tag="__run_graph__", tensor=tensor, metadata=metadata)])


def _node(node: GraphNode) -> Any:
    from tensorboard.compat.proto.attr_value_pb2 import AttrValue
    from tensorboard.compat.proto.node_def_pb2 import NodeDef
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

    shapes = [
        TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes]) for sizes in node.get("shapes", [])
    ]
    attributes = {"attr": AttrValue(s=node["attributes"].encode("utf-8", "replace"))} if node["attributes"] else {}
    if shapes:
        attributes["_output_shapes"] = AttrValue(list=AttrValue.ListValue(shape=shapes))
    return NodeDef(name=node["name"], op=node["operation"], input=node["inputs"], attr=attributes)


def _with_caption(summary: Any, name: str, caption: str) -> Any:
    if caption:
        summary.MergeFrom(text_summary(f"{name}/caption", caption))
    return summary


FORMS: Mapping[type, Callable[[Any], Any]] = {
    Image: image_summary,
    Histogram: histogram_summary,
    Audio: audio_summary,
    Points: points_summary,
    PrecisionRecall: precision_recall_summary,
    Graph: graph_summary,
    Markdown: markdown_summary,
}


def _pictures_summary(name: str, pictures: Sequence[Picture]) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    summary = Summary()
    if len(pictures) == 1:
        (picture,) = pictures
        image = {
            "height": picture.height,
            "width": picture.width,
            "colorspace": _RGB,
            "encoded_image_string": picture.data,
        }
        summary.value.add(tag=name, image=image)
    else:
        summary.value.append(_samples(name, pictures))
    captions = [picture.caption for picture in pictures]
    if any(captions):
        numbered = [f"{number}. {caption}" for number, caption in enumerate(captions, start=1)]
        summary.MergeFrom(text_summary(f"{name}/caption", "\n".join(numbered) if len(captions) > 1 else captions[0]))
    return summary


def _samples(name: str, pictures: Sequence[Picture]) -> Any:
    """Return several pictures as TensorBoard keeps the samples of one name: width, height, and each of them."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.plugins.image.metadata import create_summary_metadata

    first = pictures[0]
    texts = [str(first.width).encode(), str(first.height).encode(), *(picture.data for picture in pictures)]
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(texts))])
    tensor = TensorProto(dtype=DT_STRING, tensor_shape=shape, string_val=texts)
    return Summary.Value(tag=name, metadata=create_summary_metadata(name, ""), tensor=tensor)
