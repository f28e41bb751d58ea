"""What every report needs of the terminal: a console, and commands and paths as a person types them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column


def plain_console(stream: Any) -> Console:
    """Return a console that shows colours on a terminal and plain text elsewhere.

    Args:
        stream (Any): Where it writes.

    Returns:
        Console: 120 columns wide where it is no terminal.
    """
    return Console(file=stream, highlight=False, soft_wrap=not stream.isatty(), width=None if stream.isatty() else 120)


def command(name: str) -> str:
    """Return how a command of this environment is typed here: its name, or its path if the shell would not find it.

    Args:
        name (str): `tensorboard`, `wandb`, `seo-engine`.

    Returns:
        str: What to type.
    """
    beside_python = Path(sys.executable).parent / name
    found = shutil.which(name)
    if found is not None and Path(found) == beside_python:
        return name
    return str(relative_path(beside_python)) if beside_python.exists() else name


def relative_path(path: Path) -> Path:
    """Return a path as a person types it: from the folder they are in, if it is below that."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else Path(relative)


def right_aligned(name: str) -> Column:
    """Return a column of a table that holds numbers."""
    return Column(name, justify="right")
