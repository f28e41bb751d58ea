"""The traces of several ranks as one, on one clock."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from seo_engine.foundation.texts import one_line
from seo_engine.foundation.whole_files import write_export

# A file that somebody sent may be of any size, and hold anything.
LARGEST_BYTES = 200_000_000
_LONGEST_LINE = 1_000_000
_LONGEST_NAME = 300
# Of Unix times; a clock that is further ahead is no clock.
_LATEST = 1e11

# How the files that `write_trace` makes begin; then each event has a line of its own.
_EVENTS = b',"traceEvents":['


class RankTrace(NamedTuple):
    """The trace of one rank.

    Args:
        path (Path): As `CodeProfiler.export_trace` writes it, not compressed.
        host (str): Where the rank is.
        clock_offset_seconds (float): By how much the clock of that host is ahead of the first rank's.
    """

    path: Path
    host: str = ""
    clock_offset_seconds: float = 0.0


class UnreadableTraceError(ValueError):
    """A file is no trace of ours."""


def merge_traces(traces: Mapping[int, RankTrace], path: str | os.PathLike[str]) -> dict[int, str]:
    """Write one trace with a process for each rank; an existing file is replaced as a whole, or not at all.

    Args:
        traces (Mapping[int, RankTrace]): By rank.
        path (str | os.PathLike): The file, usually `….json`; with the ending `.gz` it is compressed.

    Returns:
        dict[int, str]: The ranks that are left out, and why.

    Raises:
        ValueError: If no trace can be read, or the file is one of them.
        OSError: If the file cannot be written.
    """
    began: dict[int, float] = {}
    left_out: dict[int, str] = {}
    for rank, trace in sorted(traces.items()):
        try:
            if trace.path.resolve() == Path(path).resolve():
                raise ValueError(f"{path} is the trace of rank {rank}: give another file")
            began[rank] = _began_at(trace.path) - trace.clock_offset_seconds
        except (OSError, UnreadableTraceError) as error:
            left_out[rank] = one_line(getattr(error, "strerror", None) or error)
    if not began:
        reason = next(iter(left_out.values()), "there are no traces")
        raise ValueError(f"no rank has a trace that can be read: {reason}")
    first = min(began.values())
    about = {
        "began_at": first,
        "ranks": list(began),
        "clock_offset_seconds": {str(rank): traces[rank].clock_offset_seconds for rank in began},
    }
    events = (event for rank, moment in began.items() for event in _events(rank, traces[rank], 1e6 * (moment - first)))
    write_export(path, _in_frame(events, about), private=True)
    return left_out


def _in_frame(events: Iterator[dict[str, Any]], about: Mapping[str, Any]) -> Iterator[bytes]:
    yield b'{"displayTimeUnit":"ms","otherData":' + orjson.dumps(about) + _EVENTS + b"\n"
    for number, event in enumerate(events):
        yield (b",\n" if number else b"") + orjson.dumps(event)
    yield b"\n]}\n"


def _began_at(path: Path) -> float:
    """Return the Unix time at which a trace begins."""
    if not path.is_file():
        raise UnreadableTraceError("it has no trace")
    if path.stat().st_size > LARGEST_BYTES:
        raise UnreadableTraceError(f"its trace is larger than {LARGEST_BYTES / 1e6:.0f} MB")
    with path.open("rb") as file:
        head = file.readline(_LONGEST_LINE).rstrip(b"\n")
    try:
        began_at = orjson.loads(head.removesuffix(_EVENTS) + b"}")["otherData"]["began_at"]
        if isinstance(began_at, float) and 0 <= began_at < _LATEST and head.endswith(_EVENTS):
            return began_at
    except (ValueError, TypeError, KeyError):
        pass
    raise UnreadableTraceError("its trace is damaged, or another tool's")


def _events(rank: int, trace: RankTrace, shift: float) -> Iterator[dict[str, Any]]:
    """Yield the events of one rank, as those of a process with the rank as its number."""
    yield {"ph": "M", "name": "process_sort_index", "pid": rank, "tid": 0, "args": {"sort_index": rank}}
    on_host = f" on {one_line(trace.host)[:_LONGEST_NAME]}" if trace.host else ""
    yield {"ph": "M", "name": "process_name", "pid": rank, "tid": 0, "args": {"name": f"rank {rank}{on_host}"}}
    with trace.path.open("rb") as file:
        file.readline(_LONGEST_LINE)
        while line := file.readline(_LONGEST_LINE):
            event = _event(line)
            if event is None or (event["ph"] == "M" and event.get("name") == "process_name"):
                continue
            moment = event.get("ts")
            yield {**event, "pid": rank, **({"ts": moment + shift} if isinstance(moment, int | float) else {})}


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = orjson.loads(line.rstrip(b",\n"))
        # What is nested too deep could be read, but not be written.
        orjson.dumps(event)
    except (orjson.JSONDecodeError, TypeError):
        # The end of the file, or damage.
        return None
    return event if isinstance(event, dict) and isinstance(event.get("ph"), str) else None
