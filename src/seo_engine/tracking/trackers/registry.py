"""The trackers there are: which of them a run uses, where each runs, and how it is made."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from seo_engine.foundation.texts import one_line
from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.runs.ledger import DeliveryState
from seo_engine.tracking.runs.run_lock import RUN_LOCK
from seo_engine.tracking.tracker_rules import is_tracker_name
from seo_engine.tracking.trackers.bounded_calls import LONGEST_FOREIGN_SECONDS, ForeignCallError, call_within
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker, NextStep, ShellCommand
from seo_engine.tracking.trackers.log_file_tracker import LogFileTracker
from seo_engine.tracking.trackers.placement import Placement
from seo_engine.tracking.trackers.plug_ins import UnusableTrackerError, installed_plug_ins, load_plug_in, make_plug_in
from seo_engine.tracking.trackers.tensorboard.tensorboard_tracker import TensorBoardTracker
from seo_engine.tracking.trackers.wandb.wandb_tracker import WandBTracker

logger = logging.getLogger(__name__)


class Destination(NamedTuple):
    """One tracker that a run can have.

    Args:
        tracker (type[DestinationTracker]): Its class.
        make (Callable[[Placement], DestinationTracker]): Makes it; its `setup` opens it.
        switch (str | None): The setting that enables it; None means that every run has it, or, of one that another
            package brings, those whose `additional_trackers` names it.
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


# Those that ship with the package. Others are found by their entry points.
DESTINATIONS = {
    destination.name: destination
    for destination in (
        Destination(LogFileTracker, _make_log_files),
        Destination(TensorBoardTracker, _make_tensorboard, switch="tensorboard_logging"),
        Destination(WandBTracker, _make_wandb, switch="wandb_logging", runs_in_child=WandBTracker.runs_in_child),
    )
}

# Those that stand in for others of their name, in this process alone.
_offered: dict[str, Destination] = {}


def destination_of(name: str) -> Destination:
    """Return the tracker of a name; one that another package brings is imported when it is first asked for.

    Args:
        name (str): Its name.

    Raises:
        UnusableTrackerError: If there is none, or it cannot be used.

    Example:
        >>> destination_of("tensorboard").switch
        'tensorboard_logging'
    """
    if (known := _offered.get(name) or DESTINATIONS.get(name)) is not None:
        return known
    tracker = load_plug_in(name)
    return Destination(tracker, partial(make_plug_in, tracker), runs_in_child=bool(tracker.runs_in_child))


def configured_destination(name: str, config: TrackingConfig) -> Destination:
    """Return the tracker of a name, once its class has checked its own settings.

    Args:
        name (str): Its name.
        config (TrackingConfig): The settings of the run.

    Raises:
        UnusableTrackerError: If there is none, or it cannot be used, or not with these settings.
    """
    destination = destination_of(name)
    if name in DESTINATIONS:
        # The settings of those that ship are the configuration's own.
        return destination
    settings = config.tracker_settings.get(name, {})
    try:
        call_within(LONGEST_FOREIGN_SECONDS, partial(destination.tracker.check_settings, dict(settings)))
    except ForeignCallError as error:
        reason = error.__cause__ if isinstance(error.__cause__, ValueError) else error
        raise UnusableTrackerError(f"tracker_settings[{name!r}] cannot be used: {one_line(reason)}") from None
    return destination


@contextmanager
def offering(destination: Destination) -> Iterator[None]:
    """Have a tracker found by its name, as if it was installed; in this process alone, and so not in a child.

    Args:
        destination (Destination): The tracker; it precedes another one of its name.
    """
    _offered[destination.name] = destination
    try:
        yield
    finally:
        del _offered[destination.name]


def checked_extra_trackers(trackers: Any, additional: Collection[str] = ()) -> tuple[DestinationTracker, ...]:
    """Return further trackers if they can be delivered to.

    Args:
        trackers (Any): As the user gave them.
        additional (Collection[str]): The names in `additional_trackers`.

    Raises:
        ValueError: If they are not DestinationTrackers, each with a name of its own.
    """
    try:
        extra_trackers = tuple(trackers)
    except TypeError:
        raise ValueError(f"extra_trackers must be a list, got {type(trackers).__name__}") from None
    taken = {RUN_LOCK, *DESTINATIONS, *additional}
    for tracker in extra_trackers:
        if not isinstance(tracker, DestinationTracker):
            raise ValueError(f"an extra tracker must be a DestinationTracker, got {type(tracker).__name__}")
        name = getattr(tracker, "name", None)
        if not is_tracker_name(name):
            raise ValueError(
                f"the name of an extra tracker must be 1 to 64 letters, digits, _, - or ., got {name!r} "
                f"({type(tracker).__name__})"
            )
        if name in taken:
            raise ValueError(f"an extra tracker must have a name of its own, {name!r} is taken")
        taken.add(name)
    return extra_trackers


def configured_destinations(config: TrackingConfig) -> list[str]:
    """Return the names of the trackers that a configuration enables, whether they can be used here or not."""
    shipped = [destination.name for destination in DESTINATIONS.values() if destination.is_asked_for(config)]
    return list(dict.fromkeys([*shipped, *config.additional_trackers]))


def settings_for_only(name: str) -> dict[str, Any]:
    """Return the settings with which a run has one tracker, beside those that every run has.

    Args:
        name (str): Its name.

    Example:
        >>> settings_for_only("wandb")
        {'tensorboard_logging': False, 'wandb_logging': True, 'additional_trackers': []}
    """
    switches = {each.switch: each.name == name for each in DESTINATIONS.values() if each.switch is not None}
    return {**switches, "additional_trackers": [] if name in DESTINATIONS else [name]}


def expected_views(config: TrackingConfig) -> list[str]:
    """Return the views of a run in words for people, as far as its configuration says them.

    Example:
        >>> expected_views(TrackingConfig(wandb_mode="offline"))
        ['TensorBoard', 'W&B offline']
    """
    views = [each for each in DESTINATIONS.values() if each.switch is not None and each.is_asked_for(config)]
    # Of a tracker that is not there, another line says so.
    known = {*_offered, *installed_plug_ins()} if config.additional_trackers else set()
    return [
        *(each.tracker.announced(config) for each in views),
        *(name for name in config.additional_trackers if name in known),
    ]


def steps_after(run_directory: Path, delivery: Mapping[str, DeliveryState]) -> list[NextStep]:
    """Return what people may type next to look at a run, in each of its trackers and here.

    Args:
        run_directory (Path): The run's folder.
        delivery (Mapping[str, DeliveryState]): The ledger of each tracker, by name.
    """
    # Those that ship, in their order, and then the others.
    names = dict.fromkeys([*DESTINATIONS, *delivery])
    steps = [step for name in names if name in delivery for step in _steps_in(name, run_directory, delivery[name])]
    return [*steps, NextStep("numbers", (ShellCommand("seo-engine"), "runs", "show", run_directory))]


def _steps_in(name: str, run_directory: Path, state: DeliveryState) -> list[NextStep]:
    if name in DESTINATIONS:
        return DESTINATIONS[name].tracker.next_steps(run_directory, state.details)
    if name not in (*_offered, *installed_plug_ins()):
        # One of the training's own.
        return []
    try:
        next_steps = destination_of(name).tracker.next_steps
        return call_within(LONGEST_FOREIGN_SECONDS, lambda: list(next_steps(run_directory, state.details)))
    except (UnusableTrackerError, ForeignCallError) as error:
        logger.debug("%s does not say what can be done with it: %s", name, one_line(error))
        return []


def replayable(names: Collection[str]) -> list[str]:
    """Return those of some trackers that a run can be replayed to: those with a switch, and those installed beside.

    Args:
        names (Collection[str]): Their names.

    Example:
        >>> replayable(["run_logs", "wandb", "tensorboard"])
        ['tensorboard', 'wandb']
    """
    shipped = [name for name in DESTINATIONS if name in names and is_optional(name)]
    others = [name for name in names if name not in DESTINATIONS]
    # The metadata of packages is read only where there is such a name.
    return [*shipped, *sorted(set(others) & set(installed_plug_ins()))] if others else shipped


def is_optional(name: str) -> bool:
    """Return whether a run can have a tracker or not, wherever it is installed."""
    return name not in DESTINATIONS or DESTINATIONS[name].switch is not None


def title_of(name: str) -> str:
    """Return a tracker as people call it; one that is not loaded by its name."""
    return (DESTINATIONS[name].tracker.title if name in DESTINATIONS else "") or name
