"""LatePoints: where a point goes, so that TensorBoard's live server shows it even if its step goes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

# The run's own folder; then `late`, `late_2`, ….
ON_TIME = "."

# TensorBoard's own hyperparameter tags have no steps; in a separate folder they would be a separate run.
_WITHOUT_STEPS = "_hparams_/"

# Each needs a writer with a thread and a file. Points that would need more folders go to the last one.
MOST_LATE_DIRECTORIES = 16


class _Point(NamedTuple):
    """The newest point of a tag; a tag that is no curve has no value."""

    step: int
    value: float | None


class LatePoints:
    """Sorts points into directories in which the steps of each tag never go back.

    TensorBoard's live server hides the earlier points of a tag when its step goes back. So a late point goes to the
    first of `.`, `late`, `late_2`, … whose last step for that tag is not greater. A point at the last step itself
    replaces the one there; one that also has the same value is not written again. The same points in the same order
    always give the same directories.

    Example:
        >>> late_points = LatePoints()
        >>> for step, value in ((1, 0.9), (2, 0.8), (2, 0.8), (2, 0.7), (10, 0.5), (4, 0.6), (5, 0.6), (2, 0.9)):
        ...     directories = late_points.directories({"training/loss": value}, step)
        ...     late_points.took(directories, {"training/loss": value}, step)
        ...     print(step, *directories)
        1 .
        2 .
        2
        2 .
        10 .
        4 late
        5 late
        2 late_2
    """

    def __init__(self) -> None:
        self.hidden_points = 0
        self._newest: dict[str, dict[str, _Point]] = {}

    def directories(self, values: Mapping[str, float | None], step: int) -> dict[str, list[str]]:
        """Return which tags of a record go to which directory.

        Args:
            values (Mapping[str, float | None]): The record's tags, and the values of those that are curves.
            step (int): The record's step.

        Returns:
            dict[str, list[str]]: Tags by directory, relative to the run's folder.
        """
        directories: dict[str, list[str]] = {}
        for tag, value in values.items():
            directory, newest = self._place(tag, step)
            if newest is None or value is None or newest.step != step or not _are_equal(newest.value, value):
                directories.setdefault(directory, []).append(tag)
        return directories

    def took(self, directories: Mapping[str, list[str]], values: Mapping[str, float | None], step: int) -> None:
        """Remember that a record was written where `directories` said."""
        for directory, tags in directories.items():
            newest = self._newest.setdefault(directory, {})
            for tag in tags:
                if tag.startswith(_WITHOUT_STEPS):
                    continue
                self.hidden_points += tag in newest and newest[tag].step > step
                newest[tag] = _Point(step, values[tag])

    def last_step(self, tag: str) -> int | None:
        """Return the newest step of a tag in the run's own folder."""
        point = self._newest.get(ON_TIME, {}).get(tag)
        return point.step if point is not None else None

    def rewind(self, step: int, prefix: str = "") -> list[str]:
        """Forget the points from a step on, which a resumed training logs again.

        Args:
            step (int): Where the training resumes.
            prefix (str): What the tags begin with that it logs again.

        Returns:
            list[str]: The directories in use.
        """
        for newest in self._newest.values():
            for tag, point in newest.items():
                if point.step >= step and tag.startswith(prefix):
                    newest[tag] = _Point(step - 1, None)
        return list(self._newest)

    def _place(self, tag: str, step: int) -> tuple[str, _Point | None]:
        for place in range(MOST_LATE_DIRECTORIES + 1):
            directory = ON_TIME if place == 0 else "late" if place == 1 else f"late_{place}"
            newest = self._newest.get(directory, {}).get(tag)
            if newest is None or newest.step <= step:
                break
        return directory, newest


def _are_equal(one: float | None, other: float) -> bool:
    # NaN is the same point as NaN.
    return one is not None and (one == other or (one != one and other != other))
