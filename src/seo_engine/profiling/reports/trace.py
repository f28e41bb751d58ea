"""Spans -> a trace in the format that Perfetto (https://ui.perfetto.dev) and chrome://tracing show.

The format is described in "Trace Event Format", https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from seo_engine.foundation.texts import as_json_data
from seo_engine.foundation.whole_files import write_export
from seo_engine.profiling.machine.counters import Sample

TRACE_VERSION = 1

# The end of a file's first line: its events follow.
EVENTS = b',"traceEvents":['

# Written without a pause; then other threads get the interpreter for a moment.
_EVENTS_PER_STRETCH = 500
_REST_SECONDS = 0.0005

# Longer names would let a trace grow without bound, because each region repeats its name.
_LONGEST_NAME = 300


@dataclass(frozen=True, slots=True)
class Slice:
    """A region as a trace shows it, from start to end, in a row that has a title; times in nanoseconds."""

    name: str
    category: str
    row: int
    title: str
    start: int
    end: int
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Trace:
    """What a trace shows: the newest regions, inner ones before outer ones, and counters."""

    slices: Sequence[Slice]
    counters: Mapping[str, Sequence[Sample]]
    # Nanoseconds of `time.perf_counter_ns`; the trace begins there.
    began: int
    # The same moment as Unix time in seconds.
    began_at: float
    # Without open regions.
    regions_recorded: int
    regions_shown: int


@dataclass(frozen=True, slots=True)
class _Row:
    slices: list[Slice]
    # Ends of the slices that may contain the next one, the innermost last.
    ends: list[int]

    def take(self, new: Slice) -> bool:
        """Add a slice that begins no earlier than the others, or return False if it partly overlaps one of them."""
        while self.ends and self.ends[-1] <= new.start:
            self.ends.pop()
        if self.ends and new.end > self.ends[-1]:
            return False
        self.slices.append(new)
        self.ends.append(new.end)
        return True


def write_trace(
    trace: Trace, path: str | os.PathLike[str], redact: Callable[[str], str], private: bool = False
) -> None:
    """Write a trace; an existing file is replaced as a whole, or not at all.

    Args:
        trace (Trace): What it shows.
        path (str | os.PathLike): The file, usually `….json`.
        redact (Callable[[str], str]): Removes secrets from each name.
        private (bool): Whether the file is for its owner alone, whatever the umask.

    Raises:
        OSError: If it cannot be written.
    """
    older = trace.regions_recorded - trace.regions_shown
    about = {
        "schema_version": TRACE_VERSION,
        "began_at": trace.began_at - (trace.began - _beginning(trace)) * 1e-9,
        "regions_recorded": trace.regions_recorded,
        "regions_shown": trace.regions_shown,
        "note": f"the oldest {older} regions are not shown: a trace keeps the newest" if older else "all regions",
    }
    lines = _as_lines(_events(trace, _Names(redact)))
    write_export(path, in_frame(lines, about), private)


def in_frame(lines: Iterable[bytes], about: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield the parts of a trace's file: what it says of itself, and its events.

    Args:
        lines (Iterable[bytes]): Events as JSON, each of which gets a line, so that plain tools can search them.
        about (Mapping[str, Any]): What the trace says of itself.
    """
    yield b'{"displayTimeUnit":"ms","otherData":' + orjson.dumps(about) + EVENTS + b"\n"
    for number, line in enumerate(lines):
        yield (b",\n" if number else b"") + line
    yield b"\n]}\n"


def _as_lines(events: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    for number, event in enumerate(events):
        if number and number % _EVENTS_PER_STRETCH == 0:
            time.sleep(_REST_SECONDS)
        yield orjson.dumps(event)


def _events(trace: Trace, names: _Names) -> Iterator[dict[str, Any]]:
    process = os.getpid()
    name = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    yield metadata("process_name", process, 0, name=names.shown(name))
    by_row: dict[int, list[Slice]] = {}
    for each in trace.slices:
        by_row.setdefault(each.row, []).append(each)
    began = _beginning(trace)
    further_rows = itertools.count(max(by_row, default=0) + 1)
    for number, slices in sorted(by_row.items()):
        title = names.shown(slices[0].title)
        for overlapping, row in enumerate(_rows(slices)):
            row_number = next(further_rows) if overlapping else number
            yield metadata("thread_name", process, row_number, name=f"{title} (overlapping)" if overlapping else title)
            yield metadata("thread_sort_index", process, row_number, sort_index=number)
            for each in row:
                yield {
                    "ph": "X",
                    "name": names.shown(each.name),
                    "cat": names.shown(each.category),
                    "pid": process,
                    "tid": row_number,
                    # The format's unit is the microsecond; three decimals keep the nanoseconds.
                    "ts": (each.start - began) / 1000,
                    "dur": (each.end - each.start) / 1000,
                    "args": each.details,
                }
    for counter, samples in trace.counters.items():
        for moment, value in samples:
            yield {
                "ph": "C",
                "name": names.shown(counter),
                "pid": process,
                "ts": (moment - began) / 1000,
                "args": {"value": value},
            }


def metadata(kind: str, process: int, row: int, **details: Any) -> dict[str, Any]:
    """Return an event that describes a process, or one of its rows."""
    return {"ph": "M", "name": kind, "pid": process, "tid": row, "args": details}


def _beginning(trace: Trace) -> int:
    """Return when the earliest slice begins: a region that the caller timed may be older than the profiler."""
    return min([trace.began, *(each.start for each in trace.slices)])


def _rows(slices: list[Slice]) -> list[list[Slice]]:
    """Split the slices of a lane into rows in which they nest and never partly overlap, as the format requires.

    Nearly always that is one row. A region that closes after its parent, or in another thread, gets another row.
    """
    rows: list[_Row] = []
    # Of two that begin together, the longer one contains the other; of two alike, the one that closed later does.
    slices.reverse()
    slices.sort(key=lambda each: (each.start, -each.end))
    for each in slices:
        if not any(row.take(each) for row in rows):
            rows.append(_Row([each], [each.end]))
    return [row.slices for row in rows]


class _Names:
    """The names in a trace, without secrets, and in a form that JSON can hold."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._shown: dict[str, str] = {}

    def shown(self, name: str) -> str:
        """Return a name as it is written; cached, because the same few names recur."""
        if name not in self._shown:
            shown: str = as_json_data(self._redact(name))
            self._shown[name] = shown if len(shown) <= _LONGEST_NAME else f"{shown[:_LONGEST_NAME]}…"
        return self._shown[name]
