"""What disturbs the beginning and the end of a run in a process that lives on: nothing of it reaches the training."""

from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from seo_engine import ExperimentTracker, MemoryTracker, TensorBoardTracker, TrackingConfig
from seo_engine.tracking.delivery.deliveries import Deliveries
from seo_engine.tracking.delivery.recovery import recover_run, unfinished_runs
from seo_engine.tracking.history.listing import list_runs
from seo_engine.tracking.history.summary import read_run
from seo_engine.tracking.runs.endings import describe_error
from seo_engine.tracking.runs.record_writer import MOST_COUNTED_NAMES, OTHERS
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.journal.test_journal_faults import FailingDisk
from tests.tracking.killing import delete_folder, training, wait_until
from tests.tracking.read_views import assert_each_value_once, metric_records, read_journal


@pytest.fixture
def config(tmp_path: Path) -> TrackingConfig:
    return TrackingConfig(
        tensorboard_log_dir=str(tmp_path / "runs"), wandb_logging=False, experiment_name="r", selective_logging=False
    )


def directory_of(tracker: ExperimentTracker) -> Path:
    assert tracker.run_directory is not None
    return tracker.run_directory


def test_a_status_or_an_error_that_is_none_is_said_and_the_run_ends(
    config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = ExperimentTracker(config)
    tracker.close("done")
    assert read_run(directory_of(tracker)).status == "finished"
    assert "status must be one of finished, failed, interrupted, killed, got 'done'" in caplog.text
    tracker = ExperimentTracker(config)
    tracker.close("failed", "out of tulips")  # type: ignore[arg-type]
    run = read_run(directory_of(tracker))
    assert run.status == "failed" and run.error is not None and "out of tulips" in run.error["message"]


def test_thousands_of_metrics_that_are_no_numbers_are_counted_at_the_end(config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:
        for step in range(40):
            names = [f"a_metric_with_a_long_name/{step}/{number}" for number in range(1000)]
            tracker.log_training_metrics(1, step, dict.fromkeys(names, float("nan")))
    counts = read_journal(directory_of(tracker))[-1][1]["nonfinite_counts"]
    assert len(counts) == MOST_COUNTED_NAMES + 1 and counts[OTHERS] == 40_000 - MOST_COUNTED_NAMES


def test_a_long_error_is_described_by_its_beginning_and_the_end_of_its_traceback() -> None:
    try:
        raise ValueError("tulips " * 10_000_000)
    except ValueError as error:
        described = describe_error(error)
    assert described["message"].startswith("ValueError: tulips") and len(described["message"]) == 2_000
    assert len(described["traceback"]) == 20_000


def test_a_disk_that_takes_records_again_while_the_run_ends_gets_them_all(
    config: TrackingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(config, **ONLY_WHAT_IS_LOGGED)
    disk = FailingDisk(monkeypatch)
    tracker = ExperimentTracker(config)
    disk.error = errno.ENOSPC
    for step in range(1, 101):
        tracker.log_training_metrics(1, step, {"loss": 1 / step})
    refused = threading.Event()
    monkeypatch.setattr(
        logging.getLogger("seo_engine.tracking.journal.logging_queue"), "debug", lambda *_: refused.set()
    )

    def make_room() -> None:
        # It refuses the first try after the end was asked for.
        assert tracker.logging_queue is not None
        wait_until(lambda: tracker._closed)
        refused.clear()
        refused.wait(100)
        disk.error = None

    thread = threading.Thread(target=make_room)
    thread.start()
    tracker.close()
    thread.join()
    assert read_run(directory_of(tracker)).status == "finished"
    assert len(metric_records(directory_of(tracker))) == 100
    assert_each_value_once(directory_of(tracker))


def test_ctrl_c_within_the_constructor_ends_the_run(config: TrackingConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(trackers: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(TensorBoardTracker, "import_sdk", interrupt)
        ExperimentTracker(config)
    (run,) = list_runs(config.tensorboard_log_dir)
    assert run.status == "interrupted" and run.error is not None and "KeyboardInterrupt" in run.error["traceback"]
    # It is given back: the same process may go on with it.
    with ExperimentTracker(config, resume=run.directory) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert read_run(run.directory).status == "finished"


def test_threads_that_cannot_be_started_are_said_and_the_journal_keeps_all(
    config: TrackingConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with ExperimentTracker(config) as tracker:
            tracker.log_training_metrics(1, 1, {"loss": 0.5})
            # A worker that never began is not waited for.
            assert not tracker.flush(timeout_seconds=10_000)
    assert "can't start new thread; the journal keeps everything" in caplog.text and "runs recover" in caplog.text
    assert unfinished_runs(Path(config.tensorboard_log_dir)) == [directory_of(tracker)]
    recover_run(directory_of(tracker))
    assert_each_value_once(directory_of(tracker))


def test_a_child_that_cannot_be_started_is_not_waited_for(
    config: TrackingConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = replace(config, **ONLY_WHAT_IS_LOGGED)

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    config.wandb_logging = True
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        with ExperimentTracker(config) as tracker:
            tracker.log_training_metrics(1, 1, {"loss": 0.5})
            assert not tracker.flush(timeout_seconds=10_000)
    assert "its process is given up" in caplog.text
    assert tracker.delivery["tensorboard"].is_complete and tracker.delivery["wandb"].pending == 3


def test_a_run_whose_end_was_interrupted_can_be_recovered_by_the_same_process(
    config: TrackingConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    tracker = ExperimentTracker(config)
    tracker.log_training_metrics(1, 1, {"loss": 0.5})
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Deliveries, "_wait_for", interrupt)
        tracker.close()
    assert f"seo-engine runs recover {tracker.run_directory}" in caplog.text
    states = recover_run(directory_of(tracker))
    assert all(state.is_complete for state in states.values()), states
    assert_each_value_once(directory_of(tracker))


def test_what_fails_while_the_run_ends_does_not_reach_the_training(
    config: TrackingConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("nobody thought of it")

    with pytest.raises(KeyError, match="tulip"), ExperimentTracker(config):
        monkeypatch.setattr(Deliveries, "close", fail)
        raise KeyError("tulip")
    assert "❌ Experiment tracker cleanup failed: nobody thought of it" in caplog.text and "runs recover" in caplog.text


def test_a_destination_that_only_the_training_knows_is_not_for_runs_recover(
    config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    config = replace(config, **ONLY_WHAT_IS_LOGGED)
    archive = MemoryTracker("archive")
    archive.available = False
    with ExperimentTracker(config, extra_trackers=[archive]) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert "archive: 0 of 3 records delivered, 0 dropped, 3 pending (set-up failed: " in caplog.text
    assert "runs recover" not in caplog.text
    assert "keeps what is pending for archive; to deliver it: resume the run with it in extra_trackers" in caplog.text


def test_a_tracker_is_closed_once(config: TrackingConfig) -> None:
    class CountingTracker(MemoryTracker):
        closings = 0

        def close(self, status: str = "finished") -> None:
            self.closings += 1

    counting = CountingTracker()
    with ExperimentTracker(config, extra_trackers=[counting]) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert counting.closings == 1 and tracker.delivery["memory"].closed


def test_what_an_attached_process_logs_behind_the_end_is_unfinished(config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:
        attached = ExperimentTracker.attach(directory_of(tracker))
    assert unfinished_runs(Path(config.tensorboard_log_dir)) == []
    attached.log_training_metrics(1, 1, {"loss": 0.5})
    attached.close()
    assert unfinished_runs(Path(config.tensorboard_log_dir)) == [directory_of(tracker)]
    recover_run(directory_of(tracker))
    assert unfinished_runs(Path(config.tensorboard_log_dir)) == []
    assert assert_each_value_once(directory_of(tracker)) == 1


def test_a_forked_process_logs_into_the_journal_that_was_made_anew(config: TrackingConfig) -> None:
    config = replace(config, **ONLY_WHAT_IS_LOGGED)
    config.asynchronous_logging = False
    with ExperimentTracker(config) as tracker:
        read_end, write_end = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(write_end)
            os.read(read_end, 1)
            tracker.log_training_metrics(1, 2, {"loss": 0.25})
            os._exit(0)
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
        delete_folder(directory_of(tracker))
        wait_until((directory_of(tracker) / "journal.jsonl").exists)
        os.close(write_end)
        os.waitpid(process, 0)
        os.close(read_end)
    assert [record["step"] for _, record in metric_records(directory_of(tracker))] == [1, 2]


def test_a_forked_process_that_outlives_the_training_does_not_keep_its_child_from_ending_the_run(
    tmp_path: Path,
) -> None:
    program = """
        import os, signal
        from seo_engine import ExperimentTracker, TrackingConfig
        tracker = ExperimentTracker(TrackingConfig(experiment_name="r", wandb_mode="offline", selective_logging=False))
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
        tracker.flush()
        if os.fork() == 0:
            os.read(0, 1)
            os._exit(0)
        tracker.log_training_metrics(1, 2, {"loss": 0.25})
        os.kill(os.getpid(), signal.SIGKILL)
    """
    with training(program, tmp_path) as process:
        process.wait(timeout=200)
        run = wait_until(
            lambda: (
                (r := read_run(tmp_path / "runs" / "r"))
                and len(r.delivery) == 3
                and all(each.closed for each in r.delivery.values())
                and r
            )
        )
    assert run.status == "killed" and all(state.is_complete for state in run.delivery.values()), run.delivery
    assert assert_each_value_once(run.directory) == 2


def run_program(program: str, folder: Path, *arguments: str | bytes) -> subprocess.CompletedProcess[str]:
    (folder / "train.py").write_text(textwrap.dedent(program))
    return subprocess.run(
        [sys.executable, "train.py", *arguments], cwd=folder, text=True, capture_output=True, check=False
    )


def test_a_command_line_in_another_encoding_is_recorded_and_the_run_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"d\xe9")
    folder.mkdir()
    program = f"""
        from seo_engine import ExperimentTracker, TrackingConfig
        config = TrackingConfig(experiment_name="r", tensorboard_log_dir="{tmp_path}/runs", wandb_mode="offline")
        with ExperimentTracker(config) as tracker:
            tracker.log_training_metrics(1, 1, {{"loss": 0.5}})
            tracker.log_text("name", "caf\\udce9")
    """
    finished = run_program(program, folder, b"caf\xe9.html")
    assert finished.returncode == 0, finished.stderr
    run = read_run(tmp_path / "runs" / "r")
    assert run.status == "finished" and run.command[-1] == "caf\\udce9.html"
    assert all(state.is_complete and not state.dropped for state in run.delivery.values()), run.delivery


@pytest.mark.parametrize("standard_error", ["None", "OnlyWrites()"])
def test_a_standard_error_that_is_none_or_only_writes_ends_nothing(tmp_path: Path, standard_error: str) -> None:
    program = f"""
        import sys
        from seo_engine import ExperimentTracker, TrackingConfig
        class OnlyWrites:
            def write(self, text): print(text, end="")
            def flush(self): pass
        sys.stderr = {standard_error}
        with ExperimentTracker(TrackingConfig(experiment_name="r", wandb_logging=False)) as tracker:
            tracker.log_training_metrics(1, 1, {{"loss": "high"}})
    """
    finished = run_program(program, tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert ("Skipping non-numeric metric training/loss" in finished.stdout) == (standard_error != "None")
    assert read_run(tmp_path / "runs" / "r").status == "finished"


def test_the_console_is_there_as_long_as_any_run_is_open(tmp_path: Path) -> None:
    program = """
        import logging
        from seo_engine import ExperimentTracker, TrackingConfig
        first, second = (
            ExperimentTracker(TrackingConfig(wandb_logging=False, tensorboard_logging=False)) for _ in range(2)
        )
        first.close()
        second.log_training_metrics(1, 1, {"loss": "high"})
        second.close()
        package = logging.getLogger("seo_engine")
        assert package.level == logging.NOTSET and not package.handlers
    """
    finished = run_program(program, tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr.count("Skipping non-numeric metric training/loss") == 1


def test_a_name_that_looks_like_a_secret_does_not_make_a_run_that_cannot_be_recovered(config: TrackingConfig) -> None:
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    journal = directory_of(tracker) / "journal.jsonl"
    # As an earlier version, or another secret of the environment, left it.
    first, *rest = journal.read_text().splitlines()
    start = json.loads(first)
    start["configuration"]["experiment_name"] = "[redacted]"
    journal.write_text("\n".join([json.dumps(start), *rest, ""]))
    assert recover_run(directory_of(tracker))["tensorboard"].is_complete


def test_a_signals_handler_that_closes_within_a_call_has_it_write_to_no_other_file(tmp_path: Path) -> None:
    program = """
        import os, signal
        from seo_engine import ExperimentTracker, TrackingConfig
        tracker = ExperimentTracker(TrackingConfig(experiment_name="r", wandb_logging=False, tensorboard_logging=False))
        queue, write = tracker.logging_queue, os.write
        signal.signal(signal.SIGALRM, lambda *_: tracker.close("interrupted"))

        def interrupted_write(descriptor, data):
            if descriptor == queue.descriptor and b'"step":2' in data:
                os.write = write
                signal.raise_signal(signal.SIGALRM)
            return write(descriptor, data)

        os.write = interrupted_write
        tracker.log_training_metrics(1, 1, {"loss": 1.0})
        tracker.log_training_metrics(1, 2, {"loss": 1.0})
    """
    finished = run_program(program, tmp_path)
    assert finished.returncode == 0 and "❌" not in finished.stderr and "error:" not in finished.stderr
    assert "The run was closed during a call, which is not recorded" in finished.stderr
    run = read_run(tmp_path / "runs" / "r")
    assert run.status == "interrupted" and run.metrics["training/loss"].count == 1
