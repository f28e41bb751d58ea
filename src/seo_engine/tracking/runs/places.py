"""Names and places of a run's files."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path

from seo_engine.foundation.standard_streams import keep_standard_streams_taken
from seo_engine.tracking.journal.rank_files import is_journal, rank_name, ranks_in

DELIVERY = "delivery.json"
LOGS = "logs"
LOCKS = "locks"
WANDB = "wandb"
# In the folder of all runs: what is a part of a run, and not one by itself.
PARTS = ".parts"
CHECKPOINTS = "checkpoints"
PROFILE = "profile"

# The files in `profile/`.
TRACE_FILE = "trace.json"
DATA_FILE = "profiling_data.json"

_DEFAULT_NAME = re.compile(r"seo_engine_\d+(_\d+)?")


class RunNotFoundError(ValueError):
    """There is no run with that name."""


def is_chosen_name(run_name: str) -> bool:
    """Return whether the name of a run's folder was chosen; otherwise it is `seo_engine_<unix time>`.

    Example:
        >>> is_chosen_name("cnn_2"), is_chosen_name("seo_engine_1700000000")
        (True, False)
    """
    return _DEFAULT_NAME.fullmatch(run_name) is None


def create_run_directory(log_directory: str | Path, experiment_name: str | None = None) -> Path:
    """Create the folder of a new run; a name that is taken gets `_2`, `_3`, ….

    Args:
        log_directory (str | Path): The folder of all runs.
        experiment_name (str | None): Name of this run; None means `seo_engine_<unix time>`.

    Returns:
        Path: The folder, created by this call and no other.

    Raises:
        OSError: If it cannot be created.
    """
    # Whatever is opened for the run comes after this.
    keep_standard_streams_taken()
    name = experiment_name or f"seo_engine_{int(time.time())}"
    for attempt in range(1, 10_000):
        # Absolute: the training may change its working directory.
        directory = Path(log_directory).absolute() / (name if attempt == 1 else f"{name}_{attempt}")
        try:
            directory.mkdir(parents=True)
        except FileExistsError:
            if directory.exists():
                continue
            raise
        return directory
    raise FileExistsError(f"{log_directory}: there are already thousands of runs named {name}")


def profile_folder(run_directory: Path, rank: int | None = None) -> Path:
    """Return where a run's profile is, or that of one of its ranks.

    Args:
        run_directory (Path): The run's folder.
        rank (int | None): The rank; None for a process that trains alone.

    Example:
        >>> profile_folder(Path("r"), 0).as_posix(), profile_folder(Path("r"), 3).as_posix()
        ('r/profile', 'r/profile/rank-00003')
    """
    return run_directory / PROFILE / (rank_name(rank) if rank else "")


def trace_of(run_directory: Path, rank: int | None = None) -> Path:
    """Return where a run's trace is, if there is one, or that of one of its ranks.

    Args:
        run_directory (Path): The run's folder.
        rank (int | None): The rank; None for a process that trains alone.
    """
    return profile_folder(run_directory, rank) / TRACE_FILE


def run_directories(log_directory: str | Path) -> list[Path]:
    """Return the folders of all runs.

    Args:
        log_directory (str | Path): The folder that holds them.

    Returns:
        list[Path]: Each folder with a journal, by name.
    """
    journals = Path(log_directory).glob("*/journal*.jsonl")
    return sorted({path.parent for path in journals if is_journal(path.name) and path.is_file()})


def find_run(log_directory: str | Path, name: str) -> Path:
    """Return the folder of a run, given the folder's name or path.

    Args:
        log_directory (str | Path): The folder of all runs.
        name (str): Name or path.

    Returns:
        Path: The run's folder.

    Raises:
        RunNotFoundError: If there is no journal.
    """
    for directory in (Path(log_directory) / name, Path(name)):
        # A name that is too long or not valid does not name a run.
        with contextlib.suppress(OSError, ValueError):
            if ranks_in(directory):
                return directory
    raise RunNotFoundError(f"no run {name!r} in {log_directory}: `seo-engine runs list` shows the runs there are")
