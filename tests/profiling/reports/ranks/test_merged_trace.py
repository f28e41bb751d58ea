"""One trace of several ranks, made of what their profilers wrote."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from seo_engine.profiling import CodeProfiler, RankTrace, merge_traces


def write_rank(folder: Path, rank: int) -> Path:
    profiler = CodeProfiler()
    for _ in range(3):
        with profiler.profile_operation(f"work_of_{rank}", "training_loop"):
            pass
    path = folder / f"trace_{rank}.json"
    profiler.export_trace(path)
    return path


def events_of(path: Path, phase: str = "X") -> list[dict[str, Any]]:
    contents = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [event for event in json.loads(contents)["traceEvents"] if event["ph"] == phase]


def began_at(path: Path) -> float:
    return float(json.loads(path.read_text())["otherData"]["began_at"])


@pytest.mark.parametrize("name", ["all.json", "all.json.gz"])
def test_each_rank_is_a_process_and_all_are_on_one_clock(name: str, tmp_path: Path) -> None:
    paths = {rank: write_rank(tmp_path, rank) for rank in (0, 3)}
    traces = {0: RankTrace(paths[0], "node-1"), 3: RankTrace(paths[3], "node-2", clock_offset_seconds=100.0)}
    assert merge_traces(traces, tmp_path / name) == {}
    merged = events_of(tmp_path / name)
    assert [event["name"] for event in merged if event["pid"] == 3] == ["work_of_3"] * 3
    assert {event["pid"] for event in merged} == {0, 3}
    # The clock of rank 3 is 100 s ahead, so what it did was long before rank 0 began.
    began = {0: began_at(paths[0]), 3: began_at(paths[3]) - 100.0}
    first = min(began.values())
    for rank, path in paths.items():
        moments = [event["ts"] for event in merged if event["pid"] == rank]
        expected = [event["ts"] + 1e6 * (began[rank] - first) for event in events_of(path)]
        assert moments == pytest.approx(expected, abs=1.0)
    names = [(event["pid"], event["args"].get("name")) for event in events_of(tmp_path / name, "M")]
    assert (0, "rank 0 on node-1") in names
    assert (3, "rank 3 on node-2") in names
    assert len([each for each in names if each[1] and each[1].startswith("rank ")]) == 2


def test_ranks_without_a_readable_trace_are_left_out_and_named(tmp_path: Path) -> None:
    whole = write_rank(tmp_path, 0)
    damaged = {
        1: b"",
        2: b"\0" * 100,
        4: b'{"traceEvents":[]}',
        5: b'{"displayTimeUnit":"ms","otherData":{"began_at":"x"},"traceEvents":[\n',
        6: b"[" * 100_000,
    }
    traces = {0: RankTrace(whole), 7: RankTrace(tmp_path / "missing.json"), 8: RankTrace(tmp_path)}
    for rank, contents in damaged.items():
        path = tmp_path / f"damaged_{rank}.json"
        path.write_bytes(contents)
        traces[rank] = RankTrace(path)
    left_out = merge_traces(traces, tmp_path / "all.json")
    assert sorted(left_out) == [1, 2, 4, 5, 6, 7, 8]
    assert left_out[7] == "it has no trace"
    assert {event["pid"] for event in events_of(tmp_path / "all.json")} == {0}
    with pytest.raises(ValueError, match="no rank has a trace that can be read: it has no trace"):
        merge_traces({7: traces[7]}, tmp_path / "none.json")
    assert not (tmp_path / "none.json").exists()


def test_a_trace_that_was_cut_off_or_holds_odd_lines_gives_what_can_be_read(tmp_path: Path) -> None:
    path = write_rank(tmp_path, 0)
    lines = path.read_bytes().splitlines(keepends=True)
    odd = [b"7,\n", b'{"ph":7},\n', b'{"name":"no phase"},\n', b'{"ph":"X","name":"odd","ts":"x"},\n', b"\xff\xfe,\n"]
    slices = [number for number, line in enumerate(lines) if b'"work_of_0"' in line]
    # The last of the three regions is cut off.
    path.write_bytes(b"".join([*lines[:1], *odd, *lines[1 : slices[-1]], lines[slices[-1]][:10]]))
    assert merge_traces({0: RankTrace(path)}, tmp_path / "all.json") == {}
    assert [event["name"] for event in events_of(tmp_path / "all.json")] == ["odd", "work_of_0", "work_of_0"]
