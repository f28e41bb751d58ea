"""Trackers that other packages bring: found by their entry points, loaded only when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seo_engine.foundation.redaction import redact_text
from seo_engine.foundation.setting_sources.known_names import nearest_name
from seo_engine.foundation.texts import one_line
from seo_engine.tracking.runs.run_lock import RUN_LOCK
from seo_engine.tracking.tracker_rules import is_tracker_name
from seo_engine.tracking.trackers.bounded_calls import LONGEST_FOREIGN_SECONDS, ForeignCallError, call_within
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker
from seo_engine.tracking.trackers.placement import Placement

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "seo_engine.trackers"

_loaded: dict[str, type[DestinationTracker]] = {}

# Loading them has not returned: nobody waits for that again.
_hanging: dict[str, str] = {}


class UnusableTrackerError(ValueError):
    """There is no tracker of that name here, or it cannot be used; the message is one line."""


def installed_plug_ins() -> list[str]:
    """Return the names of the trackers that are installed, from the metadata of packages alone: nothing is imported."""
    return sorted({name for name in (each.name for each in _entry_points()) if is_tracker_name(name)})


def load_plug_in(name: str) -> type[DestinationTracker]:
    """Import the class of a tracker; the second time it is at hand.

    Args:
        name (str): The name of its entry point.

    Raises:
        UnusableTrackerError: If there is none, or two, or it cannot be imported, or is not a tracker of that name.
    """
    if name not in _loaded:
        if name in _hanging:
            raise UnusableTrackerError(_hanging[name])
        _loaded[name] = _checked(name, _load(_entry_point(name)))
    return _loaded[name]


def make_plug_in(tracker: type[DestinationTracker], placement: Placement) -> DestinationTracker:
    """Make a tracker that another package brings.

    Args:
        tracker (type[DestinationTracker]): Its class.
        placement (Placement): The run.

    Raises:
        UnusableTrackerError: If it raises, does not return, or makes something else.
    """
    try:
        made = call_within(LONGEST_FOREIGN_SECONDS, lambda: tracker(placement))  # type: ignore[call-arg]
    except ForeignCallError as error:
        raise UnusableTrackerError(f"the tracker {tracker.name!r} cannot be made: {_said(error)}") from None
    if not isinstance(made, DestinationTracker) or made.name != tracker.name:
        raise UnusableTrackerError(f"the tracker {tracker.name!r} makes something else: {type(made).__name__}")
    return made


def _entry_points() -> list[EntryPoint]:
    # Here, because it takes ten milliseconds, and only who asks for such trackers needs it.
    from importlib.metadata import entry_points

    return list(entry_points(group=GROUP))


def _entry_point(name: str) -> EntryPoint:
    # A package that is on the path twice is one package.
    found = {each.value: each for each in _entry_points() if each.name == name}
    if not found:
        installed = installed_plug_ins()
        near = nearest_name(name, installed)
        meant = f"; did you mean {near}?" if near is not None else ""
        there = f"installed are {', '.join(installed)}" if installed else "none is installed"
        raise UnusableTrackerError(f"there is no tracker {name!r} here{meant} ({there})")
    if len(found) > 1:
        raise UnusableTrackerError(
            f"there are several trackers {name!r}: {', '.join(sorted(found))}; uninstall all packages but one of them"
        )
    return next(iter(found.values()))


def _load(entry_point: EntryPoint) -> object:
    try:
        loaded: object = call_within(LONGEST_FOREIGN_SECONDS, entry_point.load)
    except ForeignCallError as error:
        message = f"the tracker {entry_point.name!r} cannot be imported from {entry_point.value}: {_said(error)}"
        if error.__cause__ is None:
            _hanging[entry_point.name] = message
        raise UnusableTrackerError(message) from None
    return loaded


def _checked(name: str, loaded: object) -> type[DestinationTracker]:
    if not isinstance(loaded, type) or not issubclass(loaded, DestinationTracker):
        raise UnusableTrackerError(f"the tracker {name!r} is not a subclass of DestinationTracker")
    if name == RUN_LOCK:
        raise UnusableTrackerError(f"the name of a tracker must be its own, {name!r} is taken")
    if not is_tracker_name(name) or getattr(loaded, "name", None) != name:
        raise UnusableTrackerError(
            f"the tracker {name!r} must have the name of its entry point, got {getattr(loaded, 'name', None)!r}"
        )
    return loaded


def _said(error: Exception) -> str:
    return redact_text(one_line(error))
