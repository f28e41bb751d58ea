from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import math
import os
import secrets
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy
import psutil
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seo_engine import ExperimentTracker, MemoryTracker, SEOConfig, TrackingConfig
from seo_engine.tracking.history.summary import read_run
from seo_engine.tracking.journal.logging_queue import LoggingQueue
from seo_engine.tracking.journal.reader import Position
from seo_engine.tracking.payloads.payload_file import PayloadFile
from seo_engine.tracking.records.kind import Recorded, Shown
from seo_engine.tracking.records.kinds import decode_record
from seo_engine.tracking.runs.record_writer import RecordWriter
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED, ONLY_WHAT_IS_LOGGED_AS_TEXT
from tests.tracking.killing import core, delivery_child
from tests.tracking.read_views import metric_records, read_journal, read_wandb


@pytest.fixture
def config(tmp_path: Path) -> TrackingConfig:
    """No backend: the journal, the log files, and what a test adds."""
    return TrackingConfig(
        tensorboard_log_dir=str(tmp_path / "runs"),
        tensorboard_logging=False,
        wandb_logging=False,
        **ONLY_WHAT_IS_LOGGED,
    )


def directory_of(tracker: ExperimentTracker) -> Path:
    assert tracker.run_directory is not None
    return tracker.run_directory


def run_program(program: str, folder: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=folder,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
        **options,
    )


def test_each_call_leaves_its_record(config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(epoch=1, step=100, metrics={"loss": 0.123, "accuracy": 0.95})
        tracker.log_evaluation_metrics(epoch=1, step=100, metrics={"loss": 0.2})
        tracker.log_performance_metrics({"cpu_usage_percent": 40.0})
        tracker.log_text("name", "text")
        tracker.log_hyperparameters({"learning_rate": 1e-4, "path": Path("x")})
        tracker.log_model_architecture(torch.nn.Linear(2, 3))
        tracker.log_profiling_data(config.code_profiler.profiling_data())
    records = [record for _, record in read_journal(directory_of(tracker))]
    assert [record["kind"] for record in records if record["kind"] != "last_values"] == [
        "start", "training", "evaluation", "performance", "text", "hyperparameters", "model_architecture",
        "profiling", "end",
    ]  # fmt: skip
    training, evaluation, performance = records[1:4]
    assert {name: training[name] for name in ("epoch", "step", "rank")} == {"epoch": 1, "step": 100, "rank": 0}
    assert training["metrics"] == {"training/loss": 0.123, "training/accuracy": 0.95}
    assert evaluation["metrics"] == {"evaluation/loss": 0.2}
    # Epoch and step default to the last ones seen.
    assert (performance["epoch"], performance["step"]) == (1, 100)
    assert records[5]["hyperparameters"] == {"learning_rate": 1e-4, "path": "x"}
    assert records[6]["architecture"]["parameters"] == 9
    assert records[-1]["status"] == "finished"


def test_numbers_of_every_sort_are_kept_and_the_rest_of_a_bad_call_too(
    config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = {
        "a": 1, "b": True, "c": numpy.float32(0.5), "d": torch.tensor(0.25), "e": "text", "f": math.inf,
        "g/h": numpy.int64(3), "i": None,
    }  # fmt: skip
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(numpy.float64(1), numpy.int64(5), metrics)  # type: ignore[arg-type]
        metrics["a"] = 99
        for _ in range(3):
            tracker.log_training_metrics(1, 6, {"f": math.nan})
    records = [record for _, record in metric_records(directory_of(tracker))]
    assert records[0]["metrics"] == {
        "training/a": 1, "training/b": 1, "training/c": 0.5, "training/d": 0.25, "g/h": 3
    }  # fmt: skip
    assert records[0]["step"] == 5 and records[0]["nonfinite"] == {"training/f": "Infinity"}
    assert records[3]["metrics"] == {} and records[3]["nonfinite"] == {"training/f": "NaN"}
    messages = [record.getMessage() for record in caplog.records]
    assert messages.count("⚠️ Skipping invalid metric training/f: inf (step 5, epoch 1)") == 1
    assert "⚠️ Values that are not finite numbers, left out of the views: 4 × training/f" in messages
    assert "⚠️ Not recorded: 2 × non-numeric value (training/e, training/i)" in messages


@pytest.mark.parametrize(
    "call",
    [
        lambda tracker: tracker.log_training_metrics(1, "two", {"loss": 1.0}),
        lambda tracker: tracker.log_training_metrics(1, 1.5, {"loss": 1.0}),
        lambda tracker: tracker.log_training_metrics("one", 1, {"loss": 1.0}),
        lambda tracker: tracker.log_training_metrics(1, 1, [1.0]),
        lambda tracker: tracker.log_training_metrics(1, 1, None),
        lambda tracker: tracker.log_metrics_with_priority({"loss": 1.0}, priority="top"),
        lambda tracker: tracker.log_metrics_with_priority(5),
        lambda tracker: tracker.log_text("", "text"),
        lambda tracker: tracker.log_text("big", "x" * 2_000_000),
        lambda tracker: tracker.log_hyperparameters(7),
        lambda tracker: tracker.log_model_architecture("no model"),
        lambda tracker: tracker.log_profiling_data(None),
    ],
)
def test_misuse_warns_and_is_counted_and_never_raises(
    config: TrackingConfig, call: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with ExperimentTracker(config) as tracker:
        call(tracker)
        tracker.log_training_metrics(1, 2, {"loss": 0.5})
    (record,) = [record for _, record in metric_records(directory_of(tracker))]
    assert record["metrics"] == {"training/loss": 0.5}
    assert sum(read_journal(directory_of(tracker))[-1][1]["dropped"].values()) == 1
    assert any(record.levelno == logging.WARNING for record in caplog.records)


@pytest.mark.parametrize("default_priority", ["high", "medium", "low"])
def test_priority_chooses_what_is_recorded(
    default_priority: str, config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    # `reward` is named by no pattern, and so recorded at `low` alone, whatever its priority in the views is.
    config = dataclasses.replace(config, default_metric_priority=default_priority)
    metrics = {"loss": 0.5, "gradient_norm": 1.0, "memory_usage": 3.0, "reward": 2.0}
    with ExperimentTracker(config) as tracker:
        tracker.current_epoch, tracker.global_step = 2, 7
        for priority in ("high", "medium", "low"):
            tracker.log_metrics_with_priority(metrics, priority=priority)
    records = [record for _, record in metric_records(directory_of(tracker))]
    assert [list(record["metrics"]) for record in records] == [
        ["training/loss"],
        ["training/loss", "training/gradient_norm"],
        ["training/loss", "training/gradient_norm", "training/memory_usage", "training/reward"],
    ]
    assert {(record["epoch"], record["step"]) for record in records} == {(2, 7)}
    assert read_journal(directory_of(tracker))[-1][1]["dropped"] == {"left out by priority": 5}
    # Each is named once.
    said = [message for message in caplog.messages if "log_metrics_with_priority" in message]
    assert said == [
        "⚠️ log_metrics_with_priority(…, priority='high') leaves out what no pattern of this priority names: "
        "gradient_norm, memory_usage, reward; these are not recorded"
    ]
    assert any("Not recorded: 5 × left out by priority" in message for message in caplog.messages)


def test_disabled_tracking_leaves_nothing(tmp_path: Path) -> None:
    program = """
        import sys, threading
        from seo_engine import ExperimentTracker, TrackingConfig
        with ExperimentTracker(TrackingConfig(experiment_tracking_enabled=False)) as tracker:
            tracker.log_training_metrics(1, 1, {"loss": 0.5})
            tracker.log_text("a", "b")
            tracker.log_performance_metrics({"a": 1.0})
            tracker.log_profiling_data({})
            tracker.log_hyperparameters({})
            assert tracker.flush() and tracker.run_directory is None
        assert threading.active_count() == 1
        assert not {"torch", "wandb", "tensorboard"} & set(sys.modules)
    """
    finished = run_program(program, tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == "" and list(tmp_path.iterdir()) == []


def test_closing_twice_does_nothing_more_and_a_later_call_is_warned_of_once(
    config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = ExperimentTracker(config)
    tracker.close()
    tracker.close("failed")
    for _ in range(3):
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert read_run(directory_of(tracker)).status == "finished"
    late = [record for record in caplog.records if "is closed" in record.getMessage()]
    assert len(late) == 1


@pytest.mark.parametrize(("error", "status"), [(ValueError, "failed"), (KeyboardInterrupt, "interrupted")])
def test_an_exception_ends_the_run_as_what_it_is(
    config: TrackingConfig, error: type[BaseException], status: str
) -> None:
    with pytest.raises(error), ExperimentTracker(config) as tracker:
        raise error
    assert read_run(directory_of(tracker)).status == status


def test_two_runs_of_the_same_second_get_folders_of_their_own(config: TrackingConfig) -> None:
    config.experiment_name = "twice"
    with ExperimentTracker(config) as first, ExperimentTracker(config) as second:
        pass
    assert (directory_of(first).name, directory_of(second).name) == ("twice", "twice_2")


def test_an_unwritable_log_directory_is_said_and_the_training_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "runs").write_text("a file, not a folder")
    with ExperimentTracker(SEOConfig(tensorboard_log_dir=str(tmp_path / "runs"))) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert tracker.run_directory is None
    assert any("❌ Experiment tracker setup failed" in record.getMessage() for record in caplog.records)


def test_extra_trackers_are_delivered_to_and_flush_waits_for_them(config: TrackingConfig) -> None:
    memory = MemoryTracker()
    with ExperimentTracker(config, extra_trackers=[memory]) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
        assert tracker.flush()
        assert ("log_training_metrics", {"epoch": 1, "step": 1, "metrics": {"training/loss": 0.5}}) in memory.calls
    assert memory.status == "finished"


def test_a_tracker_that_hangs_delays_neither_the_training_nor_the_others_nor_the_end(
    config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()

    class HangingTracker(MemoryTracker):
        def show(self, shown: Shown, recorded: Recorded) -> None:
            if shown.kind.name == "training":
                release.wait()

    healthy = MemoryTracker("healthy")
    config.close_timeout_seconds = 1.0
    tracker = ExperimentTracker(config, extra_trackers=[HangingTracker("hanging"), healthy])
    for step in range(100):
        tracker.log_training_metrics(1, step, {"loss": 0.5})
    tracker.close()
    assert len([name for name, _ in healthy.calls if name == "log_training_metrics"]) == 100
    assert tracker.delivery["hanging"].pending > 0
    assert any("hanging: " in record.getMessage() and "pending" in record.getMessage() for record in caplog.records)
    release.set()


def test_threads_lose_nothing(config: TrackingConfig) -> None:
    def log(thread: int) -> None:
        for step in range(1000):
            tracker.log_training_metrics(thread, step, {"loss": 0.5})

    with ExperimentTracker(config) as tracker:
        threads = [threading.Thread(target=log, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    records = [record for _, record in metric_records(directory_of(tracker))]
    assert len(records) == 4000
    for thread in range(4):
        assert [record["step"] for record in records if record["epoch"] == thread] == list(range(1000))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_logs_into_the_same_journal_and_does_not_end_the_run(tmp_path: Path) -> None:
    program = """
        import os, sys
        from seo_engine import ExperimentTracker, TrackingConfig
        tracker = ExperimentTracker(TrackingConfig(tensorboard_logging=False, experiment_name="r"))
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
        child = os.fork()
        if child == 0:
            tracker.log_training_metrics(1, 2, {"loss": 0.25})
            tracker.close()
            sys.exit(0)  # with exit hooks, unlike os._exit
        assert os.waitpid(child, 0)[1] == 0
        tracker.log_training_metrics(1, 3, {"loss": 0.125})
        tracker.close()
    """
    finished = run_program(program, tmp_path)
    assert finished.returncode == 0, finished.stderr
    run = read_run(tmp_path / "runs" / "r")
    assert run.status == "finished" and run.metrics["training/loss"].count == 3
    rows = [row for row in read_wandb(run.directory / "wandb").rows if "training/loss" in row]
    assert [row["global_step"] for row in rows] == [1, 2, 3]


def test_a_killed_training_loses_nothing_and_its_child_delivers_the_rest(tmp_path: Path) -> None:
    program = """
        import os, signal, psutil
        from seo_engine import ExperimentTracker, TrackingConfig
        tracker = ExperimentTracker(TrackingConfig(tensorboard_logging=False, experiment_name="r"))
        for step in range(500):
            tracker.log_training_metrics(1, step, {"loss": 1 / (step + 1)})
        print(psutil.Process().children()[0].pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    finished = run_program(program, tmp_path)
    assert finished.returncode == -signal.SIGKILL
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(finished.stdout)).wait(timeout=60)
    directory = tmp_path / "runs" / "r"
    run = read_run(directory)
    assert run.status == "killed" and run.metrics["training/loss"].count == 500
    rows = [row for row in read_wandb(directory / "wandb").rows if "training/loss" in row]
    assert [row["global_step"] for row in rows] == list(range(500))
    assert read_wandb(directory / "wandb").exit_code == 1


def test_no_thread_imports_anything_while_the_training_may_import_it_too(tmp_path: Path) -> None:
    program = """
        import os, sys, threading, time
        imported = []

        def note(event, arguments):
            if event == "import" and threading.current_thread() is not threading.main_thread():
                imported.append((threading.current_thread().name, arguments[0]))

        sys.addaudithook(note)
        from seo_engine import ExperimentTracker, TrackingConfig
        config = TrackingConfig(
            experiment_name="r", selective_logging=False, system_metrics_interval_seconds=0.01,
            profiling_interval_seconds=0.01,
        )
        with ExperimentTracker(config) as tracker:
            while not os.path.exists("runs/r/profile/profiling_data.json"):
                time.sleep(0.01)
            for step in (1, 2, 1):
                tracker.log_training_metrics(1, step, {"loss": 0.5})
            tracker.log_evaluation_metrics(1, 1, {"loss": 0.5})
            tracker.log_performance_metrics({"cpu_usage_percent": 40.0})
            tracker.log_profiling_data(tracker.code_profiler.profiling_data())
            tracker.log_hyperparameters({"learning_rate": 1e-4})
            tracker.log_text("name", "text")
            tracker.flush()
        assert {state.pending for state in tracker.delivery.values()} == {0}
        print(imported)
    """
    finished = run_program(program, tmp_path)
    assert (finished.returncode, finished.stdout.strip()) == (0, "[]"), finished.stderr


def test_interpreter_exit_without_close_delivers_and_ends_the_run(tmp_path: Path) -> None:
    program = f"""
        from seo_engine import ExperimentTracker, TrackingConfig
        tracker = ExperimentTracker(TrackingConfig(experiment_name="r", {ONLY_WHAT_IS_LOGGED_AS_TEXT}))
        tracker.log_training_metrics(1, 1, {{"loss": 0.5}})
    """
    finished = run_program(program, tmp_path)
    assert finished.returncode == 0, finished.stderr
    run = read_run(tmp_path / "runs" / "r")
    assert run.status == "finished"
    assert {state.pending for state in run.delivery.values()} == {0}
    assert len(read_wandb(run.directory / "wandb").rows) == 1


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_wandb_run_of_the_users_is_neither_used_nor_touched(tmp_path: Path, asynchronous: bool) -> None:
    program = f"""
        import wandb
        from seo_engine import ExperimentTracker, TrackingConfig
        mine = wandb.init(mode="offline", dir=".", project="mine")
        mine.log({{"mine": 1}})
        config = TrackingConfig(
            asynchronous_logging={asynchronous}, experiment_name="r", tensorboard_logging=False,
            {ONLY_WHAT_IS_LOGGED_AS_TEXT},
        )
        with ExperimentTracker(config) as tracker:
            tracker.log_training_metrics(1, 1, {{"loss": 0.5}})
        assert wandb.run is mine
        mine.log({{"mine": 2}})
        mine.finish()
    """
    finished = run_program(program, tmp_path)
    assert finished.returncode == 0, finished.stderr
    mine = [row for row in read_wandb(tmp_path / "wandb").rows if "mine" in row]
    assert [row["mine"] for row in mine] == [1, 2] and all("training/loss" not in row for row in mine)
    ours = read_wandb(tmp_path / "runs" / "r" / "wandb").rows
    assert [row["training/loss"] for row in ours] == [0.5]


def test_delivery_json_balances(config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:
        for step in range(20):
            tracker.log_training_metrics(1, step, {"loss": 0.5})
    contents = json.loads((directory_of(tracker) / "delivery.json").read_text())
    assert set(contents) == {"run_logs"}
    for state in contents.values():
        assert state["accepted"] == state["delivered"] + sum(state["dropped"].values()) + state["pending"] > 20


def test_tracking_operations_are_profiled_under_their_names(tmp_path: Path) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path / "runs"))
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
        tracker.log_evaluation_metrics(1, 1, {"loss": 0.5})
        tracker.log_performance_metrics({"cpu_usage_percent": 1.0})
        tracker.log_profiling_data(config.code_profiler.profiling_data())
    expected = {
        f"{who}_{what}_logging"
        for who in ("unified", "tensorboard", "wandb")
        for what in ("training", "evaluation", "performance", "profiling")
    } | {"tensorboard_setup", "wandb_setup", "experiment_tracker_setup", "experiment_tracker_cleanup"}
    operations = {operation.name: operation for operation in config.code_profiler.statistics()}
    assert expected <= operations.keys()
    assert {operations[name].category for name in expected} == {"experiment_tracking"}


def test_the_journal_keeps_what_was_logged_when_a_worker_cannot_start(
    config: TrackingConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    config.wandb_logging = True
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert len(metric_records(directory_of(tracker))) == 1
    assert any("no more processes" in record.getMessage() for record in caplog.records)
    # What was never read by a worker is pending all the same.
    state = tracker.delivery["wandb"]
    assert state.pending == state.accepted == len(read_journal(directory_of(tracker)))


def test_interpreter_exit_with_a_stalled_core_keeps_its_limit(tmp_path: Path) -> None:
    program = """
        import os, psutil, signal, sys, time
        from seo_engine import ExperimentTracker, TrackingConfig
        config = TrackingConfig(experiment_name="r", tensorboard_logging=False, close_timeout_seconds=5)
        tracker = ExperimentTracker(config)
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
        tracker.flush(60)
        for process in psutil.Process().children(recursive=True):
            if "wandb-core" in process.name():
                process.send_signal(signal.SIGSTOP)
        for step in range(2, 2000):
            tracker.log_training_metrics(1, step, {"loss": 0.5})
    """
    finished = run_program(program, tmp_path)
    assert finished.returncode == 0, finished.stderr
    # Nothing of it is left behind.
    names = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert not [name for name in names if str(tmp_path) in name]
    run = read_run(tmp_path / "runs" / "r")
    state = run.delivery["wandb"]
    assert state.accepted == state.delivered + sum(state.dropped.values()) + state.pending
    assert state.is_complete or "runs recover" in finished.stderr


@pytest.mark.parametrize(("users", "expected"), [({}, "1"), ({"GOMAXPROCS": "3"}, "3")])
def test_our_core_runs_on_one_processor_unless_the_user_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, users: dict[str, str], expected: str
) -> None:
    monkeypatch.delenv("GOMAXPROCS", raising=False)
    for name, value in users.items():
        monkeypatch.setenv(name, value)
    with ExperimentTracker(TrackingConfig(tensorboard_log_dir=str(tmp_path), tensorboard_logging=False)):
        assert core(delivery_child(os.getpid()).pid).environ()["GOMAXPROCS"] == expected
        assert os.environ.get("GOMAXPROCS") == users.get("GOMAXPROCS")


def test_a_wandb_run_of_the_users_survives_the_kill_of_our_core(tmp_path: Path) -> None:
    program = """
        import psutil, wandb
        from seo_engine import ExperimentTracker, TrackingConfig
        mine = wandb.init(mode="offline", dir=".", project="mine")
        cores = {process.pid for process in psutil.Process().children() if "wandb-core" in process.name()}
        config = TrackingConfig(experiment_name="r", tensorboard_logging=False, selective_logging=False)
        with ExperimentTracker(config) as tracker:
            tracker.log_training_metrics(1, 1, {"loss": 0.5})
            tracker.flush()
            for process in psutil.Process().children(recursive=True):
                if "wandb-core" in process.name() and process.pid not in cores:
                    process.kill()
            mine.log({"mine": 1})
            tracker.log_training_metrics(1, 2, {"loss": 0.5})
        mine.log({"mine": 2})
        mine.finish()
    """
    finished = run_program(program, tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert [row["mine"] for row in read_wandb(tmp_path / "wandb").rows if "mine" in row] == [1, 2]
    ours = read_wandb(tmp_path / "runs" / "r" / "wandb").rows
    assert [row["global_step"] for row in ours if "training/loss" in row] == [1, 2]


class Stubborn:
    """Refuses to be a number."""

    ndim = 0

    def item(self) -> float:
        raise RuntimeError("no number")

    def __float__(self) -> float:
        raise RuntimeError("no number")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (1, 1), (-(2**63), -(2**63)), (True, 1), (0.1, 0.1), (numpy.float16(0.5), 0.5), (numpy.uint8(7), 7),
        (numpy.bool_(True), 1), (numpy.array(2.5), 2.5),
        *[(torch.tensor(1, dtype=dtype), 1) for dtype in (
            torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int8, torch.int64, torch.bool,
        )],
        ("0.5", None), ([1.0], None), (None, None), (2**64, 2.0**64), (10**400, None), (1 + 2j, None), ({}, None),
        (Stubborn(), None), (torch.tensor([1.0]), None), (torch.tensor(1 + 2j), None), (numpy.array([1.0]), None),
        (numpy.str_("x"), None), (object(), None),
    ],
    ids=lambda value: f"{type(value).__name__}-{str(value)[:20]}",
)  # fmt: skip
def test_what_is_a_number_is_kept_and_what_is_none_is_counted(
    config: TrackingConfig, value: Any, kept: float | None
) -> None:
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5, "odd": value, "accuracy": 0.25})
    records = read_journal(directory_of(tracker))
    (record,) = [record for _, record in records if record["kind"] == "training"]
    expected = {"training/loss": 0.5, "training/accuracy": 0.25}
    assert record["metrics"] == (expected if kept is None else expected | {"training/odd": kept})
    assert sum(records[-1][1]["dropped"].values()) == (kept is None)


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
numbers = st.floats() | st.integers(-(2**70), 2**70) | st.booleans()
values = numbers | st.none() | st.text(max_size=5) | st.lists(st.integers(), max_size=2) | st.complex_numbers()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(calls=st.lists(st.dictionaries(names, values, max_size=5), min_size=1, max_size=4))
def test_any_names_and_values_are_kept_or_counted(tmp_path: Path, calls: list[dict[str, Any]]) -> None:
    with LoggingQueue(tmp_path / f"{secrets.token_hex(8)}.jsonl") as journal:
        writer = RecordWriter(journal, TrackingConfig(), rank=0, payload_file=PayloadFile(tmp_path))
        for step, metrics in enumerate(calls):
            assert writer.write_metrics("training", 1, step, metrics)
        writer.write_end("finished")
        lines = [decode_record(line.content) for line in journal.read(Position())]
    assert all(line is not None for line in lines)
    records = [line for line in lines if line is not None and line["kind"] == "training"]
    assert [record["step"] for record in records] == list(range(len(calls)))
    kept = sum(len(record["metrics"]) + len(record.get("nonfinite", {})) for record in records)
    dropped = sum(lines[-1]["dropped"].values()) if lines[-1] is not None else 0
    # Two names that differ only by their group, `a` and `training/a`, are one metric.
    doubled = sum(len(each) - len({name if "/" in name else f"training/{name}" for name in each}) for each in calls)
    assert sum(len(each) for each in calls) - doubled <= kept + dropped <= sum(len(each) for each in calls)
    for record, metrics in zip(records, calls, strict=True):
        for name, number in record["metrics"].items():
            given_values = [value for key, value in metrics.items() if name in (key, f"training/{key}")]
            nearest = [float(value) for value in given_values if isinstance(value, int)]
            assert number in [*given_values, *nearest]


def test_values_that_json_does_not_know_are_recorded_as_texts(config: TrackingConfig) -> None:
    class Unspeakable:
        def __str__(self) -> str:
            raise RuntimeError("no words")

    with ExperimentTracker(config) as tracker:
        tracker.log_hyperparameters({"large": 2**80, "unspeakable": Unspeakable(), "learning_rate": 0.1})
        tracker.log_text("note", "hello", epoch=1, step=2**80)
        tracker.log_training_metrics(1, 2**80, {"loss": 0.5})
    run = read_run(directory_of(tracker))
    assert run.hyperparameters == {"large": str(2**80), "unspeakable": "Unspeakable", "learning_rate": 0.1}
    # A step is no text: these two are misuse, and no line that its readers cannot read.
    assert read_journal(directory_of(tracker))[-1][1]["dropped"] == {"misuse": 2} and run.unreadable_lines == 0


def test_extra_trackers_that_cannot_be_delivered_to_are_refused_at_construction(config: TrackingConfig) -> None:
    class TrackerOfAnotherKind:
        name = "other"

        def log_training_metrics(self, *arguments: Any) -> None: ...

    for trackers, message in (
        ([TrackerOfAnotherKind()], "an extra tracker must be a DestinationTracker, got TrackerOfAnotherKind"),
        ([MemoryTracker("wandb")], "an extra tracker must have a name of its own, 'wandb' is taken"),
        ([MemoryTracker(), MemoryTracker()], "an extra tracker must have a name of its own, 'memory' is taken"),
    ):
        with pytest.raises(ValueError, match=message):
            ExperimentTracker(config, extra_trackers=trackers)  # type: ignore[arg-type]
    assert not Path(config.tensorboard_log_dir).exists()


def test_an_architecture_of_the_wrong_types_is_misuse(config: TrackingConfig) -> None:
    wrong: Any = {"text": 5, "parameters": None, "trainable_parameters": None}
    with ExperimentTracker(config) as tracker:
        tracker.log_model_architecture(wrong)
    assert read_journal(directory_of(tracker))[-1][1]["dropped"] == {"misuse": 1}


def test_a_slow_call_with_wrong_metrics_does_not_raise(config: TrackingConfig) -> None:
    config.slow_logging_threshold_seconds = 1e-9
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 1, None)  # type: ignore[arg-type]
    assert read_journal(directory_of(tracker))[-1][1]["dropped"] == {"misuse": 1}


def test_arguments_without_words_are_misuse(config: TrackingConfig, caplog: pytest.LogCaptureFixture) -> None:
    class Unspeakable(dict[str, Any]):
        def __str__(self) -> str:
            raise RuntimeError("no words")

        __repr__ = __str__

        def __hash__(self) -> int:  # type: ignore[override]
            return 1

    class UnspeakableError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    class Failing(dict[str, Any]):
        def items(self) -> Any:
            raise UnspeakableError

        keys = __iter__ = items

    with ExperimentTracker(config) as tracker:
        tracker.log_metrics_with_priority({"loss": 0.5}, priority=Unspeakable())  # type: ignore[arg-type]
        tracker.log_metrics_with_priority({Unspeakable(): 0.5})  # type: ignore[dict-item]
        tracker.log_training_metrics(1, 1, Failing(loss=0.5))
        tracker.log_hyperparameters(Failing(loss=0.5))
        tracker.log_profiling_data(Failing(loss=0.5))
    assert read_journal(directory_of(tracker))[-1][1]["dropped"]["misuse"] >= 3


def test_data_that_are_nested_too_deep_cost_nothing_beside_them(config: TrackingConfig) -> None:
    deep: list[Any] = []
    for _ in range(150):
        deep = [deep]
    with ExperimentTracker(config) as tracker:
        tracker.log_hyperparameters({"deep": deep, "learning_rate": 0.1})
    run = read_run(directory_of(tracker))
    assert run.hyperparameters["learning_rate"] == 0.1 and "nested too deep" in str(run.hyperparameters["deep"])


def test_memory_tracker_takes_a_read_only_mapping() -> None:
    tracker = MemoryTracker()
    tracker.log_training_metrics(1, 1, MappingProxyType({"loss": 1.0}))
    assert tracker.calls == [("log_training_metrics", {"epoch": 1, "step": 1, "metrics": {"loss": 1.0}})]


def test_the_smallest_and_the_largest_step_of_64_bits_are_recorded_and_read(config: TrackingConfig) -> None:
    steps = [-(2**63), 2**63 - 1]
    with ExperimentTracker(config) as tracker:
        for step in [*steps, -(2**63) - 1, 2**63]:
            tracker.log_training_metrics(1, step, {"loss": 0.5})
    records = [record for _, record in read_journal(directory_of(tracker))]
    assert [record["step"] for record in records if record["kind"] == "training"] == steps
    assert records[-1]["dropped"] == {"misuse": 2} and read_run(directory_of(tracker)).unreadable_lines == 0


def test_each_sort_of_mistake_is_said_once_and_names_the_argument(
    config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with ExperimentTracker(config) as tracker:
        for step in (1, 2):
            tracker.log_training_metrics("two", step, {"loss": 1.0})  # type: ignore[arg-type]
            tracker.log_training_metrics(1, step + 0.5, {"loss": 1.0})  # type: ignore[arg-type]
            tracker.log_training_metrics(1, step, [0.5])  # type: ignore[arg-type]
            tracker.log_hyperparameters(step)  # type: ignore[arg-type]
            tracker.log_text(step, "text")  # type: ignore[arg-type]
            tracker.log_evaluation_metrics(1, None, {"loss": 1.0})  # type: ignore[arg-type]
    assert [message for message in caplog.messages if "Skipping" in message] == [
        "⚠️ Skipping a call of log_training_metrics: epoch must be a number, got 'two' (str)",
        "⚠️ Skipping a call of log_training_metrics: step must be a whole number, got 1.5 (float)",
        "⚠️ Skipping a call of log_training_metrics: metrics must be a dictionary, got a list",
        "⚠️ Skipping a call of log_hyperparameters: hyperparameters must be a dictionary, got 1 (int)",
        "⚠️ Skipping a call of log_text: a name must be a text, got 1 (int)",
        "⚠️ Skipping a call of log_evaluation_metrics: step must be a whole number, got None",
    ]
    assert read_journal(directory_of(tracker))[-1][1]["dropped"] == {"misuse": 12}


def test_an_epoch_that_is_none_is_the_last_one_seen(config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(None, 1, {"loss": 1.0})
        tracker.log_training_metrics(3, 2, {"loss": 1.0})
        tracker.log_evaluation_metrics(None, 3, {"loss": 1.0})
    records = [record for _, record in metric_records(directory_of(tracker))]
    assert [record["epoch"] for record in records] == [0, 3, 3]
