"""Trackers that each break one rule: the check of that rule fails for them, and says why."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seo_engine.tracking import DestinationTracker, NextStep, Placement, Recorded, Shown


class LinesTracker(DestinationTracker):
    """Keeps to all rules: writes each number as a line, each record once."""

    name = "lines"

    def __init__(self, placement: Placement) -> None:
        self.path = placement.run_directory / "lines.txt"

    def setup(self) -> None:
        self.held = max((number for number, *_ in numbered_lines(self.path)), default=0)
        self.file = self.path.open("a", encoding="utf-8")
        self.available = True

    def show(self, shown: Shown, recorded: Recorded) -> None:
        if recorded.number > self.held:
            for name, value in shown.numbers.items():
                self.file.write(f"{recorded.number}\t{shown.step}\t{name!r}\t{value!r}\n")
            # So that a kill cuts nothing.
            self.file.flush()

    def close(self, status: str = "finished") -> None:
        self.abandon()

    def abandon(self) -> None:
        self.file.close()
        self.available = False


def numbered_lines(path: Path) -> list[tuple[int, int, str, float]]:
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    return [(int(number), int(step), name[1:-1], float(value)) for number, step, name, value in rows]


def read_lines(run_directory: Path) -> list[tuple[int, str, float]]:
    return [line[1:] for line in numbered_lines(run_directory / "lines.txt")]


class ChokingOnPictures(LinesTracker):
    def show(self, shown: Shown, recorded: Recorded) -> None:
        if shown.media:
            raise ValueError("no pictures, please")
        super().show(shown, recorded)


class BeginningAnew(LinesTracker):
    """Writes its file anew whenever it is opened, from the step at which a run was resumed."""

    def setup(self) -> None:
        last = max((step for _, step, *_ in numbered_lines(self.path)), default=0)
        super().setup()
        self.held = self.held and self.held + last


class Appending(LinesTracker):
    """Appends all that it is shown, whatever the file holds."""

    def setup(self) -> None:
        super().setup()
        self.held = 0


class Forgetful(LinesTracker):
    """Takes for held what a process before it had only been shown."""

    def setup(self) -> None:
        super().setup()
        self.held = 0 if not self.held else 10**6


class WithAThread(LinesTracker):
    def setup(self) -> None:
        super().setup()
        threading.Thread(target=STOP.wait, name="left-thread", daemon=True).start()


# Ends the threads that bad trackers leave.
STOP = threading.Event()


class WithALock(LinesTracker):
    def __init__(self, placement: Placement) -> None:
        super().__init__(placement)
        self.lock = threading.Lock()


class SayingWhyNot(WithALock):
    def __reduce__(self) -> Any:
        raise TypeError("its lock belongs to one process")


class WaitingForItself(LinesTracker):
    """Keeps whoever asks what can be done with it, until it was closed."""

    @classmethod
    def next_steps(cls, run_directory: Path, details: Mapping[str, str]) -> list[NextStep]:
        STOP.wait()
        return []


class OpenedOnce(LinesTracker):
    def setup(self) -> None:
        with (self.path.parent / "opened").open("x"):
            super().setup()


class NeverAgain(LinesTracker):
    """Does not come back when it was lost."""

    lost = False

    def setup(self) -> None:
        if not self.lost:
            super().setup()

    def abandon(self) -> None:
        super().abandon()
        self.lost = True


class Counting(LinesTracker):
    """Insists on every number."""

    def setup(self) -> None:
        super().setup()
        self.next = 1

    def show(self, shown: Shown, recorded: Recorded) -> None:
        if recorded.number != self.next:
            raise RuntimeError(f"expected record {self.next}")
        super().show(shown, recorded)
        self.next += 1
