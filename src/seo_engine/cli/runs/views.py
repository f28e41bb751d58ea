"""How the commands for runs complete the views of a run, and show how far they are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from seo_engine.cli.errors import errors_in_one_line, unreadable
from seo_engine.cli.json_output import as_json_text
from seo_engine.tracking import DeliveryState


def with_progress(name: str, work: Callable[..., Any]) -> Any:
    """Do work on a run, and show its progress."""
    from seo_engine.reports.console import plain_console
    from seo_engine.reports.progress import ProgressDisplay

    def show(states: dict[str, DeliveryState]) -> None:
        for view, state in states.items():
            if not state.accepted:
                # Its worker is still starting.
                continue
            display(f"{name}: {view}", state.accepted - state.pending, state.accepted)

    try:
        with errors_in_one_line(), ProgressDisplay(plain_console(sys.stderr)) as display:
            return work(progress=show)
    except OSError as error:
        raise unreadable(name, error) from None


def show_deliveries(delivered: dict[Path, dict[str, DeliveryState]], as_json: bool) -> None:
    """Show the ledgers, and exit with status 1 if a record is not delivered."""
    if as_json:
        plain = {
            str(directory): {name: state.as_dictionary() for name, state in states.items()}
            for directory, states in delivered.items()
        }
        click.echo(as_json_text(plain))
    else:
        for directory, states in delivered.items():
            show_views(str(directory), directory, states)
    for states in delivered.values():
        exit_unless_complete(states)


def show_views(heading: str, directory: Path, states: dict[str, DeliveryState]) -> None:
    from seo_engine.reports.console import plain_console
    from seo_engine.reports.runs import delivery_table, next_steps

    output = plain_console(sys.stdout)
    output.print(heading, delivery_table(states), sep="\n")
    output.print(next_steps(directory, states, None))


def exit_unless_complete(states: dict[str, DeliveryState]) -> None:
    if not all(state.is_complete for state in states.values()):
        raise SystemExit(1)
