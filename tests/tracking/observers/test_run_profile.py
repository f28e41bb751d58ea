"""What a run logs by itself: load and profile, and the files of the latter; and whatever disturbs it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.profiling import CodeProfiler
from seo_engine.profiling.machine.system_metrics import SystemMetrics
from seo_engine.profiling.reports import trace
from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.history.summary import read_run
from tests.tracking.killing import PATIENCE_SECONDS, delete_folder, kill_tree, training, wait_until
from tests.tracking.read_views import assert_each_value_once, is_automatic, read_journal

FILES = {"trace.json": "traceEvents", "profiling_data.json": "timings"}


def config(tmp_path: Path, **settings: Any) -> TrackingConfig:
    values = {
        "tensorboard_log_dir": str(tmp_path / "runs"), "experiment_name": "r", "wandb_logging": False,
        "tensorboard_logging": False, "selective_logging": False, "record_surroundings": False,
    }  # fmt: skip
    return TrackingConfig(**(values | settings))


def moments(directory: Path, kind: str) -> list[tuple[float, int]]:
    """Return epoch and step of each load, or profile, that the run logged by itself."""
    return [
        (record["epoch"], record["step"])
        for _, record in read_journal(directory)
        if record["kind"] == kind and is_automatic(record)
    ]


def kinds(directory: Path) -> list[str]:
    return [record["kind"] for _, record in read_journal(directory)]


def assert_files_are_whole(directory: Path) -> None:
    assert {path.name for path in (directory / "profile").iterdir()} == set(FILES)
    for name, part in FILES.items():
        assert json.loads((directory / "profile" / name).read_bytes())[part]


def run_program(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=folder, text=True, capture_output=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "r"


def test_the_end_has_load_profile_and_files_also_of_the_child(tmp_path: Path, directory: Path) -> None:
    everything = config(tmp_path, tensorboard_logging=True, wandb_logging=True)
    with ExperimentTracker(everything) as tracker:
        tracker.log_training_metrics(1, 5, {"loss": 0.5})
    assert kinds(directory) == ["start", "training", "performance", "profiling", "end"]
    assert moments(directory, "performance") == moments(directory, "profiling") == [(1, 5)]
    load, profile = (record for _, record in read_journal(directory) if is_automatic(record))
    assert {"performance/cpu_usage_percent", "performance/memory_usage_mb"} <= load["metrics"].keys()
    assert {"unified_training_logging", "experiment_tracker_setup"} <= profile["profiling_data"]["timings"].keys()
    assert_files_are_whole(directory)
    # Written when the child had told what it measured.
    data = json.loads((directory / "profile" / "profiling_data.json").read_bytes())
    assert {"wandb_training_logging", "tensorboard_training_logging"} <= data["timings"].keys()
    assert all(state.is_complete and state.accepted == 5 for state in tracker.delivery.values()), tracker.delivery
    assert assert_each_value_once(directory) == 1


def test_the_load_is_logged_at_an_interval_and_once_a_step(tmp_path: Path, directory: Path) -> None:
    profiler = (often := config(tmp_path, system_metrics_interval_seconds=0.01)).code_profiler
    readings: list[int] = []
    add_counters = profiler.add_counters
    profiler.add_counters = lambda values: (readings.append(1), add_counters(values))  # type: ignore[assignment,misc]
    with ExperimentTracker(often) as tracker:
        for step in (1, 2, 3):
            tracker.log_training_metrics(1, step, {"loss": 0.5})
            wait_until(lambda step=step: (1, step) in moments(directory, "performance"))
            # The step goes on, and so do the readings, which the trace shows.
            before = len(readings)
            wait_until(lambda before=before: len(readings) >= before + 3)
    counted = Counter(moments(directory, "performance"))
    assert set(counted) - {(0, 0)} == {(1, 1), (1, 2), (1, 3)} and set(counted.values()) == {1}
    counters = json.loads((directory / "profile" / "trace.json").read_bytes())["traceEvents"]
    assert len([each for each in counters if each["ph"] == "C" and each["name"] == "system_memory_usage_percent"]) >= 9


def test_the_profile_is_logged_and_written_at_an_interval_and_once_a_step(tmp_path: Path, directory: Path) -> None:
    with ExperimentTracker(config(tmp_path, profiling_interval_seconds=0.02)) as tracker:
        for step in (1, 2):
            tracker.log_training_metrics(1, step, {"loss": 0.5})
            wait_until(lambda step=step: (1, step) in moments(directory, "profiling"))
            for name in FILES:
                wait_until((directory / "profile" / name).exists)
                (directory / "profile" / name).unlink()
        for name in FILES:
            wait_until((directory / "profile" / name).exists)
    counted = Counter(moments(directory, "profiling"))
    # And once more at the end, whose step is the last.
    assert counted - Counter({(0, 0): 1}) == Counter({(1, 1): 1, (1, 2): 2})
    assert_files_are_whole(directory)


def test_what_is_switched_off_is_neither_logged_nor_written(tmp_path: Path, directory: Path) -> None:
    with ExperimentTracker(config(tmp_path, enable_code_profiling=False, system_metrics_interval_seconds=0)) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert kinds(directory) == ["start", "training", "end"] and not (directory / "profile").exists()
    with ExperimentTracker(config(tmp_path, enable_code_profiling=False), resume="r"):
        pass
    assert kinds(directory)[3:] == ["resume", "performance", "end"] and not (directory / "profile").exists()


def test_a_training_that_logs_its_profile_at_the_last_step_has_it_once(tmp_path: Path, directory: Path) -> None:
    with ExperimentTracker(config(tmp_path)) as tracker:
        for step in (1, 2):
            tracker.log_training_metrics(1, step, {"loss": 0.5})
        tracker.log_profiling_data(tracker.code_profiler.profiling_data())
    assert moments(directory, "profiling") == [(1, 2)]
    assert_files_are_whole(directory)


def test_a_profile_of_an_earlier_step_is_followed_by_one_of_the_last(tmp_path: Path, directory: Path) -> None:
    with ExperimentTracker(config(tmp_path)) as tracker:
        # A step that counts on in its place is another one all the same.
        step = torch.tensor(1)
        tracker.log_training_metrics(1, step, {"loss": 0.5})  # type: ignore[arg-type]
        tracker.log_profiling_data(tracker.code_profiler.profiling_data())
        step += 1
        tracker.log_training_metrics(1, step, {"loss": 0.5})  # type: ignore[arg-type]
    assert moments(directory, "profiling") == [(1, 1), (1, 2)]


@pytest.mark.parametrize("nothing", [None, "x" * 10, [{"timings": {"forward_pass": 0.5}}]])
def test_a_profile_that_was_refused_is_not_taken_for_one(tmp_path: Path, directory: Path, nothing: Any) -> None:
    with ExperimentTracker(config(tmp_path)) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
        tracker.log_profiling_data(nothing)
    assert moments(directory, "profiling") == [(1, 1)]
    assert read_journal(directory)[-1][1]["dropped"] == {"misuse": 1}


def test_a_step_of_the_trainings_own_that_is_none_costs_neither_load_nor_profile(
    tmp_path: Path, directory: Path
) -> None:
    with ExperimentTracker(config(tmp_path)) as tracker:
        tracker.global_step = "ten"  # type: ignore[assignment]
    assert kinds(directory) == ["start", "performance", "profiling", "end"]
    assert moments(directory, "profiling") == [(0, 0)] and read_journal(directory)[-1][1]["dropped"] == {}


def test_processes_that_were_forked_or_attached_log_no_profile_and_write_no_file(
    tmp_path: Path, directory: Path
) -> None:
    program = """
        import os, sys, threading
        from seo_engine import ExperimentTracker, TrackingConfig
        config = TrackingConfig(
            experiment_name="r", wandb_logging=False, tensorboard_logging=False, system_metrics_interval_seconds=0.01,
            profiling_interval_seconds=0.01,
        )
        tracker = ExperimentTracker(config)
        for number in range(5):
            # While the parent's thread is at work.
            while (child := os.fork()) == 0:
                assert threading.active_count() == 1, threading.enumerate()
                tracker.log_text("forked", "hello")
                tracker.log_profiling_data(config.code_profiler.profiling_data())
                tracker.close()
                attached = ExperimentTracker.attach("runs/r")
                attached.log_text("attached", "hello")
                assert "profile-thread" not in [thread.name for thread in threading.enumerate()]
                attached.close()
                sys.exit(0)  # with exit hooks, unlike os._exit
            assert os.waitpid(child, 0)[1] == 0
        # One of its own, at a step of its own.
        tracker.log_training_metrics(1, 7, {"loss": 0.5})
        tracker.close()
    """
    finished = run_program(program, tmp_path)
    assert finished.returncode == 0, finished.stderr
    profiles = Counter(moments(directory, "profiling"))
    # Those that the five forked processes logged themselves; the parent's, at most one a step; and the last one.
    assert profiles[0, 0] in (5, 6) and profiles[1, 7] in (1, 2) and len(profiles) == 2
    assert set(Counter(moments(directory, "performance")).values()) == {1}
    assert kinds(directory).count("text") == 10 and kinds(directory)[-1] == "end"
    assert_files_are_whole(directory)


def test_the_files_of_a_killed_run_are_whole_and_what_the_kill_left_goes_when_it_goes_on(
    tmp_path: Path, directory: Path
) -> None:
    program = """
        import time
        from seo_engine import ExperimentTracker, TrackingConfig
        config = TrackingConfig(
            experiment_name="r", wandb_logging=False, tensorboard_logging=False, profiling_interval_seconds=0.001
        )
        tracker = ExperimentTracker(config)
        step = 0
        while True:
            step += 1
            tracker.log_training_metrics(1, step, {"loss": 1 / step})
            time.sleep(0.005)
    """
    with training(program, tmp_path) as process:
        for name in FILES:
            wait_until((directory / "profile" / name).exists)
        # Written again and again: the kill meets it in the midst.
        wait_until(lambda: len(moments(directory, "profiling")) >= 5)
        kill_tree(process.pid)
        process.wait(timeout=PATIENCE_SECONDS)
    for name, part in FILES.items():
        assert json.loads((directory / "profile" / name).read_bytes())[part]
    (directory / "profile" / ".trace.json.abc").write_text('{"traceEv')
    (directory / "profile" / "notes.txt").write_text("a file of the user's")
    recover_run(directory)
    assert read_run(directory).status == "killed" and set(Counter(moments(directory, "profiling")).values()) == {1}
    with ExperimentTracker(config(tmp_path), resume="r"):
        assert not list((directory / "profile").glob(".*"))
    (directory / "profile" / "notes.txt").unlink()
    assert_files_are_whole(directory)


class FailingFiles:
    """Has every file of a profile fail in its midst."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(trace, "in_frame", self.fail)

    def fail(self, *arguments: object) -> Iterator[bytes]:
        yield b'{"traceEvents":['
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_said_once_and_leaves_the_files_that_were_there(
    tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with ExperimentTracker(config(tmp_path)):
        pass
    before = (directory / "profile" / "trace.json").read_bytes()
    FailingFiles(monkeypatch)
    with ExperimentTracker(config(tmp_path, profiling_interval_seconds=0.01), resume="r") as tracker:
        for step in range(1, 4):
            tracker.log_training_metrics(1, step, {"loss": 0.5})
            wait_until(lambda step=step: (1, step) in moments(directory, "profiling"))
    assert (directory / "profile" / "trace.json").read_bytes() == before
    assert_files_are_whole(directory)
    assert len([message for message in caplog.messages if "The profile cannot be written" in message]) == 1
    run = read_run(directory)
    assert run.status == "finished" and run.delivery["run_logs"].is_complete


def test_a_folder_that_cannot_be_made_is_said_and_ends_nothing(
    tmp_path: Path, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ExperimentTracker(config(tmp_path)) as tracker:
        (directory / "profile").write_text("a file, no folder")
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert len([message for message in caplog.messages if "The profile cannot be written" in message]) == 1
    assert read_run(directory).status == "finished" and moments(directory, "profiling") == [(1, 1)]
    assert (directory / "profile").read_text() == "a file, no folder"


def test_the_profile_of_a_run_whose_folder_was_deleted_is_there_at_its_end(tmp_path: Path, directory: Path) -> None:
    with ExperimentTracker(config(tmp_path, profiling_interval_seconds=0.01)) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
        wait_until((directory / "profile" / "profiling_data.json").exists)
        delete_folder(directory)
    assert read_run(directory).status == "finished" and (1, 1) in moments(directory, "profiling")
    assert_files_are_whole(directory)


def test_names_that_are_no_unicode_are_written_too(tmp_path: Path, directory: Path) -> None:
    with (
        ExperimentTracker(config(tmp_path)) as tracker,
        tracker.code_profiler.profile_operation("caf\udce9", "training_loop"),
    ):
        pass
    assert_files_are_whole(directory)
    assert "caf\\udce9" in json.loads((directory / "profile" / "profiling_data.json").read_bytes())["timings"]


@pytest.mark.parametrize(
    ("owner", "name", "profiles"),
    [(SystemMetrics, "read", 0), (CodeProfiler, "profiling_data", 0), (CodeProfiler, "export_trace", 1)],
)
def test_ctrl_c_in_the_midst_of_the_profile_leaves_the_status_and_what_is_to_deliver(
    tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, profiles: int
) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        # Ctrl-C comes to the main thread alone.
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        wait_in_vain.wait()

    def interrupt_waiting(thread: threading.Thread, timeout: float | None = None) -> None:
        if thread.name == "profile-thread":
            raise KeyboardInterrupt
        join(thread, timeout)

    wait_in_vain, join = threading.Event(), threading.Thread.join
    tracker = ExperimentTracker(config(tmp_path, tensorboard_logging=True))
    tracker.log_training_metrics(1, 1, {"loss": 0.5})
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, interrupt)
        if owner is SystemMetrics:
            # It waits for the thread that reads.
            patch.setattr(threading.Thread, "join", interrupt_waiting)
        with pytest.raises(KeyboardInterrupt):
            tracker.close()
        tracker.close("failed")
        wait_in_vain.set()
    assert read_run(directory).status == "finished" and kinds(directory)[-1] == "end"
    assert len(moments(directory, "profiling")) == profiles
    assert all(state.is_complete for state in read_run(directory).delivery.values())
    assert assert_each_value_once(directory) == 1


@pytest.mark.parametrize("owner", [SystemMetrics, CodeProfiler])
def test_a_driver_or_a_disk_that_hangs_hangs_no_close_and_nothing_is_logged_behind_the_end(
    tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch, owner: type
) -> None:
    hangs, released = threading.Event(), threading.Event()

    def hang(*arguments: object, **options: object) -> dict[str, float]:
        hangs.set()
        released.wait()
        return {"memory_usage_mb": 1.0}

    monkeypatch.setattr(owner, "read" if owner is SystemMetrics else "export_trace", hang)
    interval = {"profiling_interval_seconds": 0.01} if owner is CodeProfiler else {}
    tracker = ExperimentTracker(config(tmp_path, close_timeout_seconds=1.0, **interval))
    if owner is CodeProfiler:
        hangs.wait()
    tracker.log_training_metrics(1, 1, {"loss": 0.5})
    (thread,) = (each for each in threading.enumerate() if each.name == "profile-thread")
    closing = threading.Thread(target=tracker.close)
    closing.start()
    closing.join(PATIENCE_SECONDS)
    assert hangs.is_set() and thread.is_alive() and not closing.is_alive()
    released.set()
    thread.join(PATIENCE_SECONDS)
    assert kinds(directory)[-1] == "end" and (1, 1) in moments(directory, "profiling")
    assert not thread.is_alive() and read_run(directory).delivery["run_logs"].is_complete


def test_a_signals_handler_that_closes_while_the_profile_is_made_and_written_hangs_nothing(tmp_path: Path) -> None:
    program = """
        import signal
        from seo_engine import ExperimentTracker, TrackingConfig
        for number in range(1, 21):
            config = TrackingConfig(
                experiment_name=f"r{number}", wandb_logging=False, tensorboard_logging=False,
                system_metrics_interval_seconds=0.001, profiling_interval_seconds=0.001,
            )
            tracker, profiler = ExperimentTracker(config), config.code_profiler
            signal.signal(signal.SIGALRM, lambda *_: tracker.close("interrupted"))
            signal.setitimer(signal.ITIMER_REAL, 0.005 * number)
            step = 0
            while not tracker._closed:
                step += 1
                tracker.log_training_metrics(1, step, {"loss": 1 / step})
                if step % 50 == 0:
                    # The signal meets this thread within the same work.
                    profiler.export_trace("trace.json")
                    profiler.profiling_data()
    """
    finished = run_program(program, tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "❌" not in finished.stderr and "Exception in thread" not in finished.stderr
    for number in range(1, 21):
        directory = tmp_path / "runs" / f"r{number}"
        assert kinds(directory)[-1] == "end" and read_run(directory).status == "interrupted"
        # The last profile may be of a step that had one.
        for kind, most in (("performance", 1), ("profiling", 2)):
            assert max(Counter(moments(directory, kind)).values(), default=0) <= most


def test_a_profile_of_very_many_operations_with_long_names_is_still_a_record(tmp_path: Path, directory: Path) -> None:
    config = TrackingConfig(
        experiment_name="r", tensorboard_log_dir=str(tmp_path / "runs"), wandb_logging=False, tensorboard_logging=False
    )
    with ExperimentTracker(config):
        for number in range(1_200):
            with config.code_profiler.profile_operation(f"{number} " + "long " * 1000, "training_loop"):
                pass
    (profile,) = [record for _, record in read_journal(directory) if record["kind"] == "profiling"]
    assert len(profile["profiling_data"]["operations"]) == 200
    # What does not fit into a record is in the file.
    assert len(profile["profiling_data"]["timings"]) >= 900
    whole = json.loads((directory / "profile" / "profiling_data.json").read_bytes())
    assert len(whole["operations"] + whole["unranked_operations"]) >= 990
