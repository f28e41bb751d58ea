"""Where a run is in W&B, and how it is described there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from seo_engine.foundation.redaction import redact_text
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.runs.places import is_chosen_name


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


def identity_of(config: TrackingConfig, environment: Mapping[str, str], run_name: str) -> Identity:
    """Return where a run is in W&B: a setting that was given wins, then wandb's variable, then the default.

    Args:
        config (TrackingConfig): The settings of the run.
        environment (Mapping[str, str]): The variables with which the run began.
        run_name (str): The name of the run's folder.

    Returns:
        Identity: Without secrets.

    Example:
        >>> variables = {"WANDB_PROJECT": "vision", "WANDB_TAGS": "small, cnn"}
        >>> identity_of(TrackingConfig(wandb_tags=["large"]), variables, "cnn")[:3]
        ('vision', None, 'cnn')
        >>> identity_of(TrackingConfig(wandb_project="text"), variables, "cnn").tags
        ['small', 'cnn']
    """

    def chosen(name: str, variable: str) -> str:
        value = getattr(config, name) if config.is_given(name) else None
        return redact_text(value if value is not None else environment.get(variable) or getattr(config, name) or "")

    chosen_name = config.wandb_name or (run_name if is_chosen_name(run_name) else None)
    tags_of_variable = [tag.strip() for tag in environment.get("WANDB_TAGS", "").split(",")]
    tags = config.wandb_tags if config.wandb_tags is not None else [tag for tag in tags_of_variable if tag]
    return Identity(
        project=chosen("wandb_project", "WANDB_PROJECT"),
        entity=chosen("wandb_entity", "WANDB_ENTITY") or None,
        name=redact_text(chosen_name or environment.get("WANDB_NAME") or run_name),
        group=chosen("wandb_group", "WANDB_RUN_GROUP"),
        job_type=chosen("wandb_job_type", "WANDB_JOB_TYPE"),
        notes=chosen("wandb_notes", "WANDB_NOTES"),
        tags=[redact_text(tag) for tag in tags],
    )
