from __future__ import annotations

import json
from pathlib import Path

import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.history.listing import list_runs
from seo_engine.tracking.history.summary import read_run
from seo_engine.tracking.runs.places import RunNotFoundError, find_run
from seo_engine.tracking.runs.run_lock import RunLock


def make_run(folder: Path, name: str) -> Path:
    config = TrackingConfig(
        tensorboard_log_dir=str(folder), wandb_logging=False, tensorboard_logging=False, experiment_name=name
    )
    with ExperimentTracker(config) as tracker:
        tracker.log_hyperparameters({"learning_rate": 0.1})
        for step, loss in enumerate([4.0, 1.0, 2.0, float("nan")]):
            tracker.log_training_metrics(1, step, {"loss": loss})
        tracker.log_profiling_data({"timings": {"forward_pass": 0.5}})
    assert tracker.run_directory is not None
    return tracker.run_directory


def test_a_run_is_read_back_from_its_journal(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path, "first"))
    loss = run.metrics["training/loss"]
    assert (loss.count, loss.first, loss.last, loss.minimum, loss.maximum) == (3, 4.0, 2.0, 1.0, 4.0)
    assert (run.status, run.step, run.epoch) == ("finished", 3, 1)
    assert run.nonfinite == {"training/loss": 1}
    assert run.hyperparameters == {"learning_rate": 0.1} and run.timings == {"forward_pass": 0.5}
    assert run.delivery["run_logs"].pending == 0


def test_runs_are_listed_newest_first(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_run(tmp_path, name)
    (tmp_path / "no_run").mkdir()
    assert [run.name for run in list_runs(tmp_path)] == ["b", "a"]
    assert list_runs(tmp_path / "nowhere") == []


def test_a_run_is_found_by_name_and_by_path(tmp_path: Path) -> None:
    directory = make_run(tmp_path, "a")
    assert find_run(tmp_path, "a") == find_run("elsewhere", str(directory)) == directory
    with pytest.raises(RunNotFoundError, match="no run 'b'"):
        find_run(tmp_path, "b")


def test_the_working_time_leaves_out_the_pauses_and_the_end_that_somebody_else_wrote(tmp_path: Path) -> None:
    lines = [
        {"kind": "start", "time": 1000.0, "configuration": {}},
        {"kind": "training", "time": 1060.0, "epoch": 1, "step": 5, "metrics": {"training/loss": 1.0}},
        # Killed at step 9, which is superseded later; the end was written the next day.
        {"kind": "training", "time": 1090.0, "epoch": 1, "step": 9, "metrics": {"training/loss": 1.0}},
        {"kind": "last_values", "time": 90000.0},
        {"kind": "end", "time": 90000.0, "status": "killed"},
        {"kind": "resume", "time": 100000.0, "step": 6, "configuration": {}},
        {"kind": "training", "time": 100020.0, "epoch": 1, "step": 6, "metrics": {"training/loss": 0.5}},
        {"kind": "end", "time": 100030.0, "status": "finished"},
    ]
    (tmp_path / "journal.jsonl").write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    run = read_run(tmp_path)
    assert (run.seconds, run.status, run.started, run.ended) == (120.0, "finished", 1000.0, 100030.0)
    loss = run.metrics["training/loss"]
    assert (loss.count, loss.minimum, loss.minimum_step, loss.maximum_step) == (2, 0.5, 6, 5)


def test_the_last_text_of_each_name_is_kept_in_bounds(tmp_path: Path) -> None:
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path), wandb_logging=False, tensorboard_logging=False, experiment_name="r"
    )
    with ExperimentTracker(config) as tracker:
        for text in ("first", "second"):
            tracker.log_text("sample", text)
        tracker.log_text("book", "word " * 10_000)
        tracker.log_text("sample", "third")
    texts = read_run(tmp_path / "r").texts
    assert list(texts) == ["text/book", "text/sample"]
    assert texts["text/sample"] == "third" and len(texts["text/book"]) == 10_000


def test_damaged_and_hostile_lines_are_counted_and_passed_over(tmp_path: Path) -> None:
    directory = make_run(tmp_path, "a")
    with (directory / "journal.jsonl").open("ab") as journal:
        for line in (b"{", b"\xff\xfe", b'{"kind": "training"}', b'{"kind": "start", "time": "x"}', b"[" * 3000, b""):
            journal.write(line + b"\n")
        journal.write(b'{"kind": "training", "time": 1, "epoch": 1, "step": 9, "metrics": {"training/loss": "x"}}\n')
    run = read_run(directory)
    assert run.unreadable_lines == 6 and run.status == "finished"
    assert run.metrics["training/loss"].count == 3


def test_a_run_without_end_is_killed_unless_its_process_lives(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    start = {"kind": "start", "time": 1.0, "configuration": {}}
    (tmp_path / "r" / "journal.jsonl").write_text(json.dumps(start) + "\n")
    assert read_run(tmp_path / "r").status == "killed"
    lock = RunLock(tmp_path / "r", "run")
    assert lock.acquire() and read_run(tmp_path / "r").status == "running"
    lock.release()
    assert read_run(tmp_path / "r").status == "killed"
