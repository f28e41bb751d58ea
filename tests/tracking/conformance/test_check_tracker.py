"""The checks of trackers: what ships passes them, and for each there is a tracker that fails it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seo_engine.testing import check_tracker
from seo_engine.tracking import DestinationTracker, ExperimentTracker, MemoryTracker, Placement
from seo_engine.tracking.conformance import checks, runs_of_checks, subject
from seo_engine.tracking.conformance.check_tracker import run_check
from seo_engine.tracking.conformance.checks import CHECKS
from seo_engine.tracking.conformance.every_kind import log_every_kind
from seo_engine.tracking.conformance.subject import Given, Read, config_of, subject_of
from seo_engine.tracking.delivery.child.standby import Standby
from seo_engine.tracking.records import forms
from seo_engine.tracking.records.kind import Recorded, Shown
from seo_engine.tracking.records.kinds import KINDS
from tests.tracking.conformance import bad_trackers as bad
from tests.tracking.conformance.bad_trackers import LinesTracker, read_lines
from tests.tracking.conformance.reading import tensorboard_values
from tests.tracking.trackers.files.reading import csv_values, parquet_values


def make_memory(placement: Placement) -> DestinationTracker:
    return MemoryTracker()


def checked(check: str, given: Given, folder: Path, read: Read | None = None, **settings: Any) -> str:
    for name in ("probe", check):
        (folder / name).mkdir()
    return run_check(check, subject_of(given, folder / "probe", settings, read), folder / check)


@pytest.fixture
def without_standby(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Standby, "start", lambda self: None)


@pytest.fixture(autouse=True)
def threads_of_bad_trackers() -> Iterator[None]:
    bad.STOP.clear()
    yield
    bad.STOP.set()
    for thread in threading.enumerate():
        if thread.name == "left-thread":
            thread.join()


def test_csv_files_pass_every_check() -> None:
    report = check_tracker("files", read=csv_values)
    assert report.results == dict.fromkeys(CHECKS, "passed")
    assert str(report).splitlines()[:2] == ["files", "  every_kind    passed"]


LOST = ("set_up_fails", "lost")

# `tests/integrations/` tries all of them, with W&B, too.
SHORT = ("resumed", "opened_twice", "nothing_left", "pickled", "set_up_fails", "lost")


@pytest.mark.usefixtures("without_standby")
@pytest.mark.parametrize(
    ("given", "read", "settings"),
    [
        ("files", parquet_values, {"format": "parquet"}),
        ("tensorboard", tensorboard_values, {}),
        (make_memory, None, {}),
        (LinesTracker, read_lines, {}),
    ],
    ids=["parquet", "tensorboard", "memory", "lines"],
)
def test_what_ships_passes_the_checks_that_are_short(
    tmp_path: Path, given: Given, read: Read | None, settings: dict[str, Any]
) -> None:
    for name in SHORT:
        (tmp_path / name).mkdir()
        result = checked(name, given, tmp_path / name, read, **settings)
        # Memory is always open.
        assert result.startswith("left out: " if given is make_memory and name in LOST else "passed"), result


@pytest.mark.usefixtures("without_standby")
@pytest.mark.parametrize(
    ("check", "given", "said"),
    [
        ("every_kind", bad.ChokingOnPictures, "no record should be dropped"),
        ("resumed", bad.BeginningAnew, "missing or another value"),
        ("killed", bad.Forgetful, "missing or another value"),
        ("opened_twice", bad.Appending, "there more than once"),
        ("nothing_left", bad.WithAThread, "no thread should be left after the tracker was closed, got left-thread"),
        ("pickled", bad.WithALock, "a tracker should be picklable before `setup`, got TypeError"),
        ("hanging", bad.WaitingForItself, "a training should end while its tracker hangs in `show`"),
        ("set_up_fails", bad.OpenedOnce, "should be delivered"),
        ("lost", bad.NeverAgain, "should be delivered"),
        ("refused", bad.Counting, "record 5 alone should be dropped"),
    ],
)
def test_each_check_fails_for_a_tracker_that_breaks_its_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: str, given: type[DestinationTracker], said: str
) -> None:
    monkeypatch.setattr(runs_of_checks, "PATIENCE_SECONDS", 1.5)
    monkeypatch.setitem(subject._SETTINGS, "close_timeout_seconds", 1)
    with pytest.raises(AssertionError) as failure:
        checked(check, given, tmp_path, read_lines)
    assert said in str(failure.value)


def test_there_is_a_bad_tracker_for_every_check() -> None:
    (marked,) = [
        mark.args[1]
        for mark in test_each_check_fails_for_a_tracker_that_breaks_its_rule.pytestmark  # type: ignore[attr-defined]
        if mark.name == "parametrize"
    ]
    assert [check for check, *_ in marked] == list(CHECKS)


@pytest.mark.usefixtures("without_standby")
def test_a_class_may_say_why_it_is_not_pickled(tmp_path: Path) -> None:
    assert checked("pickled", bad.SayingWhyNot, tmp_path) == "left out: its lock belongs to one process"


@pytest.mark.usefixtures("without_standby")
def test_what_another_process_cannot_import_is_said_and_not_killed(tmp_path: Path) -> None:
    result = checked("killed", lambda placement: LinesTracker(placement), tmp_path)
    assert result.startswith("left out: another process cannot import what makes the tracker")


@pytest.mark.usefixtures("without_standby")
def test_all_checks_that_fail_are_said_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "seo_engine.tracking.conformance.check_tracker.CHECKS",
        {name: CHECKS[name] for name in ("opened_twice", "lost")},
    )
    with pytest.raises(AssertionError) as failure:
        check_tracker(bad.Appending, read=read_lines)
    first, *others = str(failure.value).splitlines()
    assert first == "lines fails 2 of 2 checks:" and [line.split(":")[0] for line in others] == ["opened_twice", "lost"]


@pytest.mark.usefixtures("without_standby")
def test_every_kind_and_every_form_is_logged(tmp_path: Path) -> None:
    shown_forms, kinds = set(), set()

    class Looking(MemoryTracker):
        def show(self, shown: Shown, recorded: Recorded) -> None:
            kinds.add(shown.kind.name)
            shown_forms.update(type(form) for medium in shown.media for form in medium)

    with ExperimentTracker(config_of("", tmp_path), extra_trackers=[Looking()]) as tracker:
        assert log_every_kind(tracker, tmp_path) == {}
    assert set(forms.Medium.__args__) == shown_forms
    # What is not shown at all, and what only a resumption logs.
    assert KINDS.keys() - kinds == {"last_values", "incomplete_step", "resume"}


def test_what_makes_no_tracker_is_said() -> None:
    def nothing(placement: Placement) -> Any:
        return None

    class Nameless(LinesTracker):
        name = "a/b"

    makers: list[tuple[Callable[..., Any], str]] = [
        (nothing, "a DestinationTracker should be made, got NoneType"),
        (Nameless, "the name of a tracker should be 1 to 64 letters"),
    ]
    for maker, said in makers:
        with pytest.raises(AssertionError, match=said):
            check_tracker(maker)


def test_the_results_are_in_the_order_of_the_checks() -> None:
    assert list(CHECKS) == [
        *("every_kind", "resumed", "killed", "opened_twice", "nothing_left"),
        *("pickled", "hanging", "set_up_fails", "lost", "refused"),
    ]
    assert all(getattr(checks, name) is check for name, check in CHECKS.items())
