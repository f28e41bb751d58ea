"""How a child process is started, whose words a log takes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

from seo_engine.foundation.interpreter import start_interpreter
from seo_engine.foundation.standard_streams import keep_standard_streams_taken
from seo_engine.tracking.delivery.child.child_log import ChildLog


def start_child(
    command: Sequence[str], log: ChildLog, environment: Mapping[str, str] = os.environ, *, reports: bool
) -> subprocess.Popen[bytes]:
    """Start a child process, as `start_interpreter` does.

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
        return start_interpreter(command, environment, stdout=subprocess.PIPE if reports else file, stderr=file)
