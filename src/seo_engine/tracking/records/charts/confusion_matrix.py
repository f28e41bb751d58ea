"""Confusion matrices: how many samples of each class were taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.arrays import array_payload, as_host_array, count_not_finite
from seo_engine.tracking.payloads.encodings import read_array
from seo_engine.tracking.payloads.payload import ARRAY, Payloads
from seo_engine.tracking.records.charts.classes import MOST_CLASSES, checked_names, class_numbers
from seo_engine.tracking.records.forms import MOST_CHART_ROWS, Chart, Image, Picture
from seo_engine.tracking.records.kind import MOMENT, PAYLOADS, Kind, Shown
from seo_engine.tracking.records.metrics import metric_name
from seo_engine.tracking.records.pictures.matrix_picture import matrix_picture

_COLUMNS = ("Actual", "Predicted", "nPredictions")


def _contents(
    name: str,
    true: Any = None,
    predicted: Any = None,
    epoch: float = 0,
    step: int = 0,
    class_names: Any = None,
    counts: Any = None,
    *,
    most_bytes: int,
) -> Record:
    names = checked_names(class_names)
    if counts is not None:
        if true is not None or predicted is not None:
            raise ValueError("a confusion matrix must be of samples, or of counts, not of both")
        matrix = _checked_counts(counts, most_bytes)
    elif true is None or predicted is None:
        raise ValueError("a confusion matrix must have true and predicted classes, or counts")
    else:
        matrix = _counted(true, predicted, class_names, most_bytes)
    if names is not None and len(names) != len(matrix):
        raise ValueError(f"class_names must have a name for each of {len(matrix)} classes, got {len(names)}")
    return {
        "name": metric_name("confusion", name),
        "epoch": epoch,
        "step": step,
        "class_names": names if names is not None else [str(number) for number in range(len(matrix))],
        PAYLOADS: [array_payload(matrix, ARRAY)],
    }


def _checked_counts(counts: Any, most_bytes: int) -> Any:
    import numpy

    array = as_host_array(counts, "counts", most_bytes)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not 0 < len(array) <= MOST_CLASSES:
        raise ValueError(f"counts must be true classes × predicted classes, got the shape {array.shape}")
    if not numpy.isfinite(array).all() or array.min() < 0:
        raise ValueError("counts must be finite, and not negative")
    return array if array.dtype.kind == "f" else array.astype("int64")


def _counted(true: Any, predicted: Any, class_names: Any, most_bytes: int) -> Any:
    import numpy

    if isinstance(predicted, list | tuple) and not any(isinstance(each, str) for each in predicted):
        predicted = as_host_array(predicted, "predicted", most_bytes)
    if getattr(predicted, "ndim", 1) == 2 and predicted.shape[1] > 1:
        # Scores: the class with the highest.
        scores = as_host_array(predicted, "predicted", most_bytes)
        if count_not_finite(scores):
            raise ValueError("predicted must be finite scores, or classes")
        predicted = scores.argmax(axis=1)
    truth = class_numbers(true, "true", class_names, most_bytes)
    found = class_numbers(predicted, "predicted", class_names, most_bytes)
    if len(truth) != len(found):
        raise ValueError(f"true and predicted must be equally many, got {len(truth):,} and {len(found):,}")
    count = int(max(truth.max(), found.max())) + 1
    count = count if class_names is None else max(count, len(class_names))
    if count > MOST_CLASSES:
        raise ValueError(f"a confusion matrix must have at most {MOST_CLASSES:,} classes, got {count:,}")
    return numpy.bincount(truth * count + found, minlength=count * count).reshape(count, count)


def _shown(record: Record, payloads: Payloads) -> Shown:
    names = tuple(map(str, record["class_names"]))
    name, read = record["name"], partial(_read, len(names), record[PAYLOADS][0], payloads)
    forms = (
        Chart(name, "confusion_matrix", _COLUMNS, partial(_rows, names, read), title=name),
        Image(name, partial(_draw, names, read)),
    )
    return Shown(CONFUSION_MATRIX, record, record["epoch"], record["step"], media=(forms,))


def _read(count: int, reference: Any, payloads: Payloads) -> list[list[float]]:
    array = read_array(payloads.file(reference))
    if array.shape != (count, count) or count > MOST_CLASSES:
        raise ValueError(f"a confusion matrix of {count:,} classes has the shape {array.shape}")
    matrix: list[list[float]] = array.tolist()
    return matrix


def _rows(names: Sequence[str], read: Any) -> list[list[Any]]:
    is_whole = len(names) ** 2 <= MOST_CHART_ROWS
    return [
        [actual, predicted, count]
        for actual, counts in zip(names, read(), strict=True)
        for predicted, count in zip(names, counts, strict=True)
        if count or is_whole
    ]


def _draw(names: Sequence[str], read: Any) -> list[Picture]:
    return [matrix_picture(names, read())]


CONFUSION_MATRIX = Kind(
    "confusion_matrix",
    "log_confusion_matrix",
    {**MOMENT, "name": str, "class_names": list, PAYLOADS: list},
    _shown,
    _contents,
)
