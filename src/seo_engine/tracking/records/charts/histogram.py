"""Histograms: of values, which are counted in the background, or of edges and counts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import orjson

from seo_engine.tracking.journal.lines import Record
from seo_engine.tracking.payloads.arrays import array_payload, as_host_array, count_not_finite
from seo_engine.tracking.payloads.payload import VALUES, Payloads
from seo_engine.tracking.records.forms import Histogram
from seo_engine.tracking.records.kind import MOMENT, PAYLOADS, Kind, Shown
from seo_engine.tracking.records.metrics import metric_name

# W&B shows no more.
MOST_BINS = 512


def _contents(
    name: str, values: Any, epoch: float, step: int, counts: Any = None, edges: Any = None, *, most_bytes: int
) -> Record:
    contents: Record = {"name": metric_name("histograms", name), "epoch": epoch, "step": step}
    if values is None:
        return contents | {"bins": _checked_bins(counts, edges, most_bytes), PAYLOADS: []}
    if counts is not None or edges is not None:
        raise ValueError("a histogram must be of values, or of counts and edges, not of both")
    array = as_host_array(values, "values", most_bytes).reshape(-1)
    not_finite = count_not_finite(array)
    if not array.size or not_finite == array.size:
        raise ValueError("values must hold at least one finite number")
    left_out = {"values_not_finite": not_finite} if not_finite else {}
    return contents | left_out | {"bins": {}, PAYLOADS: [array_payload(array, VALUES)]}


def _checked_bins(counts: Any, edges: Any, most_bytes: int) -> Record:
    if counts is None or edges is None:
        raise ValueError("a histogram must have values, or both counts and edges")
    heights, borders = (
        as_host_array(given, what, most_bytes).reshape(-1).tolist()
        for given, what in ((counts, "counts"), (edges, "edges"))
    )
    if not 0 < len(heights) <= MOST_BINS or len(borders) != len(heights) + 1:
        raise ValueError(
            f"a histogram must have 1 to {MOST_BINS} counts, and one edge more, got {len(heights)} and {len(borders)}"
        )
    if not all(math.isfinite(count) and count >= 0 for count in heights):
        raise ValueError("counts must be finite, and not negative")
    if not all(map(math.isfinite, borders)) or not all(low < high for low, high in itertools.pairwise(borders)):
        raise ValueError("edges must be finite, and each greater than the one before")
    return {"counts": heights, "edges": borders}


def _shown(record: Record, payloads: Payloads) -> Shown:
    histogram = Histogram(record["name"], partial(_read, record, payloads))
    return Shown(HISTOGRAM, record, record["epoch"], record["step"], media=((histogram,),))


def _read(record: Record, payloads: Payloads) -> tuple[list[float], list[float]]:
    bins = record["bins"] or orjson.loads(payloads.file(record[PAYLOADS][0]).read_bytes())
    return _as_floats(bins["edges"]), _as_floats(bins["counts"])


def _as_floats(numbers: Sequence[Any]) -> list[float]:
    return [float(number) for number in numbers]


HISTOGRAM = Kind("histogram", "log_histogram", {**MOMENT, "name": str, "bins": dict, PAYLOADS: list}, _shown, _contents)
