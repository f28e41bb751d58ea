"""Commands and paths as people type them."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path


def command(name: str) -> str:
    """Return what to type for a command of this environment: its name, or its path if the shell would not find it.

    Args:
        name (str): `tensorboard`, `wandb`, `seo-engine`.

    Returns:
        str: What to type.
    """
    beside_python = Path(sys.executable).parent / name
    found = shutil.which(name)
    if found is not None and Path(found) == beside_python:
        return name
    return shlex.quote(str(relative_path(beside_python))) if beside_python.exists() else name


def relative_path(path: Path) -> Path:
    """Return a path relative to the current folder, or unchanged if it is not below that."""
    try:
        relative = os.path.relpath(path)
    except (OSError, ValueError):
        # The current folder was deleted, or is on another drive.
        return path
    return path if relative.startswith("..") else Path(relative)
