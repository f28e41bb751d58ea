"""Ctrl-C and SIGTERM ask the command to stop."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Any, Self

import click

_ONE_SIGNAL_SECONDS = 0.5
_OF_A_TRAINING = "Stopping after this step, with a checkpoint"


class StopSignal:
    """Turns Ctrl-C and SIGTERM into a request to stop: the first stops the work cleanly, a later one at once.

    Used as a context manager, which installs the signal handlers and then restores the old ones.

    Args:
        is_said (bool): Whether the user is told; of several processes, one speaks.
        said (str): What the user is told.
    """

    def __init__(self, is_said: bool = True, said: str = _OF_A_TRAINING) -> None:
        self._is_said = is_said
        self._said = said
        self._received: int | None = None
        self._received_at = 0.0
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
            if time.monotonic() - self._received_at < _ONE_SIGNAL_SECONDS:
                # A launcher and a process group may both pass on the same signal.
                return
            raise KeyboardInterrupt
        self._received, self._received_at = number, time.monotonic()
        if self._is_said:
            click.echo(f"{self._said}; press Ctrl-C again to stop at once.", err=True)
