"""LatePoints: where a point goes, so that TensorBoard's live server shows it even if its step goes back."""

from __future__ import annotations

from collections.abc import Iterable

# The run's own folder; then `late`, `late_2`, ….
ON_TIME = "."

# TensorBoard's own hyperparameter tags have no steps; in a separate folder they would be a separate run.
_WITHOUT_STEPS = "_hparams_/"

# Each needs a writer with a thread and a file. Points that would need more folders go to the last one.
MOST_LATE_DIRECTORIES = 16


class LatePoints:
    """Sorts points into directories in which the steps of each tag only rise.

    TensorBoard's live server hides the earlier points of a tag when its step goes back or stays. So a late point goes
    to the first of `.`, `late`, `late_2`, … whose last step for that tag is smaller. The same points in the same order
    always give the same directories.

    Example:
        >>> late_points = LatePoints()
        >>> for step in (1, 2, 10, 4, 5, 2):
        ...     directories = late_points.directories(["training/loss"], step)
        ...     late_points.took(directories, step)
        ...     print(step, *directories)
        1 .
        2 .
        10 .
        4 late
        5 late
        2 late_2
    """

    def __init__(self) -> None:
        self.hidden_points = 0
        self._last_steps: dict[str, dict[str, int]] = {}

    def directories(self, tags: Iterable[str], step: int) -> dict[str, list[str]]:
        """Return which tags of a record go to which directory.

        Args:
            tags (Iterable[str]): The record's tags.
            step (int): The record's step.

        Returns:
            dict[str, list[str]]: Tags by directory, relative to the run's folder.
        """
        directories: dict[str, list[str]] = {}
        for tag in tags:
            directories.setdefault(self._directory(tag, step), []).append(tag)
        return directories

    def took(self, directories: dict[str, list[str]], step: int) -> None:
        """Remember that a record was written where `directories` said."""
        for directory, tags in directories.items():
            last_steps = self._last_steps.setdefault(directory, {})
            for tag in tags:
                if tag.startswith(_WITHOUT_STEPS):
                    continue
                self.hidden_points += last_steps.get(tag, step - 1) >= step
                last_steps[tag] = step

    def rewind(self, step: int) -> list[str]:
        """Forget the points from a step on, which a resumed training logs again.

        Args:
            step (int): Where the training resumes.

        Returns:
            list[str]: The directories in use.
        """
        for last_steps in self._last_steps.values():
            for tag, last_step in last_steps.items():
                last_steps[tag] = min(last_step, step - 1)
        return list(self._last_steps)

    def _directory(self, tag: str, step: int) -> str:
        for place in range(MOST_LATE_DIRECTORIES + 1):
            directory = ON_TIME if place == 0 else "late" if place == 1 else f"late_{place}"
            last_step = self._last_steps.get(directory, {}).get(tag)
            if last_step is None or last_step < step:
                break
        return directory
