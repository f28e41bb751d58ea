"""Where a run is in W&B, and how it is described there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from seo_engine.foundation.redaction import redact_text
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.runs.places import is_chosen_name

# The variables of wandb that say which run it is. A sweep's agent also names one, whose id wandb prefers to ours.
IDENTITY_VARIABLES = (
    "WANDB_PROJECT", "WANDB_ENTITY", "WANDB_NAME", "WANDB_RUN_NAME", "WANDB_RUN_GROUP", "WANDB_JOB_TYPE",
    "WANDB_RUN_JOB_TYPE", "WANDB_NOTES", "WANDB_RUN_NOTES", "WANDB_TAGS", "WANDB_RUN_TAGS", "WANDB_RUN_ID",
    "WANDB_SWEEP_ID",
)  # fmt: skip


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
    config: TrackingConfig, environment: Mapping[str, str], run_name: str, began_with: Mapping[str, Any] | None = None
) -> Identity:
    """Return where a run is in W&B: a setting that was given wins, then wandb's variable, then the default.

    Args:
        config (TrackingConfig): The settings of the run.
        environment (Mapping[str, str]): The variables with which the run began.
        run_name (str): The name of the run's folder.
        began_with (Mapping[str, Any] | None): The configuration with which the run began, if it was resumed with
            another one: what is not given now stays as it was.

    Returns:
        Identity: Without secrets.

    Example:
        >>> variables = {"WANDB_PROJECT": "vision", "WANDB_TAGS": "small, cnn"}
        >>> identity_of(TrackingConfig(wandb_tags=["large"]), variables, "cnn")[:3]
        ('vision', None, 'cnn')
        >>> identity_of(TrackingConfig(wandb_project="text"), variables, "cnn").tags
        ['small', 'cnn']
    """

    began_with = began_with or {}
    given_then = {name: began_with.get(name) for name in began_with.get("given_fields", began_with)}

    def given(name: str) -> Any:
        value = getattr(config, name) if config.is_given(name) else None
        return value if value is not None else given_then.get(name)

    def chosen(name: str, variable: str) -> str:
        value = given(name)
        if value is None:
            value = environment.get(variable) or getattr(config, name) or ""
        return redact_text(str(value))

    chosen_name = given("wandb_name") or (run_name if is_chosen_name(run_name) else None)
    tags_of_variable = [tag.strip() for tag in environment.get("WANDB_TAGS", "").split(",")]
    given_tags = given("wandb_tags")
    tags = given_tags if given_tags is not None else [tag for tag in tags_of_variable if tag]
    return Identity(
        project=chosen("wandb_project", "WANDB_PROJECT"),
        entity=chosen("wandb_entity", "WANDB_ENTITY") or None,
        name=redact_text(chosen_name or environment.get("WANDB_NAME") or run_name),
        group=chosen("wandb_group", "WANDB_RUN_GROUP"),
        job_type=chosen("wandb_job_type", "WANDB_JOB_TYPE"),
        notes=chosen("wandb_notes", "WANDB_NOTES"),
        tags=[redact_text(str(tag)) for tag in tags],
    )
