"""With `wandb_mode="auto"`, what the user told wandb itself counts: its files and its variables."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import wandb

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.trackers.wandb import opening
from seo_engine.tracking.trackers.wandb.user_settings import read_user_settings
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.killing import delivery_child, wait_until
from tests.tracking.wandb_server import WandBServer

KEY = "0123456789" * 4


@pytest.fixture(autouse=True)
def nothing_said_before(caplog: pytest.LogCaptureFixture) -> None:
    opening._said.clear()
    caplog.set_level(logging.INFO, "seo_engine")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Any:
    with WandBServer() as server:
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        monkeypatch.setenv("WANDB_BASE_URL", server.address)
        yield server


def track(**settings: Any) -> ExperimentTracker:
    config = TrackingConfig(
        tensorboard_logging=False, experiment_name="r", close_timeout_seconds=30, **ONLY_WHAT_IS_LOGGED, **settings
    )
    with ExperimentTracker(config) as tracker:
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    return tracker


@pytest.mark.parametrize(("word", "mode"), [("offline", "offline"), ("disabled", "disabled"), ("online", "online")])
def test_what_the_command_line_of_wandb_wrote_in_the_working_folder_counts(
    word: str, mode: str, server: WandBServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    subprocess.run([str(Path(sys.executable).with_name("wandb")), word], check=True, capture_output=True)
    tracker = track()
    assert tracker.delivery["wandb"].details["mode"] == mode and tracker.delivery["wandb"].is_complete
    assert bool(server.paths) == (mode == "online")
    said = {
        "offline": f"✅ W&B: the run is kept offline, as {tmp_path}/wandb/settings says; `wandb sync` uploads it later",
        "disabled": f"✅ W&B gets nothing of the run, as {tmp_path}/wandb/settings says",
        "online": f"✅ W&B: the run is sent to {server.address}",
    }
    assert said[mode] in caplog.messages


@pytest.mark.parametrize(
    ("variable", "value"),
    [("WANDB_MODE", "dryrun"), ("WANDB_MODE", "Offline"), ("WANDB_MODE", "off"), ("WANDB_DISABLED", "True")],
)
def test_nothing_is_sent_where_wandb_itself_would_send_nothing(
    variable: str, value: str, server: WandBServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    tracker = track()
    assert tracker.delivery["wandb"].is_complete and not server.paths


def test_the_mode_that_the_code_sets_wins(server: WandBServer, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    tracker = track(wandb_mode="offline")
    assert tracker.delivery["wandb"].details["mode"] == "offline" and not server.paths
    assert "⚠️ WANDB_MODE is ignored, because wandb_mode is set" in caplog.messages


@pytest.mark.parametrize("word", ["online", "run", "shared", "offline", "dryrun", "disabled"])
def test_each_mode_of_wandb_is_understood_in_any_case(word: str) -> None:
    expected = {"run": "online", "shared": "online", "dryrun": "offline"}.get(word, word)
    for written in (word, word.upper(), word.title(), f" {word} "):
        found = read_user_settings(wandb, "", {"WANDB_MODE": written})
        assert (found.mode, found.not_understood) == (expected, {})


@pytest.mark.parametrize(
    ("value", "mode"),
    [("true", "disabled"), ("1", "disabled"), ("YES", "disabled"), ("2", "disabled"), ("false", ""), ("0", "")],
)
def test_the_variable_that_disables_wandb_is_understood(value: str, mode: str) -> None:
    assert read_user_settings(wandb, "", {"WANDB_DISABLED": value}).mode == mode


def test_files_of_the_user_and_of_the_folder_count_in_the_order_of_wandb(tmp_path: Path) -> None:
    for folder, text in (
        (tmp_path / "home" / ".config" / "wandb", "[default]\nentity = team\nproject = of_user\nmode = offline\n"),
        (tmp_path / "work" / "wandb", "[default]\nproject = of_folder\n"),
    ):
        folder.mkdir(parents=True)
        (folder / "settings").write_text(text)
    found = read_user_settings(wandb, str(tmp_path / "work"), {"WANDB_JOB_TYPE": "eval"})
    assert {name: found.values[name] for name in ("entity", "project", "run_job_type")} == {
        "entity": "team", "project": "of_folder", "run_job_type": "eval",
    }  # fmt: skip
    assert found.mode == "offline" and "home" in found.mode_from and "work" in found.mode_from
    moved = read_user_settings(wandb, "", {"WANDB_CONFIG_DIR": str(tmp_path / "work" / "wandb")})
    assert moved.values["project"] == "of_folder"


def test_one_variable_that_wandb_refuses_costs_no_other() -> None:
    variables = {
        "WANDB_PROJECT": "a/b", "WANDB_TAGS": "fine," + "t" * 65, "WANDB_CONSOLE": "loud", "WANDB_MODE": "off",
        "WANDB_NAME": "n" * 129, "WANDB_RUN_GROUP": "group", "WANDB_SILENT": "true",
    }  # fmt: skip
    found = read_user_settings(wandb, "", variables)
    assert found.values.get("run_group") == "group"
    assert not {"project", "run_tags", "run_name"} & found.values.keys()
    assert found.not_understood.keys() == {"WANDB_PROJECT", "WANDB_TAGS", "WANDB_CONSOLE", "WANDB_MODE", "WANDB_NAME"}
    assert all(reason.isprintable() for reason in found.not_understood.values())


def test_what_is_not_obeyed_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("WANDB_PROJECT", "theirs")
    monkeypatch.setenv("WANDB_SAVE_CODE", "true")
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("WANDB_MODE", "off")
    tracker = track(wandb_project="ours")
    assert sorted(message for message in caplog.messages if message.startswith("⚠️ WANDB_")) == [
        f"⚠️ WANDB_DIR is ignored, because a run is one folder, {tracker.run_directory}",
        "⚠️ WANDB_MODE is not understood: 'off' is none of online, run, shared, offline, dryrun, disabled",
        "⚠️ WANDB_PROJECT is ignored, because wandb_project is set",
        "⚠️ WANDB_SAVE_CODE is ignored, because the tracker itself sets save_code",
    ]
    assert tracker.delivery["wandb"].is_complete and not (tmp_path / "elsewhere").exists()


def test_a_child_that_is_started_again_does_not_say_it_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "a/b")
    config = TrackingConfig(tensorboard_logging=False, experiment_name="r", **ONLY_WHAT_IS_LOGGED)
    with ExperimentTracker(config) as tracker:
        for step in range(2):
            tracker.log_training_metrics(1, step, {"loss": 0.5})
            assert tracker.flush()
            if step == 0:
                delivery_child(os.getpid(), tracker.run_directory).kill()
                wait_until(lambda: any("is restarted" in message for message in caplog.messages))
    said = [record.message for record in caplog.records if record.levelno >= logging.INFO]
    assert len([message for message in said if "the run is kept offline" in message]) == 1
    assert len([message for message in said if "WANDB_PROJECT is not understood" in message]) == 1


def test_a_run_that_began_disabled_is_not_sent_by_who_recovers_it(
    server: WandBServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    tracker = track()
    monkeypatch.delenv("WANDB_MODE")
    assert tracker.run_directory is not None
    (tracker.run_directory / "delivery.json").unlink()
    assert recover_run(tracker.run_directory, ["wandb"])["wandb"].is_complete and not server.paths
    # Unless they choose otherwise.
    monkeypatch.setenv("WANDB_MODE", "online")
    (tracker.run_directory / "delivery.json").unlink()
    assert recover_run(tracker.run_directory, ["wandb"])["wandb"].is_complete and server.rows
