"""Measures rows in turn over several rounds, so that a disturbance of the machine hits all of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from rich.console import Console
from rich.progress import Progress

from benchmarks.processes import MeasurementError, measured

Figures = dict[str, Any]


class Measurable(Protocol):
    """What every row has, whatever is measured."""

    @property
    def name(self) -> str:
        """The name of its figures in the results."""

    @property
    def distribution(self) -> str | None:
        """The distribution that it needs."""

    @property
    def is_installed(self) -> bool:
        """Whether that distribution is installed."""


AnyRow = TypeVar("AnyRow", bound=Measurable)


def measure_in_turn(
    rows: Sequence[AnyRow],
    rounds: int,
    measure_round: Callable[[AnyRow, Figures], None],
    measure_once: Callable[[AnyRow, Figures], None],
) -> dict[str, Figures]:
    """Return the medians of each row's figures by its name; if a row cannot be measured, the reason instead."""
    figures: dict[str, Figures] = {row.name: {} for row in rows}
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("measuring", total=len(rows) * (rounds + 1))
        for number in range(rounds + 1):
            for row in rows:
                progress.update(task, description=f"round {number + 1}: {row.name}")
                try:
                    if not row.is_installed:
                        raise MeasurementError(f"{row.distribution} is not installed")
                    measure = measure_round if number < rounds else measure_once
                    measure(row, figures[row.name])
                except MeasurementError as error:
                    figures[row.name]["error"] = str(error)
                progress.advance(task)
    return {name: _medians(each) for name, each in figures.items()}


def small_step_milliseconds() -> float:
    """Return how long a small training step takes on this machine."""
    with measured("floor", "calibrate", 0) as (said, _):
        milliseconds: float = said.result["step_ms"]
    return milliseconds


def note(figures: Figures, **values: float) -> None:
    """Add the values of one round to those of earlier rounds."""
    for name, value in values.items():
        figures.setdefault(name, []).append(value)


def _medians(figures: Figures) -> Figures:
    medians: Figures = {}
    for name, value in figures.items():
        match value:
            case dict():
                medians[name] = _medians(value)
            case list():
                medians[name] = statistics.median(value)
            case _:
                medians[name] = value
    return medians
