"""DescriptorConsole: what anything in this process and below it prints, read by a process of its own."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from seo_engine.foundation.interpreter import (
    NoInterpreterError,
    child_command,
    disown_child,
    import_line,
    start_interpreter,
)
from seo_engine.foundation.standard_streams import keep_standard_streams_taken
from seo_engine.foundation.texts import one_line
from seo_engine.tracking.observers.console.channels import Channel, open_channels, read_available, readable, write_all

logger = logging.getLogger(__name__)

# By its name, because it imports what only that process needs.
_MAIN_PROGRAM = "seo_engine.tracking.observers.console.console_process"

# How often to see whether the reader still reads: while it does not, whoever prints may have to wait.
_LOOK_SECONDS = 0.5

_LONGEST_FAREWELL_SECONDS = 2.0
_LONGEST_NUMBER = 20


class DescriptorConsole:
    """Leads standard output and standard error through a process that passes them on, and records them.

    A program still finds a terminal where there was one. If the reader is killed or stopped, its guard starts another.
    If the guard is, this process takes its descriptors back, and passes on what nobody has read yet. So whoever prints
    waits for a moment at most, and gets neither a signal nor an error.

    Args:
        run_directory (Path): The run's folder, to whose journal the reader appends.
        rank (int): Rank of this process.
    """

    def __init__(self, run_directory: Path, rank: int) -> None:
        self._arguments = [str(run_directory.absolute()), str(rank)]
        self._channels: list[Channel] = []
        self._process: subprocess.Popen[bytes] | None = None
        # The reader says here, when it has ended its records, how many are lost.
        self._recorded = -1
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look_after, name="console-thread", daemon=True)

    def start(self) -> None:
        """Start the reader, and lead the descriptors to it; if that fails, one sentence says so."""
        try:
            keep_standard_streams_taken()
            command = child_command(_MAIN_PROGRAM)
            self._channels = open_channels()
            self._process = self._start_reader(command)
            _flush_streams()
            for channel in self._channels:
                channel.enter()
                os.close(channel.entrance)
            self._thread.start()
        except (NoInterpreterError, OSError, RuntimeError) as error:
            logger.warning("⚠️ The console is not recorded: %s", one_line(error))
            for channel in self._channels:
                channel.leave()

    def finish(self, timeout_seconds: float) -> None:
        """Take the descriptors back, and wait until what was printed is recorded; a second call does nothing.

        Args:
            timeout_seconds (float): The longest time to wait.
        """
        process, self._process = self._process, None
        if process is None or process.stdin is None or self._thread.ident is None:
            return
        # While somebody still looks whether they are read.
        _flush_streams()
        self._ending.set()
        self._thread.join(timeout_seconds)
        for channel in self._channels:
            channel.leave()
        with contextlib.suppress(OSError):
            process.stdin.close()
        if not readable([self._recorded], min(timeout_seconds, _LONGEST_FAREWELL_SECONDS)):
            logger.warning("⚠️ The end of the console may not be recorded: its reader does not answer")
        elif lost := int(os.read(self._recorded, _LONGEST_NUMBER) or b"0"):
            logger.error("❌ The journal cannot be written: %d records of the console are lost", lost)
        # It stays while another process still prints through it.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_SECONDS)
        for channel in self._channels:
            os.close(channel.exit)
            os.close(channel.original)
        os.close(self._recorded)

    def disown_after_fork(self) -> None:
        """Leave the reader to the parent process; what this one prints goes through it, too."""
        process, self._process = self._process, None
        if process is not None:
            disown_child(process)

    def _start_reader(self, command: list[str]) -> subprocess.Popen[bytes]:
        self._recorded, told = os.pipe()
        ends = [f"{each.stream}:{each.exit}:{each.original}" for each in self._channels]
        try:
            process = start_interpreter(
                [*command, *self._arguments, str(told), *ends],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[told, *(end for each in self._channels for end in (each.exit, each.original))],
            )
        finally:
            os.close(told)
        assert process.stdin is not None
        process.stdin.write(import_line())
        process.stdin.flush()
        return process

    def _look_after(self) -> None:
        process = self._process
        assert process is not None
        while not self._ending.wait(_LOOK_SECONDS):
            for channel in self._channels:
                channel.copy_window_size()
            if reason := _why_it_does_not_read(process):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                self._read_here(reason)
                return

    def _read_here(self, reason: str) -> None:
        """Pass on what nobody has read, take the descriptors back, and pass on what processes print that have them.

        What another thread prints just then may be seen before the last of what was printed earlier.
        """
        originals = {channel.exit: channel.original for channel in self._channels}
        _pass_on(originals, 0)
        for channel in self._channels:
            channel.leave()
        # Before anything else is said: somebody may have printed in between.
        _pass_on(originals, 0)
        logger.warning("⚠️ From here on, the console is not recorded: its reader %s", reason)
        while originals and not self._ending.is_set():
            _pass_on(originals, _LOOK_SECONDS)
        _pass_on(originals, 0)


def _pass_on(originals: dict[int, int], wait_seconds: float) -> None:
    """Pass on what can be read, until nothing has come for a while; forget the ends that nobody writes to any more."""
    while ready := readable(originals, wait_seconds):
        for end in ready:
            if data := read_available(end):
                write_all(originals[end], data)
            else:
                del originals[end]


def _why_it_does_not_read(process: subprocess.Popen[bytes]) -> str:
    import psutil

    if process.poll() is not None:
        return "has ended"
    try:
        status = psutil.Process(process.pid).status()
    except psutil.Error:
        return "has ended"
    return "was stopped" if status in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP) else ""


def _flush_streams() -> None:
    """Write what Python and the C library still hold."""
    for stream in (sys.stdout, sys.stderr):
        # It may be closed, or a user's object.
        with contextlib.suppress(Exception):
            stream.flush()
    with contextlib.suppress(Exception):
        ctypes.CDLL(None).fflush(None)
