"""Precision-recall and ROC curves: of scores, which are counted in the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import orjson

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.arrays import array_payload, as_host_array, require_finite
from seo_engine.tracking.payloads.payload import SCORES, Payloads
from seo_engine.tracking.payloads.score_curves import GRID
from seo_engine.tracking.records.charts.classes import MOST_CLASSES, checked_names, class_numbers
from seo_engine.tracking.records.forms import (
    MOST_CHART_ROWS,
    Chart,
    ClassCounts,
    Image,
    Medium,
    Picture,
    PrecisionRecall,
)
from seo_engine.tracking.records.kind import MOMENT, PAYLOADS, Kind, Shown
from seo_engine.tracking.records.metrics import metric_name
from seo_engine.tracking.records.pictures.axes import Titles
from seo_engine.tracking.records.pictures.line_picture import Line, line_picture

_FIELDS: dict[str, Any] = {**MOMENT, "name": str, "class_names": list, PAYLOADS: list}

# Two numbers between 0 and 1: a place on a curve.
_Point = tuple[float, float]


def _contents(
    group: str, name: str, true: Any, scores: Any, epoch: float, step: int, class_names: Any = None, *, most_bytes: int
) -> Record:
    import numpy

    names = checked_names(class_names)
    array = as_host_array(scores, "scores", most_bytes)
    if array.ndim not in (1, 2) or not array.size or array.dtype.kind == "b":
        raise ValueError(f"scores must be one for each sample, or samples × classes, got the shape {array.shape}")
    require_finite(array, "scores must be finite")
    # By class, so that each has its scores side by side.
    by_class = array.reshape(1, -1) if array.ndim == 1 else array.T
    truth = class_numbers(true, "true", class_names, most_bytes)
    count = max(2, len(by_class))
    if len(truth) != by_class.shape[1]:
        raise ValueError(f"true must have one class for each of {by_class.shape[1]:,} samples, got {len(truth):,}")
    if truth.min() == truth.max():
        raise ValueError("true must have samples of more than one class")
    if truth.max() >= count or count > MOST_CLASSES:
        raise ValueError(f"true must be numbers of {count} classes, from 0 on, got {truth.max()}")
    if names is not None and len(names) != count:
        raise ValueError(f"class_names must have a name for each of {count} classes, got {len(names)}")
    # So that no two different scores become equal.
    is_exact = array.itemsize <= (4 if array.dtype.kind == "f" else 2)
    together = numpy.concatenate([truth[None], by_class], dtype="float32" if is_exact else "float64")
    return {
        "name": metric_name(group, name),
        "epoch": epoch,
        "step": step,
        "class_names": names if names is not None else [],
        "are_probabilities": bool(array.min() >= 0 and array.max() <= 1),
        PAYLOADS: [array_payload(together, SCORES)],
    }


def _precision_recall_shown(record: Record, payloads: Payloads) -> Shown:
    name, read = record["name"], partial(_read, record[PAYLOADS][0], payloads)
    titles = ("Recall", "Precision")
    forms = _forms(record, read, ("class", "recall", "precision"), titles, _precision_recall, "average_precision")
    if record["are_probabilities"]:
        forms = (PrecisionRecall(name, partial(_counts, record["class_names"], read)), *forms)
    return Shown(PRECISION_RECALL, record, record["epoch"], record["step"], media=(forms,))


def _roc_shown(record: Record, payloads: Payloads) -> Shown:
    read = partial(_read, record[PAYLOADS][0], payloads)
    titles = ("False positive rate", "True positive rate")
    forms = _forms(record, read, ("class", "fpr", "tpr"), titles, _roc, "area")
    return Shown(ROC, record, record["epoch"], record["step"], media=(forms,))


def _forms(
    record: Record,
    read: Callable[[], list[dict[str, Any]]],
    columns: tuple[str, ...],
    titles: tuple[str, str],
    curve: Callable[[dict[str, Any]], list[_Point]],
    area: str,
) -> tuple[Medium, ...]:
    name, names = record["name"], record["class_names"]

    def rows() -> list[list[Any]]:
        curves = [(_label(names, each), curve(each)) for each in read()]
        # The ends always, and what rounding adds.
        room = MOST_CHART_ROWS - 2 * len(curves)
        apart = -(-sum(len(points) for _, points in curves) // room)
        return [[label, *point] for label, points in curves for point in [*points[:-1:apart], points[-1]]]

    def draw() -> list[Picture]:
        lines = [Line(f"{_label(names, each)} ({each[area]:.3f})", *_separate(curve(each))) for each in read()]
        return [line_picture(lines, Titles("", *titles), span=(0.0, 1.0))]

    return Chart(name, "curves", columns, rows, name, *titles), Image(name, draw)


def _separate(points: Sequence[_Point]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _label(names: Sequence[Any], counted: dict[str, Any]) -> str:
    number = int(counted["number"])
    return str(names[number]) if names else f"class {number}"


def _read(reference: Any, payloads: Payloads) -> list[dict[str, Any]]:
    classes: list[dict[str, Any]] = orjson.loads(payloads.file(reference).read_bytes())["classes"]
    return classes


def _counts(names: Sequence[Any], read: Callable[[], list[dict[str, Any]]]) -> list[ClassCounts]:
    classes = read()
    return [_on_grid("" if len(classes) == 1 and not names else _label(names, each), each) for each in classes]


def _on_grid(label: str, counted: dict[str, Any]) -> ClassCounts:
    places = {threshold: place for place, threshold in enumerate(counted["thresholds"])}
    true, false = (
        [counted[sort][places[threshold]] for threshold in GRID] for sort in ("true_positives", "false_positives")
    )
    return ClassCounts(label, counted["positives"], counted["negatives"], true, false)


def _precision_recall(counted: dict[str, Any]) -> list[_Point]:
    points = [
        (true / counted["positives"], true / (true + false))
        for true, false in zip(counted["true_positives"], counted["false_positives"], strict=True)
        if true + false
    ]
    # Where nothing is taken for the class, nothing is wrong: https://scikit-learn.org, `precision_recall_curve`.
    return [(0.0, 1.0), *points]


def _roc(counted: dict[str, Any]) -> list[_Point]:
    points = [
        (false / counted["negatives"], true / counted["positives"])
        for true, false in zip(counted["true_positives"], counted["false_positives"], strict=True)
    ]
    return [(0.0, 0.0), *points]


PRECISION_RECALL = Kind(
    "pr_curve",
    "log_pr_curve",
    _FIELDS | {"are_probabilities": bool},
    _precision_recall_shown,
    partial(_contents, "pr_curves"),
)
ROC = Kind("roc_curve", "log_roc_curve", _FIELDS, _roc_shown, partial(_contents, "roc_curves"))
