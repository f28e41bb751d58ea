"""Files of traces and profiling data: whole or not at all, whatever happens, and valid while other threads go on."""

from __future__ import annotations

import gzip
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from seo_engine.profiling import CodeProfiler, ProfilingConfig
from seo_engine.profiling.reports.profiling_data import PROFILING_DATA_VERSION
from tests.profiling.reports.trace_format import read_trace

EXPORTS = ("export_trace", "export_profiling_data")


def small_profiler() -> CodeProfiler:
    profiler = CodeProfiler()
    with profiler.profile_operation("epoch", "training_loop"), profiler.profile_operation("step", "training_loop"):
        pass
    return profiler


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the size of files")
def test_a_full_disk_leaves_the_old_file_whole_and_nothing_beside_it(export: str, tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text("old")
    program = """
import resource, sys
from seo_engine.profiling import CodeProfiler, ProfilingConfig
profiler = CodeProfiler()
for number in range(2000):
    with profiler.profile_operation(f"region {number % 300}", "training_loop"):
        pass
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    getattr(profiler, sys.argv[1])(sys.argv[2])
except OSError as error:
    print("refused:", error.strerror)
"""
    finished = subprocess.run(
        [sys.executable, "-c", program, export, path], capture_output=True, text=True, check=False
    )
    assert finished.stdout.startswith("refused: "), finished.stderr
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("export", EXPORTS)
def test_a_path_that_cannot_be_written_is_refused_and_left_as_it_is(export: str, tmp_path: Path) -> None:
    folder, file = tmp_path / "folder", tmp_path / "file"
    folder.mkdir()
    file.write_text("old")
    for path in (folder, file / "profile.json", tmp_path / ("x" * 300)):
        with pytest.raises(OSError):
            getattr(small_profiler(), export)(path)
    assert sorted(tmp_path.iterdir()) == [file, folder]
    assert file.read_text() == "old" and not list(folder.iterdir())


@pytest.mark.parametrize("export", EXPORTS)
def test_new_folders_relative_paths_texts_and_the_longest_names_are_taken(export: str, tmp_path: Path) -> None:
    for path in ("plain.json", "new/folders/profile.json", str(tmp_path / "absolute.json"), "é" * 125 + ".json"):
        getattr(small_profiler(), export)(path)
        assert json.loads(Path(path).read_bytes())
        getattr(small_profiler(), export)(path)
    assert not [each for each in tmp_path.rglob("*") if each.name.startswith(".")]


def test_a_failure_while_the_contents_are_made_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    path.write_text("old")

    def redact(name: str) -> str:
        raise KeyboardInterrupt if name == "step" else RuntimeError

    with pytest.raises(RuntimeError):
        small_profiler().export_trace(path, redact=redact)
    with pytest.raises(KeyboardInterrupt):
        small_profiler().export_trace(path, redact=lambda name: redact(name) if name == "step" else name)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_kill_in_the_middle_of_writing_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    program = """
import sys
from seo_engine.profiling import CodeProfiler, ProfilingConfig
profiler = CodeProfiler()
def add(name):
    for _ in range(5000):
        with profiler.profile_operation(name, "training_loop"):
            pass
def redact(name):
    if name == "later":
        print("writing", flush=True)
        sys.stdin.read()
    return name
add("earlier")
profiler.export_trace(sys.argv[1])
add("later")
profiler.export_trace(sys.argv[1], redact=redact)
"""
    writer = subprocess.Popen(
        [sys.executable, "-c", program, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None and writer.stdout.readline() == "writing\n"
    # A part of the new one lies beside the old one.
    (part,) = (each for each in tmp_path.iterdir() if each != path)
    assert part.stat().st_size > 100_000
    writer.kill()
    writer.communicate()
    assert read_trace(path).paths() == {"earlier": 5000}
    small_profiler().export_trace(path)
    assert read_trace(path).paths() == {"epoch": 1, "epoch/step": 1}


def test_traces_are_valid_while_other_threads_open_regions_at_full_speed(tmp_path: Path) -> None:
    profiler = CodeProfiler(ProfilingConfig(trace_spans=2000))
    stop = threading.Event()

    def work() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with profiler.profile_operation("outer", "parallel_computation"):
                with profiler.profile_operation("inner", "parallel_computation"):
                    profiler.add_counters({f"counter {number % 5}": number})
                with profiler.profile_operation("inner", "parallel_computation"):
                    pass

    threads = [threading.Thread(target=work, name=f"worker {number}") for number in range(2)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-3)
    try:
        for thread in threads:
            thread.start()
        for _ in range(5):
            profiler.export_trace(tmp_path / "trace.json")
            profiler.export_profiling_data(tmp_path / "data.json")
            trace = read_trace(tmp_path / "trace.json")
            assert set(trace.paths()) <= {"outer", "outer/inner", "inner"}
            # Its outer region ends after the trace was taken, or the ring has let it go.
            assert not any(name.endswith("(overlapping)") for name in trace.row_names.values())
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert len(list(tmp_path.glob(".*"))) == 0


def test_the_data_file_has_a_version_and_holds_the_profiling_data_and_the_call_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiler = CodeProfiler()
    for _ in profiler.profile_steps([[1, 2]] * 12):
        with profiler.profile_operation("forward_pass", "training_loop", measure_memory=True):
            pass
        profiler.add_span("unified_training_logging", "experiment_tracking", 0, 10)
    # The clock goes on between two calls: what depends on it is the same only if it stands.
    monkeypatch.setattr(CodeProfiler, "wall_seconds", lambda self: 10.0)
    expected = profiler.profiling_data() | {
        "schema_version": PROFILING_DATA_VERSION,
        "call_tree": profiler.call_tree(),
        "recent_steps": profiler.recent_steps(),
        "counting_seconds": profiler.aggregation_seconds,
    }
    profiler.export_profiling_data(tmp_path / "data.json")
    contents = read_data(tmp_path / "data.json")
    assert type(contents["schema_version"]) is int and contents["counting_seconds"] > 0
    assert contents | {"counting_seconds": 0} == expected | {"counting_seconds": 0}
    assert set(contents["timings"]) == {"training_step", "load_batch", "forward_pass", "unified_training_logging"}
    assert contents["training"]["steps"] == 12


def read_data(path: Path) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    contents = json.loads(path.read_bytes(), parse_constant=refuse)
    assert contents == orjson.loads(path.read_bytes()) and isinstance(contents, dict)
    return contents


def numbers_in(value: Any) -> list[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    return [number for each in value for number in numbers_in(each)] if isinstance(value, list) else [value]


@pytest.mark.parametrize("profiler", [CodeProfiler(), small_profiler()], ids=["nothing measured", "a few regions"])
def test_numbers_in_the_data_file_are_finite(profiler: CodeProfiler, tmp_path: Path) -> None:
    profiler.add_span("of no length", "data_loading", 5, 5)
    profiler.add_span("of a century", "data_loading", 0, 100 * 365 * 86_400 * 10**9)
    profiler.add_counters({"loss": float("nan"), "gpu_utilization_percent": float("inf")})
    profiler.export_profiling_data(tmp_path / "data.json")
    data = read_data(tmp_path / "data.json")
    # What is None was not read; a number that is not finite would be written as nothing too.
    for summary in data["operations"]:
        assert [name for name, value in summary.items() if value is None] == [
            "mean_memory_mb",
            "mean_gpu_memory_mb",
            "mean_gpu_reserved_mb",
            "mean_gpu_peak_mb",
            "mean_device_seconds",
        ]
    assert None not in numbers_in([data["timings"], data["categories"], data["bottlenecks"], data["call_tree"]])


@pytest.mark.parametrize(
    "name", ["lone \ud800 surrogate", "\x00\x1b[31m", "</script>", "x" * 100_000, ""], ids=range(5)
)
def test_the_data_file_takes_names_of_any_characters(name: str, tmp_path: Path) -> None:
    profiler = CodeProfiler()
    with profiler.profile_operation(name, name), profiler.profile_operation(name, "training_loop"):
        pass
    profiler.export_profiling_data(tmp_path / "data.json")
    plain = name[:200].encode("utf-8", "backslashreplace").decode()
    (outer,) = read_data(tmp_path / "data.json")["call_tree"]
    assert (outer["operation"], outer["category"], outer["children"][0]["operation"]) == (plain, plain, plain)


def test_the_data_file_takes_recursion_of_any_depth_and_loses_no_call(tmp_path: Path) -> None:
    profiler = CodeProfiler()
    opened = []
    for number in range(3000):
        opened.append(profiler.profile_operation(f"level {number % 3}", "training_loop"))
        opened[-1].__enter__()
    while opened:
        opened.pop().__exit__(None, None, None)
    profiler.export_profiling_data(tmp_path / "data.json")
    nodes, calls, depth = read_data(tmp_path / "data.json")["call_tree"], 0, 0
    while nodes:
        depth += 1
        calls += sum(node["calls"] for node in nodes)
        nodes = [child for node in nodes for child in node["children"]]
    assert calls == 3000 and depth > 50
    profiler.export_trace(tmp_path / "trace.json")
    assert len(read_trace(tmp_path / "trace.json").slices) == 3000


def test_secrets_are_taken_out_before_long_names_are_cut(tmp_path: Path) -> None:
    profiler = CodeProfiler()
    with profiler.profile_operation("x" * 290 + "secret-0123456789", "training_loop"):
        pass
    profiler.export_trace(tmp_path / "trace.json", redact=lambda name: name.replace("secret-0123456789", "[redacted]"))
    (region,) = read_trace(tmp_path / "trace.json").slices
    assert "secret" not in region.name


def test_exports_that_a_user_calls_redact_by_default(tmp_path: Path) -> None:
    profiler = CodeProfiler()
    with profiler.profile_operation("clone https://me:hunter2@example.org", "training_loop"):
        pass
    for export in EXPORTS:
        path = tmp_path / f"{export}.json"
        getattr(profiler, export)(path)
        text = path.read_text()
        assert "hunter2" not in text and "clone https://[redacted]@example.org" in text, export


@pytest.fixture
def umask_022() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask_022")
@pytest.mark.parametrize("export", EXPORTS)
def test_an_export_follows_the_umask_and_opens_no_file_that_was_closed(export: str, tmp_path: Path) -> None:
    profiler = small_profiler()
    path, private = tmp_path / "profile.json", tmp_path / "private.json"
    getattr(profiler, export)(path)
    assert mode_of(path) == 0o644
    path.chmod(0o600)
    getattr(profiler, export)(path)
    assert mode_of(path) == 0o600
    getattr(profiler, export)(private, private=True)
    assert mode_of(private) == 0o600
    path.unlink()
    os.umask(0o077)
    getattr(profiler, export)(path)
    assert mode_of(path) == 0o600


@pytest.mark.parametrize("export", EXPORTS)
def test_an_export_with_the_ending_gz_is_compressed(export: str, tmp_path: Path) -> None:
    profiler = small_profiler()
    getattr(profiler, export)(tmp_path / "profile.json.gz")
    with gzip.open(tmp_path / "profile.json.gz") as file:
        contents = json.load(file)
    assert contents.get("operations") or contents["traceEvents"]
    assert [path.name for path in tmp_path.iterdir()] == ["profile.json.gz"]


@pytest.mark.parametrize("export", EXPORTS)
def test_the_home_folder_is_found_in_the_path_of_an_export(
    export: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    getattr(small_profiler(), export)("~/profiles/profile.json")
    getattr(small_profiler(), export)(Path("~") / "second.json")
    assert json.loads((tmp_path / "profiles" / "profile.json").read_text())
    assert json.loads((tmp_path / "second.json").read_text())
