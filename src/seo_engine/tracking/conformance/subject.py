"""Subject: the tracker that is checked, and the runs that it is given."""

from __future__ import annotations

import importlib
import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.experiment_tracker import ExperimentTracker
from seo_engine.tracking.runs.ledger import DeliveryState
from seo_engine.tracking.runs.lifecycle import read_lifecycle
from seo_engine.tracking.tracker_rules import is_tracker_name
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker
from seo_engine.tracking.trackers.placement import Placement
from seo_engine.tracking.trackers.registry import Destination, destination_of, offering, settings_for_only

Given = str | type[DestinationTracker] | Callable[[Placement], DestinationTracker]
Read = Callable[[Path], Iterable[tuple[int, str, float]]]

# The values of a run, by step and name.
Values = dict[tuple[int, str], float]

# A destination may keep numbers of 32 bits.
_RELATIVE_DIFFERENCE = 1e-6

_SHOWN_AT_MOST = 5

# Nothing is logged but what a check logs, and all of it is shown.
_SETTINGS: dict[str, Any] = {
    "selective_logging": False,
    "enable_code_profiling": False,
    "system_metrics_interval_seconds": 0,
    "record_surroundings": False,
    "capture_console": "off",
    "print_summary": False,
    "wandb_mode": "offline",
}


def values_at(steps: Iterable[int], factor: float = 1.0) -> Values:
    """Return values to log at some steps; each is one in 32 bits, too."""
    return {
        (step, name): factor * step / part for step in steps for name, part in (("training/loss", 4), ("val/score", 8))
    }


def log_values(tracker: ExperimentTracker, values: Values) -> None:
    """Log values, all of one step together."""
    for step in dict.fromkeys(step for step, _ in values):
        metrics = {name: value for (at, name), value in values.items() if at == step}
        tracker.log_training_metrics(epoch=1, step=step, metrics=metrics)


class Subject(NamedTuple):
    """The tracker that is checked.

    Args:
        given (Given): As its author gave it.
        destination (Destination): How it is made.
        tracker_settings (dict[str, Any]): Its own settings.
        read (Read | None): Reads back what the destination holds of a run.
    """

    given: Given
    destination: Destination
    tracker_settings: dict[str, Any]
    read: Read | None

    @property
    def name(self) -> str:
        """str: The tracker's name."""
        return self.destination.name

    @contextmanager
    def in_use(self, change: Callable[[DestinationTracker], DestinationTracker] | None = None) -> Iterator[None]:
        """Have runs find the tracker: as users have it, or, changed or not installed, in this process.

        Args:
            change (Callable[[DestinationTracker], DestinationTracker] | None): Is given each tracker that is made.
        """
        if change is None and isinstance(self.given, str):
            yield
            return

        def make(placement: Placement) -> DestinationTracker:
            if self.destination.runs_in_child:
                # It may do what it does where nobody else needs its SDK.
                placement = placement._replace(training_process=os.getpid())
            made = self.destination.make(placement)
            return made if change is None else change(made)

        with offering(self.destination._replace(make=make, runs_in_child=False)):
            yield

    def config(self, folder: Path, **settings: Any) -> TrackingConfig:
        """Return the settings of a run of this tracker.

        Args:
            folder (Path): Gets the run, named `run`.
            **settings (Any): What differs.
        """
        return config_of(self.name, folder, self.tracker_settings, **settings)

    def check_ledger(self, state: DeliveryState) -> None:
        """Check that a run was delivered whole.

        Raises:
            AssertionError: If it was not.
        """
        if state.dropped:
            raise AssertionError(f"no record should be dropped, got {state.dropped} (records {state.failed_records})")
        if state.pending or not state.is_complete:
            raise AssertionError(
                f"all {state.accepted} records should be delivered, and the tracker be closed, got {state.pending} "
                f"pending ({state.last_error or 'it is not closed'})"
            )

    def check_values(self, run_directory: Path, values: Values, earlier: Values | None = None) -> None:
        """Check that the destination holds each value once, as far as it can be read back.

        Args:
            run_directory (Path): The run's folder.
            values (Values): What was logged last.
            earlier (Values | None): What was logged before at the same steps, which may be there too.

        Raises:
            AssertionError: If a value is missing, there twice, or another one.
        """
        if self.read is None:
            return
        held: dict[tuple[int, str], list[float]] = {}
        for step, name, value in self.read(run_directory):
            held.setdefault((step, name), []).append(value)
        earlier = earlier or {}
        missing = [
            key for key, value in values.items() if not any(_are_equal(each, value) for each in held.get(key, []))
        ]
        most = {key: 1 + (key in earlier) for key in values}
        doubled = [key for key, times in most.items() if len(held.get(key, [])) > times]
        count = sum(len(held.get(key, [])) for key in values)
        for problem, keys in (("missing or another value", missing), ("there more than once", doubled)):
            if keys:
                shown = ", ".join(
                    f"{name} at step {step}: {held.get((step, name))}" for step, name in sorted(keys)[:_SHOWN_AT_MOST]
                )
                raise AssertionError(
                    f"the destination should hold each of {len(values)} values once, and holds "
                    f"{count}; {len(keys)} are {problem}: {shown}"
                )


def subject_of(given: Given, folder: Path, tracker_settings: dict[str, Any], read: Read | None) -> Subject:
    """Return the tracker that is to be checked.

    Args:
        given (Given): Its name, its class, or what makes it.
        folder (Path): A folder to try it in.
        tracker_settings (dict[str, Any]): Its own settings.
        read (Read | None): Reads back what the destination holds of a run.

    Raises:
        UnusableTrackerError: If there is none of that name.
        AssertionError: If what makes it does not make a tracker with a name.
    """
    if isinstance(given, str):
        return Subject(given, destination_of(given), tracker_settings, read)
    # Of what only makes one, the name is not known before one is made.
    name = getattr(given, "name", "unknown")
    with ExperimentTracker(config_of("", folder)) as tracker:
        pass
    assert tracker.run_directory is not None
    life = read_lifecycle(tracker.run_directory)
    config = config_of("", folder)
    if tracker_settings:
        config.tracker_settings = {name: tracker_settings}
    made = given(Placement(config, tracker.run_directory, life))  # type: ignore[call-arg]
    if not isinstance(made, DestinationTracker):
        raise AssertionError(f"a DestinationTracker should be made, got {type(made).__name__}")
    if not is_tracker_name(getattr(made, "name", None)):
        raise AssertionError(
            "the name of a tracker should be 1 to 64 letters, digits, _, - or ., "
            f"got {getattr(made, 'name', None)!r} ({type(made).__name__})"
        )

    def make(placement: Placement) -> DestinationTracker:
        return given(placement)  # type: ignore[call-arg]

    destination = Destination(_named(type(made), made.name), make, runs_in_child=made.runs_in_child)
    return Subject(given, destination, tracker_settings, read)


def config_of(
    name: str, folder: Path, tracker_settings: dict[str, Any] | None = None, **settings: Any
) -> TrackingConfig:
    """Return the settings of a run with one tracker, or with none.

    Args:
        name (str): The tracker; empty for none.
        folder (Path): Gets the run, named `run`.
        tracker_settings (dict[str, Any] | None): Its own settings.
        **settings (Any): What differs.
    """
    only = settings_for_only(name) | ({} if name else {"additional_trackers": []})
    return TrackingConfig(
        **{
            "tensorboard_log_dir": str(folder),
            "experiment_name": "run",
            "artifact_dir": str(folder.with_name(f"{folder.name}_artifacts")),
            "tracker_settings": {name: tracker_settings} if tracker_settings else {},
            **_SETTINGS,
            **only,
            **settings,
        }
    )


def importable_name(given: Given) -> str | None:
    """Return the name by which another process can import what makes a tracker; None if there is none.

    Example:
        >>> importable_name(Subject), importable_name(lambda placement: None)
        ('seo_engine.tracking.conformance.subject:Subject', None)
    """
    module, name = getattr(given, "__module__", ""), getattr(given, "__qualname__", "")
    try:
        found = imported(f"{module}:{name}") if module != "__main__" else None
    except (ImportError, AttributeError, ValueError):
        return None
    return f"{module}:{name}" if found is given else None


def imported(name: str) -> Any:
    """Return what `module:name` names."""
    module, _, path = name.partition(":")
    return reduce(getattr, path.split("."), importlib.import_module(module))


def _named(tracker: type[DestinationTracker], name: str) -> type[DestinationTracker]:
    """Return a class whose name is that of its trackers, which each may have its own."""
    return tracker if getattr(tracker, "name", None) == name else type(tracker.__name__, (tracker,), {"name": name})


def _are_equal(held: float, logged: float) -> bool:
    return math.isclose(held, logged, rel_tol=_RELATIVE_DIFFERENCE)
