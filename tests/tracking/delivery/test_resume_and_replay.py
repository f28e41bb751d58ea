"""A run that goes on, and a run that gets another view later."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seo_engine import ExperimentTracker, MemoryTracker, TrackingConfig
from seo_engine.tracking.delivery.replay import replay_run
from seo_engine.tracking.history.summary import read_run
from seo_engine.tracking.runs.places import RunNotFoundError
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.read_views import (
    assert_each_value_once,
    metric_records,
    read_journal,
    read_tensorboard,
    read_wandb,
    wandb_values,
)
from tests.tracking.wandb_server import WandBServer, use_server


def config(tmp_path: Path, **settings: object) -> TrackingConfig:
    values = {"selective_logging": False, "experiment_name": "r"} | ONLY_WHAT_IS_LOGGED | settings
    return TrackingConfig(tensorboard_log_dir=str(tmp_path / "runs"), **values)  # type: ignore[arg-type]


def train(tracker: ExperimentTracker, steps: range) -> None:
    with tracker:
        for step in steps:
            tracker.log_training_metrics(step / 10, step, {"loss": 1 / step})


def test_a_resumed_run_goes_on_in_the_same_journal_and_the_same_wandb_run(tmp_path: Path) -> None:
    train(ExperimentTracker(config(tmp_path)), range(1, 11))
    resumed = ExperimentTracker(config(tmp_path), resume="r", step=6)
    assert (resumed.global_step, resumed.current_epoch) == (6, 1.0)
    train(resumed, range(6, 16))
    directory = tmp_path / "runs" / "r"
    assert [path.name for path in directory.parent.iterdir()] == ["r"]
    kinds = [record["kind"] for _, record in read_journal(directory)]
    assert [kind for kind in kinds if kind != "training"] == ["start", "end", "resume", "end"]
    assert_each_value_once(directory)
    ids = {path.name for path in directory.glob("wandb/offline-run-*/run-*.wandb")}
    assert len(ids) == 1 and len(list(directory.glob("wandb/offline-run-*"))) == 2
    run = read_run(directory)
    # What was logged at step 6 and later, before the run was resumed there, is superseded.
    assert run.status == "finished" and run.metrics["training/loss"].count == 15 and run.step == 15
    assert all(state.is_complete for state in run.delivery.values())


def test_a_resumed_run_goes_on_with_the_same_run_of_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with WandBServer() as server:
        use_server(monkeypatch, server)
        train(ExperimentTracker(config(tmp_path, tensorboard_logging=False)), range(1, 11))
        train(ExperimentTracker(config(tmp_path, tensorboard_logging=False), resume="r", step=6), range(6, 16))
        expected = sorted(
            (number, record["step"], "training/loss", record["metrics"]["training/loss"])
            for number, record in metric_records(tmp_path / "runs" / "r")
        )
        assert len(server.runs) == 1 and wandb_values(server.rows) == expected


def test_a_killed_run_that_is_resumed_gets_first_what_was_not_delivered(tmp_path: Path) -> None:
    program = """
import os, signal
from seo_engine import ExperimentTracker, TrackingConfig
tracker = ExperimentTracker(
    TrackingConfig(selective_logging=False, experiment_name="r", wandb_logging=False)
)
for step in range(1, 101): tracker.log_training_metrics(1, step, {"loss": 1 / step})
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False)
    train(ExperimentTracker(config(tmp_path, wandb_logging=False), resume="r"), range(101, 111))
    directory = tmp_path / "runs" / "r"
    assert assert_each_value_once(directory) == 110 and len(read_tensorboard(directory).scalars["training/loss"]) == 110
    assert "resumed" in next(directory.glob("logs/training_progress_*.log")).read_text()


def test_a_plug_in_is_told_of_the_resumption(tmp_path: Path) -> None:
    quiet = {"tensorboard_logging": False, "wandb_logging": False}
    train(ExperimentTracker(config(tmp_path, **quiet)), range(1, 3))
    memory = MemoryTracker()
    train(ExperimentTracker(config(tmp_path, **quiet), resume="r", step=2, extra_trackers=[memory]), range(2, 3))
    calls = [(name, arguments.get("step")) for name, arguments in memory.calls if name != "log_experiment_config"]
    assert calls == [
        ("log_training_metrics", 1),
        ("log_training_metrics", 2),
        ("log_end", None),
        ("log_resume", 2),
        ("log_training_metrics", 2),
        ("log_end", None),
    ]


def test_what_cannot_be_resumed_is_refused(tmp_path: Path) -> None:
    quiet = config(tmp_path, tensorboard_logging=False, wandb_logging=False)
    with pytest.raises(RunNotFoundError, match="no run 'nowhere'"):
        ExperimentTracker(quiet, resume="nowhere")
    with pytest.raises(ValueError, match="step must be an integer, and requires resume"):
        ExperimentTracker(quiet, step=3)
    for journal in ("", "{}\n", '{"kind": "start", "time": 1, "configuration": {}, "wandb_run_id": "../../x"}\n'):
        (tmp_path / "runs" / "odd").mkdir(parents=True, exist_ok=True)
        (tmp_path / "runs" / "odd" / "journal.jsonl").write_text(journal)
        with pytest.raises(ValueError, match="does not say how the run began"):
            ExperimentTracker(quiet, resume="odd")


def test_a_run_that_is_still_open_is_neither_resumed_nor_recovered_nor_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seo_engine.tracking.runs import open_run

    monkeypatch.setattr(open_run, "_LONGEST_WAIT_FOR_LOCK", 0.0)
    quiet = config(tmp_path, tensorboard_logging=False, wandb_logging=False)
    with ExperimentTracker(quiet):
        with pytest.raises(ValueError, match="it is open in this process: close it first"):
            ExperimentTracker(quiet, resume="r")
        for command in (["recover", "r"], ["replay", "r", "--to", "tensorboard"]):
            said = run_command(tmp_path, *command)
            assert said.returncode == 2 and said.stderr.strip().endswith("is still running")
        assert "still open" in run_command(tmp_path, "recover").stdout


def run_command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "seo_engine.cli", "runs", *arguments],
        cwd=folder, text=True, capture_output=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("made_with", "missing"), [("tensorboard", "wandb"), ("wandb", "tensorboard")])
def test_a_run_made_with_one_tracker_gets_the_other_later(tmp_path: Path, made_with: str, missing: str) -> None:
    train(ExperimentTracker(config(tmp_path, **{f"{missing}_logging": False})), range(1, 51))
    directory = tmp_path / "runs" / "r"
    replayed = run_command(tmp_path, "replay", "r", "--to", missing, "--json")
    assert replayed.returncode == 0, replayed.stderr
    assert json.loads(replayed.stdout)["runs/r"][missing]["pending"] == 0
    assert list(directory.glob("events.out.tfevents.*")) and list(directory.glob("wandb/offline-run-*"))
    assert_each_value_once(directory)
    times = {number: record["time"] for number, record in read_journal(directory)}
    scalars = read_tensorboard(directory).scalars["training/loss"]
    assert [scalar.wall_time for scalar in scalars] == [times[scalar.record] for scalar in scalars]
    rows = read_wandb(directory / "wandb").rows
    assert [row["_timestamp"] for row in rows] == [times[row["_step"]] for row in rows]


def test_replay_of_everything_has_a_run_of_its_own_and_a_second_time_nothing_to_do(tmp_path: Path) -> None:
    thinned = config(tmp_path, selective_logging=True, wandb_logging=False)
    with ExperimentTracker(thinned) as tracker:
        for step in range(1, 31):
            tracker.log_training_metrics(1, step, {"loss": 1 / step, "weight_norm": float(step)})
    directory = tmp_path / "runs" / "r"
    assert len(read_tensorboard(directory).scalars["training/weight_norm"]) < 10
    for _ in range(2):
        target, states = replay_run(directory, "tensorboard", show_all=True)
        assert target.name == "r_all" and states["tensorboard"].is_complete
        assert assert_each_value_once(target) == 60
    assert "complete" in run_command(tmp_path, "recover").stdout
    assert [json.loads(line)["time"] for line in (target / "journal.jsonl").read_text().splitlines()] == [
        json.loads(line)["time"] for line in (directory / "journal.jsonl").read_text().splitlines()
    ]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'{"kind":"hyperparameters","time":1.0,"hyperparameters":{"a":DEEP}}', id="hyperparameters"),
        pytest.param(
            b'{"kind":"profiling","time":1.0,"epoch":1,"step":1,"profiling_data":{"bottlenecks":DEEP}}', id="profiling"
        ),
        pytest.param(b'{"kind":"text","time":1.0,"epoch":1,"step":1,"name":"a","text":"b","x":DEEP}', id="text"),
        pytest.param(b'{"kind":"model_architecture","time":1.0,"architecture":{}}', id="architecture"),
        pytest.param(
            b'{"kind":"training","time":1.0,"epoch":1,"step":18446744073709551615,"metrics":{"training/loss":1.0}}',
            id="step",
        ),
    ],
)
def test_a_foreign_line_is_dropped_and_doubles_nothing(tmp_path: Path, line: bytes) -> None:
    with ExperimentTracker(config(tmp_path, tensorboard_logging=False, wandb_logging=False)) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    directory = Path(str(tracker.run_directory))
    journal = directory / "journal.jsonl"
    *before, end = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*before, line.replace(b"DEEP", b"[" * 990 + b"]" * 990), b"\n", end]))
    delivery = replay_run(directory, "tensorboard")[1] | replay_run(directory, "wandb")[1]
    assert delivery and all(state.is_complete for state in delivery.values())
    assert all(state.dropped == {"unreadable": 1} for state in delivery.values()), delivery
    assert read_run(directory).status == "finished"
