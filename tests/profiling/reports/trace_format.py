"""Reads a trace as the "Trace Event Format" demands it, and refuses what is no such trace.

https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU: "JSON Object Format", and the sections
"Complete Events", "Counter Events" and "Metadata Events".
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Metadata events that the format names, and the argument that each must have.
_METADATA = {
    "process_name": ("name", str),
    "process_labels": ("labels", str),
    "process_sort_index": ("sort_index", int),
    "thread_name": ("name", str),
    "thread_sort_index": ("sort_index", int),
}


@dataclass
class Slice:
    """A complete event; times in nanoseconds."""

    name: str
    category: str
    row: int
    start: int
    end: int
    arguments: dict[str, Any]
    parent: Slice | None = field(default=None, repr=False)

    @property
    def path(self) -> str:
        """str: The names from the outermost slice to this one."""
        return self.name if self.parent is None else f"{self.parent.path}/{self.name}"


@dataclass
class ReadTrace:
    """What was in the file."""

    about: dict[str, Any]
    slices: list[Slice]
    row_names: dict[int, str]
    counters: dict[str, list[float]]

    def paths(self) -> Counter[str]:
        """Return how often each path of names occurs."""
        return Counter(each.path for each in self.slices)

    def called(self, name: str) -> list[Slice]:
        """Return the slices of that name."""
        return [each for each in self.slices if each.name == name]


def read_trace(path: Path) -> ReadTrace:
    """Return what a trace shows; an AssertionError says what in it the format does not allow."""
    contents = json.loads(path.read_bytes().decode("utf-8", "strict"), parse_constant=_refuse)
    assert isinstance(contents, dict) and isinstance(contents["traceEvents"], list)
    assert contents.get("displayTimeUnit", "ms") in ("ms", "ns")
    trace = ReadTrace(contents["otherData"], [], {}, {})
    for event in contents["traceEvents"]:
        _read_event(event, trace)
    assert {each.row for each in trace.slices} <= set(trace.row_names), "a row has no name"
    by_row: dict[int, list[Slice]] = {}
    for each in trace.slices:
        by_row.setdefault(each.row, []).append(each)
    for row in by_row.values():
        nest(row)
    return trace


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def _read_event(event: dict[str, Any], trace: ReadTrace) -> None:
    assert isinstance(event, dict), event
    assert isinstance(event["name"], str) and event["name"].encode() is not None, event
    assert type(event["pid"]) is int, event
    assert isinstance(event.get("args", {}), dict), event
    if event["ph"] == "M":
        argument, expected = _METADATA[event["name"]]
        assert type(event["tid"]) is int and type(event["args"][argument]) is expected, event
        if event["name"] == "thread_name":
            assert event["tid"] not in trace.row_names, "a row has two names"
            trace.row_names[event["tid"]] = event["args"]["name"]
    elif event["ph"] == "C":
        _check_moment(event["ts"], event)
        assert event["args"], event
        for number in event["args"].values():
            assert type(number) in (int, float) and math.isfinite(number), event
        trace.counters.setdefault(event["name"], []).extend(event["args"].values())
    else:
        assert event["ph"] == "X", event
        assert type(event["tid"]) is int and isinstance(event["cat"], str), event
        _check_moment(event["ts"], event)
        _check_moment(event["dur"], event)
        start, duration = round(event["ts"] * 1000), round(event["dur"] * 1000)
        trace.slices.append(
            Slice(event["name"], event["cat"], event["tid"], start, start + duration, event.get("args", {}))
        )


def _check_moment(number: Any, event: dict[str, Any]) -> None:
    assert type(number) in (int, float) and math.isfinite(number) and number >= 0, event


def nest(row: list[Slice]) -> None:
    """Give each slice the one around it. The order of the file decides between two that begin at one moment."""
    around: list[Slice] = []
    for each in sorted(row, key=lambda each: each.start):
        while around and around[-1].end <= each.start:
            around.pop()
        if around:
            assert each.end <= around[-1].end, f"{each} begins within {around[-1]} and ends after it"
            each.parent = around[-1]
        around.append(each)
