"""StopSignal: Ctrl-C and SIGTERM ask the training to stop."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Self

import click


class StopSignal:
    """Turns Ctrl-C and SIGTERM into a request to stop: the first stops the work cleanly, the second at once.

    Used as a context manager, which installs the signal handlers and then restores the old ones.
    """

    def __init__(self) -> None:
        self._received: int | None = None
        self._handlers_before: dict[int, Any] = {}

    def __call__(self) -> bool:
        """Return whether the work should end."""
        return self._received is not None

    @property
    def exit_code(self) -> int:
        """int: 130 after Ctrl-C, 143 after SIGTERM, as shells expect."""
        return 128 + (self._received or signal.SIGINT)

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers_before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._handlers_before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self._received is not None:
            raise KeyboardInterrupt
        self._received = number
        click.echo("Stopping after this step, with a checkpoint; press Ctrl-C again to stop at once.", err=True)
