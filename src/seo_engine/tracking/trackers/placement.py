"""Placement: what a tracker is made with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from seo_engine.tracking.configuration import TrackingConfig
from seo_engine.tracking.runs.lifecycle import Lifecycle


class Placement(NamedTuple):
    """What a tracker is made with.

    Args:
        config (TrackingConfig): The settings of the run.
        run_directory (Path): Its folder.
        life (Lifecycle): Its identity.
        training_process (int | None): The training process, for a tracker in its child process; None means this one.
    """

    config: TrackingConfig
    run_directory: Path
    life: Lifecycle
    training_process: int | None = None

    def settings_of(self, name: str) -> dict[str, Any]:
        """Return a tracker's own settings, which its class has checked.

        Args:
            name (str): Its name.

        Example:
            >>> config = TrackingConfig(tracker_settings={"files": {"format": "parquet"}})
            >>> Placement(config, Path("runs/r"), Lifecycle()).settings_of("files")
            {'format': 'parquet'}
        """
        return dict(self.config.tracker_settings.get(name, {}))
