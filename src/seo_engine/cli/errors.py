"""CommandError: an error that the user can fix, in one line."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import IO, Any

import click

from seo_engine.foundation.extras import MissingExtraError
from seo_engine.tracking import plain_message


class CommandError(click.ClickException):
    """An error that the user can fix: one line, exit code 2, no traceback."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message, in plain text if the output is not a terminal."""
        message = f"❌ {self.format_message()}"
        click.echo(message if sys.stderr.isatty() else plain_message(message), err=True)


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Turn errors that the user can fix into a `CommandError`: bad values, and a missing extra."""
    try:
        yield
    except (ValueError, MissingExtraError) as error:
        raise CommandError(str(error)) from None


def unreadable(name: str, error: OSError) -> CommandError:
    """Return the error for what the system does not let us read or write.

    Args:
        name (str): What the user named.
        error (OSError): What the system said; it may know which file.
    """
    return CommandError(f"{error.filename or name}: {error.strerror or error}")
