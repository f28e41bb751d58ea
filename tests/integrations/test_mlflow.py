"""A run in MLflow's own local store, as its client reads it."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mlflow")

import mlflow

from seo_engine import ExperimentTracker
from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.runs.lifecycle import Lifecycle, read_lifecycle
from seo_engine.tracking.trackers.mlflow.mlflow_tracker import MLflowTracker
from seo_engine.tracking.trackers.mlflow.outbox import DELIVERED, MOST_METRICS
from seo_engine.tracking.trackers.mlflow.place import RunPlace
from seo_engine.tracking.trackers.placement import Placement
from tests.integrations.mlflow_runs import MLflowRuns, configuration
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED_AS_TEXT
from tests.tracking.killing import kill_tree, training, wait_until
from tests.tracking.logged_kinds import SECRET, log_further_kinds
from tests.tracking.logged_media import log_everything

TRAINING = f"""
    import os, sys
    from seo_engine import ExperimentTracker, TrackingConfig
    config = TrackingConfig(
        tensorboard_log_dir=os.environ["RUNS"], experiment_name="r", tensorboard_logging=False,
        wandb_logging=False, selective_logging=False, additional_trackers=["mlflow"], {ONLY_WHAT_IS_LOGGED_AS_TEXT},
        tracker_settings={{"mlflow": {{"tracking_uri": os.environ["STORE"], "experiment_name": os.environ["NAME"]}}}},
    )
    tracker = ExperimentTracker(config)
    for step in range(1, 3001):
        tracker.log_metrics({{"loss": 1 / step, "accuracy": step}}, step=step)
        if step == 1000:
            tracker.flush()
            print("delivered", flush=True)
    print("logged", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database, which MLflow takes seconds to make; each test has an experiment of its own in it."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.fixture(autouse=True)
def own_mlflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith("MLFLOW_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    yield
    mlflow.set_tracking_uri(None)


@pytest.fixture
def runs(store: str, tmp_path: Path) -> MLflowRuns:
    return MLflowRuns(store, tmp_path.name)


def logged(folder: Path) -> list[tuple[str, int, float]]:
    """Return what the journal holds of the metrics: name, step and value."""
    return sorted(
        (name, record["step"], value)
        for record in map(json.loads, (folder / "r" / "journal.jsonl").read_bytes().splitlines())
        for name, value in record.get("metrics", {}).items()
    )


def held(runs: MLflowRuns) -> list[tuple[str, int, float]]:
    """Return what MLflow holds of them."""
    return sorted((name, step, value) for name, step, _, value in runs.points() if name != "epoch")


def test_every_kind_is_where_the_page_of_mlflow_shows_it(tmp_path: Path, store: str, runs: MLflowRuns) -> None:
    with ExperimentTracker(configuration(tmp_path, store)) as tracker:
        tracker.log_hyperparameters({"lr": 0.001, "optimizer": {"name": "adam", "betas": [0.9, 0.95]}})
        tracker.log_training_metrics(2, 1, {"loss": 0.5})
        log_everything(tracker)
        log_further_kinds(tracker)
    state = tracker.delivery["mlflow"]
    assert state.is_complete and not state.dropped and not state.media_not_shown, state
    run, files = runs.only, runs.files()
    assert run.info.status == "FINISHED" and run.info.run_name == "r"
    assert run.data.params == {"lr": "0.001", "optimizer.name": "adam", "optimizer.betas": "[0.9,0.95]"}
    assert run.data.metrics == {"training/loss": 0.5, "epoch": 2.0, "summary/test_accuracy": 0.75}
    assert run.data.tags["baseline"] == run.data.tags["long"] == run.data.tags["mlflow.loggedImages"].lower()
    assert run.data.tags["mlflow.note.content"] == "Halved by hand.\n\nThen restored."
    tables = [each["path"] for each in json.loads(run.data.tags["mlflow.loggedArtifacts"])]
    assert [path.split("/")[1] for path in tables] == ["answers", "pictured", "values", "counted", "words"]
    mlflow.set_tracking_uri(store)
    frame = runs.client.load_table(run.info.experiment_id, tables[0], [run.info.run_id])
    assert list(frame.columns) == ["prompt", "answer", "score"] and frame["score"].tolist() == [0.5]
    assert not set(tables) - set(files)
    starts = [name.partition("+")[0] for name in files if name.endswith(".png") and "+step+" in name]
    assert starts.count("images/images~several") == 2 and "images/confusion~test" in starts
    for folder, suffix in {
        "audio/tone": "wav", "video/frames": "gif", "html/page": "html", "figures/interactive": "html",
        "points/mesh": "obj", "graphs/model": "json", "text/note": "txt", "charts/losses": "md",
    }.items():  # fmt: skip
        assert any(name.startswith(f"{folder}/step_") and name.endswith(suffix) for name in files), folder
    assert {"files/labels.txt", "hyperparameters.json", "start.json"} <= set(files)
    assert runs.read("files/labels.txt", tmp_path) == b"cat\ndog\n"
    everything = b"".join(runs.read(name, tmp_path) for name in files) + repr(run.data).encode()
    assert SECRET.encode() not in everything and b"hunter2" not in everything


def test_points_have_the_step_the_time_and_the_value_that_were_logged(
    tmp_path: Path, store: str, runs: MLflowRuns
) -> None:
    steps = 2 * MOST_METRICS + 17
    with ExperimentTracker(configuration(tmp_path, store)) as tracker:
        for step in range(steps):
            tracker.log_metrics({"loss": 1 / (step + 1)}, step=step)
    times = {
        record["step"]: int(record["time"] * 1000)
        for record in map(json.loads, (tmp_path / "r" / "journal.jsonl").read_bytes().splitlines())
        if record["kind"] == "training"
    }
    points = [point for point in runs.points() if point[0] == "training/loss"]
    assert points == [("training/loss", step, times[step], 1 / (step + 1)) for step in range(steps)]


@pytest.mark.parametrize("failure", [None, ValueError("out of data"), KeyboardInterrupt()])
def test_the_status_says_how_the_run_ended(
    tmp_path: Path, store: str, runs: MLflowRuns, failure: BaseException | None
) -> None:
    try:
        with ExperimentTracker(configuration(tmp_path, store)):
            if failure is not None:
                raise failure
    except (ValueError, KeyboardInterrupt):
        pass
    run = runs.only
    if failure is None:
        assert run.info.status == "FINISHED" and "seo_engine.error" not in run.data.tags
    elif isinstance(failure, ValueError):
        assert run.info.status == "FAILED" and run.data.tags["seo_engine.error"] == "ValueError: out of data"
        (file,) = [name for name in runs.files() if name.startswith("error/")]
        assert b"ValueError: out of data" in runs.read(file, tmp_path)
    else:
        assert run.info.status == "KILLED" and run.data.tags["seo_engine.status"] == "interrupted"


def test_a_resumed_run_goes_on_in_the_same_mlflow_run(tmp_path: Path, store: str, runs: MLflowRuns) -> None:
    config = configuration(tmp_path, store)
    with ExperimentTracker(config) as tracker:
        tracker.log_hyperparameters({"lr": 0.1})
        tracker.log_note("first")
        tracker.log_metrics({"loss": 1.0}, step=1)
    first = runs.only
    with ExperimentTracker(config, resume="r") as tracker:
        tracker.log_note("second")
        tracker.log_metrics({"loss": 0.5}, step=2)
        tracker.flush()
        assert runs.only.info.status == "RUNNING"
    again = runs.only
    assert again.info.run_id == first.info.run_id and again.info.status == "FINISHED"
    assert again.data.tags["mlflow.note.content"] == "first\n\nsecond"
    assert held(runs) == logged(tmp_path) == [("training/loss", 1, 1.0), ("training/loss", 2, 0.5)]


@pytest.mark.parametrize("with_child", [True, False])
def test_a_killed_training_loses_nothing_and_doubles_nothing(
    tmp_path: Path, store: str, runs: MLflowRuns, with_child: bool
) -> None:
    variables = {"RUNS": str(tmp_path), "STORE": store, "NAME": tmp_path.name}
    with training(TRAINING, tmp_path, **variables) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "delivered\n"
        if with_child:
            # In the middle of its delivery, and nobody completes the run.
            kill_tree(process.pid)
        else:
            assert process.stdout.readline() == "logged\n"
            os.kill(process.pid, signal.SIGKILL)
            wait_until(lambda: runs.only.info.status == "KILLED")
    if with_child:
        assert runs.only.info.status == "RUNNING"
        recover_run(tmp_path / "r")
    assert runs.only.info.status == "KILLED"
    assert held(runs) == logged(tmp_path)
    assert len(held(runs)) >= 2000


def test_a_request_that_was_taken_without_its_answer_is_not_doubled_in_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # MLflow warns of such a store, and needs to be told that it may be used; it keeps each point that comes.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = (tmp_path / "files").as_uri()
    runs = MLflowRuns(uri, tmp_path.name)
    config = configuration(tmp_path, uri, skip_nonfinite_metrics=False)
    with ExperimentTracker(config) as tracker:
        for step in range(100):
            value = math.nan if step == 60 else 1 / (step + 1)
            tracker.log_metrics({"loss": value, "accuracy": step}, step=step)
    points = [point[:3] for point in runs.points()]
    # As if the process had been killed after the points, and before the tag.
    runs.client.set_tag(runs.only.info.run_id, DELIVERED, "51")
    recover_run(tmp_path / "r", ["mlflow"])
    assert [point[:3] for point in runs.points()] == points
    assert len(points) == 300


def test_a_copied_folder_makes_no_second_run(tmp_path: Path, store: str, runs: MLflowRuns) -> None:
    with ExperimentTracker(configuration(tmp_path, store)) as tracker:
        tracker.log_metrics({"loss": 1.0}, step=1)
    shutil.copytree(tmp_path / "r", tmp_path / "elsewhere" / "copy")
    recover_run(tmp_path / "elsewhere" / "copy", ["mlflow"])
    (tmp_path / "r" / "mlflow.json").unlink()
    recover_run(tmp_path / "r", ["mlflow"])
    assert held(runs) == [("training/loss", 1, 1.0)] and len(runs.all) == 1


def test_without_a_setting_the_run_is_where_mlflow_itself_puts_runs(tmp_path: Path) -> None:
    with ExperimentTracker(configuration(tmp_path, tracker_settings={})) as tracker:
        tracker.log_metrics({"loss": 1.0}, step=1)
    uri = mlflow.get_tracking_uri()
    assert tracker.delivery["mlflow"].details["tracking_uri"] == uri and str(tmp_path) in uri
    (run,) = mlflow.MlflowClient().search_runs(["0"])
    assert run.data.metrics["training/loss"] == 1.0
    # Whoever completes it from another folder finds it there.
    (tmp_path / "another").mkdir()
    os.chdir(tmp_path / "another")
    recover_run(tmp_path / "r", ["mlflow"])
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_run_that_the_training_itself_has_open_is_left_alone(
    tmp_path: Path, store: str, runs: MLflowRuns, asynchronous: bool
) -> None:
    mlflow.set_tracking_uri(store)
    mlflow.set_experiment(f"{tmp_path.name} of the user")
    with mlflow.start_run() as own:
        with ExperimentTracker(configuration(tmp_path, store, asynchronous_logging=asynchronous)) as tracker:
            tracker.log_hyperparameters({"lr": 0.1})
            mlflow.log_metric("theirs", 1.0, step=1)
            tracker.log_metrics({"loss": 1.0}, step=1)
            tracker.flush()
            active = mlflow.active_run()
            assert active is not None and active.info.run_id == own.info.run_id
        assert mlflow.get_tracking_uri() == store
    theirs = mlflow.get_run(own.info.run_id)
    assert theirs.data.metrics == {"theirs": 1.0} and theirs.data.params == {}
    assert "theirs" not in runs.only.data.metrics and runs.only.info.run_id != own.info.run_id


def test_what_mlflow_does_not_take_is_cut_or_renamed_and_said(
    tmp_path: Path, store: str, runs: MLflowRuns, caplog: pytest.LogCaptureFixture
) -> None:
    many = {f"parameter {number}": number for number in range(250)}
    config = configuration(tmp_path, store, skip_nonfinite_metrics=False)
    with caplog.at_level(logging.WARNING), ExperimentTracker(config) as tracker:
        tracker.log_hyperparameters({"long": "x" * 7_000, "lr": 0.1, "β@": 1, **many})
        tracker.log_hyperparameters({"lr": 0.2})
        tracker.log_metrics({"acc@5": 1.0, "acc#5": 2.0, "../up": 3.0, "n" * 300: 4.0}, step=1)
        tracker.log_metrics({"loss": math.nan, "peak": math.inf}, step=2)
        tracker.log_tags(["mlflow.runName", "a tag: with, marks"])
    state, run = tracker.delivery["mlflow"], runs.only
    assert state.is_complete and not state.dropped, state
    assert len(run.data.params) == 253 and len(run.data.params["long"]) == 6_000
    assert run.data.params["lr"] == "0.1" and "β_" in run.data.params
    assert json.loads(runs.read("hyperparameters.json", tmp_path))["lr"] == 0.2
    assert {"training/acc_5", "training/acc_5_2", "_/up"} <= run.data.metrics.keys()
    assert max(map(len, run.data.metrics)) == 250
    assert math.isnan(run.data.metrics["training/loss"]) and run.data.metrics["training/peak"] > 1e300
    assert run.info.run_name == "r" and run.data.tags["tag.mlflow.runName"] == "true"
    said = " ".join(caplog.messages)
    assert "acc_5_2" in said and "lr stays 0.1" in said


def test_a_run_that_was_deleted_in_mlflow_is_not_made_again(
    tmp_path: Path, store: str, runs: MLflowRuns, caplog: pytest.LogCaptureFixture
) -> None:
    config = configuration(tmp_path, store)
    with ExperimentTracker(config) as tracker:
        tracker.log_metrics({"loss": 1.0}, step=1)
    runs.client.delete_run(runs.only.info.run_id)
    again = MLflowTracker(Placement(config, tmp_path / "r", read_lifecycle(tmp_path / "r")))
    again.setup()
    assert not again.available and runs.all == []
    assert "mlflow runs restore --run-id" in caplog.text


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"uri": "x"}, "tracking_uri and experiment_name"),
        ({"experiment_name": 5}, "must be a text"),
        ({"tracking_uri": "https://me:hunter2@host"}, "MLFLOW_TRACKING_PASSWORD"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(settings: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ValueError, match=mistake) as raised:
        MLflowTracker.check_settings(settings)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "variable", "is_asked"),
    [
        ("https://mlflow.example.org", "", False),
        ("http://127.evil.example:5000", "", False),
        ("https://mlflow.example.org", "https://me:hunter2@mlflow.example.org", True),
        ("http://localhost:5000", "", True),
        ("http://127.0.0.1:5000", "", True),
    ],
)
def test_a_server_that_only_the_folder_of_an_ended_run_names_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, variable: str, is_asked: bool
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", variable)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "hunter2hunter2")
    ended, running = Lifecycle(wandb_run_id="a1", status="killed"), Lifecycle(wandb_run_id="a1")
    assert RunPlace(tmp_path, running, {"tracking_uri": address}).tracking_uri == address
    if is_asked:
        assert RunPlace(tmp_path, ended, {"tracking_uri": address}).tracking_uri == address
    else:
        with pytest.raises(ValueError, match=f"MLFLOW_TRACKING_URI={re.escape(address)}$"):
            RunPlace(tmp_path, ended, {"tracking_uri": address})
