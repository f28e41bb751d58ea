"""Names and places of one run's files."""

from __future__ import annotations

import re
import time
from pathlib import Path

from seo_engine.foundation.redaction import check_no_secret

JOURNAL = "journal.jsonl"
DELIVERY = "delivery.json"
LOGS = "logs"
LOCKS = "locks"
WANDB = "wandb"
CHECKPOINTS = "checkpoints"
PROFILE = "profile"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=@ -]{0,127}")


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


def create_run_directory(log_directory: str | Path, experiment_name: str | None = None) -> Path:
    """Make the folder of a new run; a name that is taken gets `_2`, `_3`, ….

    Args:
        log_directory (str | Path): The folder of all runs.
        experiment_name (str | None): Name of this run; None means `seo_engine_<unix time>`.

    Returns:
        Path: The folder, made by this call and by no other.

    Raises:
        OSError: If it cannot be made.
    """
    name = experiment_name or f"seo_engine_{int(time.time())}"
    for attempt in range(1, 10_000):
        # Absolute: a training may change its folder.
        directory = Path(log_directory).absolute() / (name if attempt == 1 else f"{name}_{attempt}")
        try:
            directory.mkdir(parents=True)
        except FileExistsError:
            if directory.exists():
                continue
            raise
        return directory
    raise FileExistsError(f"{log_directory}: there are already thousands of runs named {name}")
