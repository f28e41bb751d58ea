"""The checks that a tracker must pass, each by a run of its own."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seo_engine.foundation.texts import one_line
from seo_engine.tracking.conformance import runs_of_checks
from seo_engine.tracking.conformance.every_kind import log_every_kind
from seo_engine.tracking.conformance.killed_training import FIRST_STEPS, LATER_STEPS
from seo_engine.tracking.conformance.runs_of_checks import changed, kill_while_training, nothing_left_running
from seo_engine.tracking.conformance.subject import Subject, importable_name, log_values, values_at
from seo_engine.tracking.delivery.recovery import recover_run
from seo_engine.tracking.experiment_tracker import ExperimentTracker
from seo_engine.tracking.records.kind import Recorded, Shown
from seo_engine.tracking.runs.lifecycle import read_lifecycle
from seo_engine.tracking.trackers.destination_tracker import DestinationTracker
from seo_engine.tracking.trackers.placement import Placement

# How long a run waits for a tracker that hangs.
_CLOSING_SECONDS = 0.5

# The record that a tracker refuses, or at which it is lost: in the middle of a run.
_RECORD = 5

_STEPS = range(1, 9)

_STAYS_OPEN = "`abandon` leaves it open, as if there was nothing to lose"


class LeftOut(Exception):
    """A check does not apply; the message says why."""


def every_kind(subject: Subject, folder: Path) -> str:
    """Every kind of record, in every form, is taken or passed over: none is dropped."""
    with subject.in_use(), ExperimentTracker(subject.config(folder)) as tracker:
        left_out = log_every_kind(tracker, folder)
    subject.check_ledger(tracker.delivery[subject.name])
    return ", ".join(f"{kind} {why}" for kind, why in left_out.items())


def resumed(subject: Subject, folder: Path) -> str:
    """A run that is resumed gets what is logged again, and keeps what was there before."""
    before, again = values_at(range(1, 5)), values_at(range(3, 7), factor=2.0)
    with subject.in_use():
        with ExperimentTracker(subject.config(folder)) as tracker:
            log_values(tracker, before)
        with ExperimentTracker(subject.config(folder), resume="run", step=3) as tracker:
            log_values(tracker, again)
    subject.check_ledger(tracker.delivery[subject.name])
    subject.check_values(folder / "run", before | again, earlier=before)
    return _counts_only(subject)


def killed(subject: Subject, folder: Path) -> str:
    """A run whose process is killed is completed: nothing is lost, nothing is there twice."""
    name = subject.given if isinstance(subject.given, str) else importable_name(subject.given)
    if name is None:
        raise LeftOut("another process cannot import what makes the tracker; give its class, or a function of a module")
    kill_while_training(folder, name, subject.tracker_settings)
    with subject.in_use():
        states = recover_run(folder / "run")
    subject.check_ledger(states[subject.name])
    subject.check_values(folder / "run", values_at([*FIRST_STEPS, *LATER_STEPS]))
    return _counts_only(subject)


def opened_twice(subject: Subject, folder: Path) -> str:
    """A destination that is opened again holds each record once: the tracker skips those that are there."""
    values = values_at(_STEPS)
    with subject.in_use():
        with ExperimentTracker(subject.config(folder)) as tracker:
            log_values(tracker, values)
        states = recover_run(folder / "run")
    subject.check_ledger(states[subject.name])
    subject.check_values(folder / "run", values)
    return _counts_only(subject)


def nothing_left(subject: Subject, folder: Path) -> str:
    """After `close`, no thread and no process of the tracker is left."""
    with nothing_left_running(), subject.in_use(), ExperimentTracker(subject.config(folder)) as tracker:
        log_values(tracker, values_at(_STEPS))
    subject.check_ledger(tracker.delivery[subject.name])
    return ""


def pickled(subject: Subject, folder: Path) -> str:
    """Before `setup`, a tracker can be passed to a process that is spawned, or its class says why not."""
    with subject.in_use(), ExperimentTracker(subject.config(folder)):
        pass
    made = subject.destination.make(Placement(subject.config(folder), folder / "run", read_lifecycle(folder / "run")))
    try:
        copy = pickle.loads(pickle.dumps(made))  # noqa: S301  it is ours
    except Exception as error:
        if isinstance(error, TypeError) and _says_why_not(type(made)):
            raise LeftOut(one_line(error)) from None
        raise AssertionError(
            f"a tracker should be picklable before `setup`, got {type(error).__name__}: {one_line(error)}; open files, "
            "locks and connections in `setup`, or raise a TypeError that says why not in `__reduce__`"
        ) from None
    if type(copy) is not type(made) or copy.name != made.name:
        raise AssertionError(f"the copy should be the same tracker, got {type(copy).__name__} {copy.name!r}")
    return ""


def hanging(subject: Subject, folder: Path) -> str:
    """A backend that hangs in `show`, `flush` or `close` does not keep the training."""
    for call in ("show", "flush", "close"):
        with _hanging_in(call) as hang, subject.in_use(hang):
            _train_without_waiting(subject, folder / call, call)
    return ""


def set_up_fails(subject: Subject, folder: Path) -> str:
    """A `setup` that fails half-way, and works the second time, costs nothing."""
    tries: list[str] = []
    stays_open: list[str] = []

    def change(tracker: DestinationTracker) -> DestinationTracker:
        def set_up(own: Callable[..., None]) -> None:
            own()
            tries.append(tracker.name)
            if len(tries) == 1:
                _lose(tracker)
                stays_open.append(tracker.name)

        return changed(tracker, "setup", set_up)

    _train_whole(subject, folder, change)
    if not tries:
        raise LeftOut("it is open from the beginning, so that `setup` is not called")
    if stays_open:
        raise LeftOut(_STAYS_OPEN)
    return _counts_only(subject)


def lost(subject: Subject, folder: Path) -> str:
    """A destination that is lost in the middle of a run is opened again, and completed."""
    losses: list[int] = []
    stays_open: list[str] = []

    def change(tracker: DestinationTracker) -> DestinationTracker:
        def show(own: Callable[..., None], shown: Shown, recorded: Recorded) -> None:
            if recorded.number == _RECORD and not losses:
                losses.append(recorded.number)
                _lose(tracker)
                stays_open.append(tracker.name)
            own(shown, recorded)

        return changed(tracker, "show", show)

    _train_whole(subject, folder, change)
    if stays_open:
        raise LeftOut(_STAYS_OPEN)
    return _counts_only(subject)


def refused(subject: Subject, folder: Path) -> str:
    """A record that the destination refuses is dropped and counted; the others are there."""

    def show(own: Callable[..., None], shown: Shown, recorded: Recorded) -> None:
        if recorded.number == _RECORD:
            raise ValueError("the record was refused (provoked by a check)")
        own(shown, recorded)

    def change(tracker: DestinationTracker) -> DestinationTracker:
        return changed(tracker, "show", show)

    with subject.in_use(change), ExperimentTracker(subject.config(folder)) as tracker:
        log_values(tracker, values_at(_STEPS))
        tracker.flush()
    state = tracker.delivery[subject.name]
    if state.dropped != {"failed": 1} or state.failed_records != [_RECORD] or not state.is_complete:
        raise AssertionError(
            f"record {_RECORD} alone should be dropped, got {state.dropped or 'none'} (records "
            f"{state.failed_records}), {state.pending} pending ({state.last_error})"
        )
    # The first record is the start of the run; each other one is a step.
    subject.check_values(
        folder / "run", {key: value for key, value in values_at(_STEPS).items() if key[0] != _RECORD - 1}
    )
    return _counts_only(subject)


CHECKS: dict[str, Callable[[Subject, Path], str]] = {
    check.__name__: check
    for check in (
        every_kind,
        resumed,
        killed,
        opened_twice,
        nothing_left,
        pickled,
        hanging,
        set_up_fails,
        lost,
        refused,
    )
}


def _lose(tracker: DestinationTracker) -> None:
    """Have a tracker lose its destination, and raise what that raises; one that stays open has none to lose."""
    tracker.abandon()
    if not tracker.available:
        raise ConnectionError("the destination was lost (provoked by a check)")


def _counts_only(subject: Subject) -> str:
    return "" if subject.read is not None else "by the counts alone: there is no `read`"


def _says_why_not(tracker: type) -> bool:
    own = [each for each in tracker.__mro__ if each not in (object, DestinationTracker)]
    return any(name in vars(each) for each in own for name in ("__reduce__", "__reduce_ex__", "__getstate__"))


def _train_whole(subject: Subject, folder: Path, change: Callable[[DestinationTracker], DestinationTracker]) -> None:
    values = values_at(_STEPS)
    with subject.in_use(change), ExperimentTracker(subject.config(folder)) as tracker:
        log_values(tracker, values)
        tracker.flush()
    subject.check_ledger(tracker.delivery[subject.name])
    subject.check_values(folder / "run", values)


@contextmanager
def _hanging_in(call: str) -> Iterator[Callable[[DestinationTracker], DestinationTracker]]:
    """Yield what has trackers hang in a call until the end of the block."""
    released = threading.Event()

    def hang(own: Callable[..., None], *arguments: Any) -> None:
        released.wait()

    try:
        yield lambda tracker: changed(tracker, call, hang)
    finally:
        threads = [each for each in threading.enumerate() if each.name.endswith("-logging-thread")]
        released.set()
        for thread in threads:
            thread.join(runs_of_checks.PATIENCE_SECONDS)


def _train_without_waiting(subject: Subject, folder: Path, call: str) -> None:
    config = subject.config(folder, close_timeout_seconds=_CLOSING_SECONDS, print_summary=True)
    errors: list[BaseException] = []

    def train() -> None:
        try:
            with ExperimentTracker(config) as tracker:
                log_values(tracker, values_at(_STEPS))
        except BaseException as error:
            errors.append(error)

    training = threading.Thread(target=train, name="checked-training", daemon=True)
    training.start()
    training.join(runs_of_checks.PATIENCE_SECONDS)
    if training.is_alive():
        raise AssertionError(f"a training should end while its tracker hangs in `{call}`, and waits for it")
    if errors:
        raise AssertionError(f"no error should reach the training while its tracker hangs in `{call}`: {errors[0]!r}")
