"""A child that is let go has more to do than its parent."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from seo_engine.tracking.delivery.child import supervised_child
from seo_engine.tracking.delivery.child.child_log import ChildLog
from seo_engine.tracking.delivery.child.messages import Report, Request
from seo_engine.tracking.delivery.child.supervised_child import SupervisedChild
from seo_engine.tracking.runs.lifecycle import Lifecycle
from tests.tracking.killing import PATIENCE_SECONDS, wait_until


class Reporting(SupervisedChild):
    """A child that reports, and has never done its work."""

    def __init__(self, folder: Path, silent_seconds: float, how: str) -> None:
        arguments = [str(folder / "starts"), str(silent_seconds), how]
        super().__init__("test", "tests.tracking.delivery.children", arguments, ChildLog(folder, "test", Lifecycle()))
        self.has_reported = threading.Event()
        self.done = threading.Event()

    @property
    def has_done_its_work(self) -> bool:
        return False

    def beginning(self) -> list[Request]:
        return []

    def take_report(self, report: Request | Report) -> bool:
        self.has_reported.set()
        return True

    def state_changed(self) -> None:
        if self.ended:
            self.done.set()


def test_a_child_that_is_let_go_may_be_silent_and_its_reports_are_still_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised_child, "LONGEST_SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(supervised_child, "MOST_CHILDREN_IN_VAIN", 1)
    child = Reporting(tmp_path, 1.0, "works")
    child.start()
    assert child.has_reported.wait(PATIENCE_SECONDS)
    child.let_go()
    # It could not end while its pipe is full.
    assert child.done.wait(PATIENCE_SECONDS)
    process = child._process
    assert process is not None and process.wait(PATIENCE_SECONDS) == 0


def test_a_child_that_dies_after_it_was_let_go_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised_child, "FIRST_RESTART_SECONDS", 0.5)
    child, starts = Reporting(tmp_path, 0.0, "dies"), tmp_path / "starts"
    child.start()
    assert child.has_reported.wait(PATIENCE_SECONDS)
    child.let_go()
    wait_until(lambda: starts.exists() and starts.read_text().count("started") >= 2)
    child.end()
