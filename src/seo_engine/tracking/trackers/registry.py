"""The trackers there are: which of them a run uses, where each runs, and how it is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.runs.ledger import DeliveryState
from seo_engine.tracking.runs.lifecycle import Lifecycle
from seo_engine.tracking.runs.run_lock import RUN_LOCK
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker, NextStep, ShellCommand
from seo_engine.tracking.trackers.log_file_tracker import LogFileTracker
from seo_engine.tracking.trackers.tensorboard.tensorboard_tracker import TensorBoardTracker
from seo_engine.tracking.trackers.wandb.wandb_tracker import WandBTracker

# It is also a part of the names of files.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


class Placement(NamedTuple):
    """What a tracker is made with.

    Args:
        config (TrackingConfig): The settings of the run.
        run_directory (Path): Its folder.
        life (Lifecycle): Its identity.
        training_process (int | None): The training process, for a tracker in its child process; None means this one.
    """

    config: TrackingConfig
    run_directory: Path
    life: Lifecycle
    training_process: int | None = None


class Destination(NamedTuple):
    """One tracker that a run can have.

    Args:
        tracker (type[DestinationTracker]): Its class.
        make (Callable[[Placement], DestinationTracker]): Makes it; its `setup` opens it.
        switch (str | None): The setting that enables it; None means that every run has it.
        runs_in_child (bool): Whether a child process delivers to it: a stalled backend blocks its caller.
    """

    tracker: type[DestinationTracker]
    make: Callable[[Placement], DestinationTracker]
    switch: str | None = None
    runs_in_child: bool = False

    @property
    def name(self) -> str:
        """str: Its name in the ledger."""
        return self.tracker.name

    def is_asked_for(self, config: TrackingConfig) -> bool:
        """Return whether a configuration enables it."""
        return self.switch is None or bool(getattr(config, self.switch))


def _make_log_files(placement: Placement) -> LogFileTracker:
    return LogFileTracker(placement.run_directory, placement.life.timestamp)


def _make_tensorboard(placement: Placement) -> TensorBoardTracker:
    return TensorBoardTracker(placement.config, placement.run_directory)


def _make_wandb(placement: Placement) -> WandBTracker:
    return WandBTracker(
        placement.config,
        placement.run_directory,
        run_id=placement.life.wandb_run_id,
        environment=placement.life.environment,
        began_with=placement.life.began_with,
        program=placement.life.program if placement.training_process is not None else None,
        folder=placement.life.program.folder or None,
        watched_process=placement.training_process,
        # In our child process there is no other run that needs wandb.
        owns_core=placement.training_process is not None,
    )


DESTINATIONS = {
    destination.name: destination
    for destination in (
        Destination(LogFileTracker, _make_log_files),
        Destination(TensorBoardTracker, _make_tensorboard, switch="tensorboard_logging"),
        Destination(WandBTracker, _make_wandb, switch="wandb_logging", runs_in_child=True),
    )
}


def checked_extra_trackers(trackers: Any) -> tuple[DestinationTracker, ...]:
    """Return further trackers if they can be delivered to.

    Args:
        trackers (Any): As the user gave them.

    Raises:
        ValueError: If they are not DestinationTrackers, each with a name of its own.
    """
    try:
        extra_trackers = tuple(trackers)
    except TypeError:
        raise ValueError(f"extra_trackers must be a list, got {type(trackers).__name__}") from None
    taken = {RUN_LOCK, *DESTINATIONS}
    for tracker in extra_trackers:
        if not isinstance(tracker, DestinationTracker):
            raise ValueError(f"an extra tracker must be a DestinationTracker, got {type(tracker).__name__}")
        name = getattr(tracker, "name", None)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(
                f"the name of an extra tracker must be 1 to 64 letters, digits, _, - or ., got {name!r} "
                f"({type(tracker).__name__})"
            )
        if name in taken:
            raise ValueError(f"an extra tracker must have a name of its own, {name!r} is taken")
        taken.add(name)
    return extra_trackers


def configured_destinations(config: TrackingConfig) -> list[str]:
    """Return the names of the trackers that a configuration enables."""
    return [destination.name for destination in DESTINATIONS.values() if destination.is_asked_for(config)]


def expected_views(config: TrackingConfig) -> list[str]:
    """Return the views of a run in words for people, as far as its configuration says them.

    Example:
        >>> expected_views(TrackingConfig(wandb_mode="offline"))
        ['TensorBoard', 'W&B offline']
    """
    views = [each for each in DESTINATIONS.values() if each.switch is not None and each.is_asked_for(config)]
    return [each.tracker.announced(config) for each in views]


def steps_after(run_directory: Path, delivery: Mapping[str, DeliveryState]) -> list[NextStep]:
    """Return what people may type next to look at a run, in each of its trackers and here.

    Args:
        run_directory (Path): The run's folder.
        delivery (Mapping[str, DeliveryState]): The ledger of each tracker, by name.
    """
    steps = [
        step
        for name, destination in DESTINATIONS.items()
        if name in delivery
        for step in destination.tracker.next_steps(run_directory, delivery[name].details)
    ]
    return [*steps, NextStep("numbers", (ShellCommand("seo-engine"), "runs", "show", run_directory))]


def optional_destinations() -> list[str]:
    """Return the names of the trackers that a setting switches on or off."""
    return [destination.name for destination in DESTINATIONS.values() if destination.switch is not None]
