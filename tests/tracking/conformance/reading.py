"""Reads back what TensorBoard and W&B hold of the runs of a check."""

from __future__ import annotations

from pathlib import Path

from tests.tracking.read_views import read_tensorboard, read_wandb

_NAMES = ("training/loss", "val/score")


def tensorboard_values(run_directory: Path) -> list[tuple[int, str, float]]:
    views = [read_tensorboard(folder) for folder in (run_directory, *run_directory.glob("late*"))]
    return [
        (point.step, name, point.value) for view in views for name, points in view.scalars.items() for point in points
    ]


def wandb_values(run_directory: Path) -> list[tuple[int, str, float]]:
    rows = read_wandb(run_directory / "wandb").rows
    return [(row["global_step"], name, row[name]) for row in rows for name in _NAMES if name in row]
