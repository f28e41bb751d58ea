"""Where a run is in W&B, and how it is described there."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any, NamedTuple

from seo_engine.foundation.redaction import redact_text
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.runs.places import is_chosen_name
from seo_engine.tracking.wandb_rules import WANDB_SETTINGS_WITH_A_FIELD

# The variables of wandb that say which run it is; wandb takes both spellings.
_VARIABLES = (
    "WANDB_PROJECT", "WANDB_ENTITY", "WANDB_NAME", "WANDB_RUN_NAME", "WANDB_RUN_GROUP", "WANDB_JOB_TYPE",
    "WANDB_RUN_JOB_TYPE", "WANDB_NOTES", "WANDB_RUN_NOTES", "WANDB_TAGS", "WANDB_RUN_TAGS", "WANDB_RUN_ID",
)  # fmt: skip


def forget_identity(environment: MutableMapping[str, str]) -> None:
    """Remove these variables, which were recorded when the run began, so that wandb does not read others later.

    Args:
        environment (MutableMapping[str, str]): That of the process in which wandb runs.
    """
    # The agent of a sweep tells wandb by two variables which run is the sweep's.
    kept = ("WANDB_RUN_ID",) if "WANDB_SWEEP_ID" in environment else ()
    for variable in _VARIABLES:
        if variable not in kept:
            environment.pop(variable, None)


def leave_sweep_of_another_run(environment: MutableMapping[str, str], run_id: str) -> None:
    """Remove the variables of a sweep's agent, unless they are about this run: wandb would open the sweep's instead.

    Args:
        environment (MutableMapping[str, str]): That of the process in which wandb runs.
        run_id (str): The id of the run.
    """
    if environment.get("WANDB_RUN_ID", run_id) != run_id:
        for variable in ("WANDB_RUN_ID", "WANDB_SWEEP_ID", "WANDB_SWEEP_PARAM_PATH"):
            environment.pop(variable, None)


class Identity(NamedTuple):
    """The arguments of `wandb.init` that say which run it is.

    None leaves one to wandb. The texts are empty instead: wandb would take them from a variable, with their secrets.
    """

    project: str
    entity: str | None
    name: str
    group: str
    job_type: str
    notes: str
    tags: list[str]


def identity_of(
    config: TrackingConfig, chosen: Mapping[str, Any], run_name: str, began_with: Mapping[str, Any] | None = None
) -> Identity:
    """Return where a run is in W&B: a setting that was given wins, then what the user told wandb, then the default.

    Args:
        config (TrackingConfig): The settings of the run.
        chosen (Mapping[str, Any]): What the user told wandb, by wandb's name of the setting; see `UserSettings`.
        run_name (str): The name of the run's folder.
        began_with (Mapping[str, Any] | None): The configuration with which the run began, if it was resumed with
            another one: what is not given now stays as it was.

    Returns:
        Identity: Without secrets.

    Example:
        >>> chosen = {"project": "vision", "run_tags": ("small", "cnn")}
        >>> identity_of(TrackingConfig(wandb_tags=["large"]), chosen, "cnn")[:3]
        ('vision', None, 'cnn')
        >>> identity_of(TrackingConfig(wandb_project="text"), chosen, "cnn").tags
        ['small', 'cnn']
    """
    began_with = began_with or {}
    given_then = {name: began_with.get(name) for name in began_with.get("given_fields", began_with)}

    def given(name: str) -> Any:
        value = getattr(config, name) if config.is_given(name) else None
        return value if value is not None else given_then.get(name)

    def text(setting: str) -> str:
        name = WANDB_SETTINGS_WITH_A_FIELD[setting]
        value = given(name)
        return redact_text(str(value if value is not None else chosen.get(setting) or getattr(config, name) or ""))

    chosen_name = given("wandb_name") or (run_name if is_chosen_name(run_name) else None)
    given_tags = given("wandb_tags")
    tags = given_tags if given_tags is not None else map(str.strip, chosen.get("run_tags", ()))
    return Identity(
        project=text("project"),
        entity=text("entity") or None,
        name=redact_text(chosen_name or chosen.get("run_name") or run_name),
        group=text("run_group"),
        job_type=text("run_job_type"),
        notes=text("run_notes"),
        tags=[redact_text(str(tag)) for tag in tags if tag],
    )
