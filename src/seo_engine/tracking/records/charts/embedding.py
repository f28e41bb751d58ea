"""Embeddings: vectors, and what is said and shown of each."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.arrays import array_payload, as_finite_float32, as_host_array, require_finite
from seo_engine.tracking.payloads.encodings import TABLE, as_uint8, read_array
from seo_engine.tracking.payloads.payload import ARRAY, PIXELS, Payload, Payloads, Reference
from seo_engine.tracking.records.charts.table import cells_as_json, plain_cells, without_secrets
from seo_engine.tracking.records.forms import EmbeddedPoints, Embedding, Table
from seo_engine.tracking.records.kind import MOMENT, PAYLOADS, Kind, Shown, described
from seo_engine.tracking.records.media.image import channels_last
from seo_engine.tracking.records.metrics import metric_name

# TensorBoard's page takes no larger picture: https://www.tensorflow.org/tensorboard/tensorboard_projector_plugin
LARGEST_SPRITE_SIDE = 8_192

MOST_COLUMNS = 100
MOST_DIMENSIONS = 10_000

# Of the table of a tool without embeddings, which otherwise takes minutes to write.
MOST_TABLE_CELLS = 1_000_000

# How the columns of the vectors are named in a table.
_DIMENSION = re.compile(r"D\d+")


def _contents(
    name: str,
    vectors: Any,
    epoch: float,
    step: int,
    labels: Any = None,
    images: Any = None,
    *,
    most_bytes: int,
) -> Record:
    array = as_host_array(vectors, "vectors", most_bytes)
    if array.ndim != 2 or len(array) < 2 or not array.shape[1]:
        raise ValueError(f"vectors must be points × dimensions, two points or more, got the shape {array.shape}")
    if array.shape[1] > MOST_DIMENSIONS:
        raise ValueError(f"vectors must have at most {MOST_DIMENSIONS:,} dimensions, got {array.shape[1]:,}")
    payloads = [array_payload(as_finite_float32(array, "vectors"), ARRAY)]
    contents: Record = {"name": metric_name("embeddings", name), "epoch": epoch, "step": step, "columns": []}
    if labels is not None:
        columns = _checked_labels(labels, len(array))
        contents["columns"] = list(columns)
        payloads.append(Payload(cells_as_json(list(columns.values())), TABLE))
    if images is not None:
        sprite, size = _sprite(images, len(array), most_bytes)
        contents["sprite_size"] = size
        payloads.append(array_payload(sprite, PIXELS))
    return contents | {PAYLOADS: payloads}


def _checked_labels(labels: Any, count: int) -> dict[str, Sequence[Any]]:
    """Return numbers and texts without secrets, by name of the column."""
    columns = labels if isinstance(labels, Mapping) else {"label": labels}
    if not 0 < len(columns) <= MOST_COLUMNS:
        raise ValueError(f"labels must have 1 to {MOST_COLUMNS} columns, got {len(columns)}")
    names, plain = [str(name) for name in columns], []
    for name, cells in zip(names, columns.values(), strict=True):
        cells = cells.tolist() if hasattr(cells, "tolist") else cells
        if isinstance(cells, str) or not isinstance(cells, Sequence) or len(cells) != count:
            raise ValueError(f"labels must be a list with one for each of {count:,} points, got {described(cells)}")
        plain.append(plain_cells(list(cells), name))
    shown, cleaned = without_secrets(names, plain)
    if len(set(shown)) < len(shown) or any(map(_DIMENSION.fullmatch, shown)):
        raise ValueError("the columns of labels must have different names, and none like D1")
    return dict(zip(shown, cleaned, strict=True))


def _sprite(images: Any, count: int, most_bytes: int) -> tuple[Any, tuple[int, int]]:
    """Return one picture of all pictures, in rows of equally many, and the size of each."""
    import numpy

    array = as_host_array(images, "images", most_bytes)
    if array.ndim not in (3, 4) or len(array) != count or not array.size:
        raise ValueError(f"images must be one picture for each of {count:,} points, got the shape {array.shape}")
    require_finite(array, "images must have finite pixels")
    pixels = as_uint8(channels_last(array, None, is_tensor=hasattr(images, "detach"), before=1))
    _, height, width, channels = pixels.shape
    side = math.ceil(math.sqrt(count))
    if side * max(height, width) > LARGEST_SPRITE_SIDE:
        raise ValueError(
            f"images must be together at most {LARGEST_SPRITE_SIDE:,} pixels wide and high, got {side} times {height} "
            f"× {width}"
        )
    sheet = numpy.zeros((side * side, height, width, channels), dtype="uint8")
    sheet[:count] = pixels
    rows = sheet.reshape(side, side, height, width, channels).swapaxes(1, 2)
    return rows.reshape(side * height, side * width, channels), (width, height)


def _shown(record: Record, payloads: Payloads) -> Shown:
    name, read = record["name"], partial(_read, record, payloads)
    shape = Reference.from_dictionary(record[PAYLOADS][0]).shape
    if len(shape) != 2 or shape[1] > MOST_DIMENSIONS:
        raise ValueError("the vectors of an embedding must be points × dimensions")
    columns = (*map(str, record["columns"]), *(f"D{number}" for number in range(1, shape[1] + 1)))
    forms = (Embedding(name, record["step"], read), Table(name, columns, partial(_rows, read)))
    return Shown(EMBEDDING, record, record["epoch"], record["step"], media=(forms,))


def _read(record: Record, payloads: Payloads) -> EmbeddedPoints:
    columns = tuple(map(str, record["columns"]))
    vectors, *further = (payloads.file(reference) for reference in record[PAYLOADS])
    rows: list[list[Any]] = []
    if columns:
        cells = orjson.loads(further.pop(0).read_bytes())
        rows = [list(row) for row in zip(*cells, strict=True)]
    points = read_array(vectors)
    if not further:
        return EmbeddedPoints(points, columns, rows)
    width, height = record["sprite_size"]
    return EmbeddedPoints(points, columns, rows, further[0], (int(width), int(height)))


def _rows(read: Any) -> list[list[Any]]:
    points = read()
    vectors = points.vectors[: max(1, MOST_TABLE_CELLS // points.vectors.shape[1])].tolist()
    return [[*row, *vector] for row, vector in zip(points.rows, vectors, strict=False)] if points.rows else vectors


EMBEDDING = Kind(
    "embedding", "log_embedding", {**MOMENT, "name": str, "columns": list, PAYLOADS: list}, _shown, _contents
)
