"""The traces of several ranks as one, on one clock."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import orjson

from seo_engine.foundation.texts import one_line
from seo_engine.foundation.whole_files import write_export
from seo_engine.profiling.reports.trace import EVENTS, in_frame, metadata

# A file that somebody sent may be of any size, and hold anything.
LARGEST_BYTES = 200_000_000
_LONGEST_LINE = 1_000_000
_LONGEST_NAME = 300
# Of Unix times; a clock that is further ahead is no clock.
_LATEST = 1e11


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


def merge_traces(
    traces: Mapping[int, RankTrace], path: str | os.PathLike[str], private: bool = False
) -> dict[int, str]:
    """Write one trace with a process for each rank; an existing file is replaced as a whole, or not at all.

    Args:
        traces (Mapping[int, RankTrace]): By rank.
        path (str | os.PathLike): The file, usually `….json`; with the ending `.gz` it is compressed.
        private (bool): Whether it is in the run's own folder, and for its owner alone.

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
    lines = (line for rank, moment in began.items() for line in _lines(rank, traces[rank], 1e6 * (moment - first)))
    write_export(path, in_frame(lines, about), private)
    return left_out


def _began_at(path: Path) -> float:
    """Return the Unix time at which a trace begins."""
    if not path.is_file():
        raise UnreadableTraceError("it has no trace")
    if path.stat().st_size > LARGEST_BYTES:
        raise UnreadableTraceError(f"its trace is larger than {LARGEST_BYTES / 1e6:.0f} MB")
    with path.open("rb") as file:
        head = file.readline(_LONGEST_LINE).rstrip(b"\n")
    try:
        began_at = orjson.loads(head.removesuffix(EVENTS) + b"}")["otherData"]["began_at"]
        if isinstance(began_at, float) and 0 <= began_at < _LATEST and head.endswith(EVENTS):
            return began_at
    except (ValueError, TypeError, KeyError):
        pass
    raise UnreadableTraceError("its trace is damaged, or another tool's")


def _lines(rank: int, trace: RankTrace, shift: float) -> Iterator[bytes]:
    """Yield the events of one rank as JSON, as those of a process with the rank as its number."""
    on_host = f" on {one_line(trace.host)[:_LONGEST_NAME]}" if trace.host else ""
    yield orjson.dumps(metadata("process_sort_index", rank, 0, sort_index=rank))
    yield orjson.dumps(metadata("process_name", rank, 0, name=f"rank {rank}{on_host}"))
    with trace.path.open("rb") as file:
        file.readline(_LONGEST_LINE)
        while line := file.readline(_LONGEST_LINE):
            if moved := _moved(line, rank, shift):
                yield moved


def _moved(line: bytes, rank: int, shift: float) -> bytes | None:
    """Return an event as one of a rank, on the common clock; None for what is not to be in the merged trace."""
    try:
        event = orjson.loads(line.rstrip(b",\n"))
        if not isinstance(event, dict) or not isinstance(event.get("ph"), str):
            return None
        if event["ph"] == "M" and event.get("name") == "process_name":
            return None
        moment = event.get("ts")
        when = {"ts": moment + shift} if isinstance(moment, int | float) else {}
        # What is nested too deep can be read, but not be written.
        return orjson.dumps({**event, "pid": rank, **when})
    except (orjson.JSONDecodeError, TypeError):
        # The end of the file, or damage.
        return None
