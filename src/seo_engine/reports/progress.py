"""Progress of long work: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

# In a pipe, a stage is reported at its start, at its end, and after about every tenth of it.
_PARTS_TOLD = 10

_PAGES_READ_SILENTLY = 1_000


class ProgressDisplay:
    """Shows the progress of stages of work; used as a context manager.

    Args:
        console (Console): Where it is shown; a bar if that is a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stages: dict[str, TaskID] = {}
        self._told: tuple[str, int] = ("", -1)
        self._bars = Progress(
            TextColumn("{task.description:<31}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=not console.is_terminal,
        )

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Show the progress of a stage.

        Args:
            stage (str): Its name.
            done (int): How much of it is done.
            total (int): How much there is in total.
            note (str): Anything else worth showing, such as the loss.
        """
        if self._console.is_terminal:
            if stage not in self._stages:
                self._stages[stage] = self._bars.add_task(stage, total=total, note=note)
            self._bars.update(self._stages[stage], completed=done, total=total, note=note)
        elif not self._console.quiet:
            self._tell(stage, done, total, note)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def _tell(self, stage: str, done: int, total: int, note: str) -> None:
        part = (stage, done * _PARTS_TOLD // max(total, 1))
        if part != self._told:
            self._told = part
            print(f"{stage}: {done} of {total}{'  ' + note if note else ''}\n", end="", file=sys.stderr, flush=True)


class ReadingDisplay(ProgressDisplay):
    """Shows how far a site is read; of one that is read within seconds, nothing."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        """Show the progress of a stage, as any other display does."""
        if total > _PAGES_READ_SILENTLY:
            super().__call__(stage, done, total, note)
