"""Where a run is in W&B: what was given, then wandb's variables, then the defaults; and whose program it shows."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import wandb

from seo_engine import ExperimentTracker, TrackingConfig, WandBTracker
from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.runs import open_run
from seo_engine.tracking.trackers.wandb.identity import identity_of
from seo_engine.tracking.trackers.wandb.user_settings import read_user_settings
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.killing import wait_until
from tests.tracking.read_views import framed_messages, read_wandb
from tests.tracking.wandb_server import WandBServer

VARIABLES = {
    "WANDB_PROJECT": "theirs", "WANDB_ENTITY": "team", "WANDB_NAME": "named", "WANDB_RUN_GROUP": "group",
    "WANDB_JOB_TYPE": "eval", "WANDB_NOTES": "notes", "WANDB_TAGS": "a,b", "WANDB_RUN_ID": "chosen",
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_run_before() -> None:
    open_run._used_wandb_run_ids.clear()


def told(variables: dict[str, str]) -> dict[str, Any]:
    return read_user_settings(wandb, "", variables).values


def messages(run_directory: Path, kind: str) -> list[Any]:
    from wandb.proto.wandb_internal_pb2 import Record

    records = [
        Record.FromString(data)
        for path in sorted(run_directory.glob("wandb/offline-run-*/*.wandb"))
        for data in framed_messages(path.read_bytes())
    ]
    return [getattr(record, kind) for record in records if record.WhichOneof("record_type") == kind]


def test_the_defaults_stay_without_variables_and_settings() -> None:
    assert identity_of(TrackingConfig(), {}, "seo_engine_1700000000") == (
        "seo-engine-experiments", None, "seo_engine_1700000000", "", "", "", [],
    )  # fmt: skip


def test_variables_of_wandb_take_the_place_of_defaults() -> None:
    assert identity_of(TrackingConfig(), told(VARIABLES), "seo_engine_1700000000") == (
        "theirs", "team", "named", "group", "eval", "notes", ["a", "b"],
    )  # fmt: skip


def test_what_was_given_wins_over_variables_even_if_it_equals_the_default() -> None:
    config = TrackingConfig(
        wandb_project="seo-engine-experiments", wandb_entity="mine", wandb_name="own", wandb_group="g",
        wandb_job_type="train", wandb_notes="n", wandb_tags=[],
    )  # fmt: skip
    assert identity_of(config, told(VARIABLES), "cnn") == (
        "seo-engine-experiments", "mine", "own", "g", "train", "n", [],
    )  # fmt: skip
    # The name of the experiment is given, too.
    assert identity_of(TrackingConfig(), told(VARIABLES), "cnn_2").name == "cnn_2"


def test_a_run_is_where_the_variables_said_when_it_began_whoever_delivers_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_mode="offline", tensorboard_logging=False)
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert tracker.run_directory is not None
    (run,) = messages(tracker.run_directory, "run")
    shown = (run.project, run.entity, run.display_name, run.run_group, run.job_type, run.notes, list(run.tags))
    assert shown == ("theirs", "team", "named", "group", "eval", "notes", ["a", "b"]) and run.run_id == "chosen"
    # Recovered from another shell, with the view gone.
    for name in VARIABLES:
        monkeypatch.delenv(name)
    shutil.rmtree(tracker.run_directory / "wandb")
    recover_run(tracker.run_directory, ["wandb"])
    (run,) = messages(tracker.run_directory, "run")
    assert (run.project, run.run_id, run.display_name) == ("theirs", "chosen", "named")


def test_a_run_that_is_resumed_stays_where_it_is_unless_another_place_is_given(tmp_path: Path) -> None:
    place = {"tensorboard_log_dir": str(tmp_path), "wandb_mode": "offline", "tensorboard_logging": False}
    seen = []
    for settings, resume in (
        ({"wandb_project": "mine", "wandb_group": "g", "experiment_name": "r"}, None),
        ({}, "r"),
        ({"wandb_group": "other"}, "r"),
    ):
        with ExperimentTracker(TrackingConfig(**place, **settings), resume=resume) as tracker:  # type: ignore[arg-type]
            tracker.log_training_metrics(1, 1, {"loss": 0.5})
        run = messages(tmp_path / "r", "run")[-1]
        seen.append((run.project, run.run_group, run.display_name))
    assert seen == [("mine", "g", "r"), ("mine", "g", "r"), ("mine", "other", "r")]


def test_variables_of_who_delivers_a_run_take_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_mode="offline", tensorboard_logging=False)
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert tracker.run_directory is not None
    shutil.rmtree(tracker.run_directory / "wandb")
    # wandb itself would refuse this run for some of them.
    for name, value in {**VARIABLES, "WANDB_TAGS": "a,,b", "WANDB_RUN_ID": "bad/id"}.items():
        monkeypatch.setenv(name, value)
    assert recover_run(tracker.run_directory, ["wandb"])["wandb"].is_complete
    (run,) = messages(tracker.run_directory, "run")
    assert (run.project, run.entity, run.run_group, list(run.tags)) == ("seo-engine-experiments", "", "", [])


def test_a_single_tracker_has_the_id_that_was_chosen(tmp_path: Path) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_mode="offline", wandb_run_id="mine-alone")
    with WandBTracker(config) as tracker:
        assert tracker.details()["id"] == "mine-alone"


def test_a_sweeps_run_is_the_first_of_its_process_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep")
    monkeypatch.setenv("WANDB_RUN_ID", "of-the-sweep")
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_mode="offline", tensorboard_logging=False)
    ids = []
    for _ in range(2):
        with ExperimentTracker(config) as tracker:
            tracker.log_training_metrics(1, 1, {"loss": 0.5})
        assert tracker.delivery["wandb"].is_complete and tracker.run_directory is not None
        ids += [run.run_id for run in messages(tracker.run_directory, "run")]
    assert len(ids) == 2 and ids[0] == "of-the-sweep" != ids[1]


def test_nested_settings_that_are_logged_one_after_the_other_are_all_there(tmp_path: Path) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_mode="offline", tensorboard_logging=False)
    with ExperimentTracker(config) as tracker:
        tracker.log_hyperparameters({"optimizer": {"name": "adam", "betas": {"first": 0.9}}})
        tracker.log_hyperparameters({"optimizer": {"decay": 0.1, "betas": {"second": 0.95}}})
    assert tracker.run_directory is not None
    assert read_wandb(tracker.run_directory / "wandb").config["optimizer"] == {
        "name": "adam", "decay": 0.1, "betas": {"first": 0.9, "second": 0.95},
    }  # fmt: skip


def test_rows_of_another_run_under_the_same_id_are_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
    with WandBServer() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        for name, steps in (("first", 30), ("second", 10)):
            # As in another process.
            open_run._used_wandb_run_ids.clear()
            config = TrackingConfig(
                tensorboard_log_dir=str(tmp_path), tensorboard_logging=False, experiment_name=name,
                wandb_run_id="shared", close_timeout_seconds=8, **ONLY_WHAT_IS_LOGGED,
            )  # fmt: skip
            with ExperimentTracker(config) as tracker:
                for step in range(steps):
                    tracker.log_training_metrics(1, step, {"loss": 0.5})
                if name == "second":
                    wait_until(lambda: "already holds" in caplog.text)
        # Nothing of the second is said to be delivered, and nothing of the first is changed.
        assert tracker.delivery["wandb"].pending > 0 and len(server.rows) == 30
        # The first is still ours, also when its view is gone.
        shutil.rmtree(tmp_path / "first" / "wandb")
        assert recover_run(tmp_path / "first", ["wandb"])["wandb"].is_complete and len(server.rows) == 30


def test_a_second_run_of_a_process_has_an_id_of_its_own_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path), wandb_mode="offline", tensorboard_logging=False, wandb_run_id="only-once"
    )
    ids = []
    for _ in range(2):
        with ExperimentTracker(config) as tracker:
            assert tracker.run_directory is not None
        ids.append(messages(tracker.run_directory, "run")[0].run_id)
    assert ids[0] == "only-once" != ids[1]
    assert any("only-once belongs to an earlier run of this process" in message for message in caplog.messages)


def test_other_settings_of_wandb_are_passed_on_and_unknown_ones_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path), wandb_mode="offline", tensorboard_logging=False,
        wandb_settings={"host": "elsewhere", "x_of_a_later_version": 1, "console": "loud"},
    )  # fmt: skip
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert tracker.run_directory is not None
    assert messages(tracker.run_directory, "run")[0].host == "elsewhere"
    assert any("wandb_settings is used without x_of_a_later_version" in message for message in caplog.messages)


def test_wandb_shows_the_users_program_and_not_the_child_that_delivers(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    program = tmp_path / "code" / "train.py"
    program.write_text(
        "from seo_engine import ExperimentTracker, TrackingConfig\n"
        "config = TrackingConfig(tensorboard_log_dir='runs', experiment_name='r', wandb_mode='offline',\n"
        "                        tensorboard_logging=False)\n"
        "with ExperimentTracker(config) as tracker:\n"
        "    tracker.log_training_metrics(1, 1, {'loss': 0.5})\n"
    )
    command = [sys.executable, "code/train.py", "--layers", "2", "--api-key", "hunter2"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    merged: dict[str, Any] = {}
    for each in messages(tmp_path / "runs" / "r", "environment"):
        # As wandb itself merges them.
        merged |= {field.name: getattr(each, field.name) for field, _ in each.ListFields()}
    assert merged["program"] == str(program) and merged["code_path"] == "code/train.py"
    assert list(merged["args"]) == ["--layers", "2", "--api-key", "[redacted]"]
    assert merged["root"] == str(tmp_path) and merged["executable"] == sys.executable
    assert not any("seo_engine" in str(merged[name]) for name in ("program", "code_path", "args", "root"))


def test_every_group_of_metrics_is_drawn_over_the_step_of_the_training(tmp_path: Path) -> None:
    config = TrackingConfig(tensorboard_log_dir=str(tmp_path), wandb_mode="offline", tensorboard_logging=False)
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 7, {"val/acc": 0.5})
    assert tracker.run_directory is not None
    defined = {each.name or each.glob_name: each.step_metric for each in messages(tracker.run_directory, "metric")}
    assert defined == {"global_step": "", "*": "global_step"}
    assert all("global_step" in str(row) for row in messages(tracker.run_directory, "history"))
