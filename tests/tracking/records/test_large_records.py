"""What is larger than a line of the journal: split, or cut where it is largest, and nothing beside it is lost."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.history.summary import read_run
from seo_engine.tracking.journal.fitting import cut_text, fitted, in_parts, size_of
from seo_engine.tracking.journal.lines import MAXIMUM_RECORD_BYTES
from seo_engine.tracking.trackers.tensorboard.tensorboard_tracker import TensorBoardTracker
from tests.tracking.configurations import ONLY_WHAT_IS_LOGGED
from tests.tracking.read_views import read_journal, read_tensorboard, read_wandb

SECRET = "sk-ant-api03-" + "aB3" * 30


@pytest.fixture
def config(tmp_path: Path) -> TrackingConfig:
    return TrackingConfig(
        tensorboard_log_dir=str(tmp_path),
        experiment_name="r",
        wandb_logging=False,
        selective_logging=False,
        **ONLY_WHAT_IS_LOGGED,
    )


def records_of(tracker: ExperimentTracker, kind: str) -> list[dict[str, Any]]:
    assert tracker.run_directory is not None
    return [record for _, record in read_journal(tracker.run_directory) if record["kind"] == kind]


def test_metrics_too_long_for_one_record_are_several_of_the_same_step_in_every_view(config: TrackingConfig) -> None:
    config.wandb_logging, config.wandb_mode = True, "offline"
    metrics = {f"layers/{number:05}/{'weight_' * 12}norm": number / 7 for number in range(15_000)}
    odd = {f"layers/{number:05}/{'weight_' * 12}odd": math.nan for number in range(1_000)}
    with ExperimentTracker(config) as tracker:
        for step in (1, 2):
            # The second time, the names are known.
            tracker.log_metrics(metrics | (odd if step == 1 else {}), step=step, epoch=3)
    records = records_of(tracker, "training")
    assert len(records) == 4 and [(each["epoch"], each["step"]) for each in records] == [(3, 1)] * 2 + [(3, 2)] * 2
    for first, second in (records[:2], records[2:]):
        assert first["metrics"] | second["metrics"] == metrics
    assert records[0].get("nonfinite", {}) | records[1].get("nonfinite", {}) == dict.fromkeys(odd, "NaN")
    assert tracker.run_directory is not None
    run = read_run(tracker.run_directory)
    assert len(run.metrics) == 15_000 and {each.count for each in run.metrics.values()} == {2} and run.step == 2
    points = read_tensorboard(tracker.run_directory).scalars
    assert points.keys() == metrics.keys() and all([p.step for p in each] == [1, 2] for each in points.values())
    rows = read_wandb(tracker.run_directory).rows
    assert [row["global_step"] for row in rows] == [1, 1, 2, 2]
    for name in ("tensorboard", "wandb"):
        state = tracker.delivery[name]
        assert state.accepted == state.delivered == len(read_journal(tracker.run_directory))


def test_one_value_beyond_the_limit_is_cut_and_says_how_much_and_its_neighbours_stay(
    config: TrackingConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with ExperimentTracker(config) as tracker:
        for _ in range(2):
            tracker.log_hyperparameters({"prompt": "ä" * 1_000_000, "learning_rate": 0.1, "data": {"note": "short"}})
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    first, _ = records_of(tracker, "hyperparameters")
    prompt = first["hyperparameters"].pop("prompt")
    assert first["hyperparameters"] == {"learning_rate": 0.1, "data": {"note": "short"}}
    kept = prompt.count("ä")
    assert prompt == "ä" * kept + f"… ({2_000_000 - 2 * kept:,} bytes left out)" and 2 * kept > 990_000
    said = (
        f"⚠️ log_hyperparameters records only a part of hyperparameters.prompt ({2_000_000 - 2 * kept:,} bytes left out)"
    )
    assert caplog.messages.count(said) == 1
    assert records_of(tracker, "end")[0]["dropped"] == {"part of a value": 2}
    assert tracker.run_directory is not None
    (table,) = read_tensorboard(tracker.run_directory).texts["experiment/hyperparameters"][-1:]
    assert "| learning_rate | 0.1 |" in table and "bytes left out) |" in table


def test_hyperparameters_that_are_many_are_several_records_and_all_are_shown(config: TrackingConfig) -> None:
    config.wandb_logging, config.wandb_mode = True, "offline"
    many = {f"setting_{number:05}": {"value": "x" * 30, "number": number} for number in range(20_000)}
    with ExperimentTracker(config) as tracker:
        tracker.log_hyperparameters(many)
        tracker.log_settings({"large": "x" * 900_000, "other": "y" * 900_000})
    assert len(records_of(tracker, "hyperparameters")) == 2 and len(records_of(tracker, "settings")) == 2
    assert tracker.run_directory is not None
    run = read_run(tracker.run_directory)
    assert run.hyperparameters == many and {name: len(text) for name, text in run.settings.items()} == {
        "large": 900_000, "other": 900_000
    }  # fmt: skip
    assert records_of(tracker, "end")[0]["dropped"] == {}
    config_of_wandb = read_wandb(tracker.run_directory).config
    assert {name: config_of_wandb[name] for name in many} == many


@pytest.mark.parametrize(
    ("log", "kind", "place"),
    [
        (lambda tracker, text: tracker.log_text("note", text), "text", ("text",)),
        (
            lambda tracker, text: tracker.log_model_architecture(
                {"text": text, "parameters": 7, "trainable_parameters": 5}
            ),
            "model_architecture",
            ("architecture", "text"),
        ),
        (
            lambda tracker, text: tracker.log_profiling_data({"timings": {"step": 0.5}, "note": text}),
            "profiling",
            ("profiling_data", "note"),
        ),
    ],
)
def test_no_kind_of_record_is_lost_for_one_long_text(
    config: TrackingConfig, log: Any, kind: str, place: tuple[str, ...]
) -> None:
    with ExperimentTracker(config) as tracker:
        log(tracker, "x" * 3_000_000)
    (record,) = records_of(tracker, kind)
    value: Any = record
    for name in place:
        value = value[name]
    kept = value.count("x")
    assert value == "x" * kept + f"… ({3_000_000 - kept:,} bytes left out)"
    assert records_of(tracker, "end")[0]["dropped"] == {"part of a value": 1}


def test_a_profile_of_many_operations_keeps_the_first_of_them(config: TrackingConfig) -> None:
    operations = [{"operation": f"operation {number}", "self_seconds": 1.0} for number in range(50_000)]
    with ExperimentTracker(config) as tracker:
        tracker.log_profiling_data({"timings": {"step": 0.5}, "operations": operations})
    (record,) = records_of(tracker, "profiling")
    shown = record["profiling_data"]
    assert shown["timings"] == {"step": 0.5} and shown["operations"][:1000] == operations[:1000]
    assert shown["operations"][-1].endswith("left out)")
    assert tracker.delivery["tensorboard"].is_complete


@pytest.mark.parametrize("position", range(99_700, 100_300, 50))
def test_a_cut_leaves_no_part_of_a_secret(position: int) -> None:
    text = "x" * position + " api_key=" + SECRET + " " + "y" * 2_000_000
    shown = cut_text(text, 100_000)
    assert "sk-ant" not in shown and "aB3" not in shown and size_of(shown) <= 100_000


def test_a_secret_in_any_object_is_redacted(config: TrackingConfig) -> None:
    @dataclasses.dataclass
    class Account:
        api_key: str = "hunter2hunter2"
        user: str = "me"

    hidden = {
        "account": Account(),
        "options": SimpleNamespace(hf_token="hunter2hunter2", nested=SimpleNamespace(password="hunter2hunter2")),
        "url": [SimpleNamespace(site="https://me:hunter2hunter2@example.org")],
        "headers": {b"Authorization: Bearer hunter2hunter2"},
        "accounts": (Account(), {"smtp": {"pass": "hunter2hunter2"}}),
        "long": "password='hunter2hunter2' " * 100_000,
    }
    with ExperimentTracker(config) as tracker:
        tracker.log_hyperparameters(hidden)
        tracker.log_settings(hidden)
    assert tracker.run_directory is not None
    for path in tracker.run_directory.rglob("*"):
        assert not path.is_file() or b"hunter2" not in path.read_bytes(), path
    assert read_run(tracker.run_directory).hyperparameters["account"] == {"api_key": "[redacted]", "user": "me"}


def test_odd_values_are_shown_in_every_view(config: TrackingConfig) -> None:
    config.wandb_logging, config.wandb_mode = True, "offline"
    odd = {"clip": math.inf, "seed": 2**80, "temperature": torch.tensor(0.25), "dtype": torch.bfloat16, "rate": 0.1}
    expected = {"clip": "Infinity", "seed": str(2**80), "temperature": 0.25, "dtype": "torch.bfloat16", "rate": 0.1}
    with ExperimentTracker(config) as tracker:
        tracker.log_hyperparameters(odd)
        tracker.log_training_metrics(1, 1, {"loss": 0.5})
    assert tracker.run_directory is not None
    assert read_run(tracker.run_directory).hyperparameters == expected
    shown = read_wandb(tracker.run_directory).config
    assert {name: shown[name] for name in odd} == expected
    (table,) = read_tensorboard(tracker.run_directory).texts["experiment/hyperparameters"]
    assert all(f"| {name} | {value} |" in table for name, value in expected.items())
    hparams = read_hparams(tracker.run_directory)
    assert hparams == expected


def read_hparams(directory: Path) -> dict[str, Any]:
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
    from tensorboard.plugins.hparams.metadata import parse_session_start_info_plugin_data

    for path in directory.glob("events.out.tfevents.*"):
        for event in LegacyEventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.tag == "_hparams_/session_start_info":
                    info = parse_session_start_info_plugin_data(value.metadata.plugin_data.content)
                    return {name: getattr(each, each.WhichOneof("kind")) for name, each in info.hparams.items()}
    return {}


def test_a_tracker_by_itself_cuts_and_says_it_too(config: TrackingConfig, caplog: pytest.LogCaptureFixture) -> None:
    with TensorBoardTracker(config) as tracker:
        tracker.log_text("note", "x" * 2_000_000)
        tracker.log_hyperparameters({"learning_rate": 0.1, "prompt": "x" * 2_000_000})
    assert tracker.run_directory is not None
    view = read_tensorboard(tracker.run_directory)
    assert "bytes left out)" in view.texts["text/note"][0]
    assert "| learning_rate | 0.1 |" in view.texts["experiment/hyperparameters"][0]
    assert any("log_text records only a part of text" in message for message in caplog.messages)


@pytest.mark.parametrize(
    "data",
    [
        {"a": "x" * 5_000, "b": "\x00" * 5_000, "c": "漢" * 5_000, "d": 1},
        {"list": [["x" * 50] * 50] * 50, "d": 1},
        {"names": {f"name {number}": number for number in range(5_000)}, "d": 1},
        {f"name {number}": "x" * number for number in range(500)},
        ["x" * 2_000] * 1_000,
    ],
)
@pytest.mark.parametrize("most", [1_000, 2_000, 10_000])
def test_what_is_cut_fits_and_small_values_stay(data: Any, most: int) -> None:
    left_out: dict[str, str] = {}
    shown = fitted(data, most, left_out)
    assert size_of(shown) <= most and left_out
    if isinstance(data, dict) and "d" in data:
        assert shown["d"] == 1


def test_a_record_whose_redaction_makes_it_longer_fits_too(config: TrackingConfig) -> None:
    text = "pw='a1' " * 124_000
    with ExperimentTracker(config) as tracker:
        tracker.log_text("note", text)
    (record,) = records_of(tracker, "text")
    assert len(json.dumps(record)) <= MAXIMUM_RECORD_BYTES and "a1" not in record["text"]


def test_a_small_record_stays_as_it_is() -> None:
    record = {"kind": "text", "text": "x" * 1_000}
    assert in_parts(record, "", {}) == [record]
