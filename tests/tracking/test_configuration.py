from __future__ import annotations

import copy
import dataclasses
import pickle
from pathlib import Path
from typing import Any

import pytest

from seo_engine import SEOConfig, TrackingConfig
from seo_engine.foundation.settings import setting
from seo_engine.tracking.runs.lifecycle import read_configuration


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("tensorboard_log_dir", "", "tensorboard_log_dir must be specified when tensorboard_logging is True, got ''"),
        ("tensorboard_flush_secs", 0, "tensorboard_flush_secs must be positive, got 0"),
        ("tensorboard_max_queue", -1, "tensorboard_max_queue must be positive, got -1"),
        ("wandb_project", "", "wandb_project must be specified when wandb_logging is True, got ''"),
        ("experiment_logging_interval", 0, "experiment_logging_interval must be positive, got 0"),
        ("tensorboard_flush_secs", "30", "tensorboard_flush_secs must be a whole number, got '30' (str)"),
        ("tensorboard_flush_secs", True, "tensorboard_flush_secs must be a whole number, got True (bool)"),
        ("tensorboard_logging", 1, "tensorboard_logging must be True or False, got 1 (int)"),
        ("wandb_run_id", "../x", "wandb_run_id must be 1 to 64 letters, digits, _ or -, got '../x'"),
        ("wandb_settings", [], "wandb_settings must be a dictionary, got [] (list)"),
        ("wandb_tags", "tag", "wandb_tags must be a list of strings or None, got 'tag' (str)"),
        ("wandb_tags", [1], "wandb_tags must be a list of strings or None, got [1] (list)"),
        ("wandb_entity", 5, "wandb_entity must be a string or None, got 5 (int)"),
        ("wandb_mode", "maybe", "wandb_mode must be one of auto, online, offline, got 'maybe'"),
        ("default_metric_priority", "top", "default_metric_priority must be one of high, medium, low, got 'top'"),
        ("close_timeout_seconds", float("nan"), "close_timeout_seconds must be positive, got nan"),
        ("slow_logging_threshold_seconds", 0, "slow_logging_threshold_seconds must be positive, got 0"),
        ("experiment_name", "../x", "experiment_name must be a plain folder name"),
        ("experiment_name", "x" * 121, "experiment_name must be at most 120 characters long, got 121"),
        (
            "tensorboard_log_dir",
            "s3://b/runs",
            "tensorboard_log_dir must be a folder of this machine, got 's3://b/runs'",
        ),
        ("tensorboard_log_dir", "file:///runs", "tensorboard_log_dir must be a folder of this machine"),
        ("tensorboard_log_dir", "hdfs://user:hunter2@host/r", "tensorboard_log_dir must be a folder of this machine"),
        ("tensorboard_log_dir", "a\0b", "tensorboard_log_dir must be a path"),
        ("high_priority_metrics", None, "high_priority_metrics must be a list of strings, got None (NoneType)"),
        ("enable_code_profiling", "yes", "enable_code_profiling must be True or False, got 'yes' (str)"),
    ],
)
def test_a_bad_value_is_refused_with_field_value_and_what_is_allowed(field: str, value: Any, message: str) -> None:
    for configuration in (TrackingConfig, SEOConfig):
        with pytest.raises(ValueError) as raised:
            configuration(**{field: value})
        assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("field", "value"),
    [("number_of_epochs", 0), ("learning_rate", "fast"), ("validation_share", 0.9), ("model_name", ""), ("seed", -1)],
)
def test_a_bad_training_value_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field):
        SEOConfig(**{field: value})


def test_defaults_are_the_seeds() -> None:
    seed = {
        "experiment_tracking_enabled": True,
        "tensorboard_logging": True,
        "wandb_logging": True,
        "tensorboard_log_dir": "runs",
        "tensorboard_flush_secs": 30,
        "tensorboard_max_queue": 10,
        "wandb_project": "seo-engine-experiments",
        "wandb_entity": None,
        "wandb_tags": None,
        "experiment_logging_interval": 10,
        "asynchronous_logging": True,
        "selective_logging": True,
    }
    assert seed.items() <= dataclasses.asdict(SEOConfig()).items()


@pytest.mark.parametrize("given", [{}, {"wandb_project": "seo-engine-experiments"}, {"seed": 3}])
def test_a_configuration_knows_what_was_given_also_as_a_copy(given: dict[str, Any]) -> None:
    config = SEOConfig(**given)
    copies = [config, copy.copy(config), copy.deepcopy(config), pickle.loads(pickle.dumps(config))]
    copies += [dataclasses.replace(config), dataclasses.replace(dataclasses.replace(config))]
    for each in copies:
        assert [name for name in ("wandb_project", "seed", "wandb_entity") if each.is_given(name)] == list(given)
    changed = dataclasses.replace(config, wandb_project="seo-engine-experiments", wandb_tags=["a"])
    assert changed.is_given("wandb_project") and changed.is_given("wandb_tags")
    assert "given_fields" not in repr(config) and config == SEOConfig(**given)
    config.wandb_entity = "team"
    assert config.is_given("wandb_entity")
    assert read_configuration(config.as_dictionary()).is_given("wandb_project") == ("wandb_project" in given)


def test_a_configuration_is_made_again_of_what_the_journal_keeps_of_it() -> None:
    config = TrackingConfig(wandb_project="x", wandb_settings={"x_stats_gpu_device_ids": (0, 1)})
    again = TrackingConfig(**config.as_dictionary())
    assert again == config and again.is_given("wandb_project") and not again.is_given("wandb_entity")
    with pytest.raises(ValueError, match="TrackingConfig has no setting 'nothing'"):
        config.is_given("nothing")


def test_a_subclass_with_checks_of_its_own_need_not_know_what_was_given() -> None:
    @dataclasses.dataclass
    class OwnConfig(TrackingConfig):
        layers: int = setting(1, "How many layers.")

        def __post_init__(self) -> None:
            super().__post_init__()
            self.layers = max(self.layers, 1)

    config = dataclasses.replace(OwnConfig(layers=-1), wandb_project="mine")
    assert config.layers == 1 and config.is_given("wandb_project") and not config.is_given("wandb_entity")
    assert "layers" not in config.as_dictionary()


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"project": "x"}, "wandb_settings must not hold project; wandb_project is the setting for it"),
        ({"use_dot_wandb": True}, "wandb_settings must not hold use_dot_wandb; the tracker sets it itself"),
        ({"resume": "must"}, "wandb_settings must not hold resume; the tracker sets it itself"),
        ({"x_label": object()}, "wandb_settings must be plain data: texts, numbers, lists and dictionaries"),
        # Of a journal that somebody sent, this would send your key elsewhere.
        ({"base_url": "http://evil.example"}, "wandb_settings must not hold base_url; set it by wandb's own variables"),
        ({"api_key": "hunter2"}, "wandb_settings must not hold api_key; set it by wandb's own variables"),
        ({"x_label": "https://me:hunter2@h"}, "wandb_settings must not hold a secret, because the run keeps them"),
    ],
)
def test_settings_of_wandb_that_cannot_be_passed_on_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrackingConfig(wandb_settings=settings)


def test_what_is_switched_off_is_checked_for_type_but_not_for_presence() -> None:
    TrackingConfig(tensorboard_logging=False, tensorboard_flush_secs=0, tensorboard_log_dir="")
    TrackingConfig(wandb_logging=False, wandb_project="")
    TrackingConfig(experiment_tracking_enabled=False, experiment_logging_interval=0)
    with pytest.raises(ValueError, match="tensorboard_flush_secs must be a whole number"):
        TrackingConfig(tensorboard_logging=False, tensorboard_flush_secs="x")  # type: ignore[arg-type]


def test_validate_config_finds_what_was_changed_afterwards() -> None:
    config = SEOConfig()
    config.tensorboard_max_queue = 0
    with pytest.raises(ValueError, match="tensorboard_max_queue must be positive"):
        config.validate_config()


def test_paths_and_tuples_are_taken(tmp_path: Path) -> None:
    config = TrackingConfig(tensorboard_log_dir=tmp_path, wandb_tags=("a", "b"))  # type: ignore[arg-type]
    assert config.tensorboard_log_dir == str(tmp_path) and config.wandb_tags == ["a", "b"]


def test_a_config_has_one_profiler_and_copies_pickles_and_prints_without_it() -> None:
    config = SEOConfig()
    profiler = config.code_profiler
    assert config.code_profiler is profiler
    assert pickle.loads(pickle.dumps(config)) == copy.deepcopy(config) == config
    assert copy.copy(config).code_profiler is not profiler
    assert "code_profiler" not in repr(config) and "CodeProfiler" not in repr(config)


def test_toml_is_read_and_what_is_wrong_in_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "seo.toml"
    path.write_text('wandb_tags = ["shop"]\nlearning_rate = 1e-3')
    config = SEOConfig.from_toml(path, number_of_epochs=7)
    assert (config.wandb_tags, config.learning_rate, config.number_of_epochs) == (["shop"], 1e-3, 7)
    for text, message in [
        ("learning_rates = 1", "unknown setting 'learning_rates'"),
        ('learning_rate = "fast"', "learning_rate must be a number, got 'fast'"),
        ("learning_rate 1", "is not valid TOML"),
    ]:
        path.write_text(text)
        with pytest.raises(ValueError, match=message) as raised:
            SEOConfig.from_toml(path)
        assert str(raised.value).startswith(str(path)) and "\n" not in str(raised.value)
    with pytest.raises(ValueError, match="cannot be read"):
        SEOConfig.from_toml(tmp_path / "missing.toml")


@pytest.mark.parametrize(
    ("folder", "said"),
    [
        ("runs", "must not be in tensorboard_log_dir"),
        ("runs/artifacts", "must not be in tensorboard_log_dir"),
        ("elsewhere/../runs/x", "must not be in tensorboard_log_dir"),
        ("s3://bucket/artifacts", "artifact_dir must be a folder of this machine"),
        ("a\0b", "artifact_dir must be a path"),
        ("", "artifact_dir must be specified"),
    ],
)
def test_a_store_among_the_runs_or_at_an_address_is_refused(folder: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TrackingConfig(artifact_dir=folder)


def test_the_default_store_may_be_in_a_working_folder_that_holds_the_runs() -> None:
    assert TrackingConfig(tensorboard_log_dir=".").artifact_dir == "artifacts"
    assert TrackingConfig(artifact_dir="runs_of_others").artifact_dir == "runs_of_others"
