"""The report reads itself: its total, what each percentage is of, and what a terminal can show."""

from __future__ import annotations

import asyncio
import io
import re
import subprocess
import sys
import threading
from typing import Any

import pytest

from seo_engine.profiling import CodeProfiler, readable_parts, share_in_words
from seo_engine.profiling import run_clock as run_clock_module
from seo_engine.profiling.reports.tables import as_text

SECOND = 10**9


@pytest.fixture
def profiler() -> CodeProfiler:
    return CodeProfiler()


def with_total(profiler: CodeProfiler, monkeypatch: pytest.MonkeyPatch, seconds: float) -> CodeProfiler:
    monkeypatch.setattr(CodeProfiler, "wall_seconds", lambda profiler: seconds)
    return profiler


def test_the_report_says_the_total_and_how_much_of_it_is_in_no_region(
    profiler: CodeProfiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiler.add_span("forward_pass", "training_loop", 0, 6 * SECOND)
    profiler.add_span("plot", "progress_monitoring", 5 * SECOND, 8 * SECOND)
    # The tracker's own set-up is not part of the total.
    profiler.add_span("experiment_tracker_setup", "experiment_tracking", 9 * SECOND, 11 * SECOND)
    data = with_total(profiler, monkeypatch, 12.0).profiling_data()
    assert (data["total_seconds"], data["uncovered_seconds"]) == (10.0, 2.0)
    assert "Total: 10 s; 2 s of it (20.0 %) is in no region." in profiler.report()


def test_a_region_that_is_open_covers_its_time(profiler: CodeProfiler) -> None:
    with profiler.profile_operation("fit", "training_loop"):
        with profiler.profile_operation("forward_pass", "training_loop"):
            pass
        data = profiler.profiling_data()
        started = profiler._recorder.lanes.current().innermost.start  # type: ignore[union-attr]
        before = (started - profiler._clock.started) * 1e-9
    assert data["uncovered_seconds"] == pytest.approx(before, abs=0.3 * data["total_seconds"])


def test_one_thing_has_one_name_and_one_percentage(profiler: CodeProfiler) -> None:
    for _ in profiler.profile_steps([[1.0]] * 8):
        for name in ("forward_pass", "backward_pass", "optimizer_step"):
            with profiler.profile_operation(name, "training_loop"):
                sum(range(20_000))
    table, steps = profiler.report().split("8 training steps: ")
    assert "of the total" in table and not re.search(r"\d %", steps.split("steps took more than")[0])
    assert all(f"{name} " in steps for name in ("forward_pass", "backward_pass", "optimizer_step"))


def test_the_batches_of_a_step_are_said_where_gradients_accumulate(profiler: CodeProfiler) -> None:
    for number, _ in enumerate(profiler.profile_steps([[1.0]] * 12)):
        with profiler.profile_operation("backward_pass", "training_loop"):
            pass
        if number % 4 == 3:
            with profiler.profile_operation("optimizer_step", "training_loop"):
                pass
    assert "3 training steps of 4 batches: median" in profiler.report()


def test_operations_that_run_at_once_have_a_share_that_can_be_read(profiler: CodeProfiler) -> None:
    async def fetch() -> None:
        with profiler.profile_operation("fetch", "data_loading"):
            await everybody.wait()

    async def fetch_all() -> None:
        tasks = [asyncio.ensure_future(fetch()) for _ in range(200)]
        await asyncio.sleep(0.5)
        everybody.set()
        await asyncio.gather(*tasks)

    everybody = asyncio.Event()
    asyncio.run(fetch_all())
    assert profiler.profiling_data()["operations"][0]["share_percent"] > 1000
    (line,) = [line for line in profiler.report().splitlines() if "fetch" in line]
    assert re.search(r" \d{2,3} at once ", line) and "%" not in line
    assert "at once" in repr(profiler)
    assert [share_in_words(percent) for percent in (0.0, 99.96, 100.04, 100.1)] == [
        "0.0 %", "100.0 %", "100.0 %", "1 at once",
    ]  # fmt: skip


class Ticks:
    """A clock that moves by a second with each reading."""

    def __init__(self) -> None:
        self._seconds = 0

    def __call__(self) -> int:
        self._seconds += 1
        return self._seconds * SECOND


def test_reports_are_no_time_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_clock_module, "now", Ticks())
    profiler = CodeProfiler()
    first = profiler.wall_seconds()
    for make in (profiler.report, profiler.profiling_data, profiler.bottlenecks, profiler.__repr__):
        make()
    # Each report took a second at least.
    assert profiler.wall_seconds() - first <= 5


def test_a_report_beside_the_run_or_within_a_region_is_time_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_clock_module, "now", Ticks())
    profiler = CodeProfiler()
    first = profiler.wall_seconds()
    with profiler.profile_operation("report", "progress_monitoring"):
        profiler.report()
    thread = threading.Thread(target=profiler.report)
    thread.start()
    thread.join()
    assert profiler._clock._reported == 0 and profiler.wall_seconds() > first


class Terminal(io.StringIO):
    """Knows only ASCII."""

    encoding = "ascii"


def test_the_report_holds_only_what_the_terminal_knows(profiler: CodeProfiler, monkeypatch: pytest.MonkeyPatch) -> None:
    profiler.add_span("café", "training_loop", 0, 4_200)
    assert "4.2 µs" in profiler.report()
    monkeypatch.setattr(sys, "stdout", Terminal())
    report = profiler.report()
    assert report.isascii() and "4.2 us" in report and r"caf\xe9" in report


def test_printing_the_report_never_fails() -> None:
    program = (
        "from seo_engine.profiling import CodeProfiler\n"
        "profiler = CodeProfiler()\n"
        "profiler.add_span('x' * 150, 'training_loop', 0, 4200)\n"
        "print(profiler.report())"
    )
    for encoding in ("ascii", "latin-1", "cp437"):
        finished = subprocess.run(
            [sys.executable, "-X", "utf8=0", "-c", program],
            env={"PYTHONIOENCODING": encoding, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr


def test_a_profile_of_an_earlier_version_is_shown_without_what_it_lacks(profiler: CodeProfiler) -> None:
    for _ in profiler.profile_steps([[1.0]] * 3):
        pass
    data: dict[str, Any] = dict(profiler.profiling_data())
    training = dict(data["training"])
    for name in ("batches", "mean_uncovered_seconds"):
        del training[name]
    for name in ("total_seconds", "uncovered_seconds"):
        del data[name]
    text = as_text(readable_parts(data | {"training": training}))
    assert "3 training steps: median" in text and "Of the total" not in text
