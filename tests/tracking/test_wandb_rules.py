"""What W&B would refuse is refused when the configuration is made: our rules against those of wandb itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import wandb

from seo_engine import ExperimentTracker, TrackingConfig
from seo_engine.tracking.wandb_rules import WANDB_SETTINGS_WITH_A_FIELD, why_refused

CHARACTERS = [chr(code) for code in range(32, 127)] + ["ä", "語", "🚀", "\n"]
LENGTHS = (1, 2, 63, 64, 65, 127, 128, 129, 1000)


def wandb_refuses(setting: str, value: Any) -> bool:
    try:
        wandb.Settings(**{setting: value})
    except (ValueError, wandb.errors.UsageError):
        return True
    return False


def test_a_project_is_refused_if_and_only_if_wandb_refuses_it() -> None:
    for value in (*(f"a{each}b" for each in CHARACTERS), *("a" * length for length in LENGTHS)):
        assert (why_refused("wandb_project", value) is not None) == wandb_refuses("project", value), value


def test_a_tag_is_refused_if_and_only_if_wandb_refuses_it() -> None:
    for tag in ("", *CHARACTERS, *("a" * length for length in LENGTHS)):
        assert (why_refused("wandb_tags", ["fine", tag]) is not None) == wandb_refuses("run_tags", ["fine", tag]), tag


@pytest.mark.parametrize("setting", ["run_id", "run_name", "run_group", "run_job_type", "run_notes", "entity"])
def test_what_wandb_refuses_of_the_other_settings_is_refused_here(setting: str) -> None:
    for value in (*CHARACTERS, *("a" * length for length in LENGTHS), " a", "a "):
        if wandb_refuses(setting, value):
            assert why_refused(WANDB_SETTINGS_WITH_A_FIELD[setting], value) is not None, value


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("wandb_project", "shop/search", "wandb_project must not contain any of / \\ # ? % :, got 'shop/search'"),
        ("wandb_project", "p" * 129, "wandb_project must be at most 128 characters long"),
        ("wandb_entity", "team/project", "wandb_entity must not contain any of"),
        ("wandb_tags", ["fine", "t" * 65], "wandb_tags must be tags of 1 to 64 characters each"),
        ("wandb_tags", [""], "wandb_tags must be tags of 1 to 64 characters each"),
        # The server's limits, of which wandb itself knows nothing.
        ("wandb_job_type", "j" * 65, "wandb_job_type must be at most 64 characters long"),
        ("wandb_group", "g" * 129, "wandb_group must be at most 128 characters long"),
        ("wandb_name", "n" * 129, "wandb_name must be at most 128 characters long"),
        # The protocol of wandb holds Unicode alone.
        ("wandb_notes", "caf\udce9", "wandb_notes must be valid Unicode"),
        ("wandb_tags", ["caf\udce9"], "wandb_tags must be valid Unicode"),
    ],
)
def test_a_configuration_that_wandb_would_refuse_is_a_value_error(field: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        TrackingConfig(**{field: value})
    assert str(raised.value).startswith(message)


def test_the_longest_name_is_still_a_name_for_wandb_with_a_number_behind_it(tmp_path: Path) -> None:
    config = TrackingConfig(
        tensorboard_log_dir=str(tmp_path), wandb_logging=False, tensorboard_logging=False, experiment_name="n" * 120
    )
    for _ in range(2):
        with ExperimentTracker(config) as tracker:
            assert tracker.run_directory is not None
    assert why_refused("wandb_name", tracker.run_directory.name.removesuffix("_2") + "_9999") is None
