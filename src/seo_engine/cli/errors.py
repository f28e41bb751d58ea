"""CommandError: what the user can mend, said in one line."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import IO, Any

import click

from seo_engine.foundation.extras import MissingExtraError
from seo_engine.tracking import plain_message


class CommandError(click.ClickException):
    """Something that the user can mend: one line, exit code 2, no traceback."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message, plain where the output is not a terminal."""
        message = f"❌ {self.format_message()}"
        click.echo(message if sys.stderr.isatty() else plain_message(message), err=True)


@contextlib.contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Turn errors whose message says what to mend into a `CommandError`: bad values, and an extra that is missing."""
    try:
        yield
    except (ValueError, MissingExtraError) as error:
        raise CommandError(str(error)) from None
