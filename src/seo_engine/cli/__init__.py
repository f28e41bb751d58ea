"""The command `seo-engine`: composes the rooms, computes nothing."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Any, cast

import click

from seo_engine import __version__
from seo_engine.cli.errors import CommandError

# Each command and where it is. A module is imported only when its command is run or its help is shown.
COMMANDS = {
    "artifacts": "seo_engine.cli.artifacts:artifacts",
    "audit": "seo_engine.cli.audit:audit",
    "config": "seo_engine.cli.config:config",
    "crawl": "seo_engine.cli.crawl:crawl",
    "runs": "seo_engine.cli.runs.group:runs",
    "train": "seo_engine.cli.train:train",
}


# What writing fails with when the disk behind standard output is full, or the terminal is gone.
_CANNOT_WRITE = (errno.ENOSPC, errno.EDQUOT, errno.EIO)

_PRINTERS = ("click", "rich")


class LazyGroup(click.Group):
    """A group of the commands in `COMMANDS`."""

    def main(self, *arguments: Any, **settings: Any) -> Any:
        """Run a command; what cannot be written to standard output is told in one line."""
        try:
            return super().main(*arguments, **settings)
        except OSError as error:
            if error.errno not in _CANNOT_WRITE or not _is_of_output(error):
                raise
            CommandError(f"standard output: {error.strerror}").show()
            # Python writes what is left once more when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(CommandError.exit_code)

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of the commands, as the help lists them."""
        return sorted(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import a command.

        Args:
            context (click.Context): The context of the call.
            name (str): What the user typed.

        Returns:
            click.Command | None: The command, or None if there is no such command.
        """
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name].partition(":")
        return cast(click.Command, getattr(importlib.import_module(module), attribute))


def _is_of_output(error: OSError) -> bool:
    """Return whether an error comes from what prints; any other writes a file."""
    innermost = traceback.extract_tb(error.__traceback__)[-1]
    return Path(innermost.filename).parent.name in _PRINTERS


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Fine-tune a language model on your own web site, and look at every run.

    \b
    Examples:
      seo-engine train                        the bundled site, with the packaged model
      seo-engine train ./public --epochs 3    your own site, a folder of HTML files
      seo-engine crawl https://example.org/ -o site    fetch the pages of a live site
      seo-engine audit ./public               what is wrong with a site, the worst first
      seo-engine config show                  which settings apply, and where each comes from
      seo-engine runs list                    the runs so far
      seo-engine runs show RUN                metrics, hyperparameters, where the time went
      seo-engine artifacts list               models and datasets, by name and version
    """
