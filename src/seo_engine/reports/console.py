"""What every report needs of a terminal: a console, and columns of numbers."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Column


def plain_console(stream: Any, quiet: bool = False) -> Console:
    """Return a console that shows colours on a terminal and plain text elsewhere.

    Args:
        stream (Any): Where it writes; None, as Python has it for a stream that is closed, shows nothing.
        quiet (bool): Whether it shows nothing: of several processes, one speaks.

    Returns:
        Console: 120 columns wide if the stream is not a terminal.
    """
    is_terminal = stream is not None and stream.isatty()
    return Console(
        file=stream,
        highlight=False,
        soft_wrap=not is_terminal,
        width=None if is_terminal else 120,
        quiet=quiet or stream is None,
    )


def right_aligned(name: str) -> Column:
    """Return a table column for numbers."""
    return Column(name, justify="right")
