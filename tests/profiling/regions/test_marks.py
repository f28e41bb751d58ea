"""Regions as marks in the traces of other profilers: torch.profiler, and NVTX for NVIDIA's Nsight."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from seo_engine.profiling import CodeProfiler, ProfilingConfig
from tests.profiling.reports.trace_format import Slice, nest


def train(profiler: CodeProfiler) -> None:
    @profiler.profile_operation("normalize", "preprocessing")
    def normalize(batch: torch.Tensor) -> torch.Tensor:
        return batch / 2

    for batch in profiler.profile_steps([torch.ones(4, 8)] * 3):
        with profiler.profile_operation("forward_pass", "training_loop"):
            normalize(batch).matmul(batch.T).sum()
        with pytest.raises(ValueError), profiler.profile_operation("fails", "training_loop"):
            raise ValueError


def marks_in(profile: torch.profiler.profile) -> dict[str, set[str | None]]:
    """Return the names of marks and operators in a trace, with the names of what they lie within."""
    rows: dict[int, list[Slice]] = {}
    for event in profile.events():
        if event.name.startswith("aten::") or "::" not in event.name:
            start, end = round(event.time_range.start * 1000), round(event.time_range.end * 1000)
            rows.setdefault(event.thread, []).append(Slice(event.name, "", event.thread, start, end, {}))
    parents: dict[str, set[str | None]] = {}
    for row in rows.values():
        row.sort(key=lambda each: (each.start, -each.end))
        nest(row)
        for each in row:
            parents.setdefault(each.name, set()).add(each.parent.name if each.parent is not None else None)
    return parents


def test_regions_lie_in_the_trace_of_torch_profiler_as_they_were_called() -> None:
    profiler = CodeProfiler(ProfilingConfig(annotate_torch_profiler=True))
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        train(profiler)
        train(profiler)
    parents = marks_in(profile)
    assert parents["training_step"] == {None}
    assert parents["forward_pass"] == parents["fails"] == parents["load_batch"] == {"training_step"}
    assert parents["normalize"] == {"forward_pass"}
    assert parents["aten::div"] == {"normalize"} and parents["aten::matmul"] == {"forward_pass"}
    counts = {operation.name: operation.count for operation in profiler.statistics()}
    marks = [event.name for event in profile.events()]
    for name in ("forward_pass", "normalize", "fails"):
        assert marks.count(name) == counts[name] == 6


def test_each_range_of_nvtx_that_is_begun_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    open_ranges: list[str] = []
    ended: list[str] = []
    monkeypatch.setattr(torch.cuda.nvtx, "range_push", open_ranges.append)
    monkeypatch.setattr(torch.cuda.nvtx, "range_pop", lambda: ended.append(open_ranges.pop()))
    train(CodeProfiler(ProfilingConfig(annotate_nvtx=True)))
    # Also those of the step that was begun, and had no batch.
    assert open_ranges == [] and ended.count("training_step") == 4 and ended.count("forward_pass") == 3


def test_regions_leave_no_marks_unless_asked_for() -> None:
    profiler = CodeProfiler()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        train(profiler)
    assert not {"forward_pass", "training_step", "normalize"} & {event.name for event in profile.events()}


def test_names_of_any_characters_are_marks() -> None:
    profiler = CodeProfiler(ProfilingConfig(annotate_torch_profiler=True))
    names = ["lone \ud800 surrogate", "line\nbreak", "名前 🙂", "x" * 10_000]
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for name in names:
            with profiler.profile_operation(name, "training_loop"):
                pass
    marks = {event.name for event in profile.events()}
    assert {"lone \\ud800 surrogate", "line\nbreak", "名前 🙂"} <= marks
    assert [operation.count for operation in profiler.statistics()] == [1, 1, 1, 1]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there NVTX works")
def test_nvtx_without_cuda_is_said_once_and_the_regions_go_on(tmp_path: Path) -> None:
    # In a process of its own: it is said once in each.
    program = """
import logging, torch
logging.basicConfig()
from seo_engine.profiling import CodeProfiler, ProfilingConfig
profiler = CodeProfiler(ProfilingConfig(annotate_nvtx=True, annotate_torch_profiler=True))
for _ in range(5):
    with profiler.profile_operation("forward_pass", "training_loop"):
        pass
print(profiler.statistics()[0].count)
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 0 and finished.stdout == "5\n", finished.stderr
    assert finished.stderr.count("nvtx cannot be profiled") == 1


def test_marks_import_nothing_where_torch_is_not_loaded() -> None:
    program = """
import sys
from seo_engine.profiling import CodeProfiler, ProfilingConfig
profiler = CodeProfiler(ProfilingConfig(annotate_nvtx=True, annotate_torch_profiler=True))
for _ in profiler.profile_steps([[1, 2]] * 3):
    with profiler.profile_operation("forward_pass", "training_loop", measure_memory=True, measure_device=True):
        pass
profiler.profiling_data()
assert profiler.training_view()["steps"] == 3
sys.exit("torch" in sys.modules)
"""
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 0 and not finished.stderr, finished.stderr
