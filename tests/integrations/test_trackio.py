"""A run in trackio's database, as trackio itself reads it."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trackio")

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.trackers.trackio.trackio_tracker import TrackioTracker
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED, ONLY_WHAT_IS_LOGGED_AS_TEXT
from tests.tracking.killing import kill_tree, training, wait_until
from tests.tracking.logged_kinds import log_further_kinds
from tests.tracking.logged_media import is_coloured, log_everything

TRAINING = f"""
    import os, sys
    from seo_engine import ExperimentTracker, TrackingConfig
    config = TrackingConfig(
        experiment_name="r", tensorboard_logging=False, wandb_logging=False, selective_logging=False,
        additional_trackers=["trackio"], tracker_settings={{"trackio": {{"project": os.environ["PROJECT"]}}}},
        {ONLY_WHAT_IS_LOGGED_AS_TEXT},
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


class Project:
    """A project of trackio, read by trackio's own functions, and the folder of its files."""

    def __init__(self, name: str, folder: Path) -> None:
        from trackio.sqlite_storage import SQLiteStorage

        self.name = name
        self.folder = folder
        self._storage: Any = SQLiteStorage

    @property
    def runs(self) -> list[str]:
        """list[str]: The names of its runs."""
        return list(self._storage.get_runs(self.name))

    def logs(self, run: str = "r") -> list[dict[str, Any]]:
        """Return the rows of a run."""
        return list(self._storage.get_logs(self.name, run))

    def configuration(self, run: str = "r") -> dict[str, Any]:
        """Return the configuration of a run."""
        return dict(self._storage.get_run_config(self.name, run) or {})

    def alerts(self) -> list[dict[str, Any]]:
        """Return its alerts."""
        return list(self._storage.get_alerts(self.name))

    def points(self) -> list[tuple[str, int, float]]:
        """Return all points of the run: name, step and value."""
        return sorted(
            (name, row["step"], value)
            for row in self.logs()
            for name, value in row.items()
            if name.startswith("training/")
        )

    def values(self) -> dict[str, Any]:
        """Return all values of the rows that are not numbers, by name."""
        return {name: value for row in self.logs() for name, value in row.items() if isinstance(value, dict | list)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # trackio reads it once, when it is imported.
    folder = tmp_path_factory.mktemp("trackio")
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio.utils

    return Path(trackio.utils.TRACKIO_DIR)


@pytest.fixture
def project(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("TRACKIO_DIR", str(folder))
    return Project(tmp_path.name, folder)


def configuration(project: Project, **settings: Any) -> TrackingConfig:
    return TrackingConfig(
        **{
            "experiment_name": "r",
            "tensorboard_logging": False,
            "wandb_logging": False,
            "print_summary": False,
            "selective_logging": False,
            "additional_trackers": ["trackio"],
            "tracker_settings": {"trackio": {"project": project.name}},
            **ONLY_WHAT_IS_LOGGED,
        }
        | settings
    )


def logged() -> list[tuple[str, int, float]]:
    """Return what the journal holds of the metrics: name, step and value."""
    return sorted(
        (name, record["step"], value)
        for record in map(json.loads, Path("runs/r/journal.jsonl").read_bytes().splitlines())
        for name, value in record.get("metrics", {}).items()
    )


def test_every_kind_is_where_trackio_shows_it(project: Project) -> None:
    with ExperimentTracker(configuration(project)) as tracker:
        tracker.log_hyperparameters({"lr": 0.001, "notes": "of the user", "optimizer": {"name": "adam"}})
        tracker.log_training_metrics(2, 1, {"loss": 0.5})
        log_everything(tracker)
        log_further_kinds(tracker)
    state = tracker.delivery["trackio"]
    assert state.is_complete and not state.dropped and not state.media_not_shown, state
    assert project.points() == [("training/loss", 1, 0.5)]
    values = project.values()
    types = {name: value["_type"] for name, value in values.items() if isinstance(value, dict)}
    assert types.items() >= {
        "images/coloured": "trackio.image", "tables/answers": "trackio.table", "figures/drawn": "trackio.image",
        "figures/interactive": "trackio.html", "histograms/counted": "trackio.histogram", "html/page": "trackio.html",
        "text/note": "trackio.markdown", "audio/tone": "trackio.audio", "video/frames": "trackio.video",
        "points/cloud": "trackio.object3d", "points/mesh": "trackio.object3d", "confusion/test": "trackio.image",
        "pr_curves/precision": "trackio.image", "plots/spread": "trackio.image", "charts/losses": "trackio.markdown",
        "embeddings/words": "trackio.table",
    }.items()  # fmt: skip
    media = project.folder / "media"
    assert is_coloured((media / values["images/coloured"]["file_path"]).read_bytes())
    assert [each["caption"] for each in values["images/several"]] == ["one", "two"]
    assert values["tables/answers"]["_value"][0]["score"] == 0.5
    assert (media / values["tables/pictured"]["_value"][0]["picture"]["file_path"]).exists()
    assert values["points/cloud"]["kind"] == "point_cloud" and values["histograms/counted"]["bins"] == [0, 1, 3]
    assert (media / project.name / "files" / "r" / "files" / "labels.txt").read_bytes() == b"cat\ndog\n"
    shown = project.configuration()
    assert shown["lr"] == 0.001 and shown["optimizer"] == {"name": "adam"} and shown["notes"] == "of the user"
    assert shown["experiment/notes"] == ["Halved by hand.", "Then restored."]
    assert shown["experiment/tags"] == ["baseline", "long"] and shown["experiment/status"] == "finished"
    assert shown["experiment/summary"]["test_accuracy"] == 0.75
    (alert,) = project.alerts()
    assert (alert["title"], alert["level"], alert["step"]) == ("The loss diverges", "warn", 34)
    assert "hunter2" not in repr([values, shown, alert])
    files = sorted(path for path in media.rglob("*") if path.is_file())
    # From the first record on again: nothing is written a second time.
    recover_run(Path("runs/r"), ["trackio"])
    assert project.values() == values and len(project.alerts()) == 1
    assert sorted(path for path in media.rglob("*") if path.is_file()) == files


def test_a_resumed_run_goes_on_and_a_copied_folder_changes_nothing(project: Project) -> None:
    with ExperimentTracker(configuration(project)) as tracker:
        tracker.log_metrics({"loss": 1.0}, step=1)
    with ExperimentTracker(configuration(project), resume="r") as tracker:
        tracker.log_metrics({"loss": 0.5}, step=2)
    shutil.copytree("runs/r", "elsewhere/r")
    recover_run(Path("elsewhere/r"), ["trackio"])
    assert project.points() == logged() == [("training/loss", 1, 1.0), ("training/loss", 2, 0.5)]
    assert project.runs == ["r"]


@pytest.mark.parametrize("with_child", [True, False])
def test_a_killed_training_loses_nothing_and_doubles_nothing(
    tmp_path: Path, project: Project, with_child: bool
) -> None:
    with training(TRAINING, tmp_path, PROJECT=project.name) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "delivered\n"
        if with_child:
            kill_tree(process.pid)
        else:
            assert process.stdout.readline() == "logged\n"
            os.kill(process.pid, signal.SIGKILL)
            wait_until(lambda: project.configuration().get("experiment/status") == "killed")
    if with_child:
        recover_run(Path("runs/r"))
    assert project.configuration()["experiment/status"] == "killed"
    assert project.points() == logged()
    assert len(logged()) >= 2000


def test_a_failure_is_in_the_configuration_with_its_traceback_beside_it(project: Project) -> None:
    with pytest.raises(ValueError), ExperimentTracker(configuration(project)):
        raise ValueError("out of data")
    assert project.configuration()["experiment/status"] == "failed"
    assert "ValueError: out of data" in project.values()["experiment/error"]["_value"]


def test_a_run_that_the_training_itself_has_open_is_left_alone(project: Project) -> None:
    import trackio

    trackio.init(project=project.name, name="theirs", auto_log_cpu=False, auto_log_gpu=False)
    with ExperimentTracker(configuration(project, asynchronous_logging=False)) as tracker:
        trackio.log({"theirs": 1.0})
        tracker.log_metrics({"loss": 1.0}, step=1)
    trackio.log({"theirs": 2.0})
    trackio.finish()
    assert [row["theirs"] for row in project.logs("theirs")] == [1.0, 2.0]
    assert project.points() == [("training/loss", 1, 1.0)] and sorted(project.runs) == ["r", "theirs"]


@pytest.mark.parametrize("settings", [{"space": "me/space"}, {"project": ""}, {"project": 5}])
def test_a_wrong_setting_is_one_clear_line(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="trackio"):
        TrackioTracker.check_settings(settings)
