"""`seo-engine runs`: look at runs, complete their views, replay and mark them."""

from __future__ import annotations

import click

from seo_engine.cli.runs.completing import merge_command, recover_command, replay_command
from seo_engine.cli.runs.marks import note_command, tag_command
from seo_engine.cli.runs.reading import list_command, show_command, trace_command


@click.group()
def runs() -> None:
    """Look at your runs, and complete or replay them.

    \b
    Examples:
      seo-engine runs list --status failed --sort training/loss
      seo-engine runs show seo_engine_1700000000 --profile
      seo-engine runs trace seo_engine_1700000000
      seo-engine runs recover
      seo-engine runs replay seo_engine_1700000000 --to wandb
      seo-engine runs tag seo_engine_1700000000 baseline
    """


for _command in (
    list_command,
    show_command,
    trace_command,
    recover_command,
    merge_command,
    replay_command,
    note_command,
    tag_command,
):
    runs.add_command(_command)
