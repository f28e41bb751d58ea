"""ConsoleLog: the console of a run, in the file that W&B shows under Logs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import wandb

# As wandb itself names it.
FILE_NAME = "output.log"


class ConsoleLog:
    """Writes what was printed to a file of the run. It is made anew whenever the run is opened.

    Args:
        run (wandb.Run): The run.
    """

    def __init__(self, run: wandb.Run) -> None:
        self._run = run
        self._file: TextIO | None = None
        self.path = Path(run.dir) / FILE_NAME if isinstance(run.dir, str) and not run.disabled else None
        # Number of the newest record in it.
        self.last_record: int | None = None

    def add(self, text: str, number: int) -> None:
        """Add lines.

        Args:
            text (str): The lines.
            number (int): Number of the record that holds them.

        Raises:
            OSError: If the disk refuses them.
        """
        if self.path is None:
            return
        if self._file is None:
            self._file = self.path.open("w", encoding="utf-8")
            self._run.save(str(self.path), base_path=str(self.path.parent), policy="live", glob=False)
        self._file.write(f"{text}\n")
        self.last_record = number

    def flush(self) -> None:
        """Write what is buffered."""
        if self._file is not None:
            self._file.flush()
