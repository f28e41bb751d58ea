"""TrackingConfig: every setting of experiment tracking, checked at construction."""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seo_engine.foundation.redaction import check_no_secret, redact_text
from seo_engine.foundation.settings import setting
from seo_engine.profiling.configuration import ProfilingConfig
from seo_engine.tracking.tracker_rules import check_additional_trackers, check_tracker_settings
from seo_engine.tracking.wandb_rules import WANDB_SETTINGS_WITH_A_FIELD, check_wandb_settings, why_refused

PRIORITIES = ("high", "medium", "low")

# W&B takes 128: the rest is room for `_2`, `_3`, … after a name that is taken.
LONGEST_NAME = 120

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=@ -]*")

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")

_TRACKING = ("experiment_tracking_enabled",)
_TENSORBOARD = ("experiment_tracking_enabled", "tensorboard_logging")
_WANDB = ("experiment_tracking_enabled", "wandb_logging")


@dataclass
class TrackingConfig(ProfilingConfig):
    """Settings of experiment tracking; every default works on a fresh machine.

    Raises:
        ValueError: If a value is not allowed; the message names the field, the value and what is allowed.

    Example:
        >>> import tempfile
        >>> from seo_engine import ExperimentTracker
        >>> config = TrackingConfig(tensorboard_log_dir=tempfile.mkdtemp(), wandb_logging=False, print_summary=False)
        >>> with ExperimentTracker(config) as tracker:
        ...     for loss in (0.9, 0.5):
        ...         tracker.log_metrics({"loss": loss})
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
    artifact_dir: str = setting(
        "artifacts",
        "Folder of all versions of models, datasets and the like, beside that of the runs and not in it.",
        required=True,
        switches=_TRACKING,
        flag="--artifact-dir",
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
    wandb_project: str = setting(
        "seo-engine-experiments",
        "W&B project of the run. Unless it is given, `WANDB_PROJECT` takes precedence.",
        required=True,
        switches=_WANDB,
    )
    wandb_entity: str | None = setting(None, "W&B user or team. None: `WANDB_ENTITY`, or your default one.")
    wandb_name: str | None = setting(
        None, "Name of the run in W&B. None: `experiment_name`, `WANDB_NAME`, or the name of the run's folder."
    )
    wandb_group: str | None = setting(None, "W&B group of the run. None: `WANDB_RUN_GROUP`.")
    wandb_job_type: str | None = setting(None, "W&B job type of the run. None: `WANDB_JOB_TYPE`.")
    wandb_notes: str | None = setting(None, "W&B notes on the run. None: `WANDB_NOTES`.")
    wandb_tags: list[str] | None = setting(None, "W&B tags of the run. None: `WANDB_TAGS`.")
    wandb_run_id: str | None = setting(
        None, "Id of the run in W&B; only the first run of a process gets it. None: `WANDB_RUN_ID`, or a new one."
    )
    wandb_settings: dict[str, Any] = setting({}, "Whatever else `wandb.Settings` takes, by name.")
    wandb_mode: str = setting(
        "auto",
        "`online`, `offline`, or `auto`: as `wandb offline`, `WANDB_MODE` and the like say; otherwise online if there "
        "is an API key, and offline if not. It never asks for a key.",
        allowed=("auto", "online", "offline"),
        switches=_WANDB,
        flag="--wandb-mode",
    )

    additional_trackers: list[str] = setting(
        [],
        "Trackers that other packages bring, by name. `files` (CSV and Parquet files in the run's folder), `mlflow` "
        "and `trackio` ship.",
    )
    tracker_settings: dict[str, Any] = setting(
        {}, "What such trackers take as their own settings, by the tracker's name."
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
    rank_metrics: str = setting(
        "first",
        "Which metrics of several ranks the views show. `first`: those of rank 0. `all`: those of each, named like "
        "`rank_3/training/loss`. `reduced`: for each step one value of all ranks together, their mean.",
        allowed=("first", "all", "reduced"),
        switches=_TRACKING,
    )
    rank_minimum_metrics: list[str] = setting(
        [], "Patterns of metrics whose smallest value of all ranks `reduced` shows, rather than their mean."
    )
    rank_maximum_metrics: list[str] = setting(
        [], "Patterns of metrics whose largest value of all ranks `reduced` shows, rather than their mean."
    )
    rank_sum_metrics: list[str] = setting(
        [], "Patterns of metrics whose sum over all ranks `reduced` shows, rather than their mean."
    )
    summary_best_metrics: list[str] = setting(
        [],
        "Patterns of metrics whose best value is in the summary of the run, as `best/val/loss`: the smallest loss, "
        "the largest accuracy. A metric whose name does not tell which is better has none.",
    )
    summary_last_metrics: list[str] = setting(
        [], "Patterns of metrics whose last value is in the summary of the run, as `last/val/loss`."
    )
    summary_mean_metrics: list[str] = setting(
        [], "Patterns of metrics whose mean is in the summary of the run, as `mean/val/loss`."
    )
    summary_minimum_metrics: list[str] = setting(
        [], "Patterns of metrics whose smallest value is in the summary of the run, as `minimum/val/loss`."
    )
    summary_maximum_metrics: list[str] = setting(
        [], "Patterns of metrics whose largest value is in the summary of the run, as `maximum/val/loss`."
    )
    system_metrics_interval_seconds: float = setting(
        10,
        "Seconds between readings of the machine's load, at most one per step. 0: no readings.",
        at_least=0,
        switches=_TRACKING,
    )
    system_metrics: str = setting(
        "main",
        "What is read: `main` is processor and memory of process, machine and GPUs; `all` adds disks, network, power "
        "and temperature.",
        allowed=("main", "all"),
        switches=_TRACKING,
    )
    profiling_interval_seconds: float = setting(
        60,
        "How often, in seconds, the profile is logged and saved in the run's `profile/`. Also done when the run ends.",
        above=0,
        switches=_TRACKING,
    )
    maximum_payload_bytes: int = setting(
        256_000_000,
        "The most data that one call may have, in bytes: a larger picture or table is not recorded.",
        above=0,
        switches=_TRACKING,
    )
    slow_logging_threshold_seconds: float = setting(
        0.1, "Warn when one call into a tracker takes longer than this, in seconds.", above=0, switches=_TRACKING
    )
    record_surroundings: bool = setting(
        True,
        "Record what the run ran in: commit and branch, packages, machine, environment without secrets, random seeds.",
    )
    record_uncommitted_changes: bool = setting(
        False, "Record what differs from the commit, as a patch without secrets, of 1 MB at most."
    )
    record_program_source: bool = setting(False, "Record the file of the program, without secrets, 1 MB of it at most.")
    wandb_source_code: bool = setting(
        False, "Send W&B the patch and the program, too. Otherwise they stay in the run's folder."
    )
    capture_console: str = setting(
        "python",
        "What is recorded of the console, without secrets. `python`: what Python writes to `sys.stdout` and "
        "`sys.stderr`. `descriptors`: what libraries in C and other processes print, too. `off`: nothing.",
        allowed=("python", "descriptors", "off"),
        switches=_TRACKING,
    )
    print_summary: bool = setting(True, "Say at the end of a run how it went, and what to type next.")
    on_setup_failure: str = setting(
        "continue",
        "When the run's folder cannot be written: `continue` trains without a run, `raise` raises the error.",
        allowed=("continue", "raise"),
        switches=_TRACKING,
    )
    close_timeout_seconds: float = setting(
        60,
        "How long `close()`, `flush()` and interpreter exit wait for the trackers, at most, in seconds.",
        above=0,
        switches=_TRACKING,
    )

    def validate_config(self) -> None:
        """Check every field, and that neither the file system, nor W&B, nor TensorBoard will refuse one later.

        Raises:
            ValueError: If a value is not allowed; the message names the field, the value and what is allowed.
        """
        super().validate_config()
        if not self.experiment_tracking_enabled:
            return
        if self.experiment_name is not None:
            check_experiment_name(self.experiment_name)
        check_log_directory(self.tensorboard_log_dir)
        # The default is among the runs if their folder is the working folder: nobody chose that.
        check_artifact_directory(self.artifact_dir, self.tensorboard_log_dir if self.is_given("artifact_dir") else None)
        for name in ("wandb_project", "wandb_entity", "wandb_name", "wandb_run_id"):
            check_no_secret(name, getattr(self, name) or "")
        for name in WANDB_SETTINGS_WITH_A_FIELD.values():
            if reason := why_refused(name, getattr(self, name)):
                raise ValueError(f"{name} {reason}, got {getattr(self, name)!r}")
        check_wandb_settings(self.wandb_settings)
        names = [each.name for each in dataclasses.fields(TrackingConfig)]
        check_additional_trackers(self.additional_trackers, names)
        check_tracker_settings(self.tracker_settings, names)

    def as_dictionary(self) -> dict[str, Any]:
        """Return the settings of tracking and profiling, as the journal keeps them; not those of a subclass.

        Returns:
            dict[str, Any]: Names and values, and under `given_fields` the names of those that were given.
        """
        values = dataclasses.asdict(self)
        names = [each.name for each in dataclasses.fields(TrackingConfig)]
        # First, so that the others do not count as given where a configuration is made of this.
        given = [name for name in names if self.is_given(name)]
        return {"given_fields": given, **{name: values[name] for name in names}}


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
    if len(name) > LONGEST_NAME:
        raise ValueError(f"experiment_name must be at most {LONGEST_NAME} characters long, got {len(name)}")
    if not _NAME.fullmatch(name):
        raise ValueError(f"experiment_name must be a plain folder name (letters, digits, . _ - + = @), got {name!r}")


def check_log_directory(log_directory: str) -> None:
    """Refuse an address: a journal is appended to, and locked, which cloud storage cannot do.

    Args:
        log_directory (str): The folder of all runs.

    Raises:
        ValueError: If it is one, or no path at all.

    Example:
        >>> check_log_directory("s3://b/runs")
        Traceback (most recent call last):
            ...
        ValueError: tensorboard_log_dir must be a folder of this machine, got 's3://b/runs'; copy the run when it ends
    """
    if _URL.match(log_directory):
        raise ValueError(
            f"tensorboard_log_dir must be a folder of this machine, got {redact_text(log_directory)!r}; "
            "copy the run when it ends"
        )
    if "\0" in log_directory:
        raise ValueError(f"tensorboard_log_dir must be a path, got {log_directory!r}")


def check_artifact_directory(artifact_directory: str, log_directory: str | None) -> None:
    """Refuse an address, and a folder among the runs: whoever removes runs would remove artifacts, too.

    Args:
        artifact_directory (str): The folder of all artifacts.
        log_directory (str | None): The folder of all runs; None if it may be there.

    Raises:
        ValueError: If it is an address, is not a path, or is among the runs.

    Example:
        >>> check_artifact_directory("runs/artifacts", "runs")
        Traceback (most recent call last):
            ...
        ValueError: artifact_dir must not be in tensorboard_log_dir ('runs'), got 'runs/artifacts'; give one beside it
    """
    if _URL.match(artifact_directory):
        raise ValueError(
            f"artifact_dir must be a folder of this machine, got {redact_text(artifact_directory)!r}; "
            "what is elsewhere can be a reference"
        )
    if "\0" in artifact_directory:
        raise ValueError(f"artifact_dir must be a path, got {artifact_directory!r}")
    if log_directory is None:
        return
    if Path(os.path.realpath(artifact_directory)).is_relative_to(os.path.realpath(log_directory)):
        raise ValueError(
            f"artifact_dir must not be in tensorboard_log_dir ({log_directory!r}), got {artifact_directory!r}; "
            "give one beside it"
        )
