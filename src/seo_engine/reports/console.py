"""What every report needs of a terminal: a console, and commands and paths ready to type."""

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
        Console: 120 columns wide if the stream is not a terminal.
    """
    return Console(file=stream, highlight=False, soft_wrap=not stream.isatty(), width=None if stream.isatty() else 120)


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
    return str(relative_path(beside_python)) if beside_python.exists() else name


def relative_path(path: Path) -> Path:
    """Return a path relative to the current folder, or unchanged if it is not below that."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else Path(relative)


def right_aligned(name: str) -> Column:
    """Return a table column for numbers."""
    return Column(name, justify="right")
