"""Where a run is in W&B, and how it is described there."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, MutableMapping
from typing import Any, NamedTuple

from seo_engine.foundation.redaction import redact_text
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.runs.places import is_chosen_name

# The variables of wandb that say which run it is, by setting; wandb takes both spellings.
VARIABLES = {
    "wandb_project": ("WANDB_PROJECT",),
    "wandb_entity": ("WANDB_ENTITY",),
    "wandb_name": ("WANDB_NAME", "WANDB_RUN_NAME"),
    "wandb_group": ("WANDB_RUN_GROUP",),
    "wandb_job_type": ("WANDB_JOB_TYPE", "WANDB_RUN_JOB_TYPE"),
    "wandb_notes": ("WANDB_NOTES", "WANDB_RUN_NOTES"),
    "wandb_tags": ("WANDB_TAGS", "WANDB_RUN_TAGS"),
    "wandb_run_id": ("WANDB_RUN_ID",),
}


def forget_identity(environment: MutableMapping[str, str]) -> None:
    """Remove these variables, which were recorded when the run began, so that wandb does not read others later.

    Args:
        environment (MutableMapping[str, str]): That of the process in which wandb runs.
    """
    # The agent of a sweep tells wandb by two variables which run is the sweep's.
    kept = ("WANDB_RUN_ID",) if "WANDB_SWEEP_ID" in environment else ()
    for variable in itertools.chain(*VARIABLES.values()):
        if variable not in kept:
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

    def variable(name: str) -> str:
        return next((value for each in VARIABLES[name] if (value := environment.get(each))), "")

    def chosen(name: str) -> str:
        value = given(name)
        return redact_text(str(value if value is not None else variable(name) or getattr(config, name) or ""))

    chosen_name = given("wandb_name") or (run_name if is_chosen_name(run_name) else None)
    given_tags = given("wandb_tags")
    tags = (
        given_tags
        if given_tags is not None
        else [tag for tag in map(str.strip, variable("wandb_tags").split(",")) if tag]
    )
    return Identity(
        project=chosen("wandb_project"),
        entity=chosen("wandb_entity") or None,
        name=redact_text(chosen_name or variable("wandb_name") or run_name),
        group=chosen("wandb_group"),
        job_type=chosen("wandb_job_type"),
        notes=chosen("wandb_notes"),
        tags=[redact_text(str(tag)) for tag in tags],
    )
