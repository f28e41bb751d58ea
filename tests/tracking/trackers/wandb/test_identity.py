"""Where a run is in W&B: what was given, then wandb's variables, then the defaults; and whose program it shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.trackers.wandb.identity import identity_of
from tests.tracking.read_views import framed_messages

VARIABLES = {
    "WANDB_PROJECT": "theirs", "WANDB_ENTITY": "team", "WANDB_NAME": "named", "WANDB_RUN_GROUP": "group",
    "WANDB_JOB_TYPE": "eval", "WANDB_NOTES": "notes", "WANDB_TAGS": "a,b", "WANDB_RUN_ID": "chosen",
}  # fmt: skip


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
    assert identity_of(TrackingConfig(), VARIABLES, "seo_engine_1700000000") == (
        "theirs", "team", "named", "group", "eval", "notes", ["a", "b"],
    )  # fmt: skip


def test_what_was_given_wins_over_variables_even_if_it_equals_the_default() -> None:
    config = TrackingConfig(
        wandb_project="seo-engine-experiments", wandb_entity="mine", wandb_name="own", wandb_group="g",
        wandb_job_type="train", wandb_notes="n", wandb_tags=[],
    )  # fmt: skip
    assert identity_of(config, VARIABLES, "cnn") == ("seo-engine-experiments", "mine", "own", "g", "train", "n", [])
    # The name of the experiment is given, too.
    assert identity_of(TrackingConfig(), VARIABLES, "cnn_2").name == "cnn_2"


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
    subprocess.run(["rm", "-r", tracker.run_directory / "wandb"], check=True)
    recover_run(tracker.run_directory, ["wandb"])
    (run,) = messages(tracker.run_directory, "run")
    assert (run.project, run.run_id, run.display_name) == ("theirs", "chosen", "named")


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
        wandb_settings={"host": "elsewhere", "x_of_a_later_version": 1},
    )  # fmt: skip
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert tracker.run_directory is not None
    assert messages(tracker.run_directory, "run")[0].host == "elsewhere"
    assert any("wandb.Settings does not have x_of_a_later_version" in message for message in caplog.messages)


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
