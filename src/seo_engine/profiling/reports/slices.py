"""Spans and open regions -> the slices of a trace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seo_engine.profiling.regions.readings import Reading
from seo_engine.profiling.regions.regions import Region
from seo_engine.profiling.regions.spans import FAILED, STRETCH, Span
from seo_engine.profiling.reports.trace import Slice
from seo_engine.profiling.statistics.call_tree import CallPath


def shown_spans(
    spans: Iterable[Span],
    readings: Iterable[Reading],
    paths: Mapping[int, CallPath],
    rows: Mapping[int, tuple[int, str]],
) -> list[Slice]:
    """Return spans as slices, in the same order.

    Args:
        spans (Iterable[Span]): The spans of closed regions.
        readings (Iterable[Reading]): What some of them read besides the clock.
        paths (Mapping[int, CallPath]): The call paths by number.
        rows (Mapping[int, tuple[int, str]]): Row and title of each lane, by its number.

    Returns:
        list[Slice]: For a trace.
    """
    details = {(reading.lane, reading.start): reading.details() for reading in readings}
    slices = []
    for number, lane, start, end, _, flags in spans:
        path = paths.get(number)
        if path is None or path.operation is None:
            continue
        operation = path.operation
        row, title = rows.get(lane, (lane, f"thread {lane}"))
        said: dict[str, Any] = {"failed": True} if flags & FAILED and not flags & STRETCH else {}
        said |= details.get((lane, start), {})
        # Even if the clock was set back, a slice must not end before it begins.
        slices.append(Slice(operation.name, operation.category, row, title, start, max(start, end), said))
    return slices


def shown_open_regions(regions: Sequence[Region], moment: int) -> list[Slice]:
    """Return open regions as slices that end now, inner ones first.

    Args:
        regions (Sequence[Region]): The open regions, outer ones first.
        moment (int): Now, in nanoseconds of `time.perf_counter_ns`.

    Returns:
        list[Slice]: For a trace.
    """
    return [
        Slice(
            region.operation.name, region.operation.category, region.lane.row, region.lane.name,
            region.start, moment, {"open": True},
        )
        for region in reversed(regions)
    ]  # fmt: skip
