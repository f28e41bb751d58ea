"""Spans -> a trace in the format that Perfetto (https://ui.perfetto.dev) and chrome://tracing show.

The format is described in "Trace Event Format", https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from seo_engine.profiling.counters import Sample
from seo_engine.profiling.lanes import Lane
from seo_engine.profiling.measured_region import MeasuredRegion
from seo_engine.profiling.regions import Region

TRACE_VERSION = 1

# Written at a stretch; then whoever else works in this process gets the interpreter for a moment.
_EVENTS_PER_STRETCH = 500
_REST_SECONDS = 0.0005


@dataclass(frozen=True)
class Trace:
    """What a trace shows: the newest spans, the regions that are open, and counters; times in nanoseconds."""

    spans: Sequence[Region]
    open_regions: Sequence[Region]
    counters: Mapping[str, Sequence[Sample]]
    # Of `time.perf_counter_ns`; the trace begins there.
    began: int
    ended: int
    # Unix time in seconds, when it began.
    began_at: float
    spans_recorded: int


def write_trace(trace: Trace, path: Path, redact: Callable[[str], str] = str) -> None:
    """Write a trace; a file that is there already is replaced as a whole, or not at all.

    Args:
        trace (Trace): What it shows.
        path (Path): The file, usually `….json`.
        redact (Callable[[str], str]): Takes secrets out of each name.

    Raises:
        OSError: If it cannot be written.
    """
    kept = [span for span in trace.spans if span.shown_in_trace]
    older = trace.spans_recorded - len(trace.spans)
    about = {
        "schema_version": TRACE_VERSION,
        "began_at": trace.began_at,
        "regions_recorded": trace.spans_recorded,
        "regions_shown": len(kept),
        "note": f"the oldest {older} regions are not shown: a trace keeps the newest" if older else "all regions",
    }
    lines = _as_lines(_events(trace, kept, _Names(redact)))
    write_whole(path, _in_frame(lines, about))


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file under another name first, so that nobody ever finds a part of it, also after a kill.

    Args:
        path (Path): The file.
        parts (Iterable[bytes]): Its contents.

    Raises:
        OSError: If it cannot be written; then what was there is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(parts)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _in_frame(lines: Iterable[bytes], about: Mapping[str, Any]) -> Iterator[bytes]:
    yield b'{"displayTimeUnit":"ms","otherData":' + orjson.dumps(about) + b',"traceEvents":[\n'
    yield from lines
    yield b"\n]}\n"


def _as_lines(events: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Yield the events as JSON, one a line, so that plain tools can look for one."""
    for number, event in enumerate(events):
        if number and number % _EVENTS_PER_STRETCH == 0:
            time.sleep(_REST_SECONDS)
        yield (b",\n" if number else b"") + orjson.dumps(event)


def _events(trace: Trace, spans: Sequence[Region], names: _Names) -> Iterator[dict[str, Any]]:
    process = os.getpid()
    name = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
    yield {"ph": "M", "name": "process_name", "pid": process, "tid": 0, "args": {"name": names.shown(name)}}
    lanes: dict[int, Lane] = {region.lane.number: region.lane for region in (*spans, *trace.open_regions)}
    for number, lane in sorted(lanes.items()):
        yield {
            "ph": "M",
            "name": "thread_name",
            "pid": process,
            "tid": number,
            "args": {"name": names.shown(lane.name)},
        }
        yield {"ph": "M", "name": "thread_sort_index", "pid": process, "tid": number, "args": {"sort_index": number}}
    for region in trace.open_regions:
        yield _slice(region, trace.ended, trace.began, process, {"open": True}, names)
    for span in spans:
        yield _slice(span, span.end, trace.began, process, _details(span), names)
    for counter, samples in trace.counters.items():
        for moment, value in samples:
            yield {
                "ph": "C",
                "name": names.shown(counter),
                "pid": process,
                "ts": (moment - trace.began) / 1000,
                "args": {"value": value},
            }


def _slice(
    region: Region, end: int, began: int, process: int, details: dict[str, Any], names: _Names
) -> dict[str, Any]:
    return {
        "ph": "X",
        "name": names.shown(region.operation.name),
        "cat": names.shown(region.operation.category),
        "pid": process,
        "tid": region.lane.number,
        # The format's unit is the microsecond; three decimals keep the nanoseconds.
        "ts": (region.start - began) / 1000,
        "dur": (end - region.start) / 1000,
        "args": details,
    }


def _details(span: Region) -> dict[str, Any]:
    details: dict[str, Any] = {"failed": True} if span.failed else {}
    if isinstance(span, MeasuredRegion):
        details |= {f"{kind}_change_mb": change / 1e6 for kind, change in span.changes().items()}
        if span.device_nanoseconds is not None:
            details["device_milliseconds"] = span.device_nanoseconds / 1e6
    return details


class _Names:
    """The names in a trace: without secrets, and as JSON can hold them."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._shown: dict[str, str] = {}

    def shown(self, name: str) -> str:
        """Return a name as it is written; the same few come again and again."""
        if name not in self._shown:
            # Python has texts that are no Unicode.
            self._shown[name] = self._redact(name).encode("utf-8", "backslashreplace").decode()
        return self._shown[name]
