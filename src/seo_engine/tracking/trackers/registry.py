"""The views that a run's configuration asks for, as trackers over the run's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.runs.lifecycle import Lifecycle
from seo_engine.tracking.runs.log_files import RunLogTracker
from seo_engine.tracking.trackers.destination_tracker import Tracker
from seo_engine.tracking.trackers.tensorboard.tensorboard_tracker import TensorBoardTracker
from seo_engine.tracking.trackers.wandb.wandb_tracker import WandBTracker

VIEWS = (RunLogTracker.name, TensorBoardTracker.name, WandBTracker.name)


def configured_views(config: TrackingConfig) -> list[str]:
    """Return the names of the views that a configuration asks for."""
    switches = {TensorBoardTracker.name: config.tensorboard_logging, WandBTracker.name: config.wandb_logging}
    return [name for name in VIEWS if switches.get(name, True)]


def open_view(name: str, config: TrackingConfig, run_directory: Path, life: Lifecycle, **options: Any) -> Tracker:
    """Return the tracker of a view; its `setup` opens it.

    Args:
        name (str): One of `VIEWS`.
        config (TrackingConfig): The settings.
        run_directory (Path): The run's folder.
        life (Lifecycle): Identity of the run.
        **options (Any): Further ones of that tracker.
    """
    if name == TensorBoardTracker.name:
        return TensorBoardTracker(config, run_directory)
    if name == WandBTracker.name:
        return WandBTracker(config, run_directory, run_id=life.wandb_run_id, **options)
    return RunLogTracker(run_directory, life.timestamp)
