"""Main programs of child processes that do nothing but report."""

from __future__ import annotations

import sys
import time

from seo_engine.tracking.delivery.child.messages import Alive, LogMessage, encode_message

# More than a pipe holds.
LINES = 2_000
TEXT = "x" * 100


def main(arguments: list[str]) -> None:
    """Report that it is alive; then, as the arguments say, die at once, or be silent and report much."""
    died_before, silent_seconds = arguments[0], float(arguments[1])
    sys.stdout.buffer.write(encode_message(Alive()))
    sys.stdout.buffer.flush()
    with open(died_before, "a+b") as file:
        file.write(b"started\n")
        starts = file.seek(0, 2) // len(b"started\n")
    if arguments[2] == "dies" and starts == 1:
        sys.exit(1)
    time.sleep(silent_seconds)
    for number in range(LINES):
        sys.stdout.buffer.write(encode_message(LogMessage("seo_engine.test", 10, f"{number} {TEXT}", True)))
    sys.stdout.buffer.flush()
