"""How a child process learns that the training ends: not by a signal, but by the end of its pipe or a last line."""

from __future__ import annotations

import signal

# Signals that a scheduler may send to every process of a job, to tell the training that its time is up.
_SIGNALS_TO_THE_TRAINING = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGXCPU")

# The last line to a standby process from a training that ends normally.
FAREWELL = b"leave\n"


def ignore_signals_to_the_training() -> None:
    """Have this process outlive the training, whose run it has to complete."""
    for name in _SIGNALS_TO_THE_TRAINING:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
