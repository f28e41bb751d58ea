"""The main program of the process that passes on what a training prints, and records it.

It guards itself: its child reads, and when that is killed or stopped, it starts another.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

from seo_engine.tracking.observers.console.channels import read_available, readable, write_all
from seo_engine.tracking.observers.console.records import ConsoleRecords
from seo_engine.tracking.runs.open_run import attach_run
from seo_engine.tracking.runs.training_end import ignore_signals_to_the_training

_LOOK_SECONDS = 1.0

# A reader that fails by itself is started again without recording.
_MOST_FAILURES = 3


@dataclass
class _Stream:
    """What comes out of one channel, and where it goes."""

    name: str
    exit: int
    original: int
    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )


def main(arguments: list[str]) -> None:
    """Pass on and record until nobody can print any more.

    Args:
        arguments (list[str]): The run's folder, the rank, the descriptor to write to at the end how many records the
            disk has not taken, and of each channel its stream, its exit, and the original descriptor, with colons
            between them.
    """
    ignore_signals_to_the_training()
    directory, rank, told, *channels = arguments
    failures = 0
    while True:
        reader = os.fork()
        if reader == 0:
            streams = [_Stream(name, int(exit_), int(original)) for name, exit_, original in _parts(channels)]
            _Reader(Path(directory), int(rank), int(told), streams, records=failures < _MOST_FAILURES).run()
            os._exit(0)
        _, status = os.waitpid(reader, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            os.kill(reader, signal.SIGKILL)
            os.waitpid(reader, 0)
        elif os.WIFEXITED(status):
            if os.WEXITSTATUS(status) == 0 or failures > _MOST_FAILURES:
                return
            failures += 1


def _parts(channels: list[str]) -> list[tuple[str, str, str]]:
    return [(name, exit_, original) for name, exit_, original in (each.split(":") for each in channels)]


class _Reader:
    def __init__(self, directory: Path, rank: int, told: int, streams: list[_Stream], *, records: bool) -> None:
        self._guard = os.getppid()
        self._told = told
        self._streams = {stream.exit: stream for stream in streams}
        self._run = attach_run(directory, rank) if records else None
        self._records = ConsoleRecords(self._run.record_writer) if self._run is not None else None

    def run(self) -> None:
        # The training closes its end of standard input when it ends, and also when it is killed.
        training = [sys.stdin.fileno()]
        while self._streams and os.getppid() == self._guard:
            has_ended = not training
            waits = not has_ended or self._records is None
            ready = readable([*training, *self._streams], _LOOK_SECONDS if waits else 0)
            for end in ready:
                stream = self._streams.get(end)
                if stream is None:
                    training = []
                elif data := read_available(end):
                    write_all(stream.original, data)
                    self._record(stream, data)
                else:
                    del self._streams[end]
            if has_ended and not ready:
                self._end_records()
        self._end_records()

    def _record(self, stream: _Stream, data: bytes) -> None:
        if self._records is not None:
            self._records.feed(stream.name, stream.decoder.decode(data))

    def _end_records(self) -> None:
        if self._records is not None and self._run is not None:
            self._records.close()
            self._run.logging_queue.write_waiting()
            lost = len(self._run.logging_queue.waiting)
            self._run.logging_queue.close()
            self._records = self._run = None
            # The training may be gone.
            with contextlib.suppress(OSError):
                os.write(self._told, b"%d\n" % lost)
