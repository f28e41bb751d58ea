"""DestinationTracker: the base class of destinations. Everything optional has a default."""

from __future__ import annotations

import math
import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, NamedTuple

from seo_engine.foundation.commands import command, relative_path
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.records.kind import Recorded, Shown

# No destination takes this long for one record. How long opening and closing take depends on the destination.
LONGEST_CALL_SECONDS = 15.0

# Of a picture, a video or a table it may take longer to make what is shown.
LONGEST_MEDIA_SECONDS = 300.0


class ShellCommand(str):
    """The name of a command in this environment, which a shell may find only by its path."""


class NextStep(NamedTuple):
    """What to type next: a short label for the result, and the parts of the command line."""

    label: str
    parts: tuple[ShellCommand | Path | str, ...]

    @property
    def typed(self) -> str:
        """str: The command line, as it can be typed in the current folder."""
        return " ".join(_as_typed(part) for part in self.parts)


def _as_typed(part: ShellCommand | Path | str) -> str:
    if isinstance(part, ShellCommand):
        return command(part)
    return shlex.quote(str(relative_path(part))) if isinstance(part, Path) else part


class IncompleteViewError(Exception):
    """Raised by `close` when the destination does not hold everything it was given.

    Args:
        last_record (int): Number of the newest record that it holds.
        reason (str): What is missing, in words.
    """

    def __init__(self, last_record: int, reason: str) -> None:
        super().__init__(reason)
        self.last_record = last_record


class DestinationTracker(ABC):
    """A destination of records. A worker calls these methods, one at a time.

    A subclass defines `setup` and `show`. A method that raises is called again later, and a record that keeps failing
    is counted as dropped; the training never sees the error. Whenever `available` turns True, the worker starts with
    the first record of the run: a destination that outlives its process skips those it holds, by `recorded.number`.

    Example:
        >>> class PrintingTracker(DestinationTracker):
        ...     name = "printing"
        ...     def setup(self):
        ...         self.available = True
        ...     def show(self, shown, recorded):
        ...         print(recorded.number, shown.step, dict(shown.numbers))
        >>> from seo_engine.tracking import ExperimentTracker, TrackingConfig
        >>> import tempfile
        >>> config = TrackingConfig(
        ...     tensorboard_log_dir=tempfile.mkdtemp(), tensorboard_logging=False, wandb_logging=False,
        ...     enable_code_profiling=False, system_metrics_interval_seconds=0, record_surroundings=False,
        ... )
        >>> with ExperimentTracker(config, extra_trackers=[PrintingTracker()]) as tracker:
        ...     tracker.log_training_metrics(epoch=1, step=100, metrics={"loss": 0.5})
        ...     _ = tracker.flush()
        1 None {}
        2 100 {'training/loss': 0.5}
        3 None {}
    """

    name: str

    # Whether a child process makes the tracker and delivers, because the backend may block its caller: of those that
    # are found by their names.
    runs_in_child: bool = False

    # What people call it; its name if empty.
    title: str = ""

    # Whether the destination is open.
    available: bool = False

    # Whether the destination's server asked to stop the training.
    stop_requested: bool = False

    # How many pictures, tables and the like it could not show.
    media_left_out: int = 0

    # The newest record that the view is known to hold before it is closed; None if unknown.
    confirmed_record: int | None = None

    def import_sdk(self) -> None:
        """Import all that is needed, in the thread that starts the run: two must not import a package at once."""

    @abstractmethod
    def setup(self) -> None:
        """Open the destination and set `available`; called again later if that stays False."""

    @abstractmethod
    def show(self, shown: Shown, recorded: Recorded) -> None:
        """Show the parts of a record that it knows, and skip the rest.

        Args:
            shown (Shown): Numbers, texts, settings and media of the record.
            recorded (Recorded): Where it is in the journal.
        """

    def flush(self) -> None:
        """Make everything shown so far visible to readers."""

    def close(self, status: str = "finished") -> None:
        """End the run in the destination.

        Args:
            status (str): finished, failed, interrupted or killed.

        Raises:
            IncompleteViewError: If the destination does not hold everything it was given.
        """

    def abandon(self) -> None:
        """Drop a destination that failed or was deleted, without waiting for it; `setup` opens it again."""

    def details(self) -> dict[str, str]:
        """Return what people want to know about the destination, such as its folder or address."""
        return {}

    def longest_seconds(self, call: str) -> float:
        """Return the longest time that a call may take before the backend counts as hanging.

        Args:
            call (str): `setup`, `show`, `show_media`, `flush`, `abandon` or `close`.
        """
        if call == "show_media":
            return LONGEST_MEDIA_SECONDS
        return LONGEST_CALL_SECONDS if call in ("show", "flush", "abandon") else math.inf

    def why_no_answer(self, call: str, seconds: float) -> str | None:
        """Return why a call is still waiting for a server, or None if it is not, or not for long.

        Args:
            call (str): `setup`, `show`, `flush`, `abandon` or `close`.
            seconds (float): How long it has been waiting. In a child process, another thread asks this every second.
        """
        return None

    def kill_backend(self) -> None:
        """Kill a hanging backend, so that the call into it returns; called from another thread, in a child process."""

    @classmethod
    def check_settings(cls, settings: dict[str, Any]) -> None:
        """Check a tracker's own settings, `tracker_settings[name]`, when a run begins.

        Args:
            settings (dict[str, Any]): Plain data; empty if the user gave none.

        Raises:
            ValueError: If one is not allowed; the message is one line that says which, and what is allowed.
        """
        if settings:
            raise ValueError(f"{cls.name} has no settings, got {', '.join(settings)}")

    @classmethod
    def announced(cls, config: TrackingConfig) -> str:
        """Return in words, when a run begins, where it will be shown."""
        return cls.title or cls.name

    @classmethod
    def next_steps(cls, run_directory: Path, details: Mapping[str, str]) -> list[NextStep]:
        """Return what people may do with the destination, and what to type for it.

        Args:
            run_directory (Path): The run's folder.
            details (Mapping[str, str]): What the tracker said about itself.
        """
        return []

    @classmethod
    def prepare_environment(cls, environment: MutableMapping[str, str]) -> None:
        """Adapt the environment of the child process in which this tracker runs, if needed."""
