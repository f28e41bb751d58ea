"""Points and meshes in three dimensions: arrays, or a file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.arrays import array_payload, as_finite_float32, as_host_array, count_not_finite
from seo_engine.tracking.payloads.encodings import OBJECT_FILES, as_uint8, read_array
from seo_engine.tracking.payloads.given_file import file_payload, is_file
from seo_engine.tracking.payloads.payload import ARRAY, Payloads
from seo_engine.tracking.records.forms import Markdown, ObjectFile, PointCloud, Points
from seo_engine.tracking.records.kind import MOMENT, PAYLOADS, Kind, Shown, captioned, described
from seo_engine.tracking.records.media.kept_file import where_it_is
from seo_engine.tracking.records.metrics import metric_name
from seo_engine.tracking.records.pictures.drawing import COLOURS

_LARGEST_INDEX = 2**31 - 1


def _contents(
    name: str,
    points: Any,
    epoch: float,
    step: int,
    colors: Any = None,
    faces: Any = None,
    caption: str | None = None,
    *,
    most_bytes: int,
) -> Record:
    contents: Record = {
        "name": metric_name("points", name),
        "epoch": epoch,
        "step": step,
        "arrays": [],
        **captioned(caption),
    }
    if is_file(points):
        if colors is not None or faces is not None:
            raise ValueError("colors and faces must be given only with points: a file has its own")
        encoding = _encoding_of(points)
        return contents | {PAYLOADS: [file_payload(points, "points", most_bytes, lambda beginning: encoding)]}
    arrays = _checked_points(points, colors, most_bytes)
    if faces is not None:
        arrays["faces"] = _checked_faces(faces, len(arrays["vertices"]), most_bytes)
    payloads = [array_payload(array, ARRAY) for array in arrays.values()]
    return contents | {"arrays": list(arrays), PAYLOADS: payloads}


def _checked_points(points: Any, colors: Any, most_bytes: int) -> dict[str, Any]:
    """Return vertices and their colours, which may be the further columns of the points."""
    array = as_host_array(points, "points", most_bytes)
    if array.ndim != 2 or array.shape[1] not in (3, 4, 6) or not len(array):
        raise ValueError(
            "points must have three columns, or four with the number of a category, or six with red, green and blue, "
            f"got the shape {array.shape}"
        )
    if count_not_finite(array):
        raise ValueError("points must be finite")
    further = array[:, 3:]
    if further.shape[1] and colors is not None:
        raise ValueError("the colors of points must be given once: as columns, or as colors")
    arrays = {"vertices": as_finite_float32(array[:, :3], "points")}
    if further.shape[1] == 1:
        arrays["colors"] = _colours_of(further[:, 0])
    elif further.shape[1] or colors is not None:
        given = further if colors is None else as_host_array(colors, "colors", most_bytes)
        if given.shape != (len(array), 3) or count_not_finite(given) or given.min() < 0:
            raise ValueError(f"colors must be red, green and blue for each point, got the shape {given.shape}")
        # Columns of one array have one type: 255 may be a float.
        arrays["colors"] = as_uint8(given)
    return arrays


def _checked_faces(faces: Any, count: int, most_bytes: int) -> Any:
    array = as_host_array(faces, "faces", most_bytes)
    if array.ndim != 2 or array.shape[1] != 3 or not len(array):
        raise ValueError(f"faces must be the numbers of three points each, got the shape {array.shape}")
    if array.dtype.kind not in "iu":
        raise TypeError(f"faces must be whole numbers, got {array.dtype}")
    if array.min() < 0 or array.max() >= min(count, _LARGEST_INDEX):
        raise ValueError(
            f"faces must be numbers of points, from 0 to {count - 1:,}, got {array.min()} to {array.max()}"
        )
    return array.astype("int32")


def _colours_of(categories: Any) -> Any:
    """Return a colour for each category."""
    import numpy

    if abs(categories).max() > _LARGEST_INDEX:
        raise ValueError("the fourth column of points must be numbers of categories")
    palette = numpy.array([list(bytes.fromhex(colour[1:])) for colour in COLOURS], dtype="uint8")
    return palette[categories.astype("int64") % len(COLOURS)]


def _encoding_of(file: Any) -> str:
    name = file if isinstance(file, str | Path) else getattr(file, "name", "")
    extension = Path(str(name)).suffix.lower().removeprefix(".")
    if extension not in OBJECT_FILES:
        raise ValueError(
            f"points must be an array, or a file that ends in {', '.join(OBJECT_FILES)}, got {described(name)}"
        )
    return extension


def _shown(record: Record, payloads: Payloads) -> Shown:
    name, references, caption = record["name"], record[PAYLOADS], str(record.get("caption", ""))
    if record["arrays"]:
        points = Points(name, partial(_read, record["arrays"], references, payloads), caption)
        return Shown(POINTS, record, record["epoch"], record["step"], media=((points,),))
    file = partial(payloads.file, references[0])
    forms = (ObjectFile(name, file, caption), Markdown(name, partial(where_it_is, "An object", file, caption)))
    return Shown(POINTS, record, record["epoch"], record["step"], media=(forms,))


def _read(names: Sequence[str], references: Sequence[Any], payloads: Payloads) -> PointCloud:
    arrays = {name: read_array(payloads.file(reference)) for name, reference in zip(names, references, strict=True)}
    return PointCloud(arrays["vertices"], arrays.get("colors"), arrays.get("faces"))


POINTS = Kind("points", "log_points", {**MOMENT, "name": str, "arrays": list, PAYLOADS: list}, _shown, _contents)
