"""How a child process is started, and left to the parent after a fork."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from seo_engine.foundation.interpreter import CHILD_MARK
from seo_engine.foundation.standard_streams import keep_standard_streams_taken
from seo_engine.tracking.delivery.child.child_log import ChildLog


def start_child(
    command: Sequence[str], log: ChildLog, environment: Mapping[str, str] = os.environ, *, reports: bool
) -> subprocess.Popen[bytes]:
    """Start a child process. Its standard input is a pipe, by whose end it notices that this process is gone.

    Args:
        command (Sequence[str]): As `child_command` returns it, with the child's own arguments.
        log (ChildLog): Takes what it prints.
        environment (Mapping[str, str]): Its variables.
        reports (bool): Whether its standard output is a pipe too.

    Returns:
        subprocess.Popen[bytes]: The process; it awaits `import_line()` first.

    Raises:
        OSError: If it cannot be started.
    """
    # Neither the pipes nor the log may become a standard stream of this process.
    keep_standard_streams_taken()
    with log.open() as file:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if reports else file,
            stderr=file,
            env={**environment, CHILD_MARK: "1"},
            # In its own session, it does not get the Ctrl-C that is meant for the training.
            start_new_session=True,
        )


def disown_child(process: subprocess.Popen[bytes]) -> None:
    """Close the pipes in a forked process: the child must see their ends when the training dies."""
    for stream in (process.stdin, process.stdout):
        # The raw file, because the buffer around it may be locked by a thread that this process does not have.
        raw: Any = getattr(stream, "raw", stream)
        if raw is not None:
            raw.close()
