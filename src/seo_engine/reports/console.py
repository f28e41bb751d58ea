"""What every report needs of a terminal: a console, columns of numbers, names and values, moments."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from seo_engine.foundation.texts import one_line

_MOST_TEXT_CHARACTERS = 300


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


def two_columns(first: str, second: str, values: Mapping[str, Any]) -> Table:
    """Return a table of names and values, which may be anything.

    Args:
        first (str): The heading of the names.
        second (str): The heading of the values.
        values (Mapping[str, Any]): The values by name.
    """
    table = Table(first, second, box=None)
    for name, value in values.items():
        # Some hold a hundred others, such as the arguments of a Trainer; --json has all of them.
        shown = textwrap.shorten(one_line(value), _MOST_TEXT_CHARACTERS, placeholder=" …")
        table.add_row(escape(one_line(name)), escape(shown))
    return table


def local_time(seconds: float, form: str) -> str:
    """Return a moment as people here write it; a dash if it is not one.

    Args:
        seconds (float): Since 1970.
        form (str): As for `strftime`.
    """
    try:
        return time.strftime(form, time.localtime(seconds))
    except (OverflowError, OSError, ValueError):
        # Of a file that somebody wrote by hand.
        return "–"
