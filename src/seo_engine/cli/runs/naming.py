"""How the commands for runs are told which run, and where the runs are."""

from __future__ import annotations

from pathlib import Path

from seo_engine.cli.errors import CommandError
from seo_engine.cli.options import folder_argument
from seo_engine.foundation.texts import one_line
from seo_engine.tracking import find_run

_ANOTHER_FOLDER = "another folder: --log-dir, or SEO_ENGINE_TENSORBOARD_LOG_DIR"

# The folder of all runs, as `log_directory`.
log_directory_option = folder_argument("tensorboard_log_dir", "log_directory")


def find(log_directory: str, run: str) -> Path:
    try:
        return find_run(log_directory, run)
    except ValueError as error:
        raise CommandError(f"{error}; {_ANOTHER_FOLDER}") from None


def folder_of(log_directory: str) -> Path:
    folder = Path(log_directory)
    try:
        is_file = folder.is_file()
    except (OSError, ValueError) as error:
        raise CommandError(f"{one_line(log_directory)}: {getattr(error, 'strerror', None) or error}") from None
    if is_file:
        raise CommandError(f"{one_line(log_directory)}: this is a file; give the folder that holds the runs")
    return folder


def no_runs(log_directory: str) -> str:
    return f"No runs in {one_line(log_directory)}; {_ANOTHER_FOLDER}"
