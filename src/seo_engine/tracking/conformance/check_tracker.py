"""check_tracker: whether a tracker keeps to what the others keep to, for the tests of its author."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from seo_engine.tracking.conformance.checks import CHECKS, LeftOut
from seo_engine.tracking.conformance.subject import Given, Read, Subject, subject_of

PASSED = "passed"


class ConformanceReport(NamedTuple):
    """What the checks of a tracker have found.

    Args:
        name (str): The tracker's name.
        results (dict[str, str]): Of each check, by its name: `passed`, with what was left out of it, or why it was left
            out.
    """

    name: str
    results: dict[str, str]

    def __str__(self) -> str:
        width = max(map(len, self.results)) + 2
        return "\n".join([self.name, *(f"  {check:<{width}}{result}" for check, result in self.results.items())])


def check_tracker(
    tracker: Given, *, tracker_settings: Mapping[str, Any] | None = None, read: Read | None = None
) -> ConformanceReport:
    """Check a tracker by real runs: every kind of record, resumption, a kill, a hang, failures.

    Args:
        tracker (Given): The name of an installed tracker; or a class, or a function of a module, that makes one of a
            `Placement`.
        tracker_settings (Mapping[str, Any] | None): Its own settings.
        read (Read | None): Returns what the destination holds of a run, given the run's folder: step, name and value of
            each number. Without it, only the counts of the tracker's worker are checked.

    Returns:
        ConformanceReport: The result of each check.

    Raises:
        AssertionError: If a check fails; the message says for each what was expected, and what came.
        ValueError: If there is no tracker of that name.

    Example:
        >>> check_tracker(lambda placement: None)
        Traceback (most recent call last):
            ...
        AssertionError: a DestinationTracker should be made, got NoneType
    """
    results: dict[str, str] = {}
    failures: list[str] = []
    with tempfile.TemporaryDirectory(prefix="check_tracker_", ignore_cleanup_errors=True) as folder:
        subject = subject_of(tracker, _new_folder(folder, "probe"), dict(tracker_settings or {}), read)
        for name in CHECKS:
            try:
                results[name] = run_check(name, subject, _new_folder(folder, name))
            except AssertionError as error:
                failures.append(f"{name}: {error}")
    if failures:
        raise AssertionError(f"{subject.name} fails {len(failures)} of {len(CHECKS)} checks:\n" + "\n".join(failures))
    return ConformanceReport(subject.name, results)


def run_check(name: str, subject: Subject, folder: Path) -> str:
    """Run one check.

    Args:
        name (str): Its name in `CHECKS`.
        subject (Subject): The tracker.
        folder (Path): An empty folder for its runs.

    Returns:
        str: Its result.

    Raises:
        AssertionError: If it fails.
    """
    try:
        remark = CHECKS[name](subject, folder)
    except LeftOut as reason:
        return f"left out: {reason}"
    return f"{PASSED}, {remark}" if remark else PASSED


def _new_folder(parent: str, name: str) -> Path:
    folder = Path(parent) / name
    folder.mkdir()
    return folder
