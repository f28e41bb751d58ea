"""TrackingConfig: every setting of experiment tracking, checked when it is made."""

from __future__ import annotations

import re
from dataclasses import dataclass

from seo_engine.foundation.redaction import check_no_secret
from seo_engine.foundation.settings import setting
from seo_engine.profiling.configuration import ProfilingConfig

PRIORITIES = ("high", "medium", "low")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=@ -]{0,127}")

_TRACKING = ("experiment_tracking_enabled",)
_TENSORBOARD = ("experiment_tracking_enabled", "tensorboard_logging")
_WANDB = ("experiment_tracking_enabled", "wandb_logging")


@dataclass
class TrackingConfig(ProfilingConfig):
    """Settings of experiment tracking; every default works on a fresh machine.

    Raises:
        ValueError: At construction, naming the field, its value and what is allowed.

    Example:
        >>> TrackingConfig(tensorboard_flush_secs=0)
        Traceback (most recent call last):
            ...
        ValueError: tensorboard_flush_secs must be positive, got 0
    """

    experiment_tracking_enabled: bool = setting(
        True, "Track at all; off, no folder, thread, process or import, and every call returns at once."
    )
    experiment_name: str | None = setting(
        None, "Name of the run's folder; None means `seo_engine_<unix time>`.", switches=_TRACKING, flag="--name"
    )

    tensorboard_logging: bool = setting(True, "Deliver to TensorBoard.", flag="--no-tensorboard")
    tensorboard_log_dir: str = setting(
        "runs",
        "Folder that holds the run folders, one for each run.",
        required=True,
        switches=_TENSORBOARD,
        flag="--log-dir",
    )
    tensorboard_flush_secs: int = setting(
        30, "Longest time, in seconds, that TensorBoard's own writer keeps an event.", above=0, switches=_TENSORBOARD
    )
    tensorboard_max_queue: int = setting(
        10, "Events that TensorBoard's own writer queues before it writes.", above=0, switches=_TENSORBOARD
    )

    wandb_logging: bool = setting(True, "Deliver to Weights & Biases.", flag="--no-wandb")
    wandb_project: str = setting("seo-engine-experiments", "Project of the W&B run.", required=True, switches=_WANDB)
    wandb_entity: str | None = setting(None, "User or team of the W&B run; None means your default one.")
    wandb_tags: list[str] | None = setting(None, "Tags of the W&B run.")
    wandb_mode: str = setting(
        "auto",
        "`online`, `offline`, or `auto`: online if an API key is configured, else offline; never a prompt.",
        allowed=("auto", "online", "offline"),
        switches=_WANDB,
        flag="--wandb-mode",
    )

    experiment_logging_interval: int = setting(
        10,
        "Steps between two shown values of a medium-priority metric; ten times as many for a low one.",
        above=0,
        switches=_TRACKING,
    )
    asynchronous_logging: bool = setting(True, "Deliver in the background; off, each call delivers before it returns.")
    selective_logging: bool = setting(
        True, "Thin metrics in the views by priority; the journal keeps every value. Off, the views show all."
    )
    high_priority_metrics: list[str] = setting(
        ["loss", "accuracy", "learning_rate"], "Patterns of metrics that are shown at every step."
    )
    medium_priority_metrics: list[str] = setting(
        ["gradient_norm", "weight_norm"], "Patterns of metrics that are shown once an interval."
    )
    low_priority_metrics: list[str] = setting(
        ["*memory*", "cpu_usage*"], "Patterns of metrics that are shown once in ten intervals."
    )
    default_metric_priority: str = setting(
        "medium", "Priority of a metric that no pattern names.", allowed=PRIORITIES, switches=_TRACKING
    )
    skip_nonfinite_metrics: bool = setting(
        True, "Leave NaN and infinities out of the views; the journal always keeps them."
    )
    system_metrics_interval_seconds: float = setting(
        10,
        "Seconds between two readings of processor, memory, GPU, disk and network, at most one a step; 0: none.",
        at_least=0,
        switches=_TRACKING,
    )
    profiling_interval_seconds: float = setting(
        60,
        "Seconds between two times that the profile is logged, and written into the run's `profile/`; also at the end.",
        above=0,
        switches=_TRACKING,
    )
    slow_logging_threshold_seconds: float = setting(
        0.1, "A call into a tracker that takes longer is warned of.", above=0, switches=_TRACKING
    )
    close_timeout_seconds: float = setting(
        60,
        "Longest time that `close()`, `flush()` and interpreter exit wait for the trackers.",
        above=0,
        switches=_TRACKING,
    )

    def validate_config(self) -> None:
        """Check every field, that the experiment's name can be a folder, and that no name of the run is a secret.

        Raises:
            ValueError: Naming the field, its value and what is allowed.
        """
        super().validate_config()
        if not self.experiment_tracking_enabled:
            return
        if self.experiment_name is not None:
            check_experiment_name(self.experiment_name)
        check_no_secret("wandb_project", self.wandb_project)
        check_no_secret("wandb_entity", self.wandb_entity or "")


def check_experiment_name(name: str) -> None:
    """Refuse a name that is no plain folder name.

    Args:
        name (str): The experiment's name.

    Raises:
        ValueError: If it could leave its folder, is no portable file name, or holds a secret.

    Example:
        >>> check_experiment_name("../elsewhere")
        Traceback (most recent call last):
            ...
        ValueError: experiment_name must be a plain folder name (letters, digits, . _ - + = @), got '../elsewhere'
    """
    check_no_secret("experiment_name", name)
    if not _NAME.fullmatch(name):
        raise ValueError(f"experiment_name must be a plain folder name (letters, digits, . _ - + = @), got {name!r}")
