"""TrackingConfig: every setting of experiment tracking, checked at construction."""

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
        ValueError: If a value is not allowed; the message names the field, the value and what is allowed.

    Example:
        >>> TrackingConfig(tensorboard_flush_secs=0)
        Traceback (most recent call last):
            ...
        ValueError: tensorboard_flush_secs must be positive, got 0
    """

    experiment_tracking_enabled: bool = setting(
        True, "If False, nothing is tracked: no folder, thread, process or import, and every call returns at once."
    )
    experiment_name: str | None = setting(
        None, "Name of the run and of its folder. None: `seo_engine_<unix time>`.", switches=_TRACKING, flag="--name"
    )

    tensorboard_logging: bool = setting(True, "Show the run in TensorBoard.", flag="--no-tensorboard")
    tensorboard_log_dir: str = setting(
        "runs",
        "Folder of all runs. Each run has a folder of its own in it.",
        required=True,
        switches=_TENSORBOARD,
        flag="--log-dir",
    )
    tensorboard_flush_secs: int = setting(
        30,
        "How long TensorBoard's own writer holds an event before it writes it, at most, in seconds.",
        above=0,
        switches=_TENSORBOARD,
    )
    tensorboard_max_queue: int = setting(
        10, "How many events TensorBoard's own writer queues before it writes them.", above=0, switches=_TENSORBOARD
    )

    wandb_logging: bool = setting(True, "Show the run in Weights & Biases.", flag="--no-wandb")
    wandb_project: str = setting("seo-engine-experiments", "W&B project of the run.", required=True, switches=_WANDB)
    wandb_entity: str | None = setting(None, "W&B user or team. None: your default one.")
    wandb_tags: list[str] | None = setting(None, "W&B tags of the run.")
    wandb_mode: str = setting(
        "auto",
        "`online`, `offline`, or `auto`: online if there is an API key, otherwise offline. It never asks for a key.",
        allowed=("auto", "online", "offline"),
        switches=_WANDB,
        flag="--wandb-mode",
    )

    experiment_logging_interval: int = setting(
        10,
        "Interval, in steps, at which the views show medium-priority metrics. Ten times as long for low-priority ones.",
        above=0,
        switches=_TRACKING,
    )
    asynchronous_logging: bool = setting(
        True, "Deliver in the background. If False, each call delivers before it returns."
    )
    selective_logging: bool = setting(
        True,
        "Thin out metrics in the views by priority. If False, the views show every value. The journal always has all.",
    )
    high_priority_metrics: list[str] = setting(
        ["loss", "accuracy", "learning_rate"], "Patterns of metrics that the views show at every step."
    )
    medium_priority_metrics: list[str] = setting(
        ["gradient_norm", "weight_norm"], "Patterns of metrics that the views show once per interval."
    )
    low_priority_metrics: list[str] = setting(
        ["memory_usage", "cpu_usage"], "Patterns of metrics that the views show once in ten intervals."
    )
    default_metric_priority: str = setting(
        "high", "Priority in the views of metrics that match no pattern.", allowed=PRIORITIES, switches=_TRACKING
    )
    skip_nonfinite_metrics: bool = setting(
        True, "Leave NaN and infinities out of the views. The journal always keeps them."
    )
    system_metrics_interval_seconds: float = setting(
        10,
        "Seconds between readings of processor, memory, GPU, disk and network, at most one per step. 0: no readings.",
        at_least=0,
        switches=_TRACKING,
    )
    profiling_interval_seconds: float = setting(
        60,
        "How often, in seconds, the profile is logged and saved in the run's `profile/`. Also done when the run ends.",
        above=0,
        switches=_TRACKING,
    )
    slow_logging_threshold_seconds: float = setting(
        0.1, "Warn when one call into a tracker takes longer than this, in seconds.", above=0, switches=_TRACKING
    )
    close_timeout_seconds: float = setting(
        60,
        "How long `close()`, `flush()` and interpreter exit wait for the trackers, at most, in seconds.",
        above=0,
        switches=_TRACKING,
    )

    def validate_config(self) -> None:
        """Check every field, that the experiment's name is a valid folder name, and that no name holds a secret.

        Raises:
            ValueError: If a value is not allowed; the message names the field, the value and what is allowed.
        """
        super().validate_config()
        if not self.experiment_tracking_enabled:
            return
        if self.experiment_name is not None:
            check_experiment_name(self.experiment_name)
        check_no_secret("wandb_project", self.wandb_project)
        check_no_secret("wandb_entity", self.wandb_entity or "")


def check_experiment_name(name: str) -> None:
    """Refuse a name that is not a plain folder name.

    Args:
        name (str): The experiment's name.

    Raises:
        ValueError: If it could escape its folder, is not a portable file name, or holds a secret.

    Example:
        >>> check_experiment_name("../elsewhere")
        Traceback (most recent call last):
            ...
        ValueError: experiment_name must be a plain folder name (letters, digits, . _ - + = @), got '../elsewhere'
    """
    check_no_secret("experiment_name", name)
    if not _NAME.fullmatch(name):
        raise ValueError(f"experiment_name must be a plain folder name (letters, digits, . _ - + = @), got {name!r}")
